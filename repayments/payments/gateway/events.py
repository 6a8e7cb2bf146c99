"""Events: told by a webhook or listed. Only an object's type and id are trusted, never its body."""

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import stripe
from django.conf import settings

from repayments.payments.gateway import client as line
from repayments.payments.gateway.client import client, is_live, pages
from repayments.payments.gateway.errors import OtherMode, UnverifiedEvent

if TYPE_CHECKING:
    from stripe.params import EventListParams

DECLINED = "payment_intent.payment_failed"
# What is worked; any other type rests in the inbox. One listing takes at most 20 types.
EVENT_TYPES = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "payment_intent.succeeded",
    "payment_intent.processing",
    "payment_intent.requires_action",
    DECLINED,
    "payment_intent.canceled",
    "setup_intent.succeeded",
    "setup_intent.setup_failed",
    "payment_method.attached",
    "payment_method.detached",
    "payment_method.updated",
    "payment_method.automatically_updated",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "charge.dispute.closed",
    "radar.early_fraud_warning.created",
)
TYPES_A_LISTING = 20

SIGNATURE_TOLERANCE_SECONDS = 300


@dataclass(frozen=True)
class EventFacts:
    """An event: only its object's type and id are trusted, the rest is fetched anew."""

    id: str
    type: str
    object_type: str
    object_id: str
    body: bytes


@dataclass(frozen=True)
class DeclineTold:
    """A refused try as an event told of it: for the record, never for state or money."""

    intent_id: str
    error_code: str
    decline_code: str
    advice_code: str

    @property
    def codes(self) -> tuple[str, str, str]:
        return self.error_code, self.decline_code, self.advice_code


def read_decline(body: bytes) -> DeclineTold | None:
    """Read the refusal in a kept event; None where it tells of none, or not in words of ours."""
    try:
        content = json.loads(body)
        if content["type"] != DECLINED:
            return None
        told = content["data"]["object"]
        error = told["last_payment_error"]
        codes = [error.get(name) or "" for name in ("code", "decline_code", "advice_code")]
        return DeclineTold(told["id"], *(str(code)[:60] for code in codes))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def list_events(*, since: datetime, types: Sequence[str] = EVENT_TYPES) -> Iterator[EventFacts]:
    """List the events since a moment; the gateway keeps them for 30 days.

    Newest first within each lot of types that one listing takes.
    """
    for start in range(0, len(types), TYPES_A_LISTING):
        yield from _list_lot(since, types[start : start + TYPES_A_LISTING])


def _list_lot(since: datetime, types: Sequence[str]) -> Iterator[EventFacts]:
    events = client().v1.events

    def page(after: str) -> Any:
        params: EventListParams = {
            "types": list(types),
            "created": {"gte": int(since.timestamp())},
            "limit": line.PAGE_SIZE,
        }
        if after:
            params["starting_after"] = after
        return events.list(params)

    for row in pages(page):
        content = row.to_dict(for_json=True)
        yield _event(content, json.dumps(content, ensure_ascii=False).encode())


def verify_event(body: bytes, header: str) -> EventFacts:
    """Read a webhook, if one of our secrets signed exactly these bytes, lately.

    Args:
        body: as received, never parsed and written again.
        header: ``Stripe-Signature``.
    Raises: UnverifiedEvent, OtherMode.
    """
    # Any secret of the list will do: during a rotation two are valid.
    reasons = [_refusal(body, header, secret) for secret in settings.STRIPE_WEBHOOK_SECRETS]
    if all(reasons):
        raise UnverifiedEvent(reasons[0] if reasons else "no signing secret is set")
    try:
        content = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UnverifiedEvent("the body is not JSON") from error
    event = _event(content, body)
    if content.get("livemode") is not is_live():
        raise OtherMode("the event is of another mode than the key")
    return event


def _refusal(body: bytes, header: str, secret: str) -> str:
    """Say why a signature does not hold; empty if it does."""
    try:
        stripe.WebhookSignature.verify_header(body, header, secret, SIGNATURE_TOLERANCE_SECONDS)
        pairs = [part.split("=", 1) for part in header.split(",")]
        sent_at = int(next(value for name, value in pairs if name == "t"))
    except (stripe.SignatureVerificationError, UnicodeDecodeError, ValueError) as error:
        return str(getattr(error, "user_message", None) or "the signature cannot be read")
    # Stripe's own check lets a time in the future pass.
    if sent_at > time.time() + SIGNATURE_TOLERANCE_SECONDS:
        return "Timestamp too far in the future"
    return ""


def _event(content: Any, body: bytes) -> EventFacts:
    try:
        if content["object"] != "event":
            raise UnverifiedEvent("the body is not a snapshot event")
        told = content["data"]["object"]
        event = EventFacts(
            id=content["id"],
            type=content["type"],
            object_type=told.get("object", ""),
            object_id=told.get("id") or "",
            body=body,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise UnverifiedEvent("the body is not a snapshot event") from error
    texts = (event.id, event.type, event.object_type, event.object_id)
    if not all(isinstance(text, str) and len(text) <= 255 for text in texts) or not event.id:
        raise UnverifiedEvent("the event does not name itself")
    return event
