"""One payment brought to where the gateway says it stands; its money posted if it came.

A payment that succeeded stays so, and money whose facts are not ours rests in ``Suspense`` with no
loan credited. Locks: loan, then payment.
"""

import logging
import uuid
from contextlib import suppress
from datetime import date, datetime

from django.db import transaction

from repayments.audit.services import record_event
from repayments.ledger.models import JournalEntry
from repayments.ledger.services import AlreadyPosted
from repayments.loans.services import record_payment
from repayments.payments import gateway
from repayments.payments.gateway import CheckoutSession, GatewayError, IntentFacts
from repayments.payments.models import Payment, PostingKey, Provider, Suspense
from repayments.payments.services.received import tell_received
from repayments.payments.services.settle.cards import keep_card_of_payment, settle_setup_page
from repayments.payments.services.settle.charges import close_charge, record_answer
from repayments.payments.services.settle.declined import keep_decline
from repayments.payments.services.settle.posting import day_within, lock_payment, take_key
from repayments.payments.signals import payment_exception, payment_settled
from repayments.payments.states import find_mismatch, status_told

logger = logging.getLogger(__name__)

Status = Payment.Status
SESSION, INTENT = "checkout.session", "payment_intent"
ENDED = (Status.FAILED, Status.CANCELED, Status.EXPIRED)


class _AlreadyPosted(Exception):
    """The object's key was taken by another payment; this one's change is rolled back."""


def settle_intent(*, object_type: str, object_id: str, now: datetime) -> Payment | None:
    """Bring one payment to where the gateway says it stands; post its money if it came.

    Args:
        object_type: "checkout.session" or "payment_intent", as the gateway names it.
    Returns: the payment as stored, or None where the object belongs to none of ours.
    Raises: GatewayError when the object cannot be fetched; nothing was changed.
    """
    known = _find_told(object_type, object_id)
    if known is not None and known.status == Status.SUCCEEDED and known.entry_id is not None:
        # Each payment is told of by several events: all but one cost no call to the gateway.
        return known
    # 1. The truth, with no transaction open.
    session, intent = _fetch(object_type, object_id)
    if session is not None and session.metadata.get("mandate"):
        settle_setup_page(session, now=now)
        return None
    payment_id = known.pk if known is not None else _find_payment(session, intent)
    # 2. What it means.
    came = intent if intent is not None and intent.status == "succeeded" else None
    if payment_id is None:
        if came is not None:
            _rest_unknown(came, now)
        else:
            logger.info("no payment of ours behind %s %s", object_type, object_id)
        return None
    if came is None:
        _move(payment_id, session, intent, now)
    else:
        with suppress(_AlreadyPosted):
            _receive(payment_id, session, came, now)
    payment = Payment.objects.get(pk=payment_id)
    if came is not None:
        _keep_card(payment, came, now)
    return payment


def _keep_card(payment: Payment, intent: IntentFacts, now: datetime) -> None:
    """Keep the card that came with the money; where it fails, the card's own event comes too."""
    if not (payment.saves_card and payment.entry_id and intent.method_id):
        return
    try:
        keep_card_of_payment(payment, method_id=intent.method_id, now=now)
    except GatewayError as error:
        logger.warning("card of payment %s: %s", payment.public_id, error)


def _find_told(object_type: str, object_id: str) -> Payment | None:
    """The payment that was told this very id."""
    column = "session_id" if object_type == SESSION else "intent_id"
    return Payment.objects.filter(provider=Provider.STRIPE, **{column: object_id}).first()


def _fetch(object_type: str, object_id: str) -> tuple[CheckoutSession | None, IntentFacts | None]:
    if object_type == SESSION:
        session = gateway.fetch_session(object_id)
        return session, session.intent
    if object_type != INTENT:
        raise ValueError(f"settle takes sessions and intents, not {object_type}")
    intent = gateway.fetch_intent(object_id)
    if intent.status == "succeeded":
        return None, intent
    payment_id = _find_payment(None, intent)
    if payment_id is None:
        return None, intent
    known = Payment.objects.get(pk=payment_id)
    if not known.session_id:
        return None, intent
    # Only the session tells an attempt that was given up from one that goes on.
    session = gateway.fetch_session(known.session_id)
    # An intent that is not its page's bears another attempt's name: no news of this one.
    return session, session.intent


def _find_payment(session: CheckoutSession | None, intent: IntentFacts | None) -> int | None:
    """The payment that was told these ids, or that the objects themselves name."""
    rows = Payment.objects.filter(provider=Provider.STRIPE)
    searches = []
    if session is not None:
        searches += [{"session_id": session.id}, _named(session.metadata.get("payment"))]
    if intent is not None:
        searches += [{"intent_id": intent.id}, _named(intent.metadata.get("payment"))]
    for search in filter(None, searches):
        found = rows.filter(**search).values_list("pk", flat=True).first()
        if found is not None:
            return int(found)
    return None


def _named(text: str | None) -> dict[str, str]:
    try:
        return {"public_id": str(uuid.UUID(text or ""))}
    except ValueError:
        return {}


@transaction.atomic
def _receive(
    payment_id: int, session: CheckoutSession | None, intent: IntentFacts, now: datetime
) -> None:
    payment = lock_payment(payment_id)
    if _is_settled(intent):
        _end_without_money(payment, intent, now)
        return
    cause = find_mismatch(payment, intent)
    if cause is not None:
        _rest(intent, cause, payment, now)
        return
    before = payment.status
    if not _claim(payment, session, intent, now):
        return
    if not _take_key(intent, now):
        raise _AlreadyPosted
    paid_on = _paid_on(payment, intent, now)
    entry = _post(payment, intent, paid_on, now)
    PostingKey.objects.filter(provider=Provider.STRIPE, object_id=intent.id).update(entry=entry)
    Payment.objects.filter(pk=payment.pk).update(entry=entry)
    close_charge(payment, now)
    record_event(
        stream=payment.loan.stream,
        action="payments.succeeded",
        actor=None,
        at=now,
        payload={
            "payment": str(payment.public_id),
            "before": before,
            "amount": intent.amount_received,
            "currency": intent.currency,
        },
    )
    payment.amount_received = intent.amount_received
    tell_received(payment, paid_on=paid_on, now=now)
    transaction.on_commit(
        lambda: payment_settled.send(sender=Payment, payment_id=payment_id), robust=True
    )
    if before in ENDED:
        _announce_exception(payment_id=payment_id, suspense_id=None)


def _is_settled(intent: IntentFacts) -> bool:
    """Whether this money has its place already; a hint only, the unique keys are the guard."""
    of_intent = {"provider": Provider.STRIPE, "object_id": intent.id}
    posted = PostingKey.objects.filter(**of_intent).values("object_id")
    return posted.union(Suspense.objects.filter(**of_intent).values("object_id")).exists()


def _claim(
    payment: Payment, session: CheckoutSession | None, intent: IntentFacts, now: datetime
) -> bool:
    """Move the payment to succeeded; False if someone was first."""
    changed = Payment.objects.filter(
        pk=payment.pk, status__in=Payment.TRANSITIONS[Status.SUCCEEDED]
    ).update(
        status=Status.SUCCEEDED,
        amount_received=intent.amount_received,
        intent_id=intent.id,
        charge_id=intent.charge_id,
        method=intent.method_type if intent.method_type in Payment.Method else "",
        session_id=payment.session_id or (session.id if session else ""),
        # Real money after an ending that was told: a person looks at it.
        needs_review=payment.needs_review or payment.status in ENDED,
        succeeded_at=now,
        updated_at=now,
    )
    return changed == 1


def _take_key(intent: IntentFacts, now: datetime) -> bool:
    """Take the right to post this object; False if it was posted already, in whatever book."""
    return take_key(object_id=intent.id, kind=PostingKey.EntryKind.PAYMENT, now=now)


def _post(payment: Payment, intent: IntentFacts, paid_on: date, now: datetime) -> JournalEntry:
    try:
        return record_payment(
            loan_id=payment.loan_id,
            amount=intent.amount_received,
            effective_date=paid_on,
            reference=intent.id,
            actor=None,
            now=now,
            payoff_quote_id=payment.payoff_quote_id,
        )
    except AlreadyPosted:
        return JournalEntry.objects.get(
            book_id=payment.loan.book_id, kind=JournalEntry.Kind.PAYMENT, reference=intent.id
        )


def _paid_on(payment: Payment, intent: IntentFacts, now: datetime) -> date:
    """The lender's day of the charge, not of its news; within the attempt's own life."""
    return day_within(intent.paid_at or now, since=payment.created_at, until=now)


def _rest(intent: IntentFacts, cause: Suspense.Cause, payment: Payment, now: datetime) -> None:
    """Keep the money apart; the payment waits for a person, its loan is not credited."""
    suspense = _open_suspense(intent, cause, payment, now)
    if suspense is None:
        return
    _hold_for_review(payment, now)
    _record_suspense(payment.loan.stream, suspense, now)


def _hold_for_review(payment: Payment, now: datetime) -> None:
    Payment.objects.filter(pk=payment.pk).update(needs_review=True, updated_at=now)
    # The borrower has paid: nobody asks for it again while a person looks.
    Payment.objects.filter(pk=payment.pk, status__in=Payment.TRANSITIONS[Status.PROCESSING]).update(
        status=Status.PROCESSING
    )


def _end_without_money(payment: Payment, intent: IntentFacts, now: datetime) -> None:
    """End an attempt whose money was given another place: else its loan could not be paid again.

    It happens where the intent did not name this attempt when it was worked, and its page does.
    """
    resting = Suspense.objects.filter(provider=Provider.STRIPE, object_id=intent.id)
    if resting.filter(payment__isnull=True, resolved_at__isnull=True).update(payment=payment):
        _hold_for_review(payment, now)
        return
    if resting.filter(payment=payment).exists():
        return
    changed = Payment.objects.filter(
        pk=payment.pk, status__in=Payment.TRANSITIONS[Status.CANCELED]
    ).update(status=Status.CANCELED, needs_review=True, updated_at=now)
    if changed != 1:
        return
    record_event(
        stream=payment.loan.stream,
        action="payments.canceled",
        actor=None,
        at=now,
        payload={"payment": str(payment.public_id), "before": payment.status},
    )
    _announce_exception(payment_id=payment.pk, suspense_id=None)


@transaction.atomic
def _rest_unknown(intent: IntentFacts, now: datetime) -> None:
    if _is_settled(intent):
        return
    suspense = _open_suspense(intent, Suspense.Cause.UNKNOWN_LOAN, None, now)
    if suspense is not None:
        _record_suspense("payments:suspense", suspense, now)


def _open_suspense(
    intent: IntentFacts, cause: Suspense.Cause, payment: Payment | None, now: datetime
) -> Suspense | None:
    """Put the money down as unmatched; None if it was there before."""
    suspense, created = Suspense.objects.get_or_create(
        provider=Provider.STRIPE,
        object_id=intent.id,
        defaults={
            "payment": payment,
            "amount": intent.amount_received,
            "currency": intent.currency,
            "cause": cause,
            "opened_at": now,
        },
    )
    return suspense if created else None


def _record_suspense(stream: str, suspense: Suspense, now: datetime) -> None:
    logger.error("money without a place: %s (%s)", suspense.object_id, suspense.cause)
    record_event(
        stream=stream,
        action="payments.suspended",
        actor=None,
        at=now,
        payload={
            "object": suspense.object_id,
            "cause": suspense.cause,
            "amount": suspense.amount,
            "currency": suspense.currency,
        },
    )
    _announce_exception(payment_id=suspense.payment_id, suspense_id=suspense.pk)


def _announce_exception(*, payment_id: int | None, suspense_id: int | None) -> None:
    transaction.on_commit(
        lambda: payment_exception.send(
            sender=Payment, payment_id=payment_id, suspense_id=suspense_id
        ),
        robust=True,
    )


@transaction.atomic
def _move(
    payment_id: int, session: CheckoutSession | None, intent: IntentFacts | None, now: datetime
) -> None:
    """Take over a state without money; one that the payment cannot move to is old news."""
    status = status_told(session, intent)
    payment = lock_payment(payment_id)
    if status is None or _is_page_missing(payment, session, status):
        return
    if intent is not None:
        keep_decline(payment, intent, now)
    if payment.channel == Payment.Channel.AUTOPAY:
        if intent is not None:
            record_answer(payment, intent, now)
        return
    if status == payment.status:
        return
    changed = Payment.objects.filter(pk=payment.pk, status__in=Payment.TRANSITIONS[status]).update(
        status=status,
        session_id=payment.session_id or (session.id if session else ""),
        checkout_url=payment.checkout_url or (session.url if session else ""),
        intent_id=payment.intent_id or (intent.id if intent else ""),
        updated_at=now,
    )
    if changed != 1:
        return
    record_event(
        stream=payment.loan.stream,
        action=f"payments.{status.value}",
        actor=None,
        at=now,
        payload={"payment": str(payment.public_id), "before": payment.status},
    )


def _is_page_missing(payment: Payment, session: CheckoutSession | None, status: Status) -> bool:
    """Whether a try is heard of before its page, whose answer was lost.

    Called "at the gateway" without a page, the attempt would be given up and a second one begun.
    """
    return (
        payment.channel == Payment.Channel.CHECKOUT
        and session is None
        and not payment.session_id
        and status in (Status.REDIRECTED, Status.ACTION_REQUIRED)
    )
