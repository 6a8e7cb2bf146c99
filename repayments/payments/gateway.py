"""The one door to the payment gateway: Stripe's API on one side, dataclasses of ours on the other.

Every call names its API version, address, time limit and, where it creates something, its
idempotency key. Amounts cross the line as whole minor units, currencies in upper case. The module
refuses to know loans, rows and books, and to start against another address with a live key. Its
clock is the gateway's, real time: a demonstration that moves the portal's day does not move it.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import stripe
from django.conf import settings

from repayments.money import InvalidAmount, UnknownCurrency, from_gateway_amount, gateway_amount

if TYPE_CHECKING:
    from stripe.params import EventListParams, PaymentIntentListParams
    from stripe.params.checkout import SessionCreateParams, SessionListParams

T = TypeVar("T")

# What is worked today; any other type rests in the inbox. At most 20 fit one listing.
EVENT_TYPES = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "payment_intent.succeeded",
    "payment_intent.processing",
    "payment_intent.requires_action",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
)

SIGNATURE_TOLERANCE_SECONDS = 300
# Waits before a call is sent again with the same key; after RETRY_WITHIN_SECONDS it is given up.
RETRY_WAITS_SECONDS = (0.3, 0.9, 2.0)
RETRY_WITHIN_SECONDS = 5.0
PAGE_SIZE = 100

# The smallest charge in the gateway's units, docs.stripe.com/currencies; others: the equivalent of
# 0.50 USD, which the gateway itself works out.
_SMALLEST = {
    "AED": 200, "AUD": 50, "BRL": 50, "CAD": 50, "CHF": 50, "CNY": 400, "CZK": 1500, "DKK": 250,
    "EUR": 50, "GBP": 30, "HKD": 400, "HUF": 17500, "INR": 50, "JPY": 50, "KRW": 700, "KWD": 160,
    "MXN": 1000, "MYR": 200, "NOK": 300, "NZD": 50, "PLN": 200, "RON": 200, "SEK": 300, "SGD": 50,
    "THB": 1000, "TWD": 1600, "USD": 50, "VND": 13000,
}  # fmt: skip
_LARGEST = 99_999_999


class GatewayError(Exception):
    """A call that did not bring the answer asked for.

    Attributes: code of the gateway, empty if it gave none; request_id for its support.
    """

    def __init__(self, message: str, *, code: str = "", request_id: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.request_id = request_id


class GatewayTimeout(GatewayError):
    """No answer, or one of its own failures: whether the call took effect is not known."""


class GatewayBusy(GatewayError):
    """Too many calls, or the same key is being worked on this moment; try again with it."""


class GatewayRefused(GatewayError):
    """The gateway understood and said no; nothing was created."""


class GatewayMissing(GatewayRefused):
    """The gateway has no such object."""


class GatewayMisconfigured(GatewayRefused):
    """The key is wrong, lacks a permission, or does not fit the address: a job for an operator."""


class UnverifiedEvent(Exception):
    """A webhook that is not provably the gateway's, or not an event; nothing may be kept of it."""


class OtherMode(UnverifiedEvent):
    """A genuine event of the test mode at a live portal, or the other way round."""


@dataclass(frozen=True)
class IntentFacts:
    """A PaymentIntent as fetched. ``paid_at`` is when the card was charged."""

    id: str
    status: str
    amount: int
    amount_received: int
    currency: str
    metadata: Mapping[str, str]
    paid_at: datetime | None
    error_code: str
    decline_code: str
    advice_code: str


@dataclass(frozen=True)
class CheckoutSession:
    """A Checkout Session as fetched; ``intent`` is empty before the payer's first try."""

    id: str
    url: str
    status: str
    payment_status: str
    expires_at: datetime
    metadata: Mapping[str, str]
    intent: IntentFacts | None


@dataclass(frozen=True)
class EventFacts:
    """An event: only its object's type and id are trusted, the rest is fetched anew."""

    id: str
    type: str
    object_type: str
    object_id: str
    body: bytes


@dataclass(frozen=True)
class SessionRequest:
    """All a session is made of; equal requests are sent as equal bytes, so a key may be reused.

    ``amount`` in minor units, ``currency`` in upper case, ``expires_at`` at least 30 minutes and at
    most 24 hours ahead of the gateway's clock.
    """

    payment: str
    loan: str
    description: str
    amount: int
    currency: str
    language: str
    success_url: str
    cancel_url: str
    expires_at: datetime


def clock() -> datetime:
    """This moment on the gateway's clock, aware."""
    return datetime.now(UTC)


def amount_limits(currency: str) -> tuple[int, int]:
    """Smallest and largest charge in minor units, both allowed."""
    smallest = from_gateway_amount(_SMALLEST.get(currency, 1), currency)
    return smallest, from_gateway_amount(_largest_whole(currency), currency)


def is_live() -> bool:
    """Whether real cards are charged."""
    return settings.STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_"))


def open_session(request: SessionRequest, *, key: str) -> CheckoutSession:
    """Create a hosted Checkout Session for a one-time card payment, or get the one made before.

    Args:
        key: idempotency key, stored before this call; the same with equal parameters gives the
            same session for 24 hours.
    Raises: GatewayTimeout, GatewayBusy, GatewayRefused.
    """
    metadata = {"payment": request.payment, "loan": request.loan}
    params: SessionCreateParams = {
        "mode": "payment",
        "ui_mode": "hosted_page",
        "allowed_payment_method_types": ["card"],
        "locale": "zh" if request.language.startswith("zh") else "en",
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": request.currency.lower(),
                    "unit_amount": gateway_amount(request.amount, request.currency),
                    "product_data": {"name": request.description},
                },
            }
        ],
        "metadata": metadata,
        # Not copied by itself: the intent would not say whose it is.
        "payment_intent_data": {"metadata": metadata},
        "client_reference_id": request.payment,
        "success_url": request.success_url,
        "cancel_url": request.cancel_url,
        "expires_at": int(request.expires_at.timestamp()),
        "submit_type": "pay",
    }
    sessions = _client().v1.checkout.sessions
    return _session(_call(lambda: sessions.create(params, {"idempotency_key": key})))


def fetch_session(session_id: str) -> CheckoutSession:
    """Fetch a session with its intent and charge. Raises: GatewayError, GatewayMissing."""
    sessions = _client().v1.checkout.sessions
    expand = ["payment_intent", "payment_intent.latest_charge"]
    return _session(_call(lambda: sessions.retrieve(session_id, {"expand": expand})))


def expire_session(session_id: str, *, key: str) -> CheckoutSession:
    """Close an open session. Raises: GatewayRefused if it is paid or closed; GatewayError."""
    sessions = _client().v1.checkout.sessions
    return _session(_call(lambda: sessions.expire(session_id, None, {"idempotency_key": key})))


def list_sessions(*, since: datetime, until: datetime) -> Iterator[CheckoutSession]:
    """List the sessions created in a span, both ends included, newest first, without intents."""
    sessions = _client().v1.checkout.sessions
    window = _window(since, until)

    def page(after: str) -> Any:
        params: SessionListParams = {"created": window, "limit": PAGE_SIZE}
        if after:
            params["starting_after"] = after
        return sessions.list(params)

    return (_session(row) for row in _pages(page))


def fetch_intent(intent_id: str) -> IntentFacts:
    """Fetch a PaymentIntent with its charge. Raises: GatewayError, GatewayMissing."""
    intents = _client().v1.payment_intents
    return _intent(
        _call(lambda: intents.retrieve(intent_id, {"expand": ["latest_charge"]})),
    )


def list_intents(*, since: datetime, until: datetime) -> Iterator[IntentFacts]:
    """List the PaymentIntents created in a span, both ends included, newest first."""
    intents = _client().v1.payment_intents
    window = _window(since, until)

    def page(after: str) -> Any:
        params: PaymentIntentListParams = {"created": window, "limit": PAGE_SIZE}
        if after:
            params["starting_after"] = after
        return intents.list(params)

    return (_intent(row) for row in _pages(page))


def list_events(*, since: datetime, types: Sequence[str] = EVENT_TYPES) -> Iterator[EventFacts]:
    """List the events since a moment, newest first; the gateway keeps them for 30 days."""
    events = _client().v1.events

    def page(after: str) -> Any:
        params: EventListParams = {
            "types": list(types),
            "created": {"gte": int(since.timestamp())},
            "limit": PAGE_SIZE,
        }
        if after:
            params["starting_after"] = after
        return events.list(params)

    for row in _pages(page):
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


def _client() -> stripe.StripeClient:
    return _client_for(
        settings.STRIPE_SECRET_KEY,
        settings.STRIPE_API_VERSION,
        settings.STRIPE_API_BASE,
        settings.STRIPE_TIMEOUT_SECONDS,
    )


@cache
def _client_for(key: str, version: str, base: str, timeout: float) -> stripe.StripeClient:
    if not key:
        raise GatewayMisconfigured("STRIPE_SECRET_KEY is not set.")
    if base and key.startswith(("sk_live_", "rk_live_")):
        raise GatewayMisconfigured("A live key is refused together with STRIPE_API_BASE.")
    # Says nothing about our other calls to the gateway.
    stripe.enable_telemetry = False
    return stripe.StripeClient(
        key,
        stripe_version=version,
        base_addresses={"api": base} if base else {},
        max_network_retries=0,
        http_client=stripe.RequestsClient(timeout=timeout),
    )


def _call(send: Callable[[], T]) -> T:
    """Send, and send again what may pass a moment later; the key makes that harmless."""
    started = time.monotonic()
    waits = iter(RETRY_WAITS_SECONDS)
    while True:
        try:
            return send()
        except stripe.StripeError as error:
            failure = _translate(error)
            wait = next(waits, None)
            late = time.monotonic() - started > RETRY_WITHIN_SECONDS
            final = not isinstance(failure, GatewayTimeout | GatewayBusy)
            if final or late or wait is None:
                raise failure from error
        time.sleep(wait)


def _translate(error: stripe.StripeError) -> GatewayError:
    status = error.http_status or 0
    kind: type[GatewayError] = GatewayRefused
    if isinstance(error, stripe.RateLimitError) or status == 409:
        kind = GatewayBusy
    elif isinstance(error, stripe.APIConnectionError) or status == 0 or status >= 500:
        kind = GatewayTimeout
    elif isinstance(error, stripe.AuthenticationError | stripe.PermissionError):
        kind = GatewayMisconfigured
    elif status == 404:
        kind = GatewayMissing
    code = error.code or (error.error.type if error.error else "") or ""
    return kind(str(error.user_message or ""), code=str(code), request_id=error.request_id or "")


def _pages(page: Callable[[str], Any]) -> Iterator[Any]:
    after = ""
    while True:
        cursor = after
        found = _call(lambda: page(cursor))  # noqa: B023 - sent before the next turn
        yield from found.data
        if not found.has_more or not found.data:
            return
        after = found.data[-1].id


def _window(since: datetime, until: datetime) -> Any:
    return {"gte": int(since.timestamp()), "lte": int(until.timestamp())}


def _session(row: Any) -> CheckoutSession:
    intent = row.payment_intent
    return CheckoutSession(
        id=row.id,
        url=row.url or "",
        status=row.status or "",
        payment_status=row.payment_status,
        expires_at=datetime.fromtimestamp(row.expires_at, UTC),
        metadata=_metadata(row),
        intent=None if intent is None or isinstance(intent, str) else _intent(intent),
    )


def _intent(row: Any) -> IntentFacts:
    currency = row.currency.upper()
    error = row.last_payment_error
    charge = row.latest_charge
    charged_at = None if charge is None or isinstance(charge, str) else charge.created
    return IntentFacts(
        id=row.id,
        status=row.status,
        amount=_minor(row.amount, currency),
        amount_received=_minor(row.amount_received or 0, currency),
        currency=currency,
        metadata=_metadata(row),
        paid_at=datetime.fromtimestamp(charged_at, UTC) if charged_at else None,
        error_code=_said(error, "code"),
        decline_code=_said(error, "decline_code"),
        advice_code=_said(error, "advice_code"),
    )


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


def _metadata(row: Any) -> dict[str, str]:
    return dict(row.metadata.to_dict()) if row.metadata else {}


def _said(error: Any, name: str) -> str:
    # An absent attribute raises: the SDK's objects are no dictionaries.
    return str(getattr(error, name, None) or "")[:60] if error is not None else ""


def _minor(amount: int, currency: str) -> int:
    """Minor units; of a currency no loan can have, the gateway's own number, for suspense."""
    try:
        return from_gateway_amount(amount, currency)
    except (InvalidAmount, UnknownCurrency):
        return amount


def _largest_whole(currency: str) -> int:
    """The largest number the gateway takes that is also exact in the currency."""
    amount = _LARGEST
    while True:
        try:
            if gateway_amount(from_gateway_amount(amount, currency), currency) == amount:
                return amount
        except InvalidAmount:
            pass
        amount -= 1
