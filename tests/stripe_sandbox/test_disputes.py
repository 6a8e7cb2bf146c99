"""Disputes: opened, moved through their states, closed; and what they do to the balance."""

from typing import Any

import pytest
import stripe

from tests.sandbox_server import ControlRefused, Sandbox
from tests.stripe_sandbox.conftest import Receiver


@pytest.fixture
def charge(client: stripe.StripeClient, receiver: Receiver) -> str:
    """The id of a paid charge of 10.00 USD, whose own three events have come."""
    intent = client.v1.payment_intents.create(
        {"amount": 1000, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa"}
    )
    receiver.wait_for(3)
    receiver.clear()
    return str(intent.latest_charge)


def movements(client: stripe.StripeClient, dispute: str) -> list[tuple[int, int, str]]:
    rows = client.v1.balance_transactions.list({"source": dispute}).data
    return [(row.amount, row.fee, row.reporting_category) for row in reversed(rows)]


def dispute_of(sandbox: Sandbox, charge: str, **asked: Any) -> str:
    opened: str = sandbox.control(f"charges/{charge}/dispute", **asked)["dispute"]["id"]
    return opened


def test_a_chargeback_takes_amount_and_fee_and_winning_gives_the_amount_back(
    sandbox: Sandbox, client: stripe.StripeClient, receiver: Receiver, charge: str
) -> None:
    dispute = dispute_of(sandbox, charge, reason="fraudulent")
    opened = client.v1.disputes.retrieve(dispute)
    assert (opened.status, opened.reason, opened.amount) == ("needs_response", "fraudulent", 1000)
    assert (opened.charge, opened.is_charge_refundable) == (charge, False)
    assert [row.amount for row in opened.balance_transactions] == [-1000]
    assert movements(client, dispute) == [(-1000, 1500, "dispute")]
    assert client.v1.charges.retrieve(charge).disputed is True

    sandbox.control(f"disputes/{dispute}/review")
    sandbox.control(f"disputes/{dispute}/win")

    won = client.v1.disputes.retrieve(dispute, {"expand": ["charge"]})
    assert (won.status, won.charge.amount) == ("won", 1000)
    assert movements(client, dispute) == [
        (-1000, 1500, "dispute"),
        (1000, 0, "dispute_reversal"),
    ]
    receiver.wait_for(5)
    assert sorted(receiver.types()) == [
        "charge.dispute.closed",
        "charge.dispute.created",
        "charge.dispute.funds_reinstated",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.updated",
    ]


@pytest.mark.parametrize("how", ["bank", "api"])
def test_a_lost_dispute_moves_no_more_money(
    sandbox: Sandbox, client: stripe.StripeClient, receiver: Receiver, charge: str, how: str
) -> None:
    dispute = dispute_of(sandbox, charge)

    if how == "bank":
        sandbox.control(f"disputes/{dispute}/lose")
    else:
        assert client.v1.disputes.close(dispute).status == "lost"

    assert client.v1.disputes.retrieve(dispute).status == "lost"
    assert movements(client, dispute) == [(-1000, 1500, "dispute")]
    receiver.wait_for(3)
    assert "charge.dispute.closed" in receiver.types()
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.disputes.close(dispute)
    with pytest.raises(ControlRefused, match="status of lost"):
        sandbox.control(f"disputes/{dispute}/win")
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.refunds.create({"charge": charge})
    assert refusal.value.code == "charge_disputed"


def test_an_inquiry_moves_no_money_and_leaves_the_charge_refundable(
    sandbox: Sandbox, client: stripe.StripeClient, receiver: Receiver, charge: str
) -> None:
    dispute = dispute_of(sandbox, charge, inquiry=True)

    opened = client.v1.disputes.retrieve(dispute)
    sandbox.control(f"disputes/{dispute}/close-inquiry")

    assert (opened.status, opened.is_charge_refundable) == ("warning_needs_response", True)
    assert opened.payment_method_details.card.case_type == "inquiry"
    assert client.v1.disputes.retrieve(dispute).status == "warning_closed"
    assert movements(client, dispute) == []
    receiver.wait_for(2)
    assert sorted(receiver.types()) == ["charge.dispute.closed", "charge.dispute.created"]
    assert client.v1.refunds.create({"charge": charge}).status == "succeeded"


def test_an_inquiry_may_become_a_chargeback(
    sandbox: Sandbox, client: stripe.StripeClient, charge: str
) -> None:
    dispute = dispute_of(sandbox, charge, inquiry=True)

    sandbox.control(f"disputes/{dispute}/withdraw")

    assert client.v1.disputes.retrieve(dispute).status == "needs_response"
    assert movements(client, dispute) == [(-1000, 1500, "dispute")]
    with pytest.raises(ControlRefused):
        sandbox.control(f"disputes/{dispute}/withdraw")


def test_the_money_of_a_chargeback_may_leave_later(
    sandbox: Sandbox, client: stripe.StripeClient, receiver: Receiver, charge: str
) -> None:
    dispute = dispute_of(sandbox, charge, withdraw=False)
    assert movements(client, dispute) == []

    sandbox.control(f"disputes/{dispute}/withdraw")

    assert movements(client, dispute) == [(-1000, 1500, "dispute")]
    receiver.wait_for(2)
    assert receiver.types() == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]


@pytest.mark.parametrize(("asked", "amount"), [({}, 600), ({"amount": 1000}, 1000)])
def test_a_partly_refunded_charge_is_disputed_for_the_rest_or_for_all(
    sandbox: Sandbox, client: stripe.StripeClient, charge: str, asked: Any, amount: int
) -> None:
    client.v1.refunds.create({"charge": charge, "amount": 400})

    dispute = dispute_of(sandbox, charge, **asked)

    assert client.v1.disputes.retrieve(dispute).amount == amount


@pytest.mark.parametrize("amount", [0, -1, 1001])
def test_an_amount_out_of_range_is_refused(sandbox: Sandbox, charge: str, amount: int) -> None:
    with pytest.raises(ControlRefused, match="between 1 and 1000"):
        dispute_of(sandbox, charge, amount=amount)


def test_a_charge_is_disputed_by_one_dispute_at_a_time(sandbox: Sandbox, charge: str) -> None:
    dispute_of(sandbox, charge)

    with pytest.raises(ControlRefused, match="disputed already"):
        dispute_of(sandbox, charge)


@pytest.mark.parametrize(
    ("method", "status", "events"),
    [
        (
            "pm_card_createDispute",
            "needs_response",
            {"charge.dispute.created", "charge.dispute.funds_withdrawn"},
        ),
        ("pm_card_createDisputeInquiry", "warning_needs_response", {"charge.dispute.created"}),
    ],
)
def test_some_cards_succeed_and_are_disputed_at_once(
    client: stripe.StripeClient, receiver: Receiver, method: str, status: str, events: set[str]
) -> None:
    intent = client.v1.payment_intents.create(
        {"amount": 1000, "currency": "usd", "confirm": True, "payment_method": method}
    )

    assert (intent.status, intent.amount_received) == ("succeeded", 1000)
    [dispute] = client.v1.disputes.list({"payment_intent": intent.id}).data
    assert (dispute.status, dispute.reason) == (status, "fraudulent")
    receiver.wait_for(3 + len(events))
    told = set(receiver.types())
    assert events == {kind for kind in told if kind.startswith("charge.dispute.")}


def test_disputes_are_listed_by_charge_and_time(
    sandbox: Sandbox, client: stripe.StripeClient, charge: str
) -> None:
    dispute = dispute_of(sandbox, charge)
    created = client.v1.disputes.retrieve(dispute).created

    by_charge = client.v1.disputes.list({"charge": charge}).data
    in_window = client.v1.disputes.list({"created": {"gte": created}, "limit": 1}).data
    before = client.v1.disputes.list({"charge": charge, "created": {"lt": created}}).data

    assert [item.id for item in by_charge] == [item.id for item in in_window] == [dispute]
    assert before == []


def test_an_issuer_warns_of_fraud(
    sandbox: Sandbox, client: stripe.StripeClient, receiver: Receiver, charge: str
) -> None:
    sandbox.control(f"charges/{charge}/early-fraud-warning")

    [warning] = client.v1.radar.early_fraud_warnings.list({"charge": charge}).data
    assert (warning.actionable, warning.fraud_type) == (True, "unauthorized_use_of_card")
    receiver.wait_for(1)
    assert receiver.types() == ["radar.early_fraud_warning.created"]
    dispute_of(sandbox, charge)
    again = client.v1.radar.early_fraud_warnings.retrieve(warning.id)
    assert again.actionable is False
