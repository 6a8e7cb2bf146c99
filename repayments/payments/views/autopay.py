"""Automatic payment of a loan: agree, look, skip, stop; and the cards that are saved."""

import logging
from datetime import date

from allauth.core.internal.httpkit import get_client_ip
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_date
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from accounts.requests import SignedInRequest
from repayments.clock import now, today
from repayments.loans.models import Loan
from repayments.payments import tasks
from repayments.payments.autopay_consents import consent_language
from repayments.payments.autopay_page import (
    AutopayPage,
    describe_card,
    get_autopay_page,
    list_cards,
)
from repayments.payments.forms import AutopayForm
from repayments.payments.models import AutopayCharge, Mandate, SavedCard
from repayments.payments.services import (
    CardNotRemoved,
    ChargeNotOpen,
    Consent,
    ConsentOutdated,
    MandateEnded,
    PaymentRefused,
    remove_card,
    skip_charge,
    start_mandate,
    stop_mandate,
)
from repayments.payments.views.receipt import LOOKS

logger = logging.getLogger(__name__)


def _get_loan_for_user(request: HttpRequest, public_id: str) -> Loan:
    loans = Loan.objects.for_borrower(request.user).select_related(
        "borrower__user", "product", "book"
    )
    found: Loan = get_object_or_404(loans, public_id=public_id)
    return found


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def autopay(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Show how automatic payment stands; agreeing to it leads to the gateway's page for a card."""
    loan = _get_loan_for_user(request, public_id)
    page = get_autopay_page(loan=loan, as_of=today(), language=consent_language())
    if request.method != "POST":
        if request.headers.get("HX-Request"):
            return _answer_poll(request, page)
        return _render(request, page, AutopayForm(page=page))
    form = AutopayForm(request.POST, page=page)
    if not form.is_valid():
        return _render(request, page, form, status=422)
    try:
        mandate = start_mandate(
            loan_id=loan.pk,
            consent=Consent(
                version=form.cleaned_data["version"],
                language=consent_language(),
                ip=get_client_ip(request) or "",
            ),
            card_id=form.cleaned_data["card_id"],
            actor=request.user,
            now=now(),
        )
    except ConsentOutdated as refusal:
        context = {"message": str(refusal), "back_url": _page_url(loan)}
        return render(request, "409.html", context, status=409)
    except PaymentRefused as refusal:
        form.add_error(None, str(refusal))
        return _render(request, page, form, status=422)
    if mandate.status == Mandate.Status.PENDING:
        return redirect(mandate.setup_url)
    return redirect("payments:autopay", public_id=loan.public_id)


@login_required
@require_safe
def autopay_return(request: HttpRequest, public_id: str) -> HttpResponse:
    """Where the gateway sends somebody back to; it asks how the card stands, no more."""
    loan = _get_loan_for_user(request, public_id)
    pending = Mandate.objects.filter(loan=loan, status=Mandate.Status.PENDING).first()
    if pending is not None:
        try:
            tasks.settle_mandate.delay_on_commit(mandate_id=pending.pk)
        except Exception:
            # The webhook or the reconciler brings the same news.
            logger.exception("mandate %s could not be asked about", pending.pk)
    return redirect(f"{_page_url(loan)}?returned=1")


@login_required
@require_POST
def autopay_stop(request: SignedInRequest, public_id: str) -> HttpResponse:
    """End automatic payment at once."""
    loan = _get_loan_for_user(request, public_id)
    mandate = Mandate.objects.filter(loan=loan, status=Mandate.Status.ACTIVE).first()
    try:
        if mandate is None:
            raise MandateEnded(_("Automatic payment had already been stopped."))
        stop_mandate(mandate_id=mandate.pk, actor=request.user, now=now())
    except MandateEnded as refusal:
        messages.info(request, str(refusal))
    else:
        messages.success(request, _("Automatic payment has been stopped."))
    return redirect("payments:autopay", public_id=loan.public_id)


@login_required
@require_POST
def autopay_skip(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Leave out the announced charge of one due date."""
    loan = _get_loan_for_user(request, public_id)
    due_date = _read_day(request.POST.get("due_date", ""))
    if due_date is None:
        raise Http404
    charges = AutopayCharge.objects.filter(mandate__loan=loan, due_date=due_date)
    charge = charges.order_by("-pk").first()
    if charge is None:
        raise Http404
    try:
        skip_charge(charge_id=charge.pk, actor=request.user, now=now())
    except ChargeNotOpen as refusal:
        context = {"message": str(refusal), "back_url": _page_url(loan)}
        return render(request, "409.html", context, status=409)
    messages.success(request, _("This charge is left out. Please pay what is due yourself."))
    # Offered on the page of promises as well; back to where it was pressed.
    page = "payments:promise" if request.POST.get("from") == "promise" else "payments:autopay"
    return redirect(page, public_id=loan.public_id)


@login_required
@require_safe
def cards(request: SignedInRequest) -> HttpResponse:
    """List the saved cards, and what each is used for."""
    found = list_cards(request.user)
    active = Mandate.objects.filter(card__in=found, status=Mandate.Status.ACTIVE)
    used: dict[int, list[Loan]] = {}
    for mandate in active.select_related("loan"):
        used.setdefault(mandate.card_id or 0, []).append(mandate.loan)
    rows = [
        {"card": card, "name": describe_card(card), "loans": used.get(card.pk, [])}
        for card in found
    ]
    return render(request, "payments/cards.html", {"rows": rows})


@login_required
@require_POST
def card_remove(request: SignedInRequest, public_id: str) -> HttpResponse:
    """Forget a saved card; what was charged to it ends."""
    card = get_object_or_404(
        SavedCard.objects.filter(customer__borrower__user=request.user), public_id=public_id
    )
    try:
        remove_card(card_id=card.pk, actor=request.user, now=now())
    except CardNotRemoved as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("The card has been removed."))
    return redirect("payments:cards")


def _read_day(text: str) -> date | None:
    try:
        return parse_date(text)
    except ValueError:
        return None


def _page_url(loan: Loan) -> str:
    return reverse("payments:autopay", args=[loan.public_id])


def _render(
    request: HttpRequest, page: AutopayPage, form: AutopayForm, *, status: int = 200
) -> HttpResponse:
    context = {"page": page, "loan": page.loan, "form": form, **_waiting(request, page)}
    return render(request, "payments/autopay.html", context, status=status)


def _answer_poll(request: HttpRequest, page: AutopayPage) -> HttpResponse:
    """Answer the part that waits for a card; once that is here, the whole page is another."""
    if page.pending is None:
        return HttpResponseClientRedirect(_page_url(page.loan))
    context = {"page": page, "loan": page.loan, **_waiting(request, page)}
    return render(request, "payments/autopay.html#pending", context)


def _waiting(request: HttpRequest, page: AutopayPage) -> dict[str, object]:
    """The next look of the part that waits, in seconds; None when there is none."""
    looked = request.GET.get("look", "0")
    look = int(looked) if looked.isascii() and looked.isdigit() and len(looked) < 4 else 0
    returned = page.pending is not None and "returned" in request.GET
    return {
        "returned": returned,
        "wait": LOOKS[look] if returned and look < len(LOOKS) else None,
        "next_look": look + 1,
        "poll_url": _page_url(page.loan),
    }
