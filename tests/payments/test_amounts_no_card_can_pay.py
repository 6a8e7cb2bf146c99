"""What no card can be charged exactly: said on the page with another way to pay it."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts.models import Borrower
from repayments.clock import lender_zone, now, today
from repayments.contacts.models import Message
from repayments.loans.models import Loan
from repayments.loans.queries import get_position
from repayments.loans.services import quote_payoff
from repayments.payments.autopay_page import get_autopay_page
from repayments.payments.models import AutopayCharge
from repayments.payments.services import announce_charges
from repayments.templatetags.amounts import money_text
from tests.factories.loans import make_loan
from tests.factories.payments import make_mandate
from tests.payments.autopay_acts import at, next_due

pytestmark = pytest.mark.django_db


def text(answer: HttpResponse) -> str:
    return " ".join(answer.content.decode().split())


@pytest.fixture(autouse=True)
def account(settings: Any) -> None:
    settings.BANK_TRANSFER_NAME = "Harbor Lending"
    settings.BANK_TRANSFER_ACCOUNT = "62170000000001"


@pytest.fixture
def dinars(borrower: Borrower) -> Loan:
    """A loan in dinars, whose thousandths a card pays in tens only; none of its amounts is one."""
    disbursed = (now() - timedelta(days=10)).astimezone(lender_zone()).date()
    terms: dict[str, Any] = {"currency": "KWD", "principal": 1_000_003, "disbursed_on": disbursed}
    terms["first_due_on"] = disbursed + timedelta(days=30)
    loan = make_loan(borrower=borrower, terms=terms, as_of=today())
    position = get_position(loan=loan, as_of=today())
    assert position.payoff_amount % 10
    assert position.next_due_amount % 10
    return loan


@pytest.fixture
def signed_in(client: Client, borrower: Borrower) -> Client:
    client.force_login(borrower.user)
    client.cookies["django_language"] = "en"
    return client


def test_what_a_card_cannot_pay_is_no_choice_and_leads_to_a_transfer(
    signed_in: Client, dinars: Loan
) -> None:
    answer = signed_in.get(f"/loans/{dinars.public_id}/pay/")

    page = answer.context["page"]
    assert [choice.value for choice in page.choices] == ["other"]
    assert [choice.value for choice in page.elsewhere] == ["next", "payoff"]
    words = text(answer)
    assert "The last digit of a card payment has to be 0. By bank transfer you can pay" in words
    assert f'href="/loans/{dinars.public_id}/pay/transfer/"' in words
    # A transfer takes days, so what pays it all off today is nothing to transfer.
    assert f'href="/loans/{dinars.public_id}/payoff/"' in words


def test_a_payoff_to_the_last_digit_is_transferred_by_its_quote(
    signed_in: Client, dinars: Loan
) -> None:
    day = today() + timedelta(days=5)
    quote = quote_payoff(loan_id=dinars.pk, good_through=day, actor=dinars.borrower.user, now=now())
    assert quote.total % 10

    pay = text(
        signed_in.get(f"/loans/{dinars.public_id}/pay/?purpose=payoff&quote={quote.public_id}")
    )
    link = f"/loans/{dinars.public_id}/pay/transfer/?quote={quote.public_id}"
    assert f'href="{link}"' in pay

    transfer = text(signed_in.get(link))
    assert " ".join(money_text(quote.total, "KWD").split()) in transfer
    assert "Exactly this amount pays off your loan if our bank books it by" in transfer


def test_without_transfers_one_is_led_to_a_person(
    signed_in: Client, dinars: Loan, settings: Any
) -> None:
    settings.BANK_TRANSFER_ACCOUNT = ""

    words = text(signed_in.get(f"/loans/{dinars.public_id}/pay/"))

    assert "Please ask us how to pay exactly this." in words
    assert f'href="{reverse("cases:help", args=[dinars.public_id])}"' in words


def test_less_than_a_card_can_be_charged_is_not_called_nothing(
    signed_in: Client, borrower: Borrower
) -> None:
    disbursed = (now() - timedelta(days=40)).astimezone(lender_zone()).date()
    terms: dict[str, Any] = {
        "principal": 300,
        "installments": 1,
        "annual_rate": Decimal(0),
        "disbursed_on": disbursed,
    }
    terms["first_due_on"] = disbursed + timedelta(days=30)
    loan = make_loan(borrower=borrower, terms=terms, as_of=today())

    answer = signed_in.get(f"/loans/{loan.public_id}/pay/")

    assert answer.context["page"].choices == []
    words = text(answer)
    assert "A card payment is at least ¥4.00. By bank transfer you can pay exactly" in words
    assert "Nothing is left to pay" not in words


def test_automatic_payment_says_ahead_what_no_card_can_pay_and_announces_nothing(
    signed_in: Client, dinars: Loan
) -> None:
    make_mandate(dinars, now=now())
    due = next_due(dinars, today())
    before = due.due_date - timedelta(days=7)

    assert announce_charges(as_of=before, now=at(before, 1)) == 0

    assert not AutopayCharge.objects.exists()
    assert not Message.objects.filter(purpose="autopay_notice").exists()
    page = get_autopay_page(loan=dinars, as_of=before, language="en")
    assert due.due_date in [one.due_date for one in page.missed]
    assert not any(one.is_chargeable for one in page.missed)
    words = text(signed_in.get(f"/loans/{dinars.public_id}/autopay/"))
    assert "No card can be charged exactly that, so it is not taken by itself." in words
