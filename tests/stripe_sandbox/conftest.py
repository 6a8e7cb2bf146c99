"""A sandbox process for the whole run of these tests, and an endpoint that hears its webhooks."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import stripe

from tests.sandbox_server import Sandbox, running_sandbox
from tests.stripe_sandbox.calls import session_params

SECRETS = ["whsec_old", "whsec_new"]


class Receiver:
    """A webhook endpoint: keeps what it gets, answers with `statuses` in turn, then 200."""

    def __init__(self) -> None:
        self.received: list[tuple[bytes, str]] = []
        self.statuses: list[int] = []
        self.lock = threading.Lock()
        self.waiting = 0
        self.most_at_once = 0
        self.answer_from = 1
        self.together = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with receiver.lock:
                    receiver.received.append((body, self.headers["Stripe-Signature"]))
                    receiver.waiting += 1
                    receiver.most_at_once = max(receiver.most_at_once, receiver.waiting)
                    if receiver.waiting >= receiver.answer_from:
                        receiver.together.set()
                    status = receiver.statuses.pop(0) if receiver.statuses else 200
                receiver.together.wait(timeout=20)
                with receiver.lock:
                    receiver.waiting -= 1
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            # All of a burst connects at once; the usual five would make the rest wait a second.
            request_queue_size = 64

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def clear(self) -> None:
        with self.lock:
            self.received.clear()
            self.statuses.clear()
            self.most_at_once = 0
            self.answer_together(1)

    def answer_together(self, count: int) -> None:
        """Answer nobody before so many are waiting at the same time."""
        self.answer_from = count
        self.together.clear()

    def events(self, secret: str = SECRETS[0]) -> list[stripe.Event]:
        """What came, verified by Stripe's own library."""
        with self.lock:
            received = list(self.received)
        return [
            stripe.Webhook.construct_event(body, signature, secret) for body, signature in received
        ]

    def types(self) -> list[str]:
        return [event.type for event in self.events()]

    def wait_for(self, count: int, seconds: float = 10) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if len(self.received) >= count:
                return
            time.sleep(0.02)
        raise AssertionError(f"{len(self.received)} webhooks came, not {count}")

    def wait_for_types(self, *types: str, seconds: float = 10) -> None:
        """Wait until each type has come, whatever else comes, as when the clock moves for all."""
        deadline = time.monotonic() + seconds
        while missing := set(types) - set(self.types()):
            assert time.monotonic() < deadline, f"{missing} did not come"
            time.sleep(0.02)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="session")
def endpoint() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="session")
def running(endpoint: Receiver) -> Iterator[Sandbox]:
    with running_sandbox(webhook_url=endpoint.url, secrets=SECRETS) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox, endpoint: Receiver) -> Sandbox:
    """The sandbox with no fault standing and nothing on its way."""
    endpoint.clear()
    running.control("reset")
    deadline = time.monotonic() + 10
    while running.control("webhooks/deliveries", status=["held", "pending", "sending"])[
        "deliveries"
    ]:
        assert time.monotonic() < deadline, "webhooks are still on their way"
        running.control("webhooks/deliver")
    endpoint.clear()
    return running


@pytest.fixture
def receiver(sandbox: Sandbox, endpoint: Receiver) -> Receiver:
    return endpoint


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[stripe.StripeClient]:
    http_client = stripe.RequestsClient()
    yield sandbox.client(http_client=http_client)
    http_client.close()


@pytest.fixture
def customer(client: stripe.StripeClient) -> stripe.Customer:
    return client.v1.customers.create({"email": "borrower@example.com"})


@pytest.fixture
def session(client: stripe.StripeClient, customer: stripe.Customer) -> stripe.checkout.Session:
    return client.v1.checkout.sessions.create(session_params(customer=customer.id))
