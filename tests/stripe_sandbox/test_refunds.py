"""Refunds: whole, in parts, and refused."""

from typing import Any

import pytest
import stripe

from tests.sandbox_server import Sandbox


@pytest.fixture
def paid(client: stripe.StripeClient) -> stripe.PaymentIntent:
    return client.v1.payment_intents.create(
        {"amount": 1000, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa"}
    )


def test_a_refund_without_amount_gives_all_back(
    client: stripe.StripeClient, paid: stripe.PaymentIntent
) -> None:
    refund = client.v1.refunds.create(
        {
            "payment_intent": paid.id,
            "reason": "requested_by_customer",
            "metadata": {"refund": "r1"},
            "expand": ["charge", "balance_transaction"],
        }
    )

    assert (refund.amount, refund.status, refund.currency) == (1000, "succeeded", "usd")
    assert refund.metadata.to_dict() == {"refund": "r1"}
    assert (refund.charge.refunded, refund.charge.amount_refunded) == (True, 1000)
    assert (refund.balance_transaction.amount, refund.balance_transaction.fee) == (-1000, 0)
    assert client.v1.payment_intents.retrieve(paid.id).amount_received == 1000


def test_three_partial_refunds_and_no_cent_more(
    client: stripe.StripeClient, paid: stripe.PaymentIntent
) -> None:
    made = [
        client.v1.refunds.create({"payment_intent": paid.id, "amount": amount})
        for amount in (300, 300, 399)
    ]

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.refunds.create({"payment_intent": paid.id, "amount": 2})

    assert refusal.value.param == "amount"
    assert "greater than unrefunded amount" in str(refusal.value)
    listed = client.v1.refunds.list({"payment_intent": paid.id})
    assert [item.id for item in listed.data] == [item.id for item in reversed(made)]
    assert sum(item.amount for item in listed.data) == 999
    charge = client.v1.charges.retrieve(paid.latest_charge, {"expand": ["refunds"]})
    assert (charge.refunded, len(charge.refunds.data)) == (False, 3)


@pytest.mark.parametrize("amount", [0, -1, 1001])
def test_an_amount_out_of_range_is_refused(
    client: stripe.StripeClient, paid: stripe.PaymentIntent, amount: int
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.refunds.create({"charge": paid.latest_charge, "amount": amount})

    assert refusal.value.param == "amount"


def test_a_charge_wholly_refunded_is_not_refunded_again(
    client: stripe.StripeClient, paid: stripe.PaymentIntent
) -> None:
    client.v1.refunds.create({"charge": paid.latest_charge})

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.refunds.create({"charge": paid.latest_charge})

    assert refusal.value.code == "charge_already_refunded"


def test_a_disputed_charge_is_not_refunded(
    sandbox: Sandbox, client: stripe.StripeClient, paid: stripe.PaymentIntent
) -> None:
    sandbox.control(f"charges/{paid.latest_charge}/disputed")

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.refunds.create({"payment_intent": paid.id})

    assert refusal.value.code == "charge_disputed"


@pytest.mark.parametrize(
    "params", [{}, {"charge": "ch_none"}, {"payment_intent": "pi_none"}, {"amount": 100}]
)
def test_a_refund_of_nothing_is_refused(client: stripe.StripeClient, params: Any) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.refunds.create(params)

    assert refusal.value.http_status == 400


def test_an_intent_without_a_successful_charge_has_nothing_to_refund(
    client: stripe.StripeClient,
) -> None:
    intent = client.v1.payment_intents.create({"amount": 1000, "currency": "usd"})

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.refunds.create({"payment_intent": intent.id})

    assert refusal.value.code == "payment_intent_unexpected_state"
