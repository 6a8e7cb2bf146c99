"""The line to the gateway: one client a process, retries under one key, errors of ours, pages.

Every call names its API version, address and time limit. It refuses to start against another
address with a live key. Its clock is the gateway's, real time: a demonstration that moves the
portal's day does not move it.
"""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar

import stripe
from django.conf import settings

from repayments.payments.gateway.errors import (
    GatewayBusy,
    GatewayDeclined,
    GatewayError,
    GatewayMisconfigured,
    GatewayMissing,
    GatewayRefused,
    GatewayTimeout,
)

T = TypeVar("T")

# Waits before a call is sent again with the same key; after RETRY_WITHIN_SECONDS it is given up.
RETRY_WAITS_SECONDS = (0.3, 0.9, 2.0)
RETRY_WITHIN_SECONDS = 5.0
PAGE_SIZE = 100


def clock() -> datetime:
    """This moment on the gateway's clock, aware."""
    return datetime.now(UTC)


def is_live() -> bool:
    """Whether real cards are charged."""
    return settings.STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_"))


def key_kind() -> str:
    """Say what kind of key is set, never the key: "live secret", "test restricted"...; "" for none.

    A restricted key may do only what its owner allowed it.
    """
    prefix, _, rest = settings.STRIPE_SECRET_KEY.partition("_")
    mode = rest.partition("_")[0]
    kinds = {"sk": "secret", "rk": "restricted"}
    if prefix in kinds and mode in ("live", "test"):
        return f"{mode} {kinds[prefix]}"
    return "unknown" if settings.STRIPE_SECRET_KEY else ""


def client() -> stripe.StripeClient:
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


def call(send: Callable[[], T]) -> T:
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
    if isinstance(error, stripe.CardError):
        return _decline(error)
    code = error.code or (error.error.type if error.error else "") or ""
    return kind(str(error.user_message or ""), code=str(code), request_id=error.request_id or "")


def _decline(error: stripe.CardError) -> GatewayDeclined:
    told = error.error
    intent = getattr(told, "payment_intent", None)
    return GatewayDeclined(
        str(error.user_message or ""),
        code=str(error.code or ""),
        request_id=error.request_id or "",
        intent_id=id_of(intent),
    )


def pages(page: Callable[[str], Any]) -> Iterator[Any]:
    after = ""
    while True:
        cursor = after
        found = call(lambda: page(cursor))  # noqa: B023 - sent before the next turn
        yield from found.data
        if not found.has_more or not found.data:
            return
        after = found.data[-1].id


def window(since: datetime, until: datetime) -> Any:
    """A span of creation times, both ends included."""
    return {"gte": int(since.timestamp()), "lte": int(until.timestamp())}


def metadata_of(row: Any) -> dict[str, str]:
    return dict(row.metadata.to_dict()) if row.metadata else {}


def id_of(told: Any) -> str:
    """The id of an object that is told whole or by its id alone; empty for none."""
    if told is None or isinstance(told, str):
        return told or ""
    return str(told.id)


def said(error: Any, name: str) -> str:
    # An absent attribute raises: the SDK's objects are no dictionaries.
    return str(getattr(error, name, None) or "")[:60] if error is not None else ""
