"""Checkout Sessions: the gateway's own page, to pay once or to save a card."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from repayments.money import gateway_amount
from repayments.payments.gateway import client as line
from repayments.payments.gateway.client import call, client, id_of, metadata_of, pages, window
from repayments.payments.gateway.intents import IntentFacts, read_intent

if TYPE_CHECKING:
    from stripe.params.checkout import SessionCreateParams, SessionListParams
    from stripe.params.checkout._session_create_params import (
        SessionCreateParamsPaymentMethodOptions,
    )


@dataclass(frozen=True)
class CheckoutSession:
    """A Checkout Session as fetched; ``intent`` is empty before the payer's first try,
    ``setup_id`` names the SetupIntent of a page that saves a card."""

    id: str
    url: str
    status: str
    payment_status: str
    expires_at: datetime
    metadata: Mapping[str, str]
    intent: IntentFacts | None
    setup_id: str = ""


@dataclass(frozen=True)
class SessionRequest:
    """All a session is made of; equal requests are sent as equal bytes, so a key may be reused.

    ``amount`` in minor units, ``currency`` in upper case, ``expires_at`` at least 30 minutes and at
    most 24 hours ahead of the gateway's clock. ``methods`` are those offered, of what the account
    has. ``customer`` is the gateway's id, needed where the page ``saves_card``; else the page is
    told the payer's ``email``.
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
    methods: Sequence[str] = ("card",)
    email: str = ""
    customer: str = ""
    saves_card: bool = False


@dataclass(frozen=True)
class SetupRequest:
    """A page on which a card is saved for later; equal requests are sent as equal bytes."""

    mandate: str
    loan: str
    customer: str
    currency: str
    language: str
    success_url: str
    cancel_url: str
    expires_at: datetime


def open_session(request: SessionRequest, *, key: str) -> CheckoutSession:
    """Create a hosted Checkout Session for one payment, or get the one made before.

    Args:
        key: idempotency key, stored before this call; the same with equal parameters gives the
            same session for 24 hours.
    Raises: GatewayTimeout, GatewayBusy, GatewayRefused.
    """
    metadata = {"payment": request.payment, "loan": request.loan}
    params: SessionCreateParams = {
        "mode": "payment",
        "ui_mode": "hosted_page",
        "allowed_payment_method_types": list(request.methods),
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
    if request.customer:
        params["customer"] = request.customer
    elif request.email:
        params["customer_email"] = request.email
    options: SessionCreateParamsPaymentMethodOptions = {}
    if request.saves_card:
        # Here, not on the intent: there it would drop the wallets, which are single-use.
        options["card"] = {"setup_future_usage": "off_session"}
    if "wechat_pay" in request.methods:
        options["wechat_pay"] = {"client": "web"}
    if options:
        params["payment_method_options"] = options
    sessions = client().v1.checkout.sessions
    return _session(call(lambda: sessions.create(params, {"idempotency_key": key})))


def open_setup(request: SetupRequest, *, key: str) -> CheckoutSession:
    """Create a hosted page that saves a card, or get the one made before under the key.

    Raises: GatewayTimeout, GatewayBusy, GatewayRefused.
    """
    metadata = {"mandate": request.mandate, "loan": request.loan}
    params: SessionCreateParams = {
        "mode": "setup",
        "ui_mode": "hosted_page",
        "currency": request.currency.lower(),
        "customer": request.customer,
        # Wallets are single-use: only a card can be charged later.
        "allowed_payment_method_types": ["card"],
        "locale": "zh" if request.language.startswith("zh") else "en",
        "metadata": metadata,
        "setup_intent_data": {"metadata": metadata},
        "client_reference_id": request.mandate,
        "success_url": request.success_url,
        "cancel_url": request.cancel_url,
        "expires_at": int(request.expires_at.timestamp()),
    }
    sessions = client().v1.checkout.sessions
    return _session(call(lambda: sessions.create(params, {"idempotency_key": key})))


def fetch_session(session_id: str) -> CheckoutSession:
    """Fetch a session with its intent and charge. Raises: GatewayError, GatewayMissing."""
    sessions = client().v1.checkout.sessions
    expand = ["payment_intent", "payment_intent.latest_charge"]
    return _session(call(lambda: sessions.retrieve(session_id, {"expand": expand})))


def expire_session(session_id: str, *, key: str) -> CheckoutSession:
    """Close an open session. Raises: GatewayRefused if it is paid or closed; GatewayError."""
    sessions = client().v1.checkout.sessions
    return _session(call(lambda: sessions.expire(session_id, None, {"idempotency_key": key})))


def list_sessions(*, since: datetime, until: datetime) -> Iterator[CheckoutSession]:
    """List the sessions created in a span, both ends included, newest first, without intents."""
    sessions = client().v1.checkout.sessions
    created = window(since, until)

    def page(after: str) -> Any:
        params: SessionListParams = {"created": created, "limit": line.PAGE_SIZE}
        if after:
            params["starting_after"] = after
        return sessions.list(params)

    return (_session(row) for row in pages(page))


def _session(row: Any) -> CheckoutSession:
    intent = row.payment_intent
    return CheckoutSession(
        id=row.id,
        url=row.url or "",
        status=row.status or "",
        payment_status=row.payment_status,
        expires_at=datetime.fromtimestamp(row.expires_at, UTC),
        metadata=metadata_of(row),
        intent=None if intent is None or isinstance(intent, str) else read_intent(intent),
        setup_id=id_of(row.setup_intent),
    )
