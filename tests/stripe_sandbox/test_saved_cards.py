"""Cards saved with a customer, and charged while the cardholder is away."""

from typing import Any

import pytest
import stripe

from stripe_sandbox.cards import TEST_PAYMENT_METHODS
from tests.sandbox_server import ControlRefused, Sandbox
from tests.stripe_sandbox.conftest import Receiver


def save(sandbox: Sandbox, client: stripe.StripeClient, customer: str, card: str) -> str:
    """Save a card in Checkout; returns the payment method's id."""
    session = client.v1.checkout.sessions.create(
        {
            "mode": "setup",
            "currency": "cny",
            "customer": customer,
            "success_url": "https://portal.test/",
            "setup_intent_data": {"metadata": {"mandate": "m1"}},
        }
    )
    sandbox.control(f"sessions/{session.id}/pay", card=card, three_d_secure="pass")
    done = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["setup_intent"]})
    assert (done.status, done.payment_status) == ("complete", "no_payment_required")
    method: str = done.setup_intent.payment_method
    return method


def charge(client: stripe.StripeClient, customer: str, method: str, **changes: Any) -> Any:
    """Charge a saved card as a scheduler does."""
    params: Any = {
        "amount": 5000,
        "currency": "cny",
        "customer": customer,
        "payment_method": method,
        "confirm": True,
        "off_session": True,
        "metadata": {"payment": "p9"},
        **changes,
    }
    return client.v1.payment_intents.create(params)


@pytest.mark.parametrize("card", ["4242", "3155", "0259", "4444"])
def test_a_card_saved_in_checkout_is_charged_off_session(
    sandbox: Sandbox, client: stripe.StripeClient, customer: stripe.Customer, card: str
) -> None:
    method = save(sandbox, client, customer.id, card)

    intent = charge(client, customer.id, method)

    assert (intent.status, intent.amount_received) == ("succeeded", 5000)
    assert (intent.customer, intent.payment_method) == (customer.id, method)
    assert intent.metadata.to_dict() == {"payment": "p9"}


@pytest.mark.parametrize(
    ("card", "code", "decline_code", "advice_code"),
    [
        ("0341", "card_declined", "generic_decline", "try_again_later"),
        ("3184", "authentication_required", "authentication_required", None),
    ],
)
def test_a_card_that_can_be_saved_may_still_be_declined(
    sandbox: Sandbox,
    client: stripe.StripeClient,
    customer: stripe.Customer,
    card: str,
    code: str,
    decline_code: str,
    advice_code: str | None,
) -> None:
    method = save(sandbox, client, customer.id, card)

    with pytest.raises(stripe.CardError) as refusal:
        charge(client, customer.id, method)

    error = refusal.value.error
    assert (refusal.value.http_status, error.code, error.decline_code) == (402, code, decline_code)
    assert getattr(error, "advice_code", None) == advice_code
    intent = client.v1.payment_intents.retrieve(error.payment_intent.id)
    assert (intent.status, intent.payment_method) == ("requires_payment_method", None)
    assert intent.last_payment_error.payment_method.id == method
    assert client.v1.payment_methods.retrieve(method).customer == customer.id


@pytest.mark.parametrize(
    ("behavior", "code", "decline_code", "advice", "network"),
    [
        ("insufficient_funds", "card_declined", "insufficient_funds", "try_again_later", "02"),
        ("stolen_card", "card_declined", "stolen_card", "do_not_try_again", "03"),
        ("lost_card", "card_declined", "lost_card", "do_not_try_again", "03"),
        ("expired_card", "expired_card", None, "do_not_try_again", "03"),
        ("incorrect_cvc", "incorrect_cvc", None, "confirm_card_data", "01"),
        ("processing_error", "processing_error", None, "try_again_later", "02"),
    ],
)
def test_a_saved_card_can_be_made_to_decline_with_advice(
    sandbox: Sandbox,
    client: stripe.StripeClient,
    customer: stripe.Customer,
    behavior: str,
    code: str,
    decline_code: str | None,
    advice: str,
    network: str,
) -> None:
    method = save(sandbox, client, customer.id, "4242")
    sandbox.control(f"payment_methods/{method}/behavior", behavior=behavior)

    with pytest.raises(stripe.CardError) as refusal:
        charge(client, customer.id, method)

    error = refusal.value.error
    assert (error.code, getattr(error, "decline_code", None)) == (code, decline_code)
    assert (error.advice_code, error.network_advice_code) == (advice, network)
    failed = client.v1.charges.retrieve(error.charge)
    assert (failed.outcome.advice_code, failed.outcome.network_status) == (
        advice,
        "declined_by_network",
    )
    sandbox.control(f"payment_methods/{method}/behavior", behavior="succeeds")
    assert charge(client, customer.id, method).status == "succeeded"


def test_an_unknown_behavior_is_refused(
    sandbox: Sandbox, client: stripe.StripeClient, customer: stripe.Customer
) -> None:
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})

    with pytest.raises(ControlRefused, match="Known behaviors"):
        sandbox.control(f"payment_methods/{method.id}/behavior", behavior="explodes")


def test_3155_is_not_enough_saved_by_attaching_alone(
    client: stripe.StripeClient, customer: stripe.Customer
) -> None:
    method = client.v1.payment_methods.attach(
        "pm_card_authenticationRequiredOnSetup", {"customer": customer.id}
    )

    with pytest.raises(stripe.CardError) as refusal:
        charge(client, customer.id, method.id)

    assert refusal.value.code == "authentication_required"


def test_3155_asks_on_session_though_it_was_saved(
    sandbox: Sandbox, client: stripe.StripeClient, customer: stripe.Customer
) -> None:
    method = save(sandbox, client, customer.id, "3155")

    intent = client.v1.payment_intents.create(
        {
            "amount": 5000,
            "currency": "cny",
            "customer": customer.id,
            "payment_method": method,
            "confirm": True,
            "return_url": "https://portal.test/back",
        }
    )

    assert intent.status == "requires_action"


def test_an_intent_can_be_confirmed_off_session_in_a_second_call(
    sandbox: Sandbox, client: stripe.StripeClient, customer: stripe.Customer
) -> None:
    method = save(sandbox, client, customer.id, "4242")
    intent = client.v1.payment_intents.create(
        {"amount": 5000, "currency": "cny", "customer": customer.id, "payment_method": method}
    )

    assert client.v1.payment_intents.confirm(intent.id, {"off_session": True}).status == "succeeded"


@pytest.mark.parametrize("card", ["0002", "9995", "0069", "0127"])
def test_a_card_that_its_issuer_declines_is_not_saved(
    client: stripe.StripeClient, customer: stripe.Customer, card: str
) -> None:
    test_id = next(name for name, last4 in TEST_PAYMENT_METHODS.items() if last4 == card)

    with pytest.raises(stripe.CardError):
        client.v1.payment_methods.attach(test_id, {"customer": customer.id})

    assert client.v1.payment_methods.list({"customer": customer.id}).data == []


def test_a_detached_card_is_gone_for_good(
    client: stripe.StripeClient, customer: stripe.Customer, receiver: Receiver
) -> None:
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})

    gone = client.v1.payment_methods.detach(method.id)

    assert (gone.id, gone.customer) == (method.id, None)
    assert client.v1.payment_methods.list({"customer": customer.id}).data == []
    for use in (
        lambda: client.v1.payment_methods.attach(method.id, {"customer": customer.id}),
        lambda: charge(client, customer.id, method.id),
        lambda: client.v1.payment_methods.detach(method.id),
    ):
        with pytest.raises(stripe.InvalidRequestError):
            use()
    receiver.wait_for(2)
    told = next(event for event in receiver.events() if event.type == "payment_method.detached")
    assert told.data.previous_attributes["customer"] == customer.id


def test_an_intent_does_not_charge_a_card_that_was_detached_meanwhile(
    client: stripe.StripeClient, customer: stripe.Customer
) -> None:
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    intent = client.v1.payment_intents.create(
        {"amount": 5000, "currency": "cny", "customer": customer.id, "payment_method": method.id}
    )
    client.v1.payment_methods.detach(method.id)

    with pytest.raises(stripe.InvalidRequestError, match="detached"):
        client.v1.payment_intents.confirm(intent.id)


def test_a_card_removed_in_the_dashboard_is_told(
    sandbox: Sandbox, client: stripe.StripeClient, customer: stripe.Customer, receiver: Receiver
) -> None:
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})

    sandbox.control(f"payment_methods/{method.id}/detach")
    receiver.wait_for(3)

    told = next(event for event in receiver.events() if event.type == "payment_method.detached")
    assert (told.data.object.id, told.request.id) == (method.id, None)


def test_a_card_belongs_to_one_customer(
    client: stripe.StripeClient, customer: stripe.Customer
) -> None:
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    other = client.v1.customers.create({})

    with pytest.raises(stripe.InvalidRequestError, match="already been attached"):
        client.v1.payment_methods.attach(method.id, {"customer": other.id})
    with pytest.raises(stripe.InvalidRequestError, match="belongs to the Customer"):
        charge(client, other.id, method.id)


def test_cards_are_listed_newest_first_without_a_fingerprint(
    client: stripe.StripeClient, customer: stripe.Customer
) -> None:
    made = [
        client.v1.payment_methods.attach(name, {"customer": customer.id}).id
        for name in ("pm_card_visa", "pm_card_mastercard")
    ]

    listed = client.v1.payment_methods.list({"customer": customer.id, "type": "card"}).data
    of_customer = client.v1.customers.payment_methods.list(customer.id).data
    wallets = client.v1.payment_methods.list({"customer": customer.id, "type": "alipay"}).data

    assert [item.id for item in listed] == made[::-1] == [item.id for item in of_customer]
    assert {item.card.fingerprint for item in listed} == {None}
    assert wallets == []


def test_a_saved_card_is_updated_by_us_and_by_its_network(
    sandbox: Sandbox, client: stripe.StripeClient, customer: stripe.Customer, receiver: Receiver
) -> None:
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})

    updated = client.v1.payment_methods.update(
        method.id,
        {
            "card": {"exp_month": 3, "exp_year": 2031},
            "billing_details": {"name": "Lin Xia"},
            "metadata": {"loan": "7"},
        },
    )
    sandbox.control(f"payment_methods/{method.id}/renew", exp_year=2036)

    assert (updated.card.exp_month, updated.card.exp_year) == (3, 2031)
    assert (updated.billing_details.name, updated.metadata["loan"]) == ("Lin Xia", "7")
    assert client.v1.payment_methods.retrieve(method.id).card.exp_year == 2036
    receiver.wait_for(4)
    told = {event.type: event.data.to_dict() for event in receiver.events()}
    assert told["payment_method.updated"]["previous_attributes"]["metadata"] == {}
    renewed = told["payment_method.automatically_updated"]["previous_attributes"]
    assert renewed == {"card": {"exp_year": 2031}}


def test_an_empty_value_takes_metadata_away(client: stripe.StripeClient) -> None:
    customer = client.v1.customers.create({"metadata": {"a": "1", "b": "2"}})

    changed = client.v1.customers.update(customer.id, {"metadata": {"a": "", "c": "3"}})
    emptied = client.v1.customers.update(customer.id, {"metadata": "", "name": "Lin"})

    assert changed.metadata.to_dict() == {"b": "2", "c": "3"}
    assert (emptied.metadata.to_dict(), emptied.name) == ({}, "Lin")


def test_a_card_saved_while_paying_is_charged_off_session(
    sandbox: Sandbox, client: stripe.StripeClient, customer: stripe.Customer
) -> None:
    session = client.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "customer": customer.id,
            "success_url": "https://portal.test/",
            "payment_method_options": {"card": {"setup_future_usage": "off_session"}},
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": "cny",
                        "unit_amount": 9900,
                        "product_data": {"name": "Installment"},
                    },
                }
            ],
        }
    )
    sandbox.control(f"sessions/{session.id}/pay", card="3155", three_d_secure="pass")

    [method] = client.v1.payment_methods.list({"customer": customer.id}).data
    assert charge(client, customer.id, method.id).status == "succeeded"
