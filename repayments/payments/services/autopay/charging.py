"""Make an announced charge: claim it, call the gateway, record what it said.

Holds: of any number of workers one claims a charge, and with it the one open attempt that a loan
may have; its row and key are committed before the call, no transaction is open during it, and its
end is recorded by ``settle``, as every other money is. An answer that got lost is looked for by
listing, then asked for again under the same key.

While the borrower has an open payment page, or money of theirs is on its way, a charge waits: the
next sweep asks again, and if they paid there is nothing left to take.
"""

from datetime import date, datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import translation
from django.utils.translation import gettext as _

from accounts.models import User
from repayments.audit.services import record_event
from repayments.clock import lender_zone
from repayments.loans.models import Loan
from repayments.payments import gateway
from repayments.payments.gateway import (
    ChargeRequest,
    GatewayBusy,
    GatewayError,
    GatewayMisconfigured,
    GatewayRefused,
    GatewayTimeout,
    IntentFacts,
)
from repayments.payments.models import AutopayCharge, Mandate, Payment
from repayments.payments.providers import CALL_AGE
from repayments.payments.services.autopay.conduct import Answer, check_charge
from repayments.payments.services.autopay.notices import tell_left_out, tell_not_taken
from repayments.payments.services.failed_calls import note_failed_call
from repayments.payments.services.settle import CARD, INTENT, settle
from repayments.payments.services.settle.charges import close_without_answer

Status = Payment.Status
# The gateway keeps a key for 24 hours; this long it may be sent again.
KEY_HOURS = 23
SWEEP_SIZE = 200


class ChargeNotOpen(Exception):
    """The charge has been claimed, skipped or refused before; nothing was changed."""


def list_due_charges(*, today: date, limit: int = SWEEP_SIZE) -> list[int]:
    """Name the announced charges whose day has come, oldest first."""
    rows = AutopayCharge.objects.filter(
        status=AutopayCharge.Status.ANNOUNCED, charge_on__lte=today
    ).order_by("charge_on", "pk")
    return list(rows.values_list("pk", flat=True)[:limit])


def make_charge(*, charge_id: int, now: datetime) -> Payment | None:
    """Charge the saved card for what is due, if the rules allow it and nobody else does.

    Returns: the attempt as it stands after it; None where nothing was charged: the charge waits,
        or was skipped or refused.
    Raises: ChargeNotOpen.
    """
    payment = _claim(charge_id, now)
    if payment is None:
        return None
    return _call(payment, _get_mandate(charges=charge_id), now)


def resolve_charge(*, payment_id: int, now: datetime) -> Payment:
    """Find out how a charge ended whose answer was lost, or that was never sent.

    Raises: GatewayError; nothing was changed.
    """
    payment: Payment = Payment.objects.select_related("loan").get(pk=payment_id)
    if payment.intent_id:
        settle(object_type=INTENT, object_id=payment.intent_id, now=now)
        payment.refresh_from_db()
        return payment
    if payment.status not in (Status.CREATED, Status.UNKNOWN):
        return payment
    assert payment.expires_at is not None
    called_at = payment.expires_at - timedelta(hours=KEY_HOURS)
    found = _list_intents(payment, called_at)
    if len(found) > 1:
        _ask_a_person(payment, now)
    elif found:
        settle(object_type=INTENT, object_id=found[0].id, now=now)
    elif gateway.clock() < payment.expires_at and _may_still_be_sent(payment):
        return _call(payment, _get_mandate(charges__payment=payment), now)
    elif gateway.clock() > called_at + CALL_AGE:
        close_without_answer(payment_id=payment_id, status=Status.CANCELED, code="", now=now)
    payment.refresh_from_db()
    return payment


@transaction.atomic
def skip_charge(*, charge_id: int, actor: User, now: datetime) -> None:
    """Let one announced charge be left out, at the borrower's word. Raises: ChargeNotOpen."""
    charge = AutopayCharge.objects.select_related("mandate__loan").get(pk=charge_id)
    Loan.objects.select_for_update().get(pk=charge.mandate.loan_id)
    _close(charge, AutopayCharge.Status.SKIPPED, "borrower", now, actor=actor)


@transaction.atomic
def skip_charge_for_borrower(*, charge_id: int, note: str, actor: User, now: datetime) -> None:
    """Leave one announced charge out for a borrower who told a colleague to, and confirm it.

    Args:
        note: why, in the colleague's words; kept on record, the borrower does not read it.
    Raises: ChargeNotOpen.
    """
    charge = AutopayCharge.objects.select_related("mandate__loan").get(pk=charge_id)
    loan = _lock_loan(charge_id)
    _close(charge, AutopayCharge.Status.SKIPPED, "staff", now, actor=actor, note=note)
    tell_left_out(charge, loan, now)


@transaction.atomic
def _claim(charge_id: int, now: datetime) -> Payment | None:
    loan = _lock_loan(charge_id)
    charge = AutopayCharge.objects.select_related("mandate").get(pk=charge_id)
    if charge.status != AutopayCharge.Status.ANNOUNCED:
        raise ChargeNotOpen(_("This charge is not open any more."))
    verdict = check_charge(charge, loan, today=now.astimezone(lender_zone()).date(), now=now)
    if verdict.answer == Answer.WAIT:
        return None
    if verdict.answer == Answer.SKIP:
        _close(charge, AutopayCharge.Status.SKIPPED, verdict.reason, now)
        return None
    if verdict.answer == Answer.REFUSE:
        _close(charge, AutopayCharge.Status.REFUSED, verdict.reason, now)
        tell_not_taken(charge, loan, now)
        return None
    return _take(charge, loan, verdict.amount, now)


def _lock_loan(charge_id: int) -> Loan:
    loan_id = AutopayCharge.objects.values_list("mandate__loan_id", flat=True).get(pk=charge_id)
    loan: Loan = (
        Loan.objects.select_for_update(of=("self",))
        .select_related("borrower__user", "product", "book")
        .get(pk=loan_id)
    )
    return loan


def _take(charge: AutopayCharge, loan: Loan, amount: int, now: datetime) -> Payment | None:
    """Claim a charge for one attempt; None if the loan got another attempt meanwhile."""
    payment = Payment(
        loan=loan,
        purpose=Payment.Purpose.PAST_DUE,
        channel=Payment.Channel.AUTOPAY,
        amount=amount,
        currency=loan.currency,
        language=charge.mandate.language,
        # How long the key may be sent again, on the gateway's clock.
        expires_at=gateway.clock() + timedelta(hours=KEY_HOURS),
        created_at=now,
        updated_at=now,
    )
    try:
        with transaction.atomic():
            payment.save(force_insert=True)
    except IntegrityError:
        return None
    _take_charge(charge, payment, now)
    record_event(
        stream=loan.stream,
        action="payments.charge_claimed",
        actor=None,
        at=now,
        payload={
            "payment": str(payment.public_id),
            "due_date": charge.due_date.isoformat(),
            "attempt": charge.attempt,
            "amount": amount,
            "currency": loan.currency,
        },
    )
    return payment


def _take_charge(charge: AutopayCharge, payment: Payment, now: datetime) -> None:
    """The guard: one of all who try changes the row. Raises: ChargeNotOpen, rolling back."""
    changed = AutopayCharge.objects.filter(
        pk=charge.pk, status__in=AutopayCharge.TRANSITIONS[AutopayCharge.Status.CLAIMED]
    ).update(status=AutopayCharge.Status.CLAIMED, payment=payment, claimed_at=now, updated_at=now)
    if changed != 1:
        raise ChargeNotOpen(_("This charge is not open any more."))


def _close(
    charge: AutopayCharge,
    status: AutopayCharge.Status,
    reason: str,
    now: datetime,
    *,
    actor: User | None = None,
    note: str = "",
) -> None:
    changed = AutopayCharge.objects.filter(
        pk=charge.pk, status__in=AutopayCharge.TRANSITIONS[status]
    ).update(status=status, reason=reason, updated_at=now)
    if changed != 1:
        raise ChargeNotOpen(_("This charge is not open any more."))
    record_event(
        stream=charge.mandate.loan.stream,
        action="payments.charge_skipped"
        if status == AutopayCharge.Status.SKIPPED
        else "payments.charge_refused",
        actor=actor,
        at=now,
        payload={"due_date": charge.due_date.isoformat(), "reason": reason}
        | ({"note": note} if note else {}),
    )


def _get_mandate(**of_charge: object) -> Mandate:
    return Mandate.objects.select_related("card", "customer").get(**of_charge)


def _call(payment: Payment, mandate: Mandate, now: datetime) -> Payment:
    """Send the charge under its row's key, with no transaction open, and record the answer."""
    try:
        intent = gateway.charge_card(_request(payment, mandate), key=payment.idempotency_key)
        settle(object_type=INTENT, object_id=intent.id, now=now)
    except GatewayMisconfigured as error:
        # Our own fault, not the card's: nothing is said of the card, a person is called.
        _complain(payment, error, now)
        close_without_answer(payment_id=payment.pk, status=Status.FAILED, code=error.code, now=now)
    except GatewayRefused as error:
        _complain(payment, error, now)
        _look_at_card(mandate, now)
        close_without_answer(payment_id=payment.pk, status=Status.FAILED, code=error.code, now=now)
    except (GatewayTimeout, GatewayBusy) as error:
        _complain(payment, error, now)
        _note_unknown(payment, error, now)
    payment.refresh_from_db()
    return payment


def _request(payment: Payment, mandate: Mandate) -> ChargeRequest:
    """The call's parameters, made of rows that do not change: asked again, they are the same."""
    assert mandate.card is not None
    with translation.override(payment.language):
        description = _("Repayment, loan {number}").format(number=payment.loan.number)
    return ChargeRequest(
        payment=str(payment.public_id),
        loan=str(payment.loan.public_id),
        description=description,
        amount=payment.amount,
        currency=payment.currency,
        customer=mandate.customer.customer_id,
        method=mandate.card.method_id,
    )


def _look_at_card(mandate: Mandate, now: datetime) -> None:
    """A refused call may mean that the card was removed: ask, and end what charges it."""
    assert mandate.card is not None
    try:
        settle(object_type=CARD, object_id=mandate.card.method_id, now=now)
    except GatewayError as error:
        note_failed_call(what="look at a saved card", error=error, now=now)


def _list_intents(payment: Payment, called_at: datetime) -> list[IntentFacts]:
    until = min(gateway.clock(), called_at + timedelta(hours=KEY_HOURS)) + CALL_AGE
    return [
        intent
        for intent in gateway.list_intents(since=called_at - CALL_AGE, until=until)
        if intent.metadata.get("payment") == str(payment.public_id)
    ]


def _may_still_be_sent(payment: Payment) -> bool:
    """Whether the borrower still lets the card be charged; a lost call is not sent after a no."""
    return Mandate.objects.filter(charges__payment=payment, status=Mandate.Status.ACTIVE).exists()


@transaction.atomic
def _note_unknown(payment: Payment, error: GatewayError, now: datetime) -> None:
    loan = Loan.objects.select_for_update().get(pk=payment.loan_id)
    changed = Payment.objects.filter(
        pk=payment.pk, status__in=Payment.TRANSITIONS[Status.UNKNOWN], intent_id=""
    ).update(status=Status.UNKNOWN, error_code=error.code[:60], updated_at=now)
    if changed == 1:
        record_event(
            stream=loan.stream,
            action="payments.unknown",
            actor=None,
            at=now,
            payload={"payment": str(payment.public_id), "request": error.request_id},
        )


@transaction.atomic
def _ask_a_person(payment: Payment, now: datetime) -> None:
    changed = Payment.objects.filter(pk=payment.pk, needs_review=False).update(
        needs_review=True, updated_at=now
    )
    if changed == 1:
        record_event(
            stream=payment.loan.stream,
            action="payments.ambiguous",
            actor=None,
            at=now,
            payload={"payment": str(payment.public_id)},
        )


def _complain(payment: Payment, error: GatewayError, now: datetime) -> None:
    note_failed_call(what="charge a saved card", error=error, now=now, payment_id=payment.pk)
