"""The record of tries that a bank refused: each reason once a payment, whatever news came first.

A payment that goes on to succeed forgets its error at the gateway, and then only the event still
tells of it. What an event says is therefore written down, and never acted upon: state and money
follow from fetched objects alone.
"""

from datetime import datetime

from django.db import transaction

from repayments.audit.models import Event
from repayments.audit.services import record_event
from repayments.payments.gateway import DeclineTold, IntentFacts
from repayments.payments.models import Payment, Provider
from repayments.payments.services.settle.posting import lock_payment


def keep_decline(payment: Payment, intent: IntentFacts, now: datetime) -> None:
    """Take over how a try was refused; the borrower may try again at the gateway.

    Locks: the caller holds those of the payment.
    """
    told = DeclineTold(intent.id, intent.error_code, intent.decline_code, intent.advice_code)
    known = (payment.error_code, payment.decline_code, payment.advice_code)
    if not any(told.codes) or told.codes == known:
        return
    changed = (
        Payment.objects.filter(pk=payment.pk)
        .exclude(status=Payment.Status.SUCCEEDED)
        .update(
            error_code=told.error_code,
            decline_code=told.decline_code,
            advice_code=told.advice_code,
            updated_at=now,
        )
    )
    if changed:
        _write_down(payment, told, now)


@transaction.atomic
def note_decline(*, told: DeclineTold, now: datetime) -> None:
    """Write down a refusal that an event told of, if no fetched object has shown it."""
    payment_id = (
        Payment.objects.filter(provider=Provider.STRIPE, intent_id=told.intent_id)
        .exclude(channel=Payment.Channel.AUTOPAY)
        .values_list("pk", flat=True)
        .first()
    )
    if payment_id is not None and any(told.codes):
        _write_down(lock_payment(payment_id), told, now)


def _write_down(payment: Payment, told: DeclineTold, now: datetime) -> None:
    what = {
        "payment": str(payment.public_id),
        "code": told.error_code,
        "decline_code": told.decline_code,
        "advice_code": told.advice_code,
    }
    stream = payment.loan.stream
    # The payment is locked, so nobody writes the same between the look and the record.
    same = {f"payload__{name}": value for name, value in what.items()}
    if Event.objects.filter(stream=stream, action="payments.declined", **same).exists():
        return
    record_event(stream=stream, action="payments.declined", actor=None, at=now, payload=what)
