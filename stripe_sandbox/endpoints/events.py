"""Events: what happened, kept for 30 days, whether or not a webhook told of it."""

import json
from typing import Any

from django.db.models import Exists, OuterRef

from stripe_sandbox import clock
from stripe_sandbox.errors import InvalidRequest
from stripe_sandbox.listing import created_window, page
from stripe_sandbox.models import Delivery, Event
from stripe_sandbox.wire import Call

from .lookup import find

KEPT_SECONDS = 30 * 86_400
MOST_TYPES = 20

# A delivery that was dropped or has given up counts as not delivered.
OUTSTANDING = Exists(
    Delivery.objects.filter(event=OuterRef("pk")).exclude(status=Delivery.Status.DELIVERED)
)


def retrieve(call: Call, stripe_id: str) -> dict[str, Any]:
    return represent(find(Event, stripe_id, "event"))


def list_events(call: Call) -> dict[str, Any]:
    params = call.params
    # Thin events are listed by another API.
    rows = Event.objects.filter(created__gt=clock.now() - KEPT_SECONDS)
    rows = rows.exclude(type__startswith="v2.")
    rows = created_window(rows, params.get("created"))
    if "type" in params and "types" in params:
        raise InvalidRequest("You may only specify one of these parameters: type, types.")
    types = params.get("types") or ([params["type"]] if "type" in params else [])
    if len(types) > MOST_TYPES:
        raise InvalidRequest(f"You may pass up to {MOST_TYPES} event types.", param="types")
    if types:
        rows = rows.filter(type__in=types)
    if "delivery_success" in params:
        rows = rows.exclude(OUTSTANDING) if params["delivery_success"] else rows.filter(OUTSTANDING)
    return page(rows, params, represent, url="/v1/events", noun="event")


def represent(row: Event) -> dict[str, Any]:
    """The event as first written, with the webhooks that are still on their way."""
    event: dict[str, Any] = json.loads(row.body)
    waiting = row.deliveries.filter(
        status__in=[Delivery.Status.PENDING, Delivery.Status.SENDING, Delivery.Status.HELD]
    )
    event["pending_webhooks"] = waiting.values("url").distinct().count()
    return event
