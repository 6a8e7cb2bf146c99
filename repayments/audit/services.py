"""Writing events and reading the chain back."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from accounts.models import User
from repayments.audit.models import Event, Head, first_hash


@dataclass(frozen=True)
class ChainFault:
    """The first event of a stream that does not follow from the one before it."""

    stream: str
    seq: int
    reason: str


@transaction.atomic
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
    # The update takes the row lock on PostgreSQL; SQLite writers already stand in line.
    if Head.objects.filter(stream=stream).update(seq=F("seq") + 1) == 0:
        Head.objects.get_or_create(stream=stream, defaults={"seq": 0, "hash": first_hash(stream)})
        Head.objects.filter(stream=stream).update(seq=F("seq") + 1)
    head = Head.objects.get(stream=stream)
    event = Event(
        stream=stream,
        seq=head.seq,
        at=at.astimezone(UTC),
        actor=actor,
        action=action,
        payload=dict(payload or {}),
        prev=head.hash,
    )
    event.hash = compute_hash(event)
    event.save(force_insert=True)
    Head.objects.filter(stream=stream).update(hash=event.hash)
    return event


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
    Head.objects.bulk_create(
        [Head(stream=stream, seq=0, hash=first_hash(stream)) for stream in streams],
        ignore_conflicts=True,
        batch_size=500,
    )
    heads: dict[str, Head] = {}
    for start in range(0, len(streams), 500):
        part = streams[start : start + 500]
        locked = Head.objects.select_for_update().filter(stream__in=part).order_by("stream")
        heads |= {head.stream: head for head in locked}
    rows = []
    for new in events:
        head = heads[new.stream]
        event = Event(
            stream=new.stream,
            seq=head.seq + 1,
            at=at.astimezone(UTC),
            actor=actor,
            action=new.action,
            payload=dict(new.payload),
            prev=head.hash,
        )
        event.hash = compute_hash(event)
        head.seq, head.hash = event.seq, event.hash
        rows.append(event)
    Event.objects.bulk_create(rows, batch_size=500)
    # Every head is there and locked, so this updates them, many times as fast as bulk_update.
    Head.objects.bulk_create(
        heads.values(),
        update_conflicts=True,
        unique_fields=["stream"],
        update_fields=["seq", "hash"],
        batch_size=300,
    )
    return len(rows)


def compute_hash(event: Event) -> str:
    """Hash the event before it and this one's content: SHA-256(prev ‖ canonical JSON)."""
    content = {
        "stream": event.stream,
        "seq": event.seq,
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": event.actor_id,
        "action": event.action,
        "payload": event.payload,
    }
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(event.prev.encode() + text.encode()).hexdigest()


def verify_audit(*, streams: Iterable[str] | None = None) -> ChainFault | None:
    """Walk every chain and name the first event that is missing, changed, moved or put in."""
    events = Event.objects.order_by("stream", "seq")
    heads = Head.objects.order_by("stream")
    if streams is not None:
        events, heads = events.filter(stream__in=streams), heads.filter(stream__in=streams)
    ends: dict[str, tuple[int, str]] = {}
    for event in events.iterator(chunk_size=2000):
        seq, previous = ends.get(event.stream, (0, first_hash(event.stream)))
        if event.seq != seq + 1:
            return ChainFault(event.stream, seq + 1, "missing")
        if event.prev != previous:
            return ChainFault(event.stream, event.seq, "does not follow the one before")
        if event.hash != compute_hash(event):
            return ChainFault(event.stream, event.seq, "content changed")
        ends[event.stream] = (event.seq, event.hash)
    for head in heads.iterator():
        seq, digest = ends.pop(head.stream, (0, first_hash(head.stream)))
        if (head.seq, head.hash) != (seq, digest):
            return ChainFault(head.stream, seq + 1, "the end was cut off")
    for stream, (seq, _digest) in ends.items():
        return ChainFault(stream, seq, "no head")
    return None
