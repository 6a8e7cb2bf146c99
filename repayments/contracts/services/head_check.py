"""Holds the record against the daily heads: was a chain rebuilt, cut, or dropped since?"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from django.db import transaction
from django.db.models import Exists, OuterRef

from repayments.audit.models import Event
from repayments.contracts import heads, stamping
from repayments.contracts.heads import Leaf
from repayments.contracts.inspecting import Trust
from repayments.contracts.models import DailyHead, HeadLeaf
from repayments.contracts.services.daily_heads import ALARM_AFTER
from repayments.time_limits import lift_time_limit

TEXT_FILE, TOKEN_FILE, LEAVES_FILE = "head.txt", "head.tst", "leaves.txt"


@dataclass(frozen=True)
class HeadFault:
    """The first thing that does not fit; ``stream`` and ``seq`` where one chain is at fault.

    ``seq`` is the first event that may have been changed: the one after the last that an earlier
    head confirms.
    """

    day: str
    reason: str
    stream: str = ""
    seq: int = 0


@transaction.atomic
def verify_heads(*, trust: Trust, now: datetime, outside: Path | None = None) -> HeadFault | None:
    """Check every head, its time stamp, and that the record still holds what each head held.

    That each chain is whole in itself is `audit.services.verify_audit`'s to say.

    Args:
        outside: a folder of heads exported before; each must be as it is here.
    """
    lift_time_limit()
    for fault in (*_check_outside(outside), *_check_texts(trust, now)):
        return fault
    return _find_other_chain()


def _check_texts(trust: Trust, now: datetime) -> Iterator[HeadFault]:
    previous = heads.NO_PREVIOUS
    for head in DailyHead.objects.order_by("day").select_related("stamp").iterator(chunk_size=500):
        day = head.day.isoformat()
        rows = head.leaves.order_by("position").values_list("stream", "seq", "hash")
        root = heads.compute_root(Leaf(*row) for row in rows.iterator(chunk_size=2000))
        text = heads.write_head(
            day=head.day,
            made_at=head.made_at,
            streams=rows.count(),
            root=root,
            previous=head.previous,
        )
        if head.previous != previous:
            yield HeadFault(day, "does not follow the head before")
        if hashlib.sha256(head.text.encode()).hexdigest() != head.sha256:
            yield HeadFault(day, "text changed")
        if text != head.text:
            yield HeadFault(day, "the chains listed do not lead to its root")
        if not hasattr(head, "stamp"):
            if now - head.made_at >= ALARM_AFTER:
                yield HeadFault(day, "no time stamp after a day")
        elif reason := stamping.find_stamp_fault(bytes(head.stamp.token), head.text, trust=trust):
            yield HeadFault(day, _STAMP_FAULTS[reason])
        previous = head.sha256


def _find_other_chain() -> HeadFault | None:
    """Find the first chain that no longer holds the event a head found at its end."""
    same = Event.objects.filter(
        stream=OuterRef("stream"), seq=OuterRef("seq"), hash=OuterRef("hash")
    )
    other = HeadLeaf.objects.filter(~Exists(same)).select_related("head")
    leaf = other.order_by("head__day", "position").first()
    if leaf is None:
        return None
    confirmed = HeadLeaf.objects.filter(Exists(same), stream=leaf.stream, seq__lt=leaf.seq)
    last = confirmed.order_by("-seq").values_list("seq", flat=True).first() or 0
    there = Event.objects.filter(stream=leaf.stream, seq=leaf.seq).exists()
    reason = "not the chain that was time-stamped" if there else "events were removed"
    return HeadFault(leaf.head.day.isoformat(), reason, leaf.stream, last + 1)


def _check_outside(outside: Path | None) -> Iterator[HeadFault]:
    if outside is None:
        return
    kept = dict(DailyHead.objects.values_list("day", "text"))
    for folder in sorted(path for path in outside.iterdir() if (path / TEXT_FILE).is_file()):
        try:
            day = date.fromisoformat(folder.name)
        except ValueError:
            continue
        if day not in kept:
            yield HeadFault(folder.name, "kept outside, and missing here")
        elif (folder / TEXT_FILE).read_bytes() != kept[day].encode():
            yield HeadFault(folder.name, "differs from the copy kept outside")


_STAMP_FAULTS = {
    "unreadable": "the time stamp cannot be read",
    "another_text": "the time stamp is over another text",
    "untrusted": "the time stamp is by nobody we trust",
}
