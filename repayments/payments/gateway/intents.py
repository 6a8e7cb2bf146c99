"""PaymentIntents: what one says, and a saved card charged while its owner is away."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from repayments.money import gateway_amount
from repayments.payments.gateway import client as line
from repayments.payments.gateway.amounts import minor_units
from repayments.payments.gateway.client import call, client, id_of, metadata_of, pages, said, window
from repayments.payments.gateway.errors import GatewayDeclined

if TYPE_CHECKING:
    from stripe.params import PaymentIntentCreateParams, PaymentIntentListParams


@dataclass(frozen=True)
class IntentFacts:
    """A PaymentIntent as fetched. ``paid_at`` is when the card was charged; ``method_type`` and
    ``charge_id`` are empty before a charge was tried, ``method_id`` before one was chosen."""

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
    charge_id: str = ""
    method_type: str = ""
    method_id: str = ""


@dataclass(frozen=True)
class ChargeRequest:
    """A charge of a saved card, its owner away; equal requests are sent as equal bytes.

    ``amount`` in minor units, ``currency`` in upper case, ``customer`` and ``method`` the gateway's
    ids.
    """

    payment: str
    loan: str
    description: str
    amount: int
    currency: str
    customer: str
    method: str


def charge_card(request: ChargeRequest, *, key: str) -> IntentFacts:
    """Charge a saved card off-session, or get the answer given before under the same key.

    A decline is an answer, no error: the intent comes back with its codes, in the state
    ``requires_payment_method`` (declined) or ``requires_payment_method`` with the error code
    ``authentication_required`` (its owner has to confirm on-session).

    Raises: GatewayTimeout, GatewayBusy: not known whether it took effect. GatewayRefused: nothing
    was charged.
    """
    params: PaymentIntentCreateParams = {
        "amount": gateway_amount(request.amount, request.currency),
        "currency": request.currency.lower(),
        "customer": request.customer,
        "payment_method": request.method,
        "allowed_payment_method_types": ["card"],
        "off_session": True,
        "confirm": True,
        "description": request.description,
        "metadata": {"payment": request.payment, "loan": request.loan},
        "expand": ["latest_charge"],
    }
    intents = client().v1.payment_intents
    try:
        return read_intent(call(lambda: intents.create(params, {"idempotency_key": key})))
    except GatewayDeclined as declined:
        # The answer holds the intent without its charge: ask for both.
        if not declined.intent_id:
            raise
        return fetch_intent(declined.intent_id)


def cancel_intent(intent_id: str, *, key: str) -> IntentFacts:
    """Cancel an intent that has not succeeded. Raises: GatewayRefused if it has; GatewayError."""
    intents = client().v1.payment_intents
    return read_intent(call(lambda: intents.cancel(intent_id, None, {"idempotency_key": key})))


def fetch_intent(intent_id: str) -> IntentFacts:
    """Fetch a PaymentIntent with its charge. Raises: GatewayError, GatewayMissing."""
    intents = client().v1.payment_intents
    return read_intent(
        call(lambda: intents.retrieve(intent_id, {"expand": ["latest_charge"]})),
    )


def list_intents(*, since: datetime, until: datetime) -> Iterator[IntentFacts]:
    """List the PaymentIntents created in a span, both ends included, newest first."""
    intents = client().v1.payment_intents
    created = window(since, until)

    def page(after: str) -> Any:
        params: PaymentIntentListParams = {"created": created, "limit": line.PAGE_SIZE}
        if after:
            params["starting_after"] = after
        return intents.list(params)

    return (read_intent(row) for row in pages(page))


def read_intent(row: Any) -> IntentFacts:
    """Read the gateway's object."""
    currency = row.currency.upper()
    error = row.last_payment_error
    charge = row.latest_charge
    is_told = charge is not None and not isinstance(charge, str)
    charged_at = charge.created if is_told else None
    details = charge.payment_method_details if is_told else None
    return IntentFacts(
        id=row.id,
        status=row.status,
        amount=minor_units(row.amount, currency),
        amount_received=minor_units(row.amount_received or 0, currency),
        currency=currency,
        metadata=metadata_of(row),
        paid_at=datetime.fromtimestamp(charged_at, UTC) if charged_at else None,
        error_code=said(error, "code"),
        decline_code=said(error, "decline_code"),
        advice_code=said(error, "advice_code"),
        charge_id=charge.id if is_told else (charge or ""),
        method_type=said(details, "type"),
        method_id=id_of(row.payment_method),
    )
