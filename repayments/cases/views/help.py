"""The borrower's way to a person: hardship, dispute, complaint, question."""

from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from repayments.cases.forms import HelpForm
from repayments.cases.help_page import get_help_page
from repayments.cases.models import CaseKind, CasePolicy
from repayments.cases.services import ask_for_help, due_moments
from repayments.clock import now
from repayments.loans.models import Loan
from repayments.templatetags.amounts import local_time


@dataclass(frozen=True)
class Topic:
    """One thing a person can be asked: its words on the page, and what became of it."""

    kind: str
    title: Promise
    text: Promise
    label: Promise
    button: Promise


TOPICS = [
    Topic(
        CaseKind.HARDSHIP,
        gettext_lazy("I can't pay for now"),
        gettext_lazy(
            "Illness, less work, something unforeseen: tell us, and we look for a way with you. "
            "Until you have an answer nobody calls you about this loan."
        ),
        gettext_lazy("What has happened, and what would help?"),
        gettext_lazy("Ask for help"),
    ),
    Topic(
        CaseKind.DISPUTE,
        gettext_lazy("Something is not right"),
        gettext_lazy(
            "An amount, a payment or a date looks wrong to you. A person checks it. "
            "Until you have an answer nobody calls you about this loan."
        ),
        gettext_lazy("What is not right?"),
        gettext_lazy("Ask for a check"),
    ),
    Topic(
        CaseKind.COMPLAINT,
        gettext_lazy("I want to complain"),
        gettext_lazy(
            "About how you were treated, by us or by anybody who works for us. "
            "It costs nothing and changes nothing about your loan."
        ),
        gettext_lazy("What happened, and when?"),
        gettext_lazy("Send the complaint"),
    ),
    Topic(
        CaseKind.QUESTION,
        gettext_lazy("I have a question"),
        gettext_lazy("Ask whatever you want to know about your loan."),
        gettext_lazy("Your question"),
        gettext_lazy("Send the question"),
    ),
]


@require_safe
@login_required
def help_index(request: HttpRequest) -> HttpResponse:
    """List the reader's loans; with a single one, lead straight to its help."""
    loans = list(Loan.objects.for_borrower(request.user).order_by("-created_at", "-pk")[:50])
    if len(loans) == 1:
        return redirect("cases:help", loan_id=loans[0].public_id)
    return render(request, "cases/help_index.html", {"loans": loans})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def help_page(request: HttpRequest, loan_id: UUID) -> HttpResponse:
    loan = _get_loan_for_user(request, loan_id)
    if request.method != "POST":
        return _render(request, loan, None, "")
    kind = request.POST.get("kind", "")
    topic = next((one for one in TOPICS if one.kind == kind), None)
    if topic is None:
        return _render(request, loan, None, "")
    form = _form(topic, request.POST)
    if not form.is_valid():
        return _render(request, loan, form, kind)
    assert isinstance(request.user, User)
    case = ask_for_help(
        loan=loan, kind=kind, words=form.cleaned_data["words"], actor=request.user, now=now()
    )
    messages.success(
        request,
        _("We have your message. A person answers by %(when)s.")
        % {"when": local_time(case.due_at, loan.borrower.time_zone)},
    )
    return redirect(reverse("cases:help", args=[loan.public_id]) + f"#{kind}")


def _get_loan_for_user(request: HttpRequest, loan_id: UUID) -> Loan:
    loans = Loan.objects.for_borrower(request.user).select_related("borrower", "stage")
    return get_object_or_404(loans, public_id=loan_id)


def _form(topic: Topic, data: object = None, *, is_more: bool = False) -> HelpForm:
    label = _("What else should we know?") if is_more else str(topic.label)
    return HelpForm(data, label=label, auto_id=f"id_{topic.kind}_%s")


def _render(
    request: HttpRequest, loan: Loan, bound: HelpForm | None, bound_kind: str
) -> HttpResponse:
    page = get_help_page(loan=loan)
    policies = {topic.kind: CasePolicy(kind=topic.kind) for topic in TOPICS}
    policies |= {policy.kind: policy for policy in CasePolicy.objects.filter(kind__in=policies)}
    answer_by = due_moments(policies=policies.values(), now=now())
    context = {
        "loan": loan,
        "page": page,
        "zone": loan.borrower.time_zone,
        "bound": bound,
        "topics": [
            {
                "kind": topic.kind,
                "title": topic.title,
                "text": topic.text,
                "button": topic.button if topic.kind not in page.open_requests else _("Send"),
                "request": page.open_requests.get(topic.kind),
                "answer_by": answer_by[topic.kind],
                "form": bound
                if bound and topic.kind == bound_kind
                else _form(topic, is_more=topic.kind in page.open_requests),
                "is_open": topic.kind == bound_kind,
            }
            for topic in TOPICS
        ],
    }
    return render(request, "cases/help.html", context)
