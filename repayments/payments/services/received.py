"""The word to a borrower that money has come, by whatever way."""

import logging
from datetime import date, datetime

from django.urls import reverse

from repayments.contacts.services import MissingValue, UnknownTemplate, queue_message
from repayments.money import format_money
from repayments.payments.models import Payment

logger = logging.getLogger(__name__)


def tell_received(payment: Payment, *, paid_on: date, now: datetime) -> None:
    """Queue the receipt; words that cannot be written do not hold up money.

    Args:
        payment: with its loan and what was received.
    """
    borrower = payment.loan.borrower
    try:
        queue_message(
            borrower=borrower,
            template_key="payment_received",
            purpose="receipt",
            subject=payment.loan.stream,
            business_key=f"payment_received:{payment.public_id}",
            context={
                "link": reverse("payments:receipt", args=[payment.public_id]),
                "date": paid_on.isoformat(),
                "number": payment.loan.number,
                "reference": str(payment.public_id),
                "amount": format_money(
                    payment.amount_received or 0, payment.currency, borrower.language
                ),
            },
            now=now,
        )
    except (UnknownTemplate, MissingValue):
        logger.exception("no receipt for payment %s", payment.public_id)
