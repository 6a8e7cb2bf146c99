"""PaymentIntents, charges, payment methods and balance transactions through the API."""

import time
from typing import Any

import pytest
import stripe

from tests.sandbox_server import Sandbox


def params(**changes: Any) -> Any:
    return {"amount": 5000, "currency": "cny", **changes}


def confirmed(**changes: Any) -> Any:
    return params(confirm=True, payment_method="pm_card_visa", **changes)


def test_an_intent_is_created_confirmed_and_charged(
    client: stripe.StripeClient, customer: stripe.Customer
) -> None:
    intent = client.v1.payment_intents.create(params(customer=customer.id, description="Loan 7"))
    assert (intent.status, intent.latest_charge) == ("requires_payment_method", None)

    paid = client.v1.payment_intents.confirm(
        intent.id, {"payment_method": "pm_card_visa", "expand": ["latest_charge"]}
    )

    assert (paid.status, paid.amount_received) == ("succeeded", 5000)
    assert (paid.latest_charge.status, paid.latest_charge.description) == ("succeeded", "Loan 7")
    moved = client.v1.balance_transactions.list({"source": paid.latest_charge.id}).data
    assert [(row.amount, row.fee, row.net) for row in moved] == [(5000, 175, 4825)]


def test_with_a_payment_method_it_waits_for_confirmation(client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create(params(payment_method="pm_card_visa"))

    assert intent.status == "requires_confirmation"
    assert client.v1.payment_intents.confirm(intent.id).status == "succeeded"


@pytest.mark.parametrize(
    ("method", "code", "decline_code"),
    [
        ("pm_card_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", None),
        ("pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", None),
    ],
)
def test_a_declined_card_is_a_card_error_and_stays_on_record(
    client: stripe.StripeClient, method: str, code: str, decline_code: str | None
) -> None:
    with pytest.raises(stripe.CardError) as refusal:
        client.v1.payment_intents.create(params(confirm=True, payment_method=method))

    error = refusal.value.error
    assert (refusal.value.http_status, refusal.value.code) == (402, code)
    assert getattr(error, "decline_code", None) == decline_code
    intent = client.v1.payment_intents.retrieve(
        error.payment_intent.id, {"expand": ["latest_charge"]}
    )
    assert (intent.status, intent.last_payment_error.code) == ("requires_payment_method", code)
    assert (intent.latest_charge.paid, intent.latest_charge.failure_code) == (False, code)
    assert intent.amount_received == 0


def test_a_declined_intent_can_be_paid_with_another_card(client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create(params())
    with pytest.raises(stripe.CardError):
        client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_chargeDeclined"})

    paid = client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})

    assert (paid.status, paid.last_payment_error) == ("succeeded", None)
    charges = client.v1.charges.list({"payment_intent": intent.id}).data
    assert [charge.status for charge in charges] == ["succeeded", "failed"]


def test_3184_asks_for_authentication_on_session_and_is_declined_off_session(
    client: stripe.StripeClient, customer: stripe.Customer
) -> None:
    on_session = client.v1.payment_intents.create(
        params(
            confirm=True,
            payment_method="pm_card_authenticationRequired",
            return_url="https://portal.test/back",
        )
    )
    with pytest.raises(stripe.CardError) as refusal:
        client.v1.payment_intents.create(
            params(
                confirm=True,
                payment_method="pm_card_authenticationRequired",
                customer=customer.id,
                off_session=True,
            )
        )

    assert on_session.status == "requires_action"
    assert on_session.next_action.redirect_to_url.return_url == "https://portal.test/back"
    assert refusal.value.code == "authentication_required"
    assert refusal.value.error.payment_intent.status == "requires_payment_method"


def test_a_succeeded_intent_is_neither_confirmed_again_nor_canceled(
    client: stripe.StripeClient,
) -> None:
    intent = client.v1.payment_intents.create(confirmed())

    for action in (client.v1.payment_intents.confirm, client.v1.payment_intents.cancel):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            action(intent.id)
        assert refusal.value.code == "payment_intent_unexpected_state"


def test_an_unpaid_intent_is_canceled_with_a_reason_once(client: stripe.StripeClient) -> None:
    intent = client.v1.payment_intents.create(params())

    canceled = client.v1.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})

    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "abandoned")
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.cancel(intent.id)
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})


def test_the_intent_of_an_open_session_is_left_to_checkout(
    sandbox: Sandbox, client: stripe.StripeClient, session: stripe.checkout.Session
) -> None:
    sandbox.control(f"sessions/{session.id}/pay", card="0002")
    intent = client.v1.checkout.sessions.retrieve(session.id).payment_intent

    with pytest.raises(stripe.InvalidRequestError, match="expire the Checkout Session"):
        client.v1.payment_intents.cancel(intent)


@pytest.mark.parametrize(
    ("changes", "param", "code"),
    [
        ({"amount": 0}, "amount", "amount_too_small"),
        ({"amount": 399}, "amount", "amount_too_small"),
        ({"amount": -5}, "amount", "amount_too_small"),
        ({"amount": 100_000_000}, "amount", "amount_too_large"),
        ({"amount": "12.50"}, "amount", "parameter_invalid_integer"),
        ({"amount": 5001, "currency": "kwd"}, "amount", "parameter_invalid_integer"),
        ({"currency": "CNY"}, "currency", None),
        ({"currency": "rmb"}, "currency", None),
        ({"off_session": True}, "off_session", None),
        ({"payment_method": "pm_none"}, "payment_method", "resource_missing"),
        ({"customer": "cus_none"}, "customer", "resource_missing"),
        ({"capture_method": "manual"}, "capture_method", "sandbox_not_modeled"),
    ],
)
def test_an_intent_that_stripe_would_refuse_is_refused(
    client: stripe.StripeClient, changes: Any, param: str, code: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.payment_intents.create(params(**changes))

    assert (refusal.value.http_status, refusal.value.param) == (400, param)
    assert refusal.value.code == code


def test_intents_are_found_by_customer_and_time_of_creation(
    client: stripe.StripeClient, customer: stripe.Customer
) -> None:
    made = client.v1.payment_intents.create(
        params(customer=customer.id, metadata={"payment": "p9"})
    )
    now = int(time.time())

    found = client.v1.payment_intents.list(
        {"customer": customer.id, "created": {"gte": now - 60, "lt": now + 60}}
    )
    later = client.v1.payment_intents.list({"customer": customer.id, "created": {"gt": now + 60}})

    assert [(item.id, item.metadata["payment"]) for item in found.data] == [(made.id, "p9")]
    assert later.data == []


def test_a_card_used_once_without_a_customer_is_not_used_again(
    client: stripe.StripeClient,
) -> None:
    first = client.v1.payment_intents.create(confirmed())

    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        client.v1.payment_intents.create(params(confirm=True, payment_method=first.payment_method))


def test_a_saved_card_is_charged_only_with_its_customer(
    client: stripe.StripeClient, customer: stripe.Customer
) -> None:
    first = client.v1.payment_intents.create(
        confirmed(customer=customer.id, setup_future_usage="off_session")
    )
    saved = client.v1.customers.payment_methods.list(customer.id).data

    with pytest.raises(stripe.InvalidRequestError, match="belongs to the Customer"):
        client.v1.payment_intents.create(params(confirm=True, payment_method=first.payment_method))
    again = client.v1.payment_intents.create(
        params(
            confirm=True,
            off_session=True,
            customer=customer.id,
            payment_method=first.payment_method,
        )
    )

    assert [method.id for method in saved] == [first.payment_method]
    assert again.status == "succeeded"
    assert client.v1.payment_methods.retrieve(saved[0].id).customer == customer.id
