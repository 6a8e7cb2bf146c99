"""Webhooks: which events, how signed, how often; and what test controls do to them."""

import json
import time
from typing import Any

import pytest
import stripe

from tests.sandbox_server import Sandbox
from tests.stripe_sandbox.calls import session_params
from tests.stripe_sandbox.conftest import SECRETS, Receiver

# What a session paid at the first try gives rise to.
PAID = [
    "payment_intent.created",
    "charge.succeeded",
    "payment_intent.succeeded",
    "checkout.session.completed",
]


def waiting(sandbox: Sandbox) -> Any:
    """The deliveries that are still to be sent or heard of."""
    asked = {"status": ["held", "pending", "sending"]}
    return sandbox.control("webhooks/deliveries", **asked)["deliveries"]


@pytest.fixture
def opened(client: stripe.StripeClient, receiver: Receiver) -> stripe.checkout.Session:
    """An open session of a guest: nothing has been sent for it."""
    return client.v1.checkout.sessions.create(session_params())


def test_a_paid_session_sends_its_events(
    sandbox: Sandbox, receiver: Receiver, opened: stripe.checkout.Session
) -> None:
    sandbox.control(f"sessions/{opened.id}/pay", card="4242")
    receiver.wait_for(4)

    events = {event.type: event for event in receiver.events()}
    assert sorted(events) == sorted(PAID)
    completed = events["checkout.session.completed"]
    assert completed.api_version == "2026-10-28.endive"
    assert completed.livemode is False
    assert completed.data.object.payment_status == "paid"
    assert completed.data.object.id == opened.id
    assert completed.data.object.metadata["payment"] == "p1"
    assert events["payment_intent.succeeded"].data.object.amount_received == 12345


def test_a_decline_then_a_success_tells_both(
    sandbox: Sandbox, receiver: Receiver, opened: stripe.checkout.Session
) -> None:
    sandbox.control(f"sessions/{opened.id}/pay", card="9995")
    sandbox.control(f"sessions/{opened.id}/pay", card="4242")
    receiver.wait_for(6)

    types = receiver.types()
    assert sorted(types) == sorted([*PAID, "charge.failed", "payment_intent.payment_failed"])
    failed = next(e for e in receiver.events() if e.type == "payment_intent.payment_failed")
    assert failed.data.object.last_payment_error.decline_code == "insufficient_funds"


def test_three_d_secure_tells_that_action_is_required(
    sandbox: Sandbox, receiver: Receiver, opened: stripe.checkout.Session
) -> None:
    sandbox.control(f"sessions/{opened.id}/pay", card="3155")
    receiver.wait_for(2)
    assert sorted(receiver.types()) == [
        "payment_intent.created",
        "payment_intent.requires_action",
    ]

    sandbox.control(f"sessions/{opened.id}/pay", three_d_secure="pass")
    receiver.wait_for(5)
    assert "checkout.session.completed" in receiver.types()


def test_expiry_and_cancellation_are_told(
    sandbox: Sandbox,
    client: stripe.StripeClient,
    receiver: Receiver,
    opened: stripe.checkout.Session,
) -> None:
    sandbox.control(f"sessions/{opened.id}/pay", card="0002")
    client.v1.checkout.sessions.expire(opened.id)
    receiver.wait_for(5)

    assert {"checkout.session.expired", "payment_intent.canceled"} <= set(receiver.types())


def test_a_refund_is_told_as_created_then_updated(
    client: stripe.StripeClient, receiver: Receiver
) -> None:
    intent = client.v1.payment_intents.create(
        {"amount": 1000, "currency": "usd", "confirm": True, "payment_method": "pm_card_visa"}
    )
    refund = client.v1.refunds.create({"payment_intent": intent.id})
    receiver.wait_for(6)

    told = {event.type: event for event in receiver.events()}
    assert told["refund.created"].data.object.id == refund.id
    assert told["refund.updated"].data.object.status == "succeeded"
    assert told["charge.refunded"].data.object.amount_refunded == 1000
    assert told["refund.created"].request.id.startswith("req_")


def test_each_secret_signs(sandbox: Sandbox, receiver: Receiver) -> None:
    sandbox.client().v1.customers.create({})
    receiver.wait_for(1)

    assert receiver.received[0][1].count("v1=") == 2
    assert receiver.events("whsec_old")[0].id == receiver.events("whsec_new")[0].id
    with pytest.raises(stripe.SignatureVerificationError):
        receiver.events("whsec_other")


def test_a_refused_delivery_is_tried_again_until_taken(
    sandbox: Sandbox, receiver: Receiver, client: stripe.StripeClient
) -> None:
    receiver.statuses = [500, 302]
    client.v1.customers.create({})
    receiver.wait_for(3)

    delivery = sandbox.control("webhooks/deliveries")["deliveries"][-1]
    deadline = time.monotonic() + 5
    while delivery["status"] != "delivered" and time.monotonic() < deadline:
        time.sleep(0.05)
        delivery = sandbox.control("webhooks/deliveries")["deliveries"][-1]
    assert [attempt["status_code"] for attempt in delivery["attempts"]] == [500, 302, 200]
    assert len({event.id for event in receiver.events()}) == 1


def test_events_are_listed_by_type_time_and_delivery(
    sandbox: Sandbox, client: stripe.StripeClient, receiver: Receiver
) -> None:
    sandbox.control("webhooks/drop", count=1)
    lost = client.v1.customers.create({"email": "lost@example.com"})
    heard = client.v1.customers.create({"email": "heard@example.com"})
    receiver.wait_for(1)
    time.sleep(0.3)

    window: Any = {"types": ["customer.created"], "created": {"gte": int(time.time()) - 60}}
    undelivered = client.v1.events.list({**window, "delivery_success": False}).data
    delivered = client.v1.events.list({**window, "delivery_success": True}).data

    assert undelivered[0].data.object.id == lost.id
    assert delivered[0].data.object.id == heard.id
    assert client.v1.events.retrieve(undelivered[0].id).type == "customer.created"
    assert client.v1.events.list({"types": ["payout.paid"]}).data == []


def test_events_page_through_with_cursors(client: stripe.StripeClient) -> None:
    made = [client.v1.customers.create({}).id for _ in range(5)]

    first = client.v1.events.list({"limit": 3, "type": "customer.created"})
    second = client.v1.events.list(
        {"limit": 3, "type": "customer.created", "starting_after": first.data[-1].id}
    )
    newer = client.v1.events.list(
        {"limit": 2, "type": "customer.created", "ending_before": first.data[-1].id}
    )

    listed = [event.data.object.id for event in [*first.data, *second.data]]
    assert listed[:5] == made[::-1]
    assert [event.id for event in newer.data] == [event.id for event in first.data[:2]]


def test_a_dropped_event_never_comes_but_exists(
    sandbox: Sandbox,
    client: stripe.StripeClient,
    receiver: Receiver,
    opened: stripe.checkout.Session,
) -> None:
    sandbox.control("webhooks/drop", count=1, types=["checkout.session.completed"])
    sandbox.control(f"sessions/{opened.id}/pay", card="4242")
    receiver.wait_for(3)

    assert "checkout.session.completed" not in receiver.types()
    assert waiting(sandbox) == []
    listed = client.v1.events.list({"type": "checkout.session.completed", "limit": 1}).data
    assert listed[0].data.object.id == opened.id


def test_a_skipped_event_does_not_exist(
    sandbox: Sandbox,
    client: stripe.StripeClient,
    receiver: Receiver,
    opened: stripe.checkout.Session,
) -> None:
    sandbox.control("webhooks/skip", count=9, types=PAID)
    sandbox.control(f"sessions/{opened.id}/pay", card="4242")

    assert waiting(sandbox) == []
    assert receiver.received == []
    paid = client.v1.checkout.sessions.retrieve(opened.id)
    listed = client.v1.events.list({"types": PAID, "limit": 100}).data
    assert paid.payment_status == "paid"
    assert paid.id not in {event.data.object.id for event in listed}


def test_delay_duplicate_and_reorder(
    sandbox: Sandbox, client: stripe.StripeClient, receiver: Receiver
) -> None:
    sandbox.control("webhooks/delay", count=1, seconds=0.8)
    started = time.monotonic()
    client.v1.customers.create({})
    receiver.wait_for(1)
    assert time.monotonic() - started >= 0.8

    receiver.clear()
    sandbox.control("webhooks/duplicate", count=1, copies=2)
    client.v1.customers.create({})
    receiver.wait_for(3)
    assert len({event.id for event in receiver.events()}) == 1

    receiver.clear()
    sandbox.control("webhooks/reorder", count=3)
    made = [client.v1.customers.create({}).id for _ in range(3)]
    receiver.wait_for(3)
    assert [event.data.object.id for event in receiver.events()] == made[::-1]


@pytest.mark.parametrize("tampering", ["wrong-secret", "stale-timestamp"])
def test_a_bad_signature_is_one_that_stripes_library_refuses(
    sandbox: Sandbox, client: stripe.StripeClient, receiver: Receiver, tampering: str
) -> None:
    sandbox.control(f"webhooks/{tampering}", count=1)
    client.v1.customers.create({})
    receiver.wait_for(1)

    with pytest.raises(stripe.SignatureVerificationError):
        receiver.events()


def test_a_future_timestamp_is_signed_rightly(
    sandbox: Sandbox, client: stripe.StripeClient, receiver: Receiver
) -> None:
    sandbox.control("webhooks/future-timestamp", count=1)
    client.v1.customers.create({})
    receiver.wait_for(1)

    signed_at = int(receiver.received[0][1].split(",")[0].removeprefix("t="))
    assert signed_at > time.time() + 600
    assert receiver.events()[0].type == "customer.created"


def test_a_thin_body_is_a_thin_event(
    sandbox: Sandbox, client: stripe.StripeClient, receiver: Receiver
) -> None:
    sandbox.control("webhooks/thin-body", count=1)
    customer = client.v1.customers.create({})
    receiver.wait_for(1)
    body, signature = receiver.received[0]

    with pytest.raises(ValueError, match="thin|v2|notification"):
        stripe.Webhook.construct_event(body, signature, "whsec_old")
    notification = client.parse_event_notification(body, signature, "whsec_old")
    assert notification.type == "v1.customer.created"
    assert json.loads(body)["related_object"]["id"] == customer.id


def test_a_rolled_secret_signs_beside_the_old_one_and_then_alone(
    sandbox: Sandbox, client: stripe.StripeClient, receiver: Receiver
) -> None:
    sandbox.control("webhooks/secrets", secrets=["whsec_new", "whsec_newer"])
    try:
        client.v1.customers.create({})
        receiver.wait_for(1)
        sandbox.control("webhooks/secrets", secrets=["whsec_newer"])
        client.v1.customers.create({})
        receiver.wait_for(2)
    finally:
        sandbox.control("webhooks/secrets", secrets=SECRETS)

    assert [signature.count("v1=") for _, signature in receiver.received] == [2, 1]
    assert len(receiver.events("whsec_newer")) == 2
    with pytest.raises(stripe.SignatureVerificationError):
        receiver.events("whsec_new")


def test_an_event_that_was_never_made_is_told_of_by_a_thin_one(
    sandbox: Sandbox, client: stripe.StripeClient, receiver: Receiver
) -> None:
    sandbox.control("webhooks/skip", types=["customer.created"])
    customer = client.v1.customers.create({})

    sandbox.control("webhooks/generation-failure", id=customer.id, type="customer")
    receiver.wait_for(1)

    [(body, signature)] = receiver.received
    told: Any = client.parse_event_notification(body, signature, SECRETS[0])
    assert told.type == "v2.core.health.event_generation_failure.resolved"
    assert (told.related_object.id, told.related_object.type) == (customer.id, "customer")
    listed = client.v1.events.list({"limit": 1}).data
    assert [event.id for event in listed if event.id == told.id] == []


def test_paused_nothing_is_sent_until_resumed(
    sandbox: Sandbox, client: stripe.StripeClient, receiver: Receiver
) -> None:
    sandbox.control("webhooks/pause")
    client.v1.customers.create({})
    assert [delivery["attempts"] for delivery in waiting(sandbox)] == [[]]
    assert receiver.received == []

    sandbox.control("webhooks/resume")
    receiver.wait_for(1)


def test_deliver_sends_at_once_and_together(
    sandbox: Sandbox, client: stripe.StripeClient, receiver: Receiver
) -> None:
    sandbox.control("webhooks/pause")
    client.v1.customers.create({})
    event = client.v1.events.list({"limit": 1}).data[0]
    receiver.answer_together(16)

    sent = sandbox.control("webhooks/deliver", event=event.id, copies=16, concurrent=True)

    assert [result["status_code"] for result in sent["results"]] == [200] * 16
    assert receiver.most_at_once == 16
    assert {item.id for item in receiver.events()} == {event.id}


def test_deliver_keeps_the_order_asked_for(
    sandbox: Sandbox, client: stripe.StripeClient, receiver: Receiver
) -> None:
    sandbox.control("webhooks/pause")
    for _ in range(3):
        client.v1.customers.create({})
    ids = [event.id for event in client.v1.events.list({"limit": 3}).data]
    order = [ids[1], ids[2], ids[0]]

    sandbox.control("webhooks/deliver", events=order)

    assert [event.id for event in receiver.events()] == order
