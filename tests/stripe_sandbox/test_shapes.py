"""The answers against the SDK's own classes: no field it does not know, none missing it needs."""

from typing import Any

import pytest
import stripe

from tests.sandbox_server import Sandbox
from tests.stripe_sandbox.calls import session_params

SHAPES = {
    "customer": stripe.Customer,
    "payment_method": stripe.PaymentMethod,
    "payment_intent": stripe.PaymentIntent,
    "setup_intent": stripe.SetupIntent,
    "charge": stripe.Charge,
    "refund": stripe.Refund,
    "balance_transaction": stripe.BalanceTransaction,
    "checkout.session": stripe.checkout.Session,
    "item": stripe.LineItem,
    "price": stripe.Price,
    "event": stripe.Event,
}
# In Stripe's fixtures and answers, though the SDK's types leave it out.
UNTYPED = {"price": {"tiers_mode"}}


@pytest.fixture
def answers(
    sandbox: Sandbox, client: stripe.StripeClient, customer: stripe.Customer
) -> dict[str, dict[str, Any]]:
    """One object of each kind, found anywhere in the answers of a short story."""
    made = client.v1.checkout.sessions.create(session_params(customer=customer.id))
    sandbox.control(f"sessions/{made.id}/pay", card="0002")
    sandbox.control(f"sessions/{made.id}/pay", card="3155", three_d_secure="pass")
    setup = client.v1.checkout.sessions.create(
        {
            "mode": "setup",
            "currency": "cny",
            "customer": customer.id,
            "success_url": "https://portal.test/",
        }
    )
    sandbox.control(f"sessions/{setup.id}/pay", card="4242")
    paid = client.v1.checkout.sessions.retrieve(
        made.id,
        {
            "expand": [
                "customer",
                "line_items",
                "payment_intent.payment_method",
                "payment_intent.latest_charge.balance_transaction",
            ]
        },
    )
    told = [
        paid,
        client.v1.refunds.create({"payment_intent": paid.payment_intent.id, "amount": 100}),
        client.v1.checkout.sessions.retrieve(setup.id, {"expand": ["setup_intent"]}),
        client.v1.events.list({"limit": 1}).data[0],
    ]
    found: dict[str, dict[str, Any]] = {}
    for answer in told:
        collect(answer.to_dict(), found)
    return found


def collect(node: Any, found: dict[str, dict[str, Any]]) -> None:
    if isinstance(node, dict):
        if isinstance(node.get("object"), str) and node["object"] in SHAPES:
            found.setdefault(node["object"], node)
        for value in node.values():
            collect(value, found)
    elif isinstance(node, list):
        for value in node:
            collect(value, found)


def test_every_object_has_the_fields_that_the_sdk_names(
    answers: dict[str, dict[str, Any]],
) -> None:
    wrong = {}
    for kind, shape in SHAPES.items():
        hints = {name: str(hint) for name, hint in shape.__annotations__.items() if name.islower()}
        needed = {name for name, hint in hints.items() if not optional(hint)}
        sent = set(answers[kind])
        unknown = sent - set(hints) - UNTYPED.get(kind, set())
        if unknown or needed - sent:
            wrong[kind] = {"unknown": unknown, "missing": needed - sent}

    assert wrong == {}


def optional(hint: str) -> bool:
    return "Optional" in hint or "NoneType" in hint
