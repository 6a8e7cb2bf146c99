"""Writing events and reading the chain back."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import User
from repayments.audit.models import Event, Head, first_hash
from repayments.inserting import insert_new, insert_rows
from repayments.time_limits import lift_time_limit


@dataclass(frozen=True)
class ChainFault:
    """The first event of a stream that does not follow from the one before it."""

    stream: str
    seq: int
    reason: str


def record_event(
    *,
    stream: str,
    action: str,
    actor: User | None,
    at: datetime,
    payload: Mapping[str, Any] | None = None,
) -> Event:
    """Append one event to a stream, in the caller's transaction.

    Args:
        stream: "loan:<uuid>" and its like.
        action: room and past tense, "plans.accepted"; unique in the project.
        actor: None for the portal itself.
        at: aware.
        payload: plain JSON values; no secrets, no full identity numbers.
    """
    with transaction.atomic(savepoint=False):
        head = _lock_head(stream)
        event = Event(
            stream=stream,
            seq=head.seq + 1,
            at=at.astimezone(UTC),
            actor=actor,
            action=action,
            payload=dict(payload or {}),
            prev=head.hash,
        )
        event.hash = compute_hash(event)
        event.save(force_insert=True)
        Head.objects.filter(stream=stream).update(seq=event.seq, hash=event.hash)
    return event


def _lock_head(stream: str) -> Head:
    """Lock the end of a stream, begun if need be; SQLite's writers stand in line already."""
    locked = Head.objects.select_for_update()
    head = locked.filter(stream=stream).first()
    if head is not None:
        return head
    begun = Head(stream=stream, seq=0, hash=first_hash(stream))
    # Of two that begin a stream at once, the second waits here and finds the first one's.
    return begun if insert_new(begun, key=("stream",)) else locked.get(stream=stream)


@dataclass(frozen=True)
class NewEvent:
    """An event to be recorded together with many others; see ``record_event`` for its parts."""

    stream: str
    action: str
    payload: Mapping[str, Any]


@transaction.atomic
def record_events(events: Sequence[NewEvent], *, actor: User | None, at: datetime) -> int:
    """Append many events in a few statements, in the caller's transaction, in the order given.

    For set-based work (nightly close, import): a batch of some thousands. The heads are locked in
    the order of their streams' names, so that two such batches cannot wait for each other.

    Returns: how many were written.
    """
    streams = sorted({new.stream for new in events})
    heads: dict[str, Head] = {}
    for start in range(0, len(streams), 500):
        part = streams[start : start + 500]
        locked = Head.objects.select_for_update().filter(stream__in=part).order_by("stream")
        heads |= {head.stream: head for head in locked}
    known = set(heads)
    moment = at.astimezone(UTC)
    actor_id = actor.pk if actor else None
    rows = []
    for new in events:
        head = heads.get(new.stream)
        if head is None:
            head = heads[new.stream] = Head(stream=new.stream, seq=0, hash=first_hash(new.stream))
        payload = dict(new.payload)
        seq = head.seq + 1
        digest = _hash(head.hash, new.stream, seq, moment, actor_id, new.action, payload)
        rows.append(
            (new.stream, seq, moment, actor_id, new.action, json.dumps(payload), head.hash, digest)
        )
        head.seq, head.hash = seq, digest
    insert_rows(
        "audit_event",
        ("stream", "seq", "at", "actor_id", "action", "payload", "prev", "hash"),
        rows,
    )
    # Two that begin one stream at once meet in its unique numbers: the later one is refused.
    begun = [head for head in heads.values() if head.stream not in known]
    insert_rows(
        "audit_head", ("stream", "seq", "hash"), [(one.stream, one.seq, one.hash) for one in begun]
    )
    with connection.cursor() as cursor:
        cursor.executemany(
            "UPDATE audit_head SET seq = %s, hash = %s WHERE stream = %s",
            [(heads[stream].seq, heads[stream].hash, stream) for stream in sorted(known)],
        )
    return len(rows)


def compute_hash(event: Event) -> str:
    """Hash the event before it and this one's content: SHA-256(prev ‖ canonical JSON)."""
    return _hash(
        event.prev, event.stream, event.seq, event.at, event.actor_id, event.action, event.payload
    )


def _hash(
    prev: str,
    stream: str,
    seq: int,
    at: datetime,
    actor_id: int | None,
    action: str,
    payload: Mapping[str, Any],
) -> str:
    content = {
        "stream": stream,
        "seq": seq,
        "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": actor_id,
        "action": action,
        "payload": payload,
    }
    return hashlib.sha256(prev.encode() + _canonical(content).encode()).hexdigest()


_canonical = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


@transaction.atomic
def verify_audit(*, streams: Iterable[str] | None = None) -> ChainFault | None:
    """Walk every chain and name the first event that is missing, changed, moved or put in.

    Memory does not grow with the number of streams or events.
    """
    lift_time_limit()
    events, heads = Event.objects.all(), Head.objects.all()
    if streams is not None:
        chosen = list(streams)
        events, heads = events.filter(stream__in=chosen), heads.filter(stream__in=chosen)
    return _find_broken_link(events) or _find_wrong_end(events, heads)


def _find_broken_link(events: QuerySet[Event]) -> ChainFault | None:
    stream, seq, previous = "", 0, ""
    for event in events.order_by("stream", "seq").iterator(chunk_size=2000):
        if event.stream != stream:
            stream, seq, previous = event.stream, 0, first_hash(event.stream)
        if event.seq != seq + 1:
            return ChainFault(stream, seq + 1, "missing")
        if event.prev != previous:
            return ChainFault(stream, event.seq, "does not follow the one before")
        if event.hash != compute_hash(event):
            return ChainFault(stream, event.seq, "content changed")
        seq, previous = event.seq, event.hash
    return None


def _find_wrong_end(events: QuerySet[Event], heads: QuerySet[Head]) -> ChainFault | None:
    """Compare where each chain ends with its head; a chain cut short is whole in itself."""
    last = Event.objects.filter(
        stream=OuterRef("stream"), seq=OuterRef("seq"), hash=OuterRef("hash")
    )
    for head in heads.filter(~Exists(last), seq__gt=0).order_by("stream")[:1]:
        count = Event.objects.filter(stream=head.stream).count()
        if count < head.seq:
            return ChainFault(head.stream, count + 1, "the end was cut off")
        return ChainFault(head.stream, head.seq, "the head names another event")
    known = Head.objects.filter(stream=OuterRef("stream"), seq__gte=OuterRef("seq"))
    for event in events.filter(~Exists(known)).order_by("stream", "seq")[:1]:
        return ChainFault(event.stream, event.seq, "beyond the head")
    return None
