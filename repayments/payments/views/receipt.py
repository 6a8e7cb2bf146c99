"""How a payment stands: the way back from the gateway, the receipt as page and as PDF."""

import logging

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe
from django_htmx.http import HttpResponseClientRedirect

from repayments.clock import lender_zone, today
from repayments.loans.queries import get_position, list_payment_allocations
from repayments.payments import tasks
from repayments.payments.models import Payment
from repayments.payments.money_back import (
    CreditOffer,
    get_credit_offer,
    left_of,
    list_money_back,
)
from repayments.payments.queries import Outcome, describe_outcome, is_page_open
from repayments.payments.receipts import render_receipt_pdf

logger = logging.getLogger(__name__)

# Waits between two looks, in seconds; then the page says that it takes longer and stops.
LOOKS = (2, 3, 5, 8, 13, 21, 34)
FINAL = ("received", "failed")


def _get_payment_for_user(request: HttpRequest, public_id: str) -> Payment:
    payments = Payment.objects.for_borrower(request.user)
    found: Payment = get_object_or_404(
        payments.select_related("loan__borrower", "loan__product", "loan__book", "entry"),
        public_id=public_id,
    )
    return found


@login_required
@require_safe
def come_back(request: HttpRequest, public_id: str) -> HttpResponse:
    """Where the gateway sends a payer back to; it asks how the payment stands, no more."""
    payment = _get_payment_for_user(request, public_id)
    session_id = request.GET.get("session_id")
    if session_id is not None and session_id != payment.session_id:
        raise Http404
    if not request.htmx:  # type: ignore[attr-defined]
        ask_gateway(payment)
    return _render_state(request, payment, returned=True)


@login_required
@require_safe
def receipt(request: HttpRequest, public_id: str) -> HttpResponse:
    """The payment's own page: received, on its way, or not gone through; true on every reload."""
    payment = _get_payment_for_user(request, public_id)
    if payment.status == Payment.Status.UNKNOWN:
        ask_gateway(payment)
    return _render_state(request, payment, returned=False)


@login_required
@require_safe
def receipt_pdf(request: HttpRequest, public_id: str) -> HttpResponse:
    """The receipt as a PDF; there is none before the money is in the books."""
    payment = _get_payment_for_user(request, public_id)
    if payment.entry_id is None:
        raise Http404
    name = f"receipt-{payment.public_id}.pdf"
    return HttpResponse(
        render_receipt_pdf(payment),
        content_type="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _render_state(request: HttpRequest, payment: Payment, *, returned: bool) -> HttpResponse:
    back = list_money_back(payment)
    outcome = describe_outcome(payment, returned=returned, back=back)
    if request.htmx:  # type: ignore[attr-defined]
        if outcome.state in FINAL:
            return HttpResponseClientRedirect(payment.get_absolute_url())
        context = _waiting(request, payment, outcome)
        return render(request, "payments/receipt.html#state", context)
    went = list_payment_allocations(entry_id=payment.entry_id) if payment.entry_id else []
    kept = left_of(payment) - sum(line.amount for line in went)
    context = _waiting(request, payment, outcome) | {
        "is_open": not returned and is_page_open(payment),
        "paid_on": payment.entry.effective_date if payment.entry else None,
        "allocations": went,
        "kept": kept,
        "back": back,
        "credit": _find_credit(payment) if kept else None,
        "zone": lender_zone().key,
    }
    return render(request, "payments/receipt.html", context)


def _find_credit(payment: Payment) -> CreditOffer | None:
    position = get_position(loan=payment.loan, as_of=today())
    return get_credit_offer(loan=payment.loan, position=position)


def _waiting(request: HttpRequest, payment: Payment, outcome: Outcome) -> dict[str, object]:
    """What the part that refreshes itself needs: the next look, or that there is none."""
    looked = request.GET.get("look", "0")
    look = int(looked) if looked.isascii() and looked.isdigit() and len(looked) < 4 else 0
    polls = outcome.state in ("on_its_way", "asking") and look < len(LOOKS)
    return {
        "payment": payment,
        "loan": payment.loan,
        "outcome": outcome,
        "wait": LOOKS[look] if polls else None,
        "next_look": look + 1,
        "takes_long": outcome.state in ("on_its_way", "asking") and look >= len(LOOKS),
        "poll_url": reverse(
            request.resolver_match.view_name if request.resolver_match else "payments:receipt",
            args=[payment.public_id],
        ),
    }


def ask_gateway(payment: Payment) -> None:
    """Have the worker find out how a payment stands; the page does not wait for it."""
    if payment.status == Payment.Status.SUCCEEDED:
        return
    try:
        tasks.settle_payment.delay_on_commit(payment_id=payment.pk)
    except Exception:
        # The webhook or the reconciler brings the same news.
        logger.exception("payment %s could not be asked about", payment.public_id)
