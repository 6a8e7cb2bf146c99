"""SetupIntents through the API."""

import http.client
from typing import Any
from urllib.parse import urlsplit

import pytest
import stripe

from tests.sandbox_server import Sandbox
from tests.stripe_sandbox.conftest import Receiver


def post(url: str, body: str) -> str:
    """Send a form as a browser does; returns where it leads."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    try:
        connection.request("POST", parts.path, body, kind)
        return connection.getresponse().headers["Location"]
    finally:
        connection.close()


def test_a_card_is_saved_in_one_call(
    client: stripe.StripeClient, customer: stripe.Customer, receiver: Receiver
) -> None:
    intent = client.v1.setup_intents.create(
        {
            "customer": customer.id,
            "payment_method": "pm_card_visa",
            "confirm": True,
            "usage": "off_session",
            "metadata": {"mandate": "m1"},
        }
    )

    assert (intent.status, intent.usage) == ("succeeded", "off_session")
    assert intent.metadata.to_dict() == {"mandate": "m1"}
    [saved] = client.v1.payment_methods.list({"customer": customer.id}).data
    assert saved.id == intent.payment_method
    receiver.wait_for(4)
    assert {"setup_intent.created", "payment_method.attached", "setup_intent.succeeded"} <= set(
        receiver.types()
    )


def test_it_waits_for_a_card_and_for_its_confirmation(
    client: stripe.StripeClient, customer: stripe.Customer
) -> None:
    intent = client.v1.setup_intents.create({"customer": customer.id})
    assert intent.status == "requires_payment_method"
    with pytest.raises(stripe.InvalidRequestError, match="missing a payment method"):
        client.v1.setup_intents.confirm(intent.id)

    done = client.v1.setup_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})

    assert done.status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.setup_intents.confirm(intent.id)
    assert refusal.value.code == "setup_intent_unexpected_state"


@pytest.mark.parametrize(("result", "status"), [("pass", "succeeded"),
                                                ("fail", "requires_payment_method")])  # fmt: skip
def test_three_d_secure_ends_at_the_return_url(
    client: stripe.StripeClient, customer: stripe.Customer, result: str, status: str
) -> None:
    intent = client.v1.setup_intents.create(
        {
            "customer": customer.id,
            "payment_method": "pm_card_authenticationRequiredOnSetup",
            "confirm": True,
            "return_url": "https://portal.test/back",
        }
    )
    assert intent.status == "requires_action"

    location = post(intent.next_action.redirect_to_url.url, f"result={result}")

    assert location.startswith(f"https://portal.test/back?setup_intent={intent.id}&")
    assert client.v1.setup_intents.retrieve(intent.id).status == status


def test_a_declined_card_is_a_card_error_and_stays_on_record(
    client: stripe.StripeClient, customer: stripe.Customer
) -> None:
    with pytest.raises(stripe.CardError) as refusal:
        client.v1.setup_intents.create(
            {"customer": customer.id, "payment_method": "pm_card_chargeDeclined", "confirm": True}
        )

    intent = client.v1.setup_intents.retrieve(refusal.value.error.setup_intent.id)
    assert (intent.status, intent.last_setup_error.decline_code) == (
        "requires_payment_method",
        "generic_decline",
    )


def test_it_is_canceled_once_and_found_by_customer_and_card(
    client: stripe.StripeClient, customer: stripe.Customer
) -> None:
    first = client.v1.setup_intents.create({"customer": customer.id})
    second = client.v1.setup_intents.create(
        {"customer": customer.id, "payment_method": "pm_card_visa", "confirm": True}
    )

    canceled = client.v1.setup_intents.cancel(first.id, {"cancellation_reason": "abandoned"})

    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "abandoned")
    for intent in (first, second):
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.setup_intents.cancel(intent.id)
    listed = client.v1.setup_intents.list({"customer": customer.id}).data
    assert [item.id for item in listed] == [second.id, first.id]
    by_card = client.v1.setup_intents.list({"payment_method": str(second.payment_method)}).data
    assert [item.id for item in by_card] == [second.id]


def test_the_intent_of_an_open_session_is_left_to_checkout(
    sandbox: Sandbox, client: stripe.StripeClient, customer: stripe.Customer
) -> None:
    session = client.v1.checkout.sessions.create(
        {
            "mode": "setup",
            "currency": "cny",
            "customer": customer.id,
            "success_url": "https://portal.test/",
        }
    )

    with pytest.raises(stripe.InvalidRequestError, match="expire the Checkout Session"):
        client.v1.setup_intents.cancel(str(session.setup_intent))
    client.v1.checkout.sessions.expire(session.id)
    assert client.v1.setup_intents.retrieve(str(session.setup_intent)).status == "canceled"


@pytest.mark.parametrize(
    ("params", "param", "code"),
    [
        ({"payment_method_types": ["card"]}, "payment_method_types",
         "payment_method_types_no_longer_supported"),
        ({"allowed_payment_method_types": ["alipay"]}, None, None),
        ({"customer": "cus_none"}, "customer", "resource_missing"),
        ({"payment_method": "pm_none"}, "payment_method", "resource_missing"),
        ({"return_url": "https://portal.test/"}, "return_url", None),
        ({"usage": "always"}, "usage", None),
        ({"metdata": {"a": "1"}}, "metdata", "parameter_unknown"),
    ],
)  # fmt: skip
def test_what_stripe_would_refuse_is_refused(
    client: stripe.StripeClient, params: Any, param: str | None, code: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.setup_intents.create(params)

    assert refusal.value.http_status == 400
    assert refusal.value.param == param or param is None
    assert refusal.value.code == code or code is None
