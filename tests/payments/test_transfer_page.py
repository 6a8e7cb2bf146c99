"""Paying from bank to bank: what the borrower reads, and that looking moves nothing."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import Borrower
from repayments.clock import today
from repayments.loans.models import Loan
from repayments.loans.queries import get_position
from repayments.payments.gateway import RefundRequest
from repayments.payments.models import Payment, Provider
from repayments.payments.providers import provider_of
from repayments.payments.references import loan_reference
from repayments.templatetags.amounts import money_text

pytestmark = pytest.mark.django_db


def url(loan: Loan) -> str:
    return f"/loans/{loan.public_id}/pay/transfer/"


@pytest.fixture(autouse=True)
def account(settings: Any) -> None:
    settings.BANK_TRANSFER_NAME = "Harbor Lending"
    settings.BANK_TRANSFER_ACCOUNT = "62170000000001"
    settings.BANK_TRANSFER_BANK = "Some Bank"
    settings.BANK_TRANSFER_CODE = ""


@pytest.fixture
def signed_in(client: Client, borrower: Borrower) -> Client:
    client.force_login(borrower.user)
    client.cookies["django_language"] = "en"
    return client


def test_it_shows_account_reference_and_what_is_due(signed_in: Client, loan: Loan) -> None:
    page = signed_in.get(url(loan)).content.decode()

    for words in ("Harbor Lending", "62170000000001", "Some Bank", loan_reference(loan.public_id)):
        assert f'<dd class="copy" translate="no">{words}</dd>' in page
    due = get_position(loan=loan, as_of=today()).past_due_amount
    assert money_text(due, "CNY") in page
    assert "Bank&#x27;s code" not in page, "what is not set is not shown"
    assert not Payment.objects.exists()


def test_the_pay_page_leads_there(signed_in: Client, loan: Loan) -> None:
    assert url(loan) in signed_in.get(f"/loans/{loan.public_id}/pay/").content.decode()


@pytest.mark.parametrize("name", ["BANK_TRANSFER_NAME", "BANK_TRANSFER_ACCOUNT"])
def test_without_an_account_that_way_is_not_shown(
    signed_in: Client, loan: Loan, settings: Any, name: str
) -> None:
    setattr(settings, name, "")

    assert signed_in.get(url(loan)).status_code == 404
    assert url(loan) not in signed_in.get(f"/loans/{loan.public_id}/pay/").content.decode()


def test_a_loan_that_is_paid_off_shows_no_account(signed_in: Client, loan: Loan) -> None:
    Loan.objects.update(status=Loan.Status.PAID_OFF)

    page = signed_in.get(url(loan)).content.decode()

    assert "62170000000001" not in page
    assert "Nothing is to be paid" in page


def test_a_stranger_gets_404_the_anonymous_sign_in_and_a_wrong_method_405(
    signed_in: Client, loan: Loan, other_loan: Loan
) -> None:
    assert signed_in.get(url(other_loan)).status_code == 404
    assert signed_in.post(url(loan)).status_code == 405
    assert Client().get(url(loan)).status_code == 302


def test_the_page_costs_the_same_whatever_the_loan(
    signed_in: Client, loan: Loan, django_assert_max_num_queries: Any
) -> None:
    signed_in.get(url(loan))
    # Session and person (2), the session's own row, loan, and the
    # position's four.
    with django_assert_max_num_queries(7):
        signed_in.get(url(loan))


def test_a_transfer_is_asked_about_and_sent_back_by_people_alone(loan: Loan) -> None:
    bank = provider_of(Provider.BANK)
    payment = Payment(loan=loan, provider=Provider.BANK, amount=1, currency="CNY")

    assert bank.ask(payment) == []
    request = RefundRequest(refund="r", intent_id="", amount=1, currency="CNY")
    assert bank.refund(request, key="refund:r") is None
