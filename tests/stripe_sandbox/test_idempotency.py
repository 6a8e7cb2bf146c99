"""Idempotency keys: replayed, compared, held in flight, pruned."""

import threading
import time
from typing import Any

import pytest
import stripe

from tests.sandbox_server import Sandbox
from tests.stripe_sandbox.calls import call, session_params

key_numbers = iter(range(1_000_000))


@pytest.fixture
def key() -> str:
    return f"pay:{time.time()}:{next(key_numbers)}"


def test_the_same_key_gives_the_same_answer(client: stripe.StripeClient, key: str) -> None:
    first = client.v1.checkout.sessions.create(session_params(), {"idempotency_key": key})
    second = client.v1.checkout.sessions.create(session_params(), {"idempotency_key": key})

    assert second.id == first.id
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert second.last_response.headers["Idempotent-Replayed"] == "true"
    assert second.last_response.headers["Original-Request"] == first.last_response.request_id
    assert second.last_response.headers["Idempotency-Key"] == key


def test_other_parameters_under_the_same_key_are_refused(
    client: stripe.StripeClient, key: str
) -> None:
    client.v1.payment_intents.create({"amount": 1000, "currency": "cny"}, {"idempotency_key": key})

    with pytest.raises(stripe.IdempotencyError) as refusal:
        client.v1.payment_intents.create(
            {"amount": 2000, "currency": "cny"}, {"idempotency_key": key}
        )

    assert refusal.value.http_status == 400
    assert "same parameters" in str(refusal.value)


def test_another_endpoint_under_the_same_key_is_refused(
    client: stripe.StripeClient, key: str
) -> None:
    client.v1.customers.create({}, {"idempotency_key": key})

    with pytest.raises(stripe.IdempotencyError, match="same endpoint"):
        client.v1.payment_intents.create(
            {"amount": 2000, "currency": "cny"}, {"idempotency_key": key}
        )


def test_a_request_that_failed_validation_leaves_its_key_free(
    client: stripe.StripeClient, key: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.create({"amount": 1, "currency": "cny"}, {"idempotency_key": key})

    intent = client.v1.payment_intents.create(
        {"amount": 1000, "currency": "cny"}, {"idempotency_key": key}
    )
    assert intent.amount == 1000


def test_a_decline_is_replayed(client: stripe.StripeClient, key: str) -> None:
    params: Any = {
        "amount": 1000,
        "currency": "cny",
        "confirm": True,
        "payment_method": "pm_card_chargeDeclined",
    }
    errors = []
    for _ in range(2):
        with pytest.raises(stripe.CardError) as refusal:
            client.v1.payment_intents.create(params, {"idempotency_key": key})
        errors.append(refusal.value)

    assert errors[0].error.payment_intent.id == errors[1].error.payment_intent.id
    assert errors[1].headers["Idempotent-Replayed"] == "true"


def test_an_error_after_the_work_was_done_is_replayed_too(
    sandbox: Sandbox, client: stripe.StripeClient, customer: stripe.Customer, key: str
) -> None:
    sandbox.control("api/fail", mode="error_after_commit", path="/v1/checkout/sessions")
    params = session_params(customer=customer.id)

    answers = []
    for _ in range(2):
        with pytest.raises(stripe.APIError) as refusal:
            client.v1.checkout.sessions.create(params, {"idempotency_key": key})
        answers.append(refusal.value)

    assert [answer.http_status for answer in answers] == [500, 500]
    assert answers[0].http_body == answers[1].http_body
    assert answers[1].headers["Idempotent-Replayed"] == "true"
    assert len(client.v1.checkout.sessions.list({"customer": customer.id}).data) == 1


def test_an_error_before_the_work_is_replayed_and_makes_nothing(
    sandbox: Sandbox, client: stripe.StripeClient, key: str
) -> None:
    sandbox.control("api/fail", mode="error_before", path="/v1/customers")
    email = f"{key}@example.com"

    for _ in range(2):
        with pytest.raises(stripe.APIError):
            client.v1.customers.create({"email": email}, {"idempotency_key": key})

    assert client.v1.customers.list({"email": email}).data == []


def test_a_charge_made_before_a_lost_answer_is_found_again_by_its_key(
    sandbox: Sandbox, client: stripe.StripeClient, customer: stripe.Customer, key: str
) -> None:
    method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
    params: Any = {
        "amount": 1000,
        "currency": "cny",
        "customer": customer.id,
        "payment_method": method.id,
        "confirm": True,
        "off_session": True,
    }
    sandbox.control("api/fail", mode="close_after_commit", path="/v1/payment_intents")

    with pytest.raises(stripe.APIConnectionError):
        client.v1.payment_intents.create(params, {"idempotency_key": key})
    intent = client.v1.payment_intents.create(params, {"idempotency_key": key})

    assert intent.status == "succeeded"
    assert len(client.v1.charges.list({"customer": customer.id}).data) == 1


def test_too_many_requests_leave_the_key_free(
    sandbox: Sandbox, client: stripe.StripeClient, key: str
) -> None:
    sandbox.control("api/fail", mode="rate_limited", path="/v1/customers")

    with pytest.raises(stripe.RateLimitError):
        client.v1.customers.create({"name": "x"}, {"idempotency_key": key})

    assert client.v1.customers.create({"name": "y"}, {"idempotency_key": key}).name == "y"


def test_a_connection_lost_after_commit_gives_the_same_object_on_retry(
    sandbox: Sandbox, client: stripe.StripeClient, customer: stripe.Customer, key: str
) -> None:
    sandbox.control("api/fail", mode="close_after_commit", path="/v1/payment_intents")
    params: Any = {"amount": 1000, "currency": "cny", "customer": customer.id}

    with pytest.raises(stripe.APIConnectionError):
        client.v1.payment_intents.create(params, {"idempotency_key": key})
    intent = client.v1.payment_intents.create(params, {"idempotency_key": key})

    listed = client.v1.payment_intents.list({"customer": customer.id})
    assert [item.id for item in listed.data] == [intent.id]


def test_a_key_in_flight_is_409(sandbox: Sandbox, client: stripe.StripeClient, key: str) -> None:
    sandbox.control("api/fail", mode="hang", path="/v1/customers", seconds=1)
    slow = threading.Thread(
        target=call,
        args=(sandbox, "POST", "/v1/customers", "name=x"),
        kwargs={"Idempotency_Key": key},
    )
    slow.start()
    time.sleep(0.3)

    status, body, _ = call(sandbox, "POST", "/v1/customers", "name=x", Idempotency_Key=key)
    slow.join()
    later, replayed, headers = call(sandbox, "POST", "/v1/customers", "name=x", Idempotency_Key=key)

    assert (status, body["error"]["code"]) == (409, "idempotency_key_in_use")
    assert body["error"]["type"] == "idempotency_error"
    assert (later, headers["Idempotent-Replayed"]) == (200, "true")
    assert replayed["name"] == "x"


def test_sixteen_at_once_make_one_object(sandbox: Sandbox, key: str) -> None:
    answers: list[tuple[int, Any]] = []

    def send() -> None:
        status, body, _ = call(sandbox, "POST", "/v1/customers", "name=race", Idempotency_Key=key)
        answers.append((status, body))

    threads = [threading.Thread(target=send) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {status for status, _ in answers} <= {200, 409}
    assert len({body["id"] for status, body in answers if status == 200}) == 1


def test_a_key_is_pruned_after_a_day(
    sandbox: Sandbox, client: stripe.StripeClient, key: str
) -> None:
    first = client.v1.customers.create({"name": "x"}, {"idempotency_key": key})
    sandbox.control("clock", seconds=24 * 3600 + 1)
    try:
        second = client.v1.customers.create({"name": "x"}, {"idempotency_key": key})
    finally:
        sandbox.control("clock", seconds=-24 * 3600 - 1)

    assert second.id != first.id


def test_an_overlong_key_is_refused(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="255"):
        client.v1.customers.create({}, {"idempotency_key": "k" * 256})


def test_a_key_on_a_get_means_nothing(client: stripe.StripeClient, key: str) -> None:
    client.v1.customers.list({"limit": 1}, {"idempotency_key": key})
    client.v1.customers.list({"limit": 2}, {"idempotency_key": key})
