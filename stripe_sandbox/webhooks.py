"""Events and their signatures: an event is a row of the transaction that caused it.

Sending is the dispatcher's; this module decides only what will be sent, where and how soon.
"""

import contextvars
import hashlib
import hmac
import json
import threading
import time
from typing import Any

from django.conf import settings
from django.db import transaction

from . import clock
from .faults import FAULTS
from .identifiers import new_id
from .models import Delivery, Event

# (request id, idempotency key) of the API call being served; none for what happens by itself.
current_request: contextvars.ContextVar[tuple[str | None, str | None]] = contextvars.ContextVar(
    "current_request", default=(None, None)
)
# Set whenever something may have become due, so that the dispatcher need not wait.
news = threading.Event()

THIN = "v2.core.event"
RESOLVED_FAILURE = "v2.core.health.event_generation_failure.resolved"
TAMPERINGS = ("wrong_secret", "stale_timestamp", "future_timestamp", "thin_body")


def emit(event_type: str, data: dict[str, Any], previous: dict[str, Any] | None = None) -> None:
    """Record an event about an object as it is now, and queue it for every endpoint.

    Args:
        data: the object's representation at this moment.
        previous: for updates, the changed attributes as they were.
    """
    hits = {fault.name: fault for fault in FAULTS.take_webhook(event_type)}
    if "skip" in hits:
        return
    request_id, idempotency_key = current_request.get()
    payload: dict[str, Any] = {"object": data}
    if previous is not None:
        payload["previous_attributes"] = previous
    event = Event(stripe_id=new_id("evt"), created=clock.now(), type=event_type)
    event.body = json.dumps(
        {
            "id": event.stripe_id,
            "object": "event",
            "api_version": settings.STRIPE_API_VERSION,
            "created": event.created,
            "data": payload,
            "livemode": False,
            "pending_webhooks": len(settings.WEBHOOK_URLS),
            "request": {"id": request_id, "idempotency_key": idempotency_key},
            "type": event_type,
        },
        indent=2,
        ensure_ascii=False,
    )
    event.save()
    for url in settings.WEBHOOK_URLS:
        _queue(event, url, hits)
    transaction.on_commit(news.set)


def _queue(event: Event, url: str, hits: dict[str, Any]) -> None:
    delivery = Delivery(event=event, url=url, due_at=time.time())
    delivery.tampering = next((name for name in TAMPERINGS if name in hits), "")
    if "delay" in hits:
        delivery.due_at += float(hits["delay"].options.get("seconds", 1))
    if "drop" in hits:
        delivery.status = Delivery.Status.DROPPED
    delivery.save()
    if "reorder" in hits:
        _hold_for_reordering(delivery, last=hits["reorder"].count <= 0)
    if "duplicate" in hits:
        copies = int(hits["duplicate"].options.get("copies", 1))
        for _ in range(copies):
            Delivery.objects.create(
                event=event, url=url, due_at=delivery.due_at, tampering=delivery.tampering,
                status=delivery.status,
            )  # fmt: skip


def _hold_for_reordering(delivery: Delivery, *, last: bool) -> None:
    """Hold a delivery; with the last of them, let all go, newest first."""
    Delivery.objects.filter(pk=delivery.pk).update(status=Delivery.Status.HELD)
    delivery.status = Delivery.Status.HELD
    if last:
        release_reordered()


def release_reordered(spacing: float = 0.3) -> int:
    """Send what was held, newest first and `spacing` seconds apart; returns how many."""
    held = list(Delivery.objects.filter(status=Delivery.Status.HELD).order_by("-pk"))
    for position, delivery in enumerate(held):
        Delivery.objects.filter(pk=delivery.pk).update(
            status=Delivery.Status.PENDING, due_at=time.time() + position * spacing
        )
    return len(held)


def signature_header(body: bytes, secrets: list[str], *, timestamp: int) -> str:
    """`Stripe-Signature` over exact bytes: one `v1` for each secret."""
    signed = f"{timestamp}.".encode() + body
    parts = [
        "v1=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets
    ]
    return ",".join([f"t={timestamp}", *parts])


def thin_body(event: Event) -> bytes:
    """The same news as a thin event, which names its object and carries none."""
    full = json.loads(event.body)
    if full["object"] == THIN:
        return event.body.encode()
    related = full["data"]["object"]
    thin = _thin(
        full["id"], f"v1.{full['type']}", full["created"], related["id"], related["object"]
    )
    return json.dumps(thin, indent=2).encode()


def emit_resolved_failure(object_id: str, object_type: str) -> Event:
    """Queue the thin event that names an object whose own event was never generated."""
    event = Event(stripe_id=new_id("evt"), created=clock.now(), type=RESOLVED_FAILURE)
    thin = _thin(event.stripe_id, event.type, event.created, object_id, object_type)
    event.body = json.dumps(thin, indent=2)
    event.save()
    for url in settings.WEBHOOK_URLS:
        _queue(event, url, {})
    transaction.on_commit(news.set)
    return event


def _thin(
    event_id: str, event_type: str, created: int, object_id: str, object_type: str
) -> dict[str, Any]:
    path = object_type.replace(".", "/")
    return {
        "id": event_id,
        "object": THIN,
        "type": event_type,
        "livemode": False,
        "created": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(created)),
        "related_object": {
            "id": object_id,
            "type": object_type,
            "url": f"/v1/{path}s/{object_id}",
        },
    }
