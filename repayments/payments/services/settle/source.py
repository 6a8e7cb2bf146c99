"""The money that a refund or a dispute is about: brought into the books first, then found.

News of money going back may come before news of the money itself. Money in the books is a payment
with its entry; money that fits nothing is ``Suspense``, and no book holds it.
"""

from datetime import datetime

from django.db import transaction

from repayments.audit.services import record_event
from repayments.payments.models import Payment, Provider, Suspense
from repayments.payments.services.settle.payments import INTENT, settle_intent
from repayments.payments.signals import payment_exception


def find_source(intent_id: str, now: datetime) -> Payment | Suspense | None:
    """Find what an intent's money became here, settling the intent if it has no place yet.

    Raises: GatewayError when the intent cannot be fetched; nothing was changed.
    """
    if not intent_id:
        return None
    found = _look_up(intent_id)
    if found is None:
        settle_intent(object_type=INTENT, object_id=intent_id, now=now)
        found = _look_up(intent_id)
    return found


def ask_a_person(payment: Payment, *, action: str, missing: int, now: datetime) -> None:
    """Have a person look at money that moved at the gateway and is not all in the books.

    Args:
        payment: locked, with its loan.
        action: of the audit event.
        missing: minor units that the books do not show.
    """
    Payment.objects.filter(pk=payment.pk).update(needs_review=True, updated_at=now)
    record_event(
        stream=payment.loan.stream,
        action=action,
        actor=None,
        at=now,
        payload={
            "payment": str(payment.public_id),
            "amount": missing,
            "currency": payment.currency,
        },
    )
    announce(payment.pk)


def announce(payment_id: int) -> None:
    """Say on commit that something of a payment is for a person."""
    transaction.on_commit(
        lambda: payment_exception.send(sender=Payment, payment_id=payment_id, suspense_id=None),
        robust=True,
    )


def _look_up(intent_id: str) -> Payment | Suspense | None:
    payment: Payment | None = Payment.objects.filter(
        provider=Provider.STRIPE, intent_id=intent_id, entry__isnull=False
    ).first()
    return payment or Suspense.objects.filter(provider=Provider.STRIPE, object_id=intent_id).first()
