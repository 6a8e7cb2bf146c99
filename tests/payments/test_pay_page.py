"""Choosing an amount and looking it over."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import signing
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from accounts.models import Borrower
from repayments.clock import now, today
from repayments.loans.models import Loan, PayoffQuote, Product
from repayments.loans.queries import get_position
from repayments.payments.models import Payment
from repayments.payments.views.pay import REVIEW_SALT
from tests.factories.payments import make_payment
from tests.payments.conftest import make_loan

pytestmark = pytest.mark.django_db


def url(loan: Loan) -> str:
    return f"/loans/{loan.public_id}/pay/"


def text(answer: HttpResponse) -> str:
    return " ".join(answer.content.decode().split())


@pytest.fixture
def signed_in(client: Client, borrower: Borrower) -> Client:
    client.force_login(borrower.user)
    client.cookies["django_language"] = "en"
    return client


def test_the_choices_stand_with_their_amounts_and_effects(signed_in: Client, loan: Loan) -> None:
    position = get_position(loan=loan, as_of=today())

    answer = signed_in.get(url(loan))

    page = answer.context["page"]
    assert answer.status_code == 200
    assert [choice.value for choice in page.choices] == ["past_due", "next", "other", "payoff"]
    assert page.amount_of("past_due") == position.past_due_amount > 0
    assert page.amount_of("next") == position.past_due_amount + position.next_due_amount
    assert page.amount_of("payoff") == position.payoff_amount
    for choice in page.choices:
        assert choice.effect in answer.content.decode().replace("&#x27;", "'")


def test_a_loan_that_is_on_time_offers_the_next_installment_first(
    signed_in: Client, borrower: Borrower
) -> None:
    loan = make_loan(borrower, "L-on-time", days_ago=10)

    answer = signed_in.get(url(loan))

    choices = answer.context["page"].choices
    assert [choice.value for choice in choices] == ["next", "other", "payoff"]
    assert answer.context["form"].chosen == "next"


@pytest.mark.parametrize(
    ("purpose", "chosen"),
    [
        ("past_due", "past_due"),
        ("payoff", "payoff"),
        ("other", "other"),
        ("nonsense", "past_due"),
        ("", "past_due"),
    ],
)
def test_a_purpose_in_the_address_is_marked(
    signed_in: Client, loan: Loan, purpose: str, chosen: str
) -> None:
    answer = signed_in.get(url(loan), {"purpose": purpose})

    assert answer.context["form"].chosen == chosen
    assert text(answer).count(" checked ") == 1


def test_a_stranger_gets_404(client: Client, other_borrower: Borrower, loan: Loan) -> None:
    client.force_login(other_borrower.user)

    assert client.get(url(loan)).status_code == 404
    assert client.post(url(loan), {"purpose": "past_due"}).status_code == 404
    assert client.post(url(loan) + "start/", {"review": "x"}).status_code == 404


def test_the_anonymous_go_to_sign_in(client: Client, loan: Loan) -> None:
    for answer in (client.get(url(loan)), client.post(url(loan) + "start/")):
        assert answer.status_code == 302
        assert "/login/" in answer.headers["Location"]


def test_a_wrong_method_is_refused(signed_in: Client, loan: Loan) -> None:
    assert signed_in.put(url(loan)).status_code == 405
    assert signed_in.get(url(loan) + "start/").status_code == 405


@pytest.mark.parametrize(
    "amount",
    [
        "",
        "0",
        "-1",
        "0.001",
        "1e2",
        "NaN",
        "1,00",
        "１００",
        "٫",
        "+5",
        "\x00",
        "9" * 30,
        "x" * 900,
    ],
)
def test_a_bad_amount_is_told_at_its_field(signed_in: Client, loan: Loan, amount: str) -> None:
    answer = signed_in.post(url(loan), {"purpose": "other", "amount": amount})

    assert answer.status_code == 200
    assert answer.context["form"].errors["amount"]
    assert "review" not in answer.context
    assert not Payment.objects.exists()


@pytest.mark.parametrize(
    ("amount", "told"),
    [("3.99", "at least ¥4.00"), ("999,999.99", "pays off this loan")],
)
def test_an_amount_out_of_bounds_is_told_with_the_bound(
    signed_in: Client, loan: Loan, amount: str, told: str
) -> None:
    answer = signed_in.post(url(loan), {"purpose": "other", "amount": amount})

    assert told in answer.context["form"].errors["amount"][0]
    assert f'value="{amount}"' in text(answer)


@pytest.mark.parametrize("purpose", ["", "refund", "past_due; drop"])
def test_a_bad_choice_is_told(signed_in: Client, loan: Loan, purpose: str) -> None:
    answer = signed_in.post(url(loan), {"purpose": purpose})

    assert answer.context["form"].errors["purpose"]


def test_an_amount_beside_another_choice_is_not_guessed_about(
    signed_in: Client, loan: Loan
) -> None:
    answer = signed_in.post(url(loan), {"purpose": "past_due", "amount": "50"})

    assert "marked another choice" in answer.context["form"].errors["purpose"][0]
    assert "(optional)" not in answer.content.decode()


def test_a_product_without_part_payments_says_the_least(signed_in: Client, loan: Loan) -> None:
    Product.objects.update(partial_payments=False)

    answer = signed_in.post(url(loan), {"purpose": "other", "amount": "5"})

    assert "no part payments" in answer.context["form"].errors["amount"][0]


def test_the_preview_comes_with_the_page_without_scripts(signed_in: Client, loan: Loan) -> None:
    answer = signed_in.post(url(loan), {"purpose": "other", "amount": "500", "preview": "1"})

    assert "<html" in answer.content.decode()
    assert sum(line.amount for line in answer.context["preview"].lines) == 50_000
    assert not Payment.objects.exists()


def test_the_preview_alone_comes_to_htmx(signed_in: Client, loan: Loan) -> None:
    answer = signed_in.post(
        url(loan),
        {"purpose": "other", "amount": "500", "preview": "1"},
        headers={"HX-Request": "true"},
    )

    assert "<html" not in answer.content.decode()
    assert 'id="preview"' in answer.content.decode()
    assert "¥500.00" in answer.content.decode() or "¥" in answer.content.decode()


def test_a_preview_of_a_bad_amount_says_what_to_mend(signed_in: Client, loan: Loan) -> None:
    answer = signed_in.post(
        url(loan),
        {"purpose": "other", "amount": "5 hundred", "preview": "1"},
        headers={"HX-Request": "true"},
    )

    assert "digits" in answer.content.decode()


def test_a_preview_before_anything_is_typed_blames_nobody(signed_in: Client, loan: Loan) -> None:
    answer = signed_in.post(
        url(loan),
        {"purpose": "other", "amount": "", "preview": "1"},
        headers={"HX-Request": "true"},
    )

    assert "digits" not in answer.content.decode()


def test_a_good_choice_is_looked_over_before_anything_happens(
    signed_in: Client, loan: Loan
) -> None:
    answer = signed_in.post(url(loan), {"purpose": "other", "amount": "1,234.50"})

    assert answer.templates[0].name == "payments/review.html"
    assert "Pay ¥1,234.50" in text(answer)
    wish = signing.loads(answer.context["review"], salt=REVIEW_SALT)
    assert (wish["amount"], wish["purpose"]) == (123_450, "other")
    assert not Payment.objects.exists()


def test_paying_off_is_looked_over_with_a_quote(signed_in: Client, loan: Loan) -> None:
    payoff = get_position(loan=loan, as_of=today()).payoff_amount

    answer = signed_in.post(url(loan), {"purpose": "payoff"})

    quote = PayoffQuote.objects.get()
    assert quote.total == payoff == answer.context["amount"]
    wish = signing.loads(answer.context["review"], salt=REVIEW_SALT)
    assert wish["quote"] == str(quote.public_id)
    assert answer.context["preview"].settles


def test_with_an_answer_missing_nobody_is_asked_to_pay(signed_in: Client, loan: Loan) -> None:
    make_payment(loan, now=now(), status=Payment.Status.UNKNOWN, session_id="")

    shown = signed_in.get(url(loan))
    sent = signed_in.post(url(loan), {"purpose": "past_due"})

    for answer in (shown, sent):
        assert 'name="purpose"' not in answer.content.decode()
        assert "do not pay again" in answer.content.decode()


def test_money_on_its_way_is_mentioned(signed_in: Client, loan: Loan) -> None:
    make_payment(loan, now=now(), status=Payment.Status.PROCESSING)

    assert "on its way" in signed_in.get(url(loan)).content.decode()


def test_who_came_back_without_paying_reads_so_and_why(signed_in: Client, loan: Loan) -> None:
    payment = make_payment(loan, now=now(), error_code="card_declined",
                           decline_code="insufficient_funds")  # fmt: skip

    answer = signed_in.get(url(loan), {"canceled": str(payment.public_id)})

    assert "No money was taken" in answer.content.decode()
    assert "not enough money" in answer.content.decode()
    payment.refresh_from_db()
    assert payment.status == Payment.Status.REDIRECTED


@pytest.mark.parametrize(
    ("status", "told"), [("pending_signature", "signed"), ("paid_off", "Nothing is left")]
)
def test_a_loan_with_nothing_to_pay_says_so(
    signed_in: Client, loan: Loan, status: str, told: str
) -> None:
    Loan.objects.update(status=status)

    answer = signed_in.get(url(loan))

    assert told in answer.content.decode()
    assert 'name="purpose"' not in answer.content.decode()


@pytest.mark.parametrize("installments", [12, 360])
@pytest.mark.parametrize("days_ago", [10, 70], ids=["on time", "late"])
def test_the_page_takes_the_same_queries_however_long_the_loan(
    signed_in: Client,
    borrower: Borrower,
    django_assert_num_queries: Any,
    installments: int,
    days_ago: int,
) -> None:
    loan = make_loan(borrower, "L-long", installments=installments, days_ago=days_ago)
    signed_in.get(url(loan))

    # Session, user, the session's own row, loan with its open attempt; then the position's
    # installments with the money that waits, and charges. The preview reads the same.
    with django_assert_num_queries(6):
        signed_in.get(url(loan))
    with django_assert_num_queries(6):
        signed_in.post(url(loan), {"purpose": "other", "amount": "500", "preview": "1"})


def test_no_amount_stands_in_the_title(signed_in: Client, loan: Loan) -> None:
    page = signed_in.get(url(loan)).content.decode()

    assert "¥" not in page.split("<title>")[1].split("</title>")[0]


def test_a_review_is_good_for_half_an_hour(signed_in: Client, loan: Loan) -> None:
    review = signed_in.post(url(loan), {"purpose": "past_due"}).context["review"]

    with time_machine.travel(timezone.now() + timedelta(minutes=31)):
        answer = signed_in.post(url(loan) + "start/", {"review": review})

    assert answer.status_code == 409
    assert not Payment.objects.exists()


@pytest.mark.parametrize("review", ["", "x", "x:y:z"])
def test_ax_3_without_a_review_nothing_begins(signed_in: Client, loan: Loan, review: str) -> None:
    assert signed_in.post(url(loan) + "start/", {"review": review}).status_code == 400
    assert signed_in.post(url(loan) + "start/").status_code == 400
    assert not Payment.objects.exists()


def test_ax_3_a_review_of_another_loan_or_person_is_refused(
    signed_in: Client, loan: Loan, borrower: Borrower, other_loan: Loan
) -> None:
    second = make_loan(borrower, "L-second")
    review = signed_in.post(url(second), {"purpose": "past_due"}).context["review"]
    assert signed_in.post(url(loan) + "start/", {"review": review}).status_code == 400

    wish = signing.loads(review, salt=REVIEW_SALT) | {"user": other_loan.borrower.user_id}
    stolen = signing.dumps(wish, salt=REVIEW_SALT)
    assert signed_in.post(url(second) + "start/", {"review": stolen}).status_code == 400
    assert not Payment.objects.exists()
