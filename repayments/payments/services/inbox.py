"""The inbox: keep what the gateway sent, byte for byte, then work it, as often as it takes.

An event is only a hint that something changed: ``settle`` fetches what. A row not processed is
worked again by redelivery, by the sweep and by the reconciler, so nothing here need succeed at
once. The room's own rows say nothing about the meaning of a body.
"""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import F
from django.utils.translation import gettext_lazy as _

from repayments.inserting import insert_new
from repayments.payments import gateway
from repayments.payments.gateway import (
    EVENT_TYPES,
    EventFacts,
    GatewayBusy,
    GatewayError,
    GatewayMisconfigured,
    GatewayTimeout,
)
from repayments.payments.models import GatewayEvent
from repayments.payments.services.failed_calls import note_failed_call
from repayments.payments.services.settle import is_settled_type, note_decline, settle

logger = logging.getLogger(__name__)

CLAIM_MINUTES = 5
MOST_ATTEMPTS = 20
SWEEP_SIZE = 200


class EventBeingWorked(Exception):
    """Someone else works on this event, or it is done; nothing was changed."""


def receive_event(*, body: bytes, signature: str, now: datetime) -> GatewayEvent:
    """Verify a webhook and put it into the inbox, or find it there.

    Args:
        body: the raw bytes as received.
        signature: the ``Stripe-Signature`` header.
    Raises: UnverifiedEvent; nothing was kept.
    """
    event = gateway.verify_event(body, signature)
    row = GatewayEvent(event_id=event.id, **_columns(event, now))
    if insert_new(row, key=("event_id",)):
        return row
    return GatewayEvent.objects.defer("body").get(event_id=event.id)


def keep_events(*, events: Iterable[EventFacts], now: datetime) -> int:
    """Put listed events into the inbox, those that are missing; returns how many were."""
    found = {event.id: event for event in events}
    known = set(GatewayEvent.objects.filter(event_id__in=found).values_list("event_id", flat=True))
    rows = [
        GatewayEvent(event_id=event.id, **_columns(event, now))
        for event in found.values()
        if event.id not in known
    ]
    GatewayEvent.objects.bulk_create(rows, ignore_conflicts=True, batch_size=100)
    return len(rows)


def process_event(*, event_id: str, now: datetime) -> None:
    """Claim one event, settle what it is about, and mark it processed.

    Raises: EventBeingWorked; whatever settling raised, noted on the row for the next try.
    """
    changed = (
        GatewayEvent.objects.claimable(stale_before=_stale(now), attempts_below=MOST_ATTEMPTS)
        .filter(event_id=event_id)
        .update(claimed_at=now, attempts=F("attempts") + 1)
    )
    if changed != 1:
        raise EventBeingWorked(_("This event is being worked on, or it is done."))
    event = GatewayEvent.objects.defer("body").get(event_id=event_id)
    try:
        if event.type in EVENT_TYPES and is_settled_type(event.object_type):
            settle(object_type=event.object_type, object_id=event.object_id, now=now)
            if event.type == gateway.DECLINED:
                # Its body is read for this one kind; no other needs it.
                decline = gateway.read_decline(bytes(event.body))
                if decline is not None:
                    note_decline(told=decline, now=now)
    except (GatewayTimeout, GatewayBusy, GatewayMisconfigured) as error:
        # The gateway's trouble or an operator's, not the event's: however long it lasts, the event
        # is not given up.
        note_failed_call(what=f"event {event.type}", error=error, now=now)
        GatewayEvent.objects.filter(pk=event.pk, attempts__gt=0).update(
            attempts=F("attempts") - 1, error=f"{type(error).__name__}: {error}"[:500]
        )
        raise
    except Exception as error:
        if isinstance(error, GatewayError):
            note_failed_call(what=f"event {event.type}", error=error, now=now)
        GatewayEvent.objects.filter(pk=event.pk).update(
            error=f"{type(error).__name__}: {error}"[:500]
        )
        raise
    GatewayEvent.objects.filter(pk=event.pk).update(processed_at=now, error="")


def list_waiting_events(*, now: datetime, limit: int = SWEEP_SIZE) -> list[str]:
    """Name the events that nobody works on, oldest first, at most ``limit``."""
    rows = GatewayEvent.objects.claimable(
        stale_before=_stale(now), attempts_below=MOST_ATTEMPTS
    ).order_by("received_at", "pk")
    return list(rows.values_list("event_id", flat=True)[:limit])


def release_event(*, event_id: str) -> bool:
    """Let an unprocessed event be worked again from its first try; False if it is processed."""
    return bool(
        GatewayEvent.objects.unprocessed()
        .filter(event_id=event_id)
        .update(claimed_at=None, attempts=0)
    )


def release_waiting_events() -> list[str]:
    """Let unprocessed events be worked again from their first try; a lot of the oldest.

    One that is being worked this moment is worked twice at worst, to the same end.
    """
    names = list(
        GatewayEvent.objects.unprocessed()
        .order_by("received_at", "pk")
        .values_list("event_id", flat=True)[:SWEEP_SIZE]
    )
    GatewayEvent.objects.unprocessed().filter(event_id__in=names).update(
        claimed_at=None, attempts=0
    )
    return names


def _stale(now: datetime) -> datetime:
    return now - timedelta(minutes=CLAIM_MINUTES)


def _columns(event: EventFacts, now: datetime) -> dict[str, object]:
    return {
        "type": event.type[:100],
        "object_type": event.object_type[:60],
        "object_id": event.object_id,
        "body": event.body,
        "received_at": now,
    }
