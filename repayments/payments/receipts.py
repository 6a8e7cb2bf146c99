"""The receipt of a payment as paper: the same facts as its page, put into words once."""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.utils.text import capfirst
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from repayments.clock import lender_zone
from repayments.contracts.documents import (
    LabelValue,
    ReceiptData,
    drop_unprintable,
    labels_for,
    render_receipt,
)
from repayments.loans.queries import list_payment_allocations
from repayments.payments.models import Payment
from repayments.payments.money_back import left_of
from repayments.templatetags.amounts import local_time, long_day, money_text


def render_receipt_pdf(payment: Payment) -> bytes:
    """Render the receipt in the reader's language; the same each time.

    Args:
        payment: posted, with its loan, borrower and entry.
    """
    received_at = payment.succeeded_at
    assert received_at is not None
    return render_receipt(_data(payment, received_at), timestamp=received_at)


def _data(payment: Payment, received_at: datetime) -> ReceiptData:
    locale = "zh-hans" if (get_language() or "en").startswith("zh") else "en"
    assert payment.entry is not None
    assert payment.amount_received is not None
    zone = lender_zone().key
    lines: list[LabelValue] = [
        {"label": _("Payment"), "value": str(payment.public_id)},
        {"label": _("Loan"), "value": payment.loan.number},
        {"label": _("Received"), "value": local_time(received_at, zone)},
        {"label": _("Counts from"), "value": long_day(payment.entry.effective_date)},
        {"label": _("Paid by"), "value": payment.get_method_display() or _("card")},
    ]
    return {
        "reference": str(payment.public_id)[:8].upper(),
        "kind": "receipt",
        "locale": locale,
        "title": _("Payment receipt"),
        "lender": {"name": drop_unprintable(settings.LENDER_NAME), "lines": []},
        "addressee": drop_unprintable(payment.loan.borrower.legal_name),
        "opening": [_("Thank you. Your payment has arrived.")],
        "total": {
            "label": _("Amount received"),
            "value": money_text(payment.amount_received, payment.currency),
        },
        "lines": [*lines, *_allocation_lines(payment)],
        "paragraphs": [
            _("If anything here looks wrong, please tell us: {email} or {phone}.").format(
                email=settings.LENDER_EMAIL, phone=settings.LENDER_PHONE
            )
        ],
        "dated": long_day(received_at.astimezone(lender_zone()).date()),
        "labels": labels_for(locale),
    }


def _allocation_lines(payment: Payment) -> Sequence[LabelValue]:
    assert payment.entry_id is not None
    went = list_payment_allocations(entry_id=payment.entry_id)
    lines: list[LabelValue] = []
    for line in went:
        label = capfirst(line.label)
        if line.due_date:
            due = _("due {day}").format(day=long_day(line.due_date))
            label = f"{label} ({due})"
        lines.append({"label": label, "value": money_text(line.amount, payment.currency)})
    left = left_of(payment)
    gone = (payment.amount_received or 0) - left
    if gone:
        lines.append({"label": _("Gone back"), "value": money_text(gone, payment.currency)})
    kept = left - sum(line.amount for line in went)
    if kept:
        value = money_text(kept, payment.currency)
        lines.append({"label": _("Kept for the next installment"), "value": value})
    return lines
