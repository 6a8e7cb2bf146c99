"""The daily head: one hash over the record of all contracts, time-stamped by an outside authority.

Who can write to the database can rebuild a chain from its first event, and it holds again. Not so
where its end of yesterday lies in a text that an authority has stamped and that was carried out of
the house. A head holds the chains that moved since the head before; each head names the one before,
so together they hold every chain. Contracts' own streams are in it, and those of loans that have a
settlement letter.

1. The head and its leaves are written in one transaction; once a day, whoever comes first.
2. The authority is asked with no transaction open; a sweep asks again until it answers.
3. The time stamp is stored beside the head. Nothing of this is ever changed.
"""

import hashlib
import logging
from datetime import date, datetime, timedelta

from django.db import IntegrityError, connection, transaction

from repayments.audit.models import Event
from repayments.audit.services import record_event
from repayments.contracts import heads, sealing, stamping
from repayments.contracts.certificates import PreflightError
from repayments.contracts.heads import Leaf
from repayments.contracts.models import DailyHead, HeadLeaf, HeadStamp
from repayments.inserting import reserve_ids
from repayments.time_limits import lift_time_limit

STREAM = "heads"
ALARM_AFTER = timedelta(days=1)

logger = logging.getLogger(__name__)


def make_head(*, day: date, now: datetime) -> DailyHead | None:
    """Make the head of a day over every chain that moved since the head before.

    Set-based: the leaves are copied inside the database, in the order of their streams' bytes.

    Returns: None where the day, or a later one, has its head already.
    """
    try:
        with transaction.atomic():
            return _make(day, now)
    except IntegrityError:
        if DailyHead.objects.filter(day=day).exists():
            return None
        raise


def list_unstamped(*, limit: int = 50) -> list[int]:
    """List heads without a time stamp, oldest first."""
    waiting = DailyHead.objects.filter(stamp=None).order_by("day")
    return list(waiting.values_list("pk", flat=True)[:limit])


def stamp_head(*, head_id: int, now: datetime) -> bool:
    """Let the authority stamp a head and keep the token; False where there is none yet.

    Two workers may ask at once; one token is kept. After a day without one staff are alarmed.
    """
    head = DailyHead.objects.filter(pk=head_id, stamp=None).first()
    if head is None:
        return False
    try:
        stamp = stamping.stamp_text(head.text, kit=sealing.load_kit(now=now))
    except (stamping.TimeStampUnavailable, PreflightError) as failure:
        logger.warning("the head of %s was not time-stamped: %s", head.day, failure)
        _alarm_if_late(head, now)
        return False
    try:
        with transaction.atomic():
            HeadStamp.objects.create(
                head=head,
                token=stamp.token,
                tsa_time=stamp.at,
                tsa_name=stamp.authority,
                created_at=now,
            )
    except IntegrityError:
        return False
    return True


def _make(day: date, now: datetime) -> DailyHead | None:
    lift_time_limit()
    last = DailyHead.objects.order_by("-day").first()
    if last is not None and last.day >= day:
        return None
    # Its number is needed by the leaves before its text can be written.
    (head_id,) = reserve_ids(DailyHead, 1)
    with connection.cursor() as cursor:
        cursor.execute(
            _COPY_LEAVES.format(collation='"C"' if connection.vendor == "postgresql" else "BINARY"),
            [head_id],
        )
    leaves = HeadLeaf.objects.filter(head_id=head_id).order_by("position")
    rows = leaves.values_list("stream", "seq", "hash").iterator(chunk_size=2000)
    root = heads.compute_root(Leaf(*row) for row in rows)
    previous = last.sha256 if last else heads.NO_PREVIOUS
    text = heads.write_head(
        day=day, made_at=now, streams=leaves.count(), root=root, previous=previous
    )
    return DailyHead.objects.create(
        pk=head_id,
        day=day,
        text=text,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        previous=previous,
        made_at=now,
    )


def _alarm_if_late(head: DailyHead, now: datetime) -> None:
    if now - head.made_at < ALARM_AFTER:
        return
    logger.error("alarm head: the head of %s has no time stamp after a day", head.day)
    with transaction.atomic():
        payload = {"day": head.day.isoformat()}
        # Once a head, however often the sweep comes by.
        told = Event.objects.filter(stream=STREAM, action="contracts.head_late", payload=payload)
        if not told.exists():
            record_event(
                stream=STREAM, action="contracts.head_late", actor=None, at=now, payload=payload
            )


_COPY_LEAVES = """
    INSERT INTO contracts_headleaf (head_id, position, stream, seq, hash)
    SELECT %s, ROW_NUMBER() OVER (ORDER BY h.stream COLLATE {collation}) - 1,
        h.stream, h.seq, h.hash
    FROM audit_head h
    WHERE (
        h.stream LIKE 'contract:%%'
        OR h.stream IN (SELECT e.stream FROM audit_event e WHERE e.action = 'contracts.letter_made')
    )
    AND NOT EXISTS (
        SELECT 1 FROM contracts_headleaf l WHERE l.stream = h.stream AND l.seq = h.seq
    )
"""
