"""Customers and their saved cards. A card's number never comes here, only its brand and end."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from repayments.payments.gateway import client as line
from repayments.payments.gateway.client import call, client, id_of, metadata_of, pages, said

if TYPE_CHECKING:
    from stripe.params import CustomerCreateParams, CustomerPaymentMethodListParams


@dataclass(frozen=True)
class CardFacts:
    """A saved card; ``customer_id`` is empty once it is detached."""

    id: str
    customer_id: str
    brand: str
    last4: str
    exp_month: int
    exp_year: int


@dataclass(frozen=True)
class SetupFacts:
    """A SetupIntent: whether a card was saved, and which."""

    id: str
    status: str
    method_id: str
    customer_id: str
    metadata: Mapping[str, str]
    error_code: str
    decline_code: str


def create_customer(*, borrower: str, key: str) -> str:
    """Create a customer that stands for a borrower's public id, and give its id.

    Name and address stay here: the gateway needs neither. Raises: GatewayError.
    """
    params: CustomerCreateParams = {"metadata": {"borrower": borrower}}
    customers = client().v1.customers
    return call(lambda: customers.create(params, {"idempotency_key": key})).id


def fetch_card(method_id: str) -> CardFacts:
    """Fetch a saved card. Raises: GatewayError, GatewayMissing."""
    methods = client().v1.payment_methods
    return _card(call(lambda: methods.retrieve(method_id)))


def list_cards(customer_id: str) -> Iterator[CardFacts]:
    """List a customer's saved cards, newest first."""
    methods = client().v1.customers.payment_methods

    def page(after: str) -> Any:
        params: CustomerPaymentMethodListParams = {"type": "card", "limit": line.PAGE_SIZE}
        if after:
            params["starting_after"] = after
        return methods.list(customer_id, params)

    return (_card(row) for row in pages(page))


def detach_card(method_id: str, *, key: str) -> CardFacts:
    """Forget a card; it cannot be charged any more. Raises: GatewayError."""
    methods = client().v1.payment_methods
    return _card(call(lambda: methods.detach(method_id, None, {"idempotency_key": key})))


def fetch_setup(setup_id: str) -> SetupFacts:
    """Fetch a SetupIntent. Raises: GatewayError, GatewayMissing."""
    setups = client().v1.setup_intents
    row = call(lambda: setups.retrieve(setup_id))
    return SetupFacts(
        id=row.id,
        status=row.status,
        method_id=id_of(row.payment_method),
        customer_id=id_of(row.customer),
        metadata=metadata_of(row),
        error_code=said(row.last_setup_error, "code"),
        decline_code=said(row.last_setup_error, "decline_code"),
    )


def _card(row: Any) -> CardFacts:
    return CardFacts(
        id=row.id,
        customer_id=id_of(row.customer),
        brand=said(row.card, "brand"),
        last4=said(row.card, "last4"),
        exp_month=row.card.exp_month,
        exp_year=row.card.exp_year,
    )
