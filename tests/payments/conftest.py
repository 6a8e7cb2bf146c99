"""People, a loan and a real sandbox for the tests of payments."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest
import stripe
from django.http import HttpResponse
from django.test import Client

from accounts.models import Borrower, User
from repayments.clock import lender_zone, now
from repayments.loans.amortization import Terms
from repayments.loans.models import Loan, PayoffQuote, Product
from repayments.loans.services import create_loan
from repayments.payments import gateway
from repayments.payments.gateway import SessionRequest
from repayments.payments.models import Payment
from repayments.payments.services import start_payment
from tests.payments.request_check import check_request
from tests.sandbox_server import Sandbox, running_sandbox
from tests.stripe_sandbox.calls import call

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
    monkeypatch.setattr(gateway.client, "RETRY_WAITS_SECONDS", (0.01, 0.02, 0.04))
    sent: list[tuple[str, str, str]] = []
    real = stripe.RequestsClient.request

    def record(self: Any, method: str, url: str, headers: Any, post_data: Any = None) -> Any:
        sent.append((method.upper(), url, post_data or ""))
        return real(self, method, url, headers, post_data)

    monkeypatch.setattr(stripe.RequestsClient, "request", record)
    yield running
    close_gateway_connection()
    for method, url, body in sent:
        parts = urlsplit(url)
        check_request(method, parts.path, parts.query, body)


def close_gateway_connection() -> None:
    """Close what this thread holds open towards the gateway."""
    client: Any = gateway.client.client()
    client._requestor._client.close()


def events_of(sandbox: Sandbox, object_id: str) -> list[dict[str, Any]]:
    """What the gateway says happened to an object, oldest first, as it would send it."""
    _status, found, _headers = call(sandbox, "GET", "/v1/events?limit=40")
    told = reversed(found["data"])
    return [event for event in told if event["data"]["object"]["id"] == object_id]


def signed(body: bytes, *, secret: str = SECRET, sent_at: int | None = None) -> str:
    return stripe.WebhookSignature.generate_signature_header(body.decode(), secret, sent_at)


def session_request(**changes: Any) -> SessionRequest:
    """What a session is made of; keywords replace parts."""
    values: dict[str, Any] = {
        "payment": "00000000-0000-0000-0000-000000000001",
        "loan": "00000000-0000-0000-0000-000000000002",
        "description": "还款，借款 A-1",
        "amount": 105_000,
        "currency": "CNY",
        "language": "zh-hans",
        "success_url": "https://portal.example/return/?session_id={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://portal.example/pay/",
        "expires_at": gateway.clock() + timedelta(minutes=31),
    }
    return SessionRequest(**{**values, **changes})


Deliver = Callable[..., HttpResponse]
Pay = Callable[..., Payment]


def make_loan(borrower: Borrower, number: str, *, days_ago: int = 70, **changes: Any) -> Loan:
    """A running loan of 12,000.00 CNY over twelve months; two installments are past due."""
    at = now()
    disbursed = (at - timedelta(days=days_ago)).astimezone(lender_zone()).date()
    product, _created = Product.objects.get_or_create(
        key="tests", defaults={"name_zh": "测试", "name_en": "Tests"}
    )
    terms = Terms(
        principal=1_200_000,
        disbursed_on=disbursed,
        currency="CNY",
        **{"annual_rate": Decimal(12), "installments": 12, **changes},
    )
    return create_loan(
        borrower=borrower,
        product=product,
        number=number,
        terms=terms,
        status=Loan.Status.ACTIVE,
        actor=None,
        now=at - timedelta(days=days_ago),
    )


@pytest.fixture
def borrower(db: None) -> Borrower:
    user = User.objects.create_user("lin@example.com", name="Lin Xia", language="en")
    return Borrower.objects.create(
        reference="B-1", legal_name="林夏", email=user.email, language="en", user=user
    )


@pytest.fixture
def other_borrower(db: None) -> Borrower:
    user = User.objects.create_user("zhao@example.com", name="Zhao Wen", language="en")
    return Borrower.objects.create(
        reference="B-2", legal_name="赵文", email=user.email, language="en", user=user
    )


@pytest.fixture
def loan(borrower: Borrower) -> Loan:
    return make_loan(borrower, "L-1")


@pytest.fixture
def other_loan(other_borrower: Borrower) -> Loan:
    return make_loan(other_borrower, "L-2")


@pytest.fixture
def start(sandbox: Sandbox, loan: Loan) -> Pay:
    """Press Pay: an attempt whose page is open at the gateway."""

    def press(
        amount: int,
        *,
        purpose: str = Payment.Purpose.OTHER,
        quote: PayoffQuote | None = None,
        at: datetime | None = None,
        to: Loan = loan,
    ) -> Payment:
        return start_payment(
            loan_id=to.pk,
            purpose=purpose,
            amount=amount,
            payoff_quote_id=quote.pk if quote else None,
            language="en",
            actor=to.borrower.user,
            now=at or now(),
        )

    return press


@pytest.fixture
def pay(sandbox: Sandbox, start: Pay) -> Pay:
    """Press Pay, and pay there by card; the portal has not heard of it yet."""

    def press(amount: int, *, card: str = "4242", **options: Any) -> Payment:
        payment = start(amount, **options)
        sandbox.control(f"sessions/{payment.session_id}/pay", card=card)
        return payment

    return press


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
