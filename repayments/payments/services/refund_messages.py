"""What a borrower is told of a refund: that it was sent, that it could not be, or why it is not.

Words that cannot be written do not hold up money.
"""

import logging
from datetime import datetime

from django.urls import reverse

from repayments.clock import lender_zone
from repayments.contacts.services import MissingValue, UnknownTemplate, queue_message
from repayments.payments.models import Payment, Refund

logger = logging.getLogger(__name__)

Status = Refund.Status
SENT = (Status.PENDING, Status.SUCCEEDED)
NOT_SENT = (Status.FAILED, Status.CANCELED)


def tell_of_refund(refund: Refund, *, before: str, now: datetime) -> None:
    """Queue the message that a change of state asks for, if any; each kind once a refund.

    That nothing comes is told only to who expects it: it was said to be sent, or they asked for it.

    Args:
        before: the state it came from.
    """
    payment = refund.payment or (refund.suspense.payment if refund.suspense else None)
    if payment is None:
        return
    is_asked_for = refund.origin == Refund.Origin.BORROWER
    if refund.status in SENT:
        _queue(refund, payment, "refund_sent", now)
    elif refund.status in NOT_SENT and (before in SENT or is_asked_for):
        _queue(refund, payment, "refund_failed", now)
    elif refund.status == Status.DECLINED and is_asked_for:
        _queue(refund, payment, "refund_declined", now)


def _queue(refund: Refund, payment: Payment, template: str, now: datetime) -> None:
    borrower = payment.loan.borrower
    try:
        queue_message(
            borrower=borrower,
            template_key=template,
            purpose="refund",
            subject=payment.loan.stream,
            business_key=f"{template}:{refund.public_id}",
            context={
                "link": reverse("payments:receipt", args=[payment.public_id]),
                "date": now.astimezone(lender_zone()).date().isoformat(),
                "number": payment.loan.number,
            },
            now=now,
        )
    except (UnknownTemplate, MissingValue):
        logger.exception("no message about refund %s", refund.public_id)
