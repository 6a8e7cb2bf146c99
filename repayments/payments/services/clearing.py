"""A day's movements at the gateway held against the books, object by object; it never posts.

Each movement that is ours to book (a charge, a refund, a dispute, and each undone) has its posting
key, so the two sides are compared by object and direction, not by the day of a posting: midnight,
late news and corrections make no false differences. Money in suspense has its own case and counts
as known; so do both ways of a return that came again whole, whatever of it the books could show
meanwhile, and a refund that is on its way. Amounts are minor units, money to the lender positive.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import TypeVar

from django.db import transaction
from django.db.models import Q, Sum

from repayments.clock import lender_zone
from repayments.ledger.models import Account, Posting
from repayments.payments import gateway
from repayments.payments.gateway import BalanceLine
from repayments.payments.models import (
    ClearingCheck,
    Dispute,
    Payment,
    PostingKey,
    Provider,
    Refund,
    Suspense,
)
from repayments.payments.signals import payment_exception

logger = logging.getLogger(__name__)

Kind = PostingKey.EntryKind
# The gateway's reporting category of a movement, and the kind of entry that books it. Fees and
# payouts move the lender's own money: no loan's book holds them.
KINDS: dict[str, str] = {
    "charge": Kind.PAYMENT,
    "refund": Kind.REFUND,
    "refund_failure": Kind.REFUND_REVERSAL,
    "dispute": Kind.CHARGEBACK,
    "dispute_reversal": Kind.CHARGEBACK_REVERSAL,
}
# A posting without a movement is looked for among those of the days around its own.
MARGIN = timedelta(days=2)
# What was heard of later than that is posted on a later day; so far back its movement may lie.
LATE_NEWS = timedelta(days=30)
CHUNK = 500

Object = tuple[str, str]
T = TypeVar("T")


def check_clearing(*, day: date, now: datetime) -> list[ClearingCheck]:
    """Compare one of the lender's days, a currency a row; the same day again renews its rows.

    A difference is news for a person, sent on commit; nothing is posted or changed by it.

    Raises: GatewayError; nothing was written.
    """
    midnight = datetime.combine(day, time.min, tzinfo=lender_zone())
    until = midnight + timedelta(days=1)
    lines = list(gateway.list_balance(since=midnight - MARGIN, until=until + MARGIN))
    ours = [line for line in lines if line.category in KINDS]
    names = _name_objects(ours, since=midnight - MARGIN, until=until + MARGIN)
    around = {_object_of(line, names) for line in ours}
    today = [line for line in ours if midnight <= line.created_at < until]
    told: dict[str, dict[Object, int]] = defaultdict(lambda: defaultdict(int))
    for line in today:
        told[line.currency][_object_of(line, names)] += line.amount
    booked = _booked(object_id for objects in told.values() for object_id, _kind in objects)
    alone = {key: row for key, row in _booked_on(day).items() if key not in around}
    if alone:
        around |= _moved(since=midnight - LATE_NEWS, until=midnight - MARGIN)
    for key, (currency, amount) in alone.items():
        if key not in around:
            # In the books and not at the gateway: its row is made, so that it is seen.
            booked[key] = (currency, amount)
            told[currency].setdefault(key, 0)
    return _write(day, told, booked, now)


def _moved(*, since: datetime, until: datetime) -> set[Object]:
    """Name what the gateway moved in a span."""
    lines = gateway.list_balance(since=since, until=until)
    ours = [line for line in lines if line.category in KINDS]
    names = _name_objects(ours, since=since, until=until)
    return {_object_of(line, names) for line in ours}


def _object_of(line: BalanceLine, names: dict[str, str]) -> Object:
    return names.get(line.id, line.source_id), KINDS[line.category]


def _name_objects(lines: list[BalanceLine], *, since: datetime, until: datetime) -> dict[str, str]:
    """Give, by movement, the id our posting keys use: a charge is booked by its intent."""
    charges = {line.source_id: line.id for line in lines if line.category == "charge"}
    names: dict[str, str] = {}
    for part in _parts(list(charges)):
        rows = Payment.objects.filter(charge_id__in=part).values_list("charge_id", "intent_id")
        names |= {charges[charge]: intent for charge, intent in rows if intent}
    if len(names) < len(charges):
        # Money that fits no payment has no row with a charge; its intent was made up to a day ago.
        for intent in gateway.list_intents(since=since - timedelta(days=1), until=until):
            if intent.charge_id in charges:
                names.setdefault(charges[intent.charge_id], intent.id)
    if len(names) < len(charges):
        # A wallet's money may come days after its intent was made. Few rests unmatched, so each
        # that was heard of since is asked for by its name.
        rest = Suspense.objects.filter(provider=Provider.STRIPE, opened_at__gte=since)
        known = set(names.values())
        for object_id in rest.exclude(object_id__in=known).values_list("object_id", flat=True):
            charge_id = gateway.fetch_intent(object_id).charge_id
            if charge_id in charges:
                names.setdefault(charges[charge_id], object_id)
    return names


def _booked(object_ids: Iterable[str]) -> dict[Object, tuple[str, int]]:
    """What the books, or suspense, hold of some objects."""
    found: dict[Object, tuple[str, int]] = {}
    for part in _parts(sorted(set(object_ids))):
        found |= _postings(object_id__in=part) | _went_and_came(part)
        for row in Suspense.objects.filter(provider=Provider.STRIPE, object_id__in=part):
            found.setdefault((row.object_id, Kind.PAYMENT), (row.currency, row.amount))
        # Money in suspense is in no book, nor is what goes back of it. A refund that had failed
        # before it was known here went and came again: neither is in the books, and none need be.
        ended = [Refund.Status.FAILED, Refund.Status.CANCELED]
        unbooked = Q(suspense__isnull=False) | Q(status__in=ended, entry__isnull=True)
        for refund in Refund.objects.filter(unbooked, refund_id__in=part):
            found.setdefault((refund.refund_id, Kind.REFUND), (refund.currency, -refund.amount))
            found.setdefault(
                (refund.refund_id, Kind.REFUND_REVERSAL), (refund.currency, refund.amount)
            )
        lost = Dispute.objects.filter(dispute_id__in=part, payment__isnull=True)
        for dispute in lost:
            known = {Kind.CHARGEBACK: -dispute.amount, Kind.CHARGEBACK_REVERSAL: dispute.amount}
            for kind, amount in known.items():
                found.setdefault((dispute.dispute_id, kind), (dispute.currency, amount))
    return found


def _went_and_came(object_ids: list[str]) -> dict[Object, tuple[str, int]]:
    """What is known of returns that leave nothing in the books, or not yet.

    One that came again was posted and undone by the same amount, which is less than it was where
    its payment held no more; the gateway's two movements are whole.
    """
    found: dict[Object, tuple[str, int]] = {}
    refunds = Refund.objects.filter(refund_id__in=object_ids, payment__isnull=False)
    gone = refunds.filter(status__in=[Refund.Status.FAILED, Refund.Status.CANCELED])
    for refund in gone.filter(Q(entry__isnull=True) | Q(undo_entry__isnull=False)):
        found[(refund.refund_id, Kind.REFUND)] = (refund.currency, -refund.amount)
        found[(refund.refund_id, Kind.REFUND_REVERSAL)] = (refund.currency, refund.amount)
    for refund in refunds.filter(status=Refund.Status.PENDING):
        found[(refund.refund_id, Kind.REFUND)] = (refund.currency, -refund.amount)
    given_back = PostingKey.objects.filter(
        object_id__in=object_ids, entry_kind=Kind.CHARGEBACK_REVERSAL
    )
    disputes = Dispute.objects.filter(
        dispute_id__in=given_back.values("object_id"), payment__isnull=False
    )
    for dispute in disputes.filter(
        Q(withdrawn_entry__isnull=True) | Q(reinstated_entry__isnull=False)
    ):
        found[(dispute.dispute_id, Kind.CHARGEBACK)] = (dispute.currency, -dispute.withdrawn)
        found[(dispute.dispute_id, Kind.CHARGEBACK_REVERSAL)] = (
            dispute.currency,
            dispute.withdrawn,
        )
    return found


def _booked_on(day: date) -> dict[Object, tuple[str, int]]:
    return _postings(entry__effective_date=day)


def _postings(**which: object) -> dict[Object, tuple[str, int]]:
    keys = PostingKey.objects.filter(provider=Provider.STRIPE, entry__isnull=False, **which)
    entries = {
        entry: (object_id, kind)
        for entry, object_id, kind in keys.values_list("entry_id", "object_id", "entry_kind")
    }
    found: dict[Object, tuple[str, int]] = {}
    for part in _parts(list(entries)):
        sums = (
            Posting.objects.filter(entry__in=part, account=Account.CLEARING)
            .values_list("entry_id", "entry__book__currency")
            .annotate(total=Sum("amount"))
        )
        found |= {entries[entry]: (currency, total) for entry, currency, total in sums}
    return found


@transaction.atomic
def _write(
    day: date,
    told: dict[str, dict[Object, int]],
    booked: dict[Object, tuple[str, int]],
    now: datetime,
) -> list[ClearingCheck]:
    checks = []
    for currency, objects in sorted(told.items()):
        rows = []
        for key, amount in sorted(objects.items()):
            held_in, held = booked.get(key, (currency, 0))
            if held_in != currency or held != amount:
                object_id, kind = key
                rows.append({"object": object_id, "kind": kind, "gateway": amount, "books": held})
        gateway_total = sum(objects.values())
        books_total = sum(booked.get(key, (currency, 0))[1] for key in objects)
        check, _created = ClearingCheck.objects.update_or_create(
            date=day,
            provider=Provider.STRIPE,
            currency=currency,
            defaults={
                "gateway_total": gateway_total,
                "books_total": books_total,
                "differences": rows,
                "checked_at": now,
            },
        )
        checks.append(check)
        if rows:
            logger.error("clearing of %s in %s differs: %s", day, currency, rows)
    # A currency of an earlier check of this day in which nothing is told any more.
    ClearingCheck.objects.filter(date=day, provider=Provider.STRIPE).exclude(
        currency__in=list(told)
    ).delete()
    if any(check.differences for check in checks):
        transaction.on_commit(
            lambda: payment_exception.send(sender=ClearingCheck, payment_id=None, suspense_id=None),
            robust=True,
        )
    return checks


def _parts(values: list[T]) -> Iterable[list[T]]:
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))
