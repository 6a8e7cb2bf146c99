"""From the review to the gateway's page, and every way that can end."""

from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from django.http import HttpResponse
from django.test import Client

from accounts.models import Borrower
from repayments.clock import now, today
from repayments.loans.models import Loan, PayoffQuote
from repayments.payments import gateway, tasks
from repayments.payments.gateway import GatewayRefused, GatewayTimeout, SessionRequest
from repayments.payments.models import Payment
from repayments.payments.services import resolve_payment
from tests.payments.conftest import Pay
from tests.sandbox_server import Sandbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def signed_in(client: Client, borrower: Borrower) -> Client:
    client.force_login(borrower.user)
    client.cookies["django_language"] = "en"
    return client


def press(client: Client, loan: Loan, **choice: str) -> HttpResponse:
    """Choose, look over, press Pay."""
    address = f"/loans/{loan.public_id}/pay/"
    review = client.post(address, choice or {"purpose": "past_due"}).context["review"]
    return client.post(f"{address}start/", {"review": review})


def test_pressing_pay_leads_to_the_gateways_page(
    sandbox: Sandbox, signed_in: Client, loan: Loan
) -> None:
    answer = press(signed_in, loan)

    payment = Payment.objects.get()
    assert (answer.status_code, answer.headers["Location"]) == (302, payment.checkout_url)
    assert payment.checkout_url.startswith(sandbox.base_url)
    assert payment.created_by == loan.borrower.user
    assert payment.language == "en"


def test_the_policy_lets_the_form_lead_to_the_gateway_alone(signed_in: Client, loan: Loan) -> None:
    policy = signed_in.get(f"/loans/{loan.public_id}/pay/").headers["Content-Security-Policy"]

    assert "form-action 'self' https://checkout.stripe.com" in policy


def test_a_double_press_comes_to_the_same_page(
    sandbox: Sandbox, signed_in: Client, loan: Loan
) -> None:
    first, second = press(signed_in, loan), press(signed_in, loan)

    assert first.headers["Location"] == second.headers["Location"]
    assert Payment.objects.count() == 1


def test_paying_off_brings_its_quote_along(sandbox: Sandbox, signed_in: Client, loan: Loan) -> None:
    press(signed_in, loan, purpose="payoff")

    payment = Payment.objects.get()
    assert payment.payoff_quote == PayoffQuote.objects.get()
    assert payment.amount == payment.payoff_quote.total

    sandbox.control(f"sessions/{payment.session_id}/pay", card="4242")
    resolve_payment(payment_id=payment.pk, now=now())
    loan.refresh_from_db()
    assert loan.status == Loan.Status.PAID_OFF


def test_a_review_of_a_payoff_that_money_has_overtaken_is_not_charged(
    sandbox: Sandbox, signed_in: Client, loan: Loan, pay: Pay
) -> None:
    address = f"/loans/{loan.public_id}/pay/"
    review = signed_in.post(address, {"purpose": "payoff"}).context["review"]
    resolve_payment(payment_id=pay(50_000).pk, now=now())

    answer = signed_in.post(f"{address}start/", {"review": review})

    assert answer.status_code == 409
    assert Payment.objects.count() == 1


def test_an_answer_that_is_missing_leads_to_the_attempts_own_page(
    sandbox: Sandbox, signed_in: Client, loan: Loan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "open_session", Mock(side_effect=GatewayTimeout("silent")))
    monkeypatch.setattr(tasks.settle_payment, "delay_on_commit", enqueued := Mock())

    answer = press(signed_in, loan)

    payment = Payment.objects.get()
    assert payment.status == Payment.Status.UNKNOWN
    assert answer.headers["Location"] == payment.get_absolute_url()
    assert enqueued.call_args.kwargs == {"payment_id": payment.pk}
    shown = signed_in.get(payment.get_absolute_url()).content.decode()
    assert "We are asking about this payment" in shown


def test_who_paid_in_another_tab_is_led_to_the_receipt(
    sandbox: Sandbox, signed_in: Client, loan: Loan, pay: Pay
) -> None:
    address = f"/loans/{loan.public_id}/pay/"
    review = signed_in.post(address, {"purpose": "past_due"}).context["review"]
    payment = pay(50_000)

    answer = signed_in.post(f"{address}start/", {"review": review}, follow=True)

    assert answer.redirect_chain == [(payment.get_absolute_url(), 302)]
    assert "You need not pay again" in answer.content.decode()


@pytest.mark.parametrize("code", ["", "amount_too_small"])
def test_a_refusal_says_that_no_money_was_taken(
    sandbox: Sandbox,
    signed_in: Client,
    loan: Loan,
    monkeypatch: pytest.MonkeyPatch,
    code: str,
) -> None:
    refusal = GatewayRefused("no", code=code)
    monkeypatch.setattr(gateway, "open_session", Mock(side_effect=refusal))

    answer = press(signed_in, loan)

    shown = signed_in.get(answer.headers["Location"]).content.decode()
    assert "No money was taken" in shown
    assert Payment.objects.get().status == Payment.Status.FAILED


def test_what_is_no_longer_true_is_told_with_409(
    sandbox: Sandbox, signed_in: Client, loan: Loan
) -> None:
    address = f"/loans/{loan.public_id}/pay/"
    review = signed_in.post(address, {"purpose": "past_due"}).context["review"]
    Loan.objects.update(status=Loan.Status.PAID_OFF)

    answer = signed_in.post(f"{address}start/", {"review": review})

    assert answer.status_code == 409
    assert address in answer.content.decode()
    assert not Payment.objects.exists()


def test_the_request_carries_the_token_of_the_page(borrower: Borrower, loan: Loan) -> None:
    strict: Any = Client(enforce_csrf_checks=True)
    strict.force_login(borrower.user)

    assert strict.post(f"/loans/{loan.public_id}/pay/start/", {"review": "x"}).status_code == 403


def quote_by(client: Client, loan: Loan, days: int) -> str:
    """Ask what pays the loan off by a day, and follow to the pay page."""
    day = (today() + timedelta(days=days)).isoformat()
    answer = client.post(f"/loans/{loan.public_id}/payoff/", {"day": day})
    assert answer.status_code == 302
    return str(answer.headers["Location"])


def test_a_payoff_quoted_for_a_later_day_is_paid_to_the_cent(
    sandbox: Sandbox, signed_in: Client, loan: Loan
) -> None:
    page = signed_in.get(quote_by(signed_in, loan, 9))
    quote = PayoffQuote.objects.get()
    assert quote.total > page.context["page"].position.payoff_amount
    wish = {"purpose": "payoff", "quote": str(quote.public_id)}

    press(signed_in, loan, **wish)

    payment = Payment.objects.get()
    assert (payment.amount, payment.payoff_quote) == (quote.total, quote)
    sandbox.control(f"sessions/{payment.session_id}/pay", card="4242")
    resolve_payment(payment_id=payment.pk, now=now())
    loan.refresh_from_db()
    assert loan.status == Loan.Status.PAID_OFF


@pytest.mark.parametrize("named", ["not-a-quote", "00000000-0000-0000-0000-000000000009"])
def test_a_quote_that_is_none_of_this_loan_changes_nothing(
    signed_in: Client, loan: Loan, named: str
) -> None:
    page = signed_in.get(f"/loans/{loan.public_id}/pay/?purpose=payoff&quote={named}")

    assert page.context["page"].quote is None
    assert page.context["page"].amount_of("payoff") == page.context["page"].position.payoff_amount


def test_the_gateways_page_offers_what_takes_the_currency_and_knows_the_payers_address(
    sandbox: Sandbox, signed_in: Client, loan: Loan, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[SessionRequest] = []
    open_session = gateway.open_session

    def watch(request: SessionRequest, *, key: str) -> gateway.CheckoutSession:
        asked.append(request)
        return open_session(request, key=key)

    monkeypatch.setattr(gateway, "open_session", watch)

    press(signed_in, loan)

    (request,) = asked
    assert list(request.methods) == ["card", "alipay", "wechat_pay"]
    assert request.email == "lin@example.com"
    address = f"/loans/{loan.public_id}/pay/"
    assert "card, Alipay or WeChat Pay" in signed_in.get(address).content.decode()
    signed_in.cookies["django_language"] = "zh-hans"
    assert "银行卡、支付宝或微信支付" in signed_in.get(address).content.decode()
