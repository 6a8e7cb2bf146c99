"""People, a loan and a real sandbox for the tests of payments."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import stripe
from django.http import HttpResponse
from django.test import Client

from repayments.payments import gateway
from tests.payments.request_check import check_request
from tests.sandbox_server import Sandbox, running_sandbox

SECRET = "whsec_test"


@pytest.fixture(scope="session")
def running() -> Iterator[Sandbox]:
    with running_sandbox(secrets=[SECRET]) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """The gateway of this test; every request that reached it is held against the SDK's types."""
    running.control("reset")
    settings.STRIPE_API_BASE = running.base_url
    settings.STRIPE_SECRET_KEY = "sk_test_sandbox"
    settings.STRIPE_WEBHOOK_SECRETS = [SECRET]
    settings.STRIPE_TIMEOUT_SECONDS = 3
    monkeypatch.setattr(gateway, "RETRY_WAITS_SECONDS", (0.01, 0.02, 0.04))
    seen = len(running.control("requests")["requests"])
    yield running
    close_gateway_connection()
    for request in running.control("requests")["requests"][seen:]:
        check_request(request["method"], request["path"], request["query"], request["body"])


def close_gateway_connection() -> None:
    """Close what this thread holds open towards the gateway."""
    client: Any = gateway._client()
    client._requestor._client.close()


def events_of(sandbox: Sandbox, object_id: str) -> list[dict[str, Any]]:
    """What the gateway says happened to an object, oldest first, as it would send it."""
    found = sandbox.client().v1.events.list({"limit": 100}).data
    told = [json.loads(str(event)) for event in found]
    return [event for event in reversed(told) if event["data"]["object"]["id"] == object_id]


def signed(body: bytes, *, secret: str = SECRET, sent_at: int | None = None) -> str:
    return stripe.WebhookSignature.generate_signature_header(body.decode(), secret, sent_at)


Deliver = Callable[..., HttpResponse]


@pytest.fixture
def deliver(client: Client, django_capture_on_commit_callbacks: Any) -> Deliver:
    """Bring an event to the webhook as the gateway does, and let the worker work."""

    def send(event: dict[str, Any], **changes: Any) -> HttpResponse:
        body = json.dumps(event).encode()
        with django_capture_on_commit_callbacks(execute=True):
            return client.post(
                "/payments/webhook/",
                body,
                content_type="application/json",
                headers={"Stripe-Signature": signed(body, **changes)},
            )

    return send
