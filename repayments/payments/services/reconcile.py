"""Ask the gateway what was missed: events never delivered, objects without events, open rows.

Everything found goes through ``settle``; nothing is posted here. The watermark moves only after
all of a run was worked, so a run that failed is made again from where the last good one ended.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Min, Q

from repayments.audit.services import record_event
from repayments.loans.models import Loan
from repayments.payments import gateway
from repayments.payments.gateway import (
    DisputeFacts,
    GatewayBusy,
    GatewayError,
    GatewayMissing,
    GatewayTimeout,
    IntentFacts,
    RefundFacts,
)
from repayments.payments.models import (
    Dispute,
    Payment,
    PostingKey,
    Provider,
    Refund,
    Suspense,
    Watermark,
)
from repayments.payments.providers import CALL_AGE, LIFETIME, provider_of
from repayments.payments.services.autopay.charging import resolve_charge
from repayments.payments.services.autopay.setup import list_stale_mandates, resolve_mandate
from repayments.payments.services.failed_calls import note_failed_call
from repayments.payments.services.inbox import (
    EventBeingWorked,
    keep_events,
    list_waiting_events,
    process_event,
)
from repayments.payments.services.refund_sending import send_refund
from repayments.payments.services.settle import DISPUTE, INTENT, REFUND, SESSION, settle
from repayments.payments.services.start import adopt_session, close_missing
from repayments.payments.signals import payment_exception

logger = logging.getLogger(__name__)

Status = Payment.Status
OVERLAP = timedelta(hours=1)
FIRST_LOOK_BACK = timedelta(days=30)
# So far back a nightly run looks, whatever the watermark says.
NIGHTLY_LOOK_BACK = timedelta(days=3)
ROW_AGE = timedelta(minutes=15)


@dataclass
class Reconciliation:
    """What one run found and did; ``missed`` counts what only a later run of this span can find."""

    since: datetime
    events: int = 0
    intents: int = 0
    refunds: int = 0
    disputes: int = 0
    payments: int = 0
    open_refunds: int = 0
    open_disputes: int = 0
    errors: list[str] = field(default_factory=list)
    missed: int = 0


def reconcile(
    *, now: datetime, since: datetime | None = None, nightly: bool = False
) -> Reconciliation:
    """Bring in what the gateway holds and we do not; safe at any time, beside itself too.

    Args:
        since: the gateway's time to look back to, instead of the watermark.
        nightly: look back three days at least, and at disputes that go on.
    Raises: GatewayTimeout, GatewayBusy when the gateway does not answer a listing; the watermark
        stays. A listing that it refuses, for want of a permission, is an error of the run: the
        other passes are made, and the watermark stays.
    """
    started = gateway.clock()
    since = since or _watermark(started)
    if nightly:
        since = min(since, started - NIGHTLY_LOOK_BACK)
    run = Reconciliation(since=since)
    _list_events(run, now)
    for event_id in list_waiting_events(now=now):
        asked = partial(process_event, event_id=event_id, now=now)
        _attempt(run, f"event {event_id}", asked, now, noted=True)
    span = {"since": since, "until": started}
    run.intents = _settle_listed(run, INTENT, lambda: gateway.list_intents(**span), _is_news, now)
    run.refunds = _settle_listed(
        run, REFUND, lambda: gateway.list_refunds(**span), _is_news_of_refund, now
    )
    run.disputes = _settle_listed(
        run, DISPUTE, lambda: gateway.list_disputes(**span), _is_news_of_dispute, now
    )
    _work_our_rows(run, now, nightly)
    # An event stays in the inbox and a row of ours stays open until they are worked; an object of
    # the gateway's that failed is found again only from here.
    if not run.missed:
        _move_watermark(started)
    return run


def _list_events(run: Reconciliation, now: datetime) -> None:
    def keep() -> None:
        run.events = keep_events(events=gateway.list_events(since=run.since), now=now)

    run.missed += not _attempt(run, "listing events", keep, now, is_listing=True)


def _settle_listed(
    run: Reconciliation,
    object_type: str,
    listed: Callable[[], Iterable[Any]],
    is_news: Callable[[Any], bool],
    now: datetime,
) -> int:
    """Settle each object of one kind that a listing tells something new of.

    Returns: how many there were.
    """
    found: list[str] = []

    def collect() -> None:
        found.extend(one.id for one in listed() if is_news(one))

    what = f"listing {object_type}s"
    run.missed += not _attempt(run, what, collect, now, is_listing=True)
    for object_id in found:
        asked = partial(settle, object_type=object_type, object_id=object_id, now=now)
        run.missed += not _attempt(run, f"{object_type} {object_id}", asked, now)
    return len(found)


def _work_our_rows(run: Reconciliation, now: datetime, nightly: bool) -> None:
    for payment_id in _list_stale_payments(now):
        run.payments += 1
        work = partial(resolve_payment, payment_id=payment_id, now=now)
        _attempt(run, f"payment {payment_id}", work, now, payment_id=payment_id)
    for mandate_id in list_stale_mandates(now):
        look = partial(resolve_mandate, mandate_id=mandate_id, now=now)
        _attempt(run, f"mandate {mandate_id}", look, now)
    for refund in _list_stale_refunds(now):
        run.open_refunds += 1
        asked = partial(resolve_refund, refund=refund, now=now)
        _attempt(run, f"refund {refund.pk}", asked, now)
    if nightly:
        rows = Dispute.objects.filter(closed_at__isnull=True).order_by("pk")
        for dispute_id in rows.values_list("dispute_id", flat=True):
            run.open_disputes += 1
            asked = partial(settle, object_type=DISPUTE, object_id=dispute_id, now=now)
            _attempt(run, f"dispute {dispute_id}", asked, now)


def resolve_payment(*, payment_id: int, now: datetime) -> Payment:
    """Find out how one attempt stands, also where the answer to its first call was lost.

    Raises: GatewayError; nothing was changed.
    """
    payment: Payment = Payment.objects.select_related("loan").get(pk=payment_id)
    if payment.channel == Payment.Channel.AUTOPAY:
        return resolve_charge(payment_id=payment_id, now=now)
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
    called_at = payment.expires_at - LIFETIME
    found = provider_of(payment.provider).ask(payment)
    if len(found) == 1:
        adopt_session(payment_id=payment_id, begun=found[0], now=now)
        return _settle_by_object(payment_id, now) or payment
    if found:
        _ask_a_person(payment, now)
    elif gateway.clock() > called_at + CALL_AGE:
        _give_up(payment, now)
    payment.refresh_from_db()
    return payment


def resolve_refund(*, refund: Refund, now: datetime) -> None:
    """Find out how one refund stands, also where the answer to its call was lost.

    Raises: GatewayError.
    """
    if refund.refund_id:
        settle(object_type=REFUND, object_id=refund.refund_id, now=now)
    else:
        send_refund(refund_id=refund.pk, now=now)


def _settle_by_object(payment_id: int, now: datetime) -> Payment | None:
    """Settle by the gateway object that a payment of ours is known to have."""
    payment = Payment.objects.get(pk=payment_id)
    if payment.session_id:
        found: Payment | None = settle(object_type=SESSION, object_id=payment.session_id, now=now)
    else:
        found = settle(object_type=INTENT, object_id=payment.intent_id, now=now)
    return found


def _watermark(started: datetime) -> datetime:
    """Where to look back to. Before a first good run: to the first payment, however long ago.

    Were it a set time alone, it would move on with each run that fails, and pass money by.
    """
    seen = Watermark.objects.filter(provider=Provider.STRIPE).first()
    if seen is not None:
        return seen.seen_until - OVERLAP
    began = Payment.objects.filter(provider=Provider.STRIPE).aggregate(at=Min("created_at"))["at"]
    return min(started - FIRST_LOOK_BACK, (began or started) - OVERLAP)


def _move_watermark(seen_until: datetime) -> None:
    """Forward only: a slower run beside this one must not take it back."""
    row, created = Watermark.objects.get_or_create(
        provider=Provider.STRIPE, defaults={"seen_until": seen_until}
    )
    if not created:
        Watermark.objects.filter(pk=row.pk, seen_until__lt=seen_until).update(seen_until=seen_until)


def _attempt(
    run: Reconciliation,
    what: str,
    work: Callable[[], object],
    now: datetime,
    *,
    payment_id: int | None = None,
    is_listing: bool = False,
    noted: bool = False,
) -> bool:
    """Work one thing; whatever is wrong with it is noted and does not stop the others.

    Args:
        noted: who does the work keeps its failed calls already.
    Raises: GatewayTimeout, GatewayBusy of a listing: nothing after it would be answered either.
    """
    try:
        work()
    except EventBeingWorked:
        pass
    except Exception as error:
        logger.exception("reconciling %s failed", what)
        if isinstance(error, GatewayError) and not noted:
            note_failed_call(what=what, error=error, now=now, payment_id=payment_id)
        if is_listing and isinstance(error, GatewayTimeout | GatewayBusy):
            raise
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


def _is_news_of_refund(facts: RefundFacts) -> bool:
    """Whether a refund stands otherwise than its row, or its money is not in the books."""
    row = Refund.objects.filter(refund_id=facts.id).first()
    if row is None or row.status != facts.status:
        return True
    undone = facts.status in (Refund.Status.FAILED, Refund.Status.CANCELED)
    if row.suspense_id is not None:
        return False
    if undone:
        return row.entry_id is not None and row.undo_entry_id is None
    return facts.status == Refund.Status.SUCCEEDED and row.entry_id is None


def _is_news_of_dispute(facts: DisputeFacts) -> bool:
    row = Dispute.objects.filter(dispute_id=facts.id).first()
    return (
        row is None
        or row.status != facts.status
        or (facts.withdrawn > 0 and row.withdrawn_entry_id is None)
        or (facts.reinstated > 0 and row.reinstated_entry_id is None)
    )


def _list_stale_payments(now: datetime) -> list[int]:
    # With an answer missing nobody may pay, so that is asked for soon.
    waits = Q(status__in=[Status.CREATED, Status.UNKNOWN], updated_at__lt=now - CALL_AGE)
    rows = Payment.objects.under_way().filter(
        waits | Q(updated_at__lt=now - ROW_AGE), provider=Provider.STRIPE
    )
    return list(rows.order_by("updated_at").values_list("pk", flat=True))


def _list_stale_refunds(now: datetime) -> list[Refund]:
    waiting = [Refund.Status.APPROVED, Refund.Status.UNKNOWN, Refund.Status.PENDING]
    rows = Refund.objects.filter(status__in=waiting, updated_at__lt=now - ROW_AGE)
    # A bank's refunds are sent by a person.
    rows = rows.exclude(payment__provider=Provider.BANK).exclude(suspense__provider=Provider.BANK)
    return list(rows.order_by("updated_at"))


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
