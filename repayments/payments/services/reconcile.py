"""Ask the gateway what was missed: events never delivered, objects without events, open rows.

Everything found goes through ``settle``; nothing is posted here. The watermark moves only after
all of a run was worked, so a run that failed is made again from where the last good one ended.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Q

from repayments.audit.services import record_event
from repayments.loans.models import Loan
from repayments.payments import gateway
from repayments.payments.gateway import GatewayMissing, IntentFacts
from repayments.payments.models import Payment, PostingKey, Provider, Suspense, Watermark
from repayments.payments.services.inbox import (
    EventBeingWorked,
    keep_events,
    list_waiting_events,
    process_event,
)
from repayments.payments.services.settle import INTENT, SESSION, settle
from repayments.payments.services.start import SESSION_MINUTES, adopt_session, close_missing
from repayments.payments.signals import payment_exception

logger = logging.getLogger(__name__)

Status = Payment.Status
OVERLAP = timedelta(hours=1)
FIRST_LOOK_BACK = timedelta(days=30)
ROW_AGE = timedelta(minutes=15)
# A call whose answer was lost may still be on its way this long.
CALL_AGE = timedelta(minutes=2)


@dataclass
class Reconciliation:
    """What one run found and did."""

    since: datetime
    events: int = 0
    intents: int = 0
    payments: int = 0
    errors: list[str] = field(default_factory=list)
    missed: int = 0


def reconcile(*, now: datetime, since: datetime | None = None) -> Reconciliation:
    """Bring in what the gateway holds and we do not; safe at any time, beside itself too.

    Args:
        since: the gateway's time to look back to, instead of the watermark.
    Raises: GatewayError when a listing fails; the watermark stays.
    """
    started = gateway.clock()
    run = Reconciliation(since=since or _watermark(started))
    run.events = keep_events(events=gateway.list_events(since=run.since), now=now)
    for event_id in list_waiting_events(now=now):
        _attempt(run, f"event {event_id}", partial(process_event, event_id=event_id, now=now))
    for intent in gateway.list_intents(since=run.since, until=started):
        if _is_news(intent):
            run.intents += 1
            asked = partial(settle, object_type=INTENT, object_id=intent.id, now=now)
            run.missed += not _attempt(run, f"intent {intent.id}", asked)
    for payment_id in _list_stale_payments(now):
        run.payments += 1
        work = partial(resolve_payment, payment_id=payment_id, now=now)
        _attempt(run, f"payment {payment_id}", work)
    # An event stays in the inbox and a row of ours stays open until they are worked; an object of
    # the gateway's that failed is found again only from here.
    if not run.missed:
        _move_watermark(started)
    return run


def resolve_payment(*, payment_id: int, now: datetime) -> Payment:
    """Find out how one attempt stands, also where the answer to its first call was lost.

    Raises: GatewayError; nothing was changed.
    """
    payment: Payment = Payment.objects.select_related("loan").get(pk=payment_id)
    if payment.session_id or payment.intent_id:
        try:
            return _settle_by_object(payment_id, now) or payment
        except GatewayMissing:
            close_missing(payment_id=payment_id, now=now)
            payment.refresh_from_db()
            return payment
    if payment.status not in (Status.CREATED, Status.UNKNOWN):
        return payment
    assert payment.expires_at is not None
    called_at = payment.expires_at - timedelta(minutes=SESSION_MINUTES)
    found = [
        session
        for session in gateway.list_sessions(
            since=called_at - CALL_AGE, until=called_at + timedelta(minutes=SESSION_MINUTES)
        )
        if session.metadata.get("payment") == str(payment.public_id)
    ]
    if len(found) == 1:
        adopt_session(payment_id=payment_id, session=found[0], now=now)
        return _settle_by_object(payment_id, now) or payment
    if found:
        _ask_a_person(payment, now)
    elif gateway.clock() > called_at + CALL_AGE:
        _give_up(payment, now)
    payment.refresh_from_db()
    return payment


def _settle_by_object(payment_id: int, now: datetime) -> Payment | None:
    """Settle by the gateway object that a payment of ours is known to have."""
    payment = Payment.objects.get(pk=payment_id)
    if payment.session_id:
        found: Payment | None = settle(object_type=SESSION, object_id=payment.session_id, now=now)
    else:
        found = settle(object_type=INTENT, object_id=payment.intent_id, now=now)
    return found


def _watermark(started: datetime) -> datetime:
    seen = Watermark.objects.filter(provider=Provider.STRIPE).first()
    return seen.seen_until - OVERLAP if seen else started - FIRST_LOOK_BACK


def _move_watermark(seen_until: datetime) -> None:
    """Forward only: a slower run beside this one must not take it back."""
    row, created = Watermark.objects.get_or_create(
        provider=Provider.STRIPE, defaults={"seen_until": seen_until}
    )
    if not created:
        Watermark.objects.filter(pk=row.pk, seen_until__lt=seen_until).update(seen_until=seen_until)


def _attempt(run: Reconciliation, what: str, work: Callable[[], object]) -> bool:
    """Work one object; whatever is wrong with it is noted and does not stop the others."""
    try:
        work()
    except EventBeingWorked:
        pass
    except Exception as error:
        logger.exception("reconciling %s failed", what)
        run.errors.append(f"{what}: {type(error).__name__}: {error}")
        return False
    return True


def _is_news(intent: IntentFacts) -> bool:
    """Whether an intent holds money that has no place here; others are found by their rows."""
    of_intent = {"provider": Provider.STRIPE, "object_id": intent.id}
    return intent.status == "succeeded" and not (
        PostingKey.objects.filter(**of_intent).exists()
        or Suspense.objects.filter(**of_intent).exists()
    )


def _list_stale_payments(now: datetime) -> list[int]:
    # With an answer missing nobody may pay, so that is asked for soon.
    waits = Q(status__in=[Status.CREATED, Status.UNKNOWN], updated_at__lt=now - CALL_AGE)
    rows = Payment.objects.under_way().filter(
        waits | Q(updated_at__lt=now - ROW_AGE), provider=Provider.STRIPE
    )
    return list(rows.order_by("updated_at").values_list("pk", flat=True))


@transaction.atomic
def _give_up(payment: Payment, now: datetime) -> None:
    """The gateway has nothing under this name: the call never arrived."""
    Loan.objects.select_for_update().get(pk=payment.loan_id)
    changed = Payment.objects.filter(
        pk=payment.pk, status__in=[Status.CREATED, Status.UNKNOWN], session_id=""
    ).update(status=Status.CANCELED, updated_at=now)
    if changed == 1:
        record_event(
            stream=payment.loan.stream,
            action="payments.canceled",
            actor=None,
            at=now,
            payload={"payment": str(payment.public_id), "before": payment.status},
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
        transaction.on_commit(
            lambda: payment_exception.send(sender=Payment, payment_id=payment.pk, suspense_id=None),
            robust=True,
        )
