"""How an automatic charge ended: received, to be confirmed, to be tried again, or for good.

Part of settling a payment: called under the locks loan, payment. What follows a refusal (the next
try's row, the end of the mandate, the one message) is written with the state itself, and only by
whoever changed it, so the same news again does nothing.
"""

from datetime import datetime

from django.db import transaction

from repayments.audit.services import record_event
from repayments.loans.models import Loan
from repayments.payments.autopay_rules import Refusal, most_tries, read_refusal, retry_day
from repayments.payments.card_asks import asks_each_time
from repayments.payments.gateway import IntentFacts
from repayments.payments.models import AutopayCharge, Mandate, Payment
from repayments.payments.services.autopay.mandates import end_mandate
from repayments.payments.services.autopay.notices import (
    tell_retry,
    tell_that_it_asks,
    tell_to_confirm,
)
from repayments.payments.signals import payment_exception

Status = Payment.Status


def close_charge(payment: Payment, now: datetime) -> None:
    """Mark the try as done, however it ended. The caller holds the loan's lock."""
    if payment.channel != Payment.Channel.AUTOPAY:
        return
    AutopayCharge.objects.filter(
        payment=payment, status__in=AutopayCharge.TRANSITIONS[AutopayCharge.Status.DONE]
    ).update(status=AutopayCharge.Status.DONE, updated_at=now)


def record_answer(payment: Payment, intent: IntentFacts, now: datetime) -> None:
    """Take over what the gateway says of a charge without money.

    Args:
        payment: locked, with its locked loan.
    """
    if intent.status == "processing":
        _change(payment, Status.PROCESSING, intent.id, now)
    elif intent.status == "canceled":
        _end(payment, Status.CANCELED, intent.id, now)
    elif intent.status == "requires_action":
        _ask_to_confirm(payment, intent, now)
    elif intent.status == "requires_payment_method" and (intent.error_code or intent.decline_code):
        refusal = read_refusal(intent.error_code, intent.decline_code, intent.advice_code)
        if refusal == Refusal.CONFIRM:
            _ask_to_confirm(payment, intent, now)
        elif refusal == Refusal.HARD:
            if _end(payment, Status.FAILED, intent.id, now):
                _end_mandate(payment, Mandate.EndReason.DECLINED, now)
        else:
            _try_again(payment, intent.id, now)


@transaction.atomic
def close_without_answer(*, payment_id: int, status: Status, code: str, now: datetime) -> bool:
    """End a charge that the gateway refused to take, or never got: nothing was charged.

    With the mandate still active it is no card that was refused: the next try is planned, and a
    person looks at why.
    """
    loan_id = Payment.objects.values_list("loan_id", flat=True).get(pk=payment_id)
    loan = Loan.objects.select_for_update().get(pk=loan_id)
    payment = Payment.objects.select_for_update().get(pk=payment_id)
    payment.loan = loan
    charge = AutopayCharge.objects.select_related("mandate").get(payment=payment)
    is_strange = charge.mandate.status == Mandate.Status.ACTIVE
    if not _end(payment, status, "", now):
        return False
    Payment.objects.filter(pk=payment_id).update(needs_review=is_strange, error_code=code[:60])
    if not is_strange:
        return True
    _plan_next(charge, loan, now)
    transaction.on_commit(
        lambda: payment_exception.send(sender=Payment, payment_id=payment_id, suspense_id=None),
        robust=True,
    )
    return True


def _ask_to_confirm(payment: Payment, intent: IntentFacts, now: datetime) -> None:
    if _end(payment, Status.NEEDS_BORROWER, intent.id, now):
        mandate = Mandate.objects.get(charges__payment=payment)
        if mandate.status == Mandate.Status.ACTIVE and asks_each_time(mandate):
            tell_that_it_asks(payment, now)
        else:
            tell_to_confirm(payment, now)


def _try_again(payment: Payment, intent_id: str, now: datetime) -> None:
    """Plan the next try of a soft decline, or end the mandate where there is none left."""
    charge = AutopayCharge.objects.select_related("mandate").get(payment=payment)
    tries, _rule = most_tries(payment.loan.borrower.jurisdiction)
    goes_on = charge.mandate.status == Mandate.Status.ACTIVE and charge.attempt < tries
    if not goes_on:
        if _end(payment, Status.FAILED, intent_id, now):
            _end_mandate(payment, Mandate.EndReason.FAILED, now)
        return
    if _end(payment, Status.RETRY_SCHEDULED, intent_id, now):
        following = _plan_next(charge, payment.loan, now)
        if following is not None:
            tell_retry(payment, following.charge_on, now)


def _plan_next(charge: AutopayCharge, loan: Loan, now: datetime) -> AutopayCharge | None:
    """Write the row of the next try; None where the rules leave none, or the mandate has ended."""
    tries, rule = most_tries(loan.borrower.jurisdiction)
    if charge.mandate.status != Mandate.Status.ACTIVE or charge.attempt >= tries:
        return None
    first = AutopayCharge.objects.filter(
        mandate__loan=loan, due_date=charge.due_date, attempt=1, payment__isnull=False
    ).latest("pk")
    following, created = AutopayCharge.objects.get_or_create(
        mandate=charge.mandate,
        due_date=charge.due_date,
        attempt=charge.attempt + 1,
        defaults={
            "charge_on": retry_day(first.charge_on, charge.attempt),
            "announced_amount": charge.announced_amount,
            "announced_at": now,
            "updated_at": now,
        },
    )
    if created:
        record_event(
            stream=loan.stream,
            action="payments.charge_retried",
            actor=None,
            at=now,
            payload={
                "due_date": charge.due_date.isoformat(),
                "attempt": following.attempt,
                "charge_on": following.charge_on.isoformat(),
                "rule": rule,
            },
        )
    return following if created else None


def _end_mandate(payment: Payment, reason: Mandate.EndReason, now: datetime) -> None:
    mandate_id = AutopayCharge.objects.values_list("mandate_id", flat=True).get(payment=payment)
    end_mandate(mandate_id=mandate_id, reason=reason, actor=None, now=now)


def _end(payment: Payment, status: Status, intent_id: str, now: datetime) -> bool:
    """Move to an ending; one that a charge on its way cannot take becomes a failure."""
    changed = _change(payment, status, intent_id, now)
    if not changed and payment.status == Status.PROCESSING and status != Status.CANCELED:
        changed = _change(payment, Status.FAILED, intent_id, now)
    if changed:
        close_charge(payment, now)
    return changed


def _change(payment: Payment, status: Status, intent_id: str, now: datetime) -> bool:
    changed = Payment.objects.filter(pk=payment.pk, status__in=Payment.TRANSITIONS[status]).update(
        status=status, intent_id=payment.intent_id or intent_id, updated_at=now
    )
    if changed == 1:
        record_event(
            stream=payment.loan.stream,
            action=f"payments.{status.value}",
            actor=None,
            at=now,
            payload={"payment": str(payment.public_id), "before": payment.status},
        )
    return changed == 1
