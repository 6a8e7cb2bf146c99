"""The answers against the SDK's own classes: no field it does not know, none missing it needs.

Objects within objects are held against the classes of their own, all the way down.
"""

from collections.abc import Callable, Iterator
from typing import Any, get_args, get_origin

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
    "dispute": stripe.Dispute,
    "radar.early_fraud_warning": stripe.radar.EarlyFraudWarning,
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
) -> list[dict[str, Any]]:
    """Objects of every kind and in many states, found anywhere in the answers of a story."""
    paid = _checkout(client, customer, lambda path: sandbox.control(path, card="0002"))
    sandbox.control(f"sessions/{paid}/pay", card="3155", three_d_secure="pass")
    alipay = _checkout(
        client, customer, lambda path: sandbox.control(path, method="alipay", outcome="later")
    )
    wechat = _checkout(
        client, customer, lambda path: sandbox.control(path, method="wechat_pay", outcome="wait")
    )
    setup = client.v1.checkout.sessions.create(
        {
            "mode": "setup",
            "currency": "cny",
            "customer": customer.id,
            "success_url": "https://portal.test/",
        }
    )
    sandbox.control(f"sessions/{setup.id}/pay", card="4242")
    expand = ["customer", "line_items", "payment_intent.payment_method"]
    expand.append("payment_intent.latest_charge.balance_transaction")
    sessions = client.v1.checkout.sessions
    told = [sessions.retrieve(made, {"expand": expand}) for made in (paid, alipay, wechat)]
    intent: Any = told[0].payment_intent
    refund = client.v1.refunds.create({"payment_intent": intent.id, "amount": 100})
    sandbox.control(f"refunds/{refund.id}/fail")
    sandbox.control(f"charges/{intent.latest_charge.id}/early-fraud-warning")
    dispute = sandbox.control(f"charges/{intent.latest_charge.id}/dispute")["dispute"]["id"]
    asks = client.v1.setup_intents.create(
        {"payment_method": "pm_card_authenticationRequired", "confirm": True}
    )
    with pytest.raises(stripe.CardError) as declined:
        client.v1.setup_intents.create(
            {"payment_method": "pm_card_chargeDeclined", "confirm": True}
        )
    everything: list[Any] = [
        *told,
        refund,
        asks,
        declined.value.error.setup_intent,
        client.v1.refunds.retrieve(refund.id, {"expand": ["failure_balance_transaction"]}),
        client.v1.disputes.retrieve(dispute),
        *client.v1.charges.list({"payment_intent": intent.id}).data,
        *client.v1.radar.early_fraud_warnings.list({"charge": intent.latest_charge.id}).data,
        sessions.retrieve(setup.id, {"expand": ["setup_intent"]}),
        *client.v1.events.list({"limit": 5}).data,
    ]
    found: list[dict[str, Any]] = []
    for answer in everything:
        collect(answer.to_dict(), found)
    return found


def _checkout(
    client: stripe.StripeClient, customer: stripe.Customer, pay: Callable[[str], Any]
) -> str:
    made = client.v1.checkout.sessions.create(session_params(customer=customer.id))
    pay(f"sessions/{made.id}/pay")
    return made.id


def collect(node: Any, found: list[dict[str, Any]]) -> None:
    if isinstance(node, dict):
        if isinstance(node.get("object"), str) and node["object"] in SHAPES:
            found.append(node)
        for value in node.values():
            collect(value, found)
    elif isinstance(node, list):
        for value in node:
            collect(value, found)


def faults(node: dict[str, Any], shape: Any, path: str) -> Iterator[str]:
    """Where an object has a field that its class does not name, or lacks one it always has."""
    hints = {name: hint for name, hint in shape.__annotations__.items() if name.islower()}
    for name in sorted(set(node) - set(hints) - UNTYPED.get(path, set())):
        yield f"{path}.{name} is unknown"
    for name, hint in hints.items():
        if name not in node:
            if not optional(str(hint)):
                yield f"{path}.{name} is missing"
        elif isinstance(node[name], dict) and "object" not in node[name]:
            for inner in classes(hint):
                yield from faults(node[name], inner, f"{path}.{name}")


def classes(hint: Any) -> Iterator[Any]:
    """The SDK's own classes within a type; maps of anything have none."""
    if get_origin(hint) is not None:
        for part in get_args(hint):
            yield from classes(part)
    elif isinstance(hint, type) and issubclass(hint, stripe.StripeObject) and own(hint):
        yield hint


def own(shape: type) -> bool:
    return shape.__module__ != "stripe._stripe_object" and bool(shape.__annotations__)


def optional(hint: str) -> bool:
    return "Optional" in hint or "NoneType" in hint


def test_every_object_has_the_fields_that_the_sdk_names(answers: list[dict[str, Any]]) -> None:
    assert {answer["object"] for answer in answers} == set(SHAPES)
    wrong = {
        fault
        for answer in answers
        for fault in faults(answer, SHAPES[answer["object"]], answer["object"])
    }

    assert wrong == set()


def test_the_comparison_bites(answers: list[dict[str, Any]]) -> None:
    charge = next(answer for answer in answers if answer["object"] == "charge")
    changed = {**charge, "hue": "red", "outcome": {**charge["outcome"], "mood": "good"}}
    del changed["amount"]

    assert set(faults(changed, stripe.Charge, "charge")) == {
        "charge.amount is missing",
        "charge.hue is unknown",
        "charge.outcome.mood is unknown",
    }
