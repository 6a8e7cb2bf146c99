"""Refunds: whole, in parts, and refused."""

from typing import Any

import pytest
import stripe

from tests.sandbox_server import ControlRefused, Sandbox
from tests.stripe_sandbox.conftest import Receiver


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
    sandbox.control(f"charges/{paid.latest_charge}/dispute")

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


def paid_with(client: stripe.StripeClient, method: str) -> stripe.PaymentIntent:
    return client.v1.payment_intents.create(
        {"amount": 1000, "currency": "usd", "confirm": True, "payment_method": method}
    )


def movements(client: stripe.StripeClient, refund: str) -> list[tuple[int, str]]:
    rows = client.v1.balance_transactions.list({"source": refund}).data
    return [(row.amount, row.type) for row in reversed(rows)]


def test_a_pending_refund_succeeds_within_the_hour(
    sandbox: Sandbox, client: stripe.StripeClient, receiver: Receiver
) -> None:
    intent = paid_with(client, "pm_card_pendingRefund")
    refund = client.v1.refunds.create({"payment_intent": intent.id, "amount": 400})
    assert (refund.status, refund.pending_reason) == ("pending", "processing")
    receiver.wait_for(5)
    assert "refund.updated" not in receiver.types()

    sandbox.control("clock", seconds=3601)
    try:
        assert client.v1.refunds.retrieve(refund.id).status == "succeeded"
    finally:
        sandbox.control("clock", seconds=-3601)

    told = client.v1.events.list({"type": "refund.updated", "limit": 100}).data
    changes = [
        event.data.previous_attributes.to_dict()
        for event in told
        if event.data.object.id == refund.id
    ]
    assert {"status": "pending"} in changes
    assert movements(client, refund.id) == [(-400, "refund")]


def test_a_refund_that_fails_later_gives_the_amount_back(
    sandbox: Sandbox, client: stripe.StripeClient, receiver: Receiver
) -> None:
    intent = paid_with(client, "pm_card_refundFail")
    refund = client.v1.refunds.create({"payment_intent": intent.id})
    assert refund.status == "succeeded"

    sandbox.control("clock", seconds=3601)
    try:
        failed = client.v1.refunds.retrieve(
            refund.id, {"expand": ["failure_balance_transaction", "charge"]}
        )
    finally:
        sandbox.control("clock", seconds=-3601)

    assert (failed.status, failed.failure_reason) == ("failed", "unknown")
    assert failed.failure_balance_transaction.amount == 1000
    assert (failed.charge.refunded, failed.charge.amount_refunded) == (False, 0)
    assert movements(client, refund.id) == [(-1000, "refund"), (1000, "refund_failure")]
    receiver.wait_for_types("refund.failed", "refund.updated", "charge.refund.updated")
    assert client.v1.refunds.create({"payment_intent": intent.id}).status == "succeeded"


@pytest.mark.parametrize(
    ("action", "status", "left"), [("succeed", "succeeded", 700), ("fail", "failed", 1000),
                                   ("cancel", "canceled", 1000)]
)  # fmt: skip
def test_a_refund_of_the_dashboard_ends_as_its_control_says(
    sandbox: Sandbox,
    client: stripe.StripeClient,
    paid: stripe.PaymentIntent,
    action: str,
    status: str,
    left: int,
) -> None:
    made = sandbox.control(f"charges/{paid.latest_charge}/refund", amount=300, status="pending")

    sandbox.control(f"refunds/{made['refund']['id']}/{action}")

    assert client.v1.refunds.retrieve(made["refund"]["id"]).status == status
    charge = client.v1.charges.retrieve(str(paid.latest_charge))
    assert charge.amount - charge.amount_refunded == left
    if status != "succeeded":
        with pytest.raises(ControlRefused, match=f"status of {status}"):
            sandbox.control(f"refunds/{made['refund']['id']}/succeed")


def test_a_refund_of_the_dashboard_is_told_without_a_request(
    sandbox: Sandbox, client: stripe.StripeClient, receiver: Receiver
) -> None:
    intent = paid_with(client, "pm_card_visa")
    receiver.wait_for(3)
    receiver.clear()

    made = sandbox.control(f"charges/{intent.latest_charge}/refund", amount=250)
    receiver.wait_for(4)

    told = {event.type: event for event in receiver.events()}
    assert sorted(told) == [
        "charge.refund.updated",
        "charge.refunded",
        "refund.created",
        "refund.updated",
    ]
    assert told["refund.created"].data.object.id == made["refund"]["id"]
    assert told["refund.created"].request.id is None


def test_a_control_refunds_no_more_than_the_api_would(
    sandbox: Sandbox, paid: stripe.PaymentIntent
) -> None:
    with pytest.raises(ControlRefused, match="greater than unrefunded"):
        sandbox.control(f"charges/{paid.latest_charge}/refund", amount=1001)


def test_every_movement_of_money_is_a_balance_transaction(
    sandbox: Sandbox, client: stripe.StripeClient, paid: stripe.PaymentIntent
) -> None:
    refund = client.v1.refunds.create({"payment_intent": paid.id, "amount": 300})
    sandbox.control(f"refunds/{refund.id}/fail", reason="lost_or_stolen_card")

    rows = [
        *client.v1.balance_transactions.list({"source": str(paid.latest_charge)}).data,
        *client.v1.balance_transactions.list({"source": refund.id}).data,
    ]

    assert sorted(row.type for row in rows) == ["charge", "refund", "refund_failure"]
    assert sum(row.amount for row in rows) == 1000
    assert all(row.net == row.amount - row.fee for row in rows)
