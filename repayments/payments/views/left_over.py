"""Money paid beyond what was owed: its borrower says whether to keep it here or have it back."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from repayments.clock import now, today
from repayments.loans.models import Loan
from repayments.loans.queries import Position, get_position
from repayments.payments.forms import CreditForm
from repayments.payments.models import CreditChoice
from repayments.payments.money_back import get_credit_offer
from repayments.payments.services import NothingLeftOver, RefundRefused, choose_credit
from repayments.templatetags.amounts import day

KEEP, REFUND = CreditChoice.Choice.KEEP, CreditChoice.Choice.REFUND


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def left_over(request: HttpRequest, public_id: str) -> HttpResponse:
    """Show what is left over and what each choice brings about; keep the choice."""
    loans = Loan.objects.for_borrower(request.user).select_related("borrower", "product", "book")
    loan = get_object_or_404(loans, public_id=public_id)
    position = get_position(loan=loan, as_of=today())
    offer = get_credit_offer(loan=loan, position=position)
    if offer is None:
        if request.method == "POST":
            return _conflict(request, loan, _("Nothing is left over to choose about any more."))
        return render(request, "payments/left_over.html", {"loan": loan})
    posted = request.POST if request.method == "POST" else None
    form = CreditForm(posted, offer=offer, effects=_effects(position))
    if posted is not None and form.is_valid():
        choice = form.cleaned_data["choice"]
        try:
            choose_credit(loan_id=loan.pk, choice=choice, actor=request.user, now=now())  # type: ignore[arg-type]
        except (NothingLeftOver, RefundRefused) as refusal:
            return _conflict(request, loan, str(refusal))
        messages.success(request, _done(choice))
        return redirect(loan)
    context = {"loan": loan, "offer": offer, "form": form}
    return render(request, "payments/left_over.html", context)


def _effects(position: Position) -> dict[str, str]:
    keep = _("It is used for what falls due next.")
    if position.next_due_date:
        keep = _("It is used for what falls due on {day}.").format(day=day(position.next_due_date))
    back = _("A person looks at it first. Then it goes back the way you paid.")
    return {KEEP: keep, REFUND: back}


def _done(choice: str) -> str:
    if choice == KEEP:
        return _("We keep it for what falls due next.")
    return _("We have your wish. A person looks at it, and we write to you.")


def _conflict(request: HttpRequest, loan: Loan, words: str) -> HttpResponse:
    context = {"message": words, "back_url": loan.get_absolute_url()}
    return render(request, "409.html", context, status=409)
