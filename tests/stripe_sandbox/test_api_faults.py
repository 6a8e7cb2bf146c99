"""Test controls that make API calls go wrong."""

import pytest
import stripe

from tests.sandbox_server import ControlRefused, Sandbox


@pytest.mark.parametrize(
    ("mode", "error", "made"),
    [
        ("error_after_commit", stripe.APIError, 1),
        ("error_before", stripe.APIError, 0),
        ("close_after_commit", stripe.APIConnectionError, 1),
        ("close_before", stripe.APIConnectionError, 0),
        ("rate_limited", stripe.RateLimitError, 0),
    ],
)
def test_a_fault_hits_once_and_does_what_its_name_says(
    sandbox: Sandbox,
    client: stripe.StripeClient,
    mode: str,
    error: type[stripe.StripeError],
    made: int,
) -> None:
    email = f"{mode}@example.com"
    sandbox.control("api/fail", mode=mode, path="/v1/customers")

    with pytest.raises(error):
        client.v1.customers.create({"email": email})

    assert len(client.v1.customers.list({"email": email}).data) == made
    client.v1.customers.create({"email": email})


def test_a_fault_can_wait_for_the_nth_call(sandbox: Sandbox, client: stripe.StripeClient) -> None:
    sandbox.control("api/fail", mode="error_before", path="/v1/customers", skip=1, count=2)

    client.v1.customers.create({})
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            client.v1.customers.create({})
    client.v1.customers.create({})


def test_stripes_own_retries_get_through_a_lost_answer(sandbox: Sandbox) -> None:
    retrying = sandbox.client(max_network_retries=2)
    sandbox.control("api/fail", mode="close_after_commit", path="/v1/customers")

    customer = retrying.v1.customers.create({"email": "retried@example.com"})

    listed = retrying.v1.customers.list({"email": "retried@example.com"}).data
    assert [item.id for item in listed] == [customer.id]


def test_an_unknown_control_is_refused_in_words(sandbox: Sandbox) -> None:
    with pytest.raises(ControlRefused, match="Known actions"):
        sandbox.control("webhooks/explode")
    with pytest.raises(ControlRefused, match="Known modes"):
        sandbox.control("api/fail", mode="explode")
    with pytest.raises(ControlRefused, match="No such"):
        sandbox.control("sessions/cs_test_none/pay")
