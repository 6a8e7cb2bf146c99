"""Paying a loan off on a chosen day: the page shows what it costs, posting it keeps a quote."""

from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import time_machine
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from repayments.audit.models import Event
from repayments.loans.models import Loan, PayoffQuote
from repayments.loans.payoff_preview import preview_payoff
from repayments.loans.queries import get_position
from repayments.loans.services import QuoteTooFarAhead, quote_payoff
from tests.factories.accounts import make_borrower
from tests.factories.loans import get_loan, make_loan, noon, pay

TODAY = date(2026, 3, 1)
DAY = date(2026, 3, 8)


@pytest.fixture
def loan(db: None) -> Loan:
    user = User.objects.create_user("mei@example.com", language="en")
    return make_loan(borrower=make_borrower(user=user), as_of=TODAY)


@pytest.fixture
def reader(loan: Loan, client: Client) -> Any:
    client.force_login(loan.borrower.user)  # type: ignore[arg-type]
    client.cookies["django_language"] = "en"
    with time_machine.travel(noon(TODAY), tick=False):
        yield client


def url(loan: Loan) -> str:
    return f"/loans/{loan.public_id}/payoff/"


def test_without_a_day_it_is_todays(reader: Client, loan: Loan) -> None:
    answer = reader.get(url(loan))
    preview = answer.context["preview"]
    assert preview.is_today
    assert preview.total == get_position(loan=loan, as_of=TODAY).payoff_amount
    assert 'value="2026-03-01"' in answer.content.decode()
    assert 'max="2026-03-31"' in answer.content.decode()


def test_a_later_day_is_itemized_and_says_what_is_promised(reader: Client, loan: Loan) -> None:
    answer = reader.get(url(loan), {"day": DAY.isoformat()})
    page = answer.content.decode()
    preview = answer.context["preview"]
    assert preview.total == get_position(loan=loan, as_of=DAY).payoff_amount
    assert sum(row.amount for row in preview.working[:-2]) == preview.total
    assert "good through 8 March 2026" in page
    for promise in ("If it comes earlier:", "If it comes later:", "If it is less:"):
        assert promise in page


def test_posted_it_is_kept_and_the_payment_goes_on_with_it(reader: Client, loan: Loan) -> None:
    answer = reader.post(url(loan), {"day": DAY.isoformat()})
    quote = PayoffQuote.objects.get()
    there = urlsplit(answer["Location"])
    assert there.path == f"/loans/{loan.public_id}/pay/"
    assert parse_qs(there.query) == {"purpose": ["payoff"], "quote": [str(quote.public_id)]}
    assert quote.good_through == DAY
    assert quote.total == get_position(loan=loan, as_of=DAY).payoff_amount
    event = Event.objects.get(action="loans.payoff_quoted")
    assert event.actor == loan.borrower.user


def test_what_the_page_shows_is_what_the_quote_says(loan: Loan) -> None:
    pay(loan, 90_000, date(2026, 2, 20))
    for ahead in (0, 1, 14, 15, 30):
        day = TODAY + timedelta(days=ahead)
        preview = preview_payoff(loan=get_loan(loan), day=day, today=TODAY)
        quote = quote_payoff(loan_id=loan.pk, good_through=day, actor=None, now=noon(TODAY))
        assert (preview.total, preview.per_diem) == (quote.total, quote.per_diem)


def test_money_paid_ahead_is_no_saving(loan: Loan) -> None:
    before = preview_payoff(loan=loan, day=TODAY, today=TODAY).saved
    pay(loan, 106_619 * 2 + 5_000, TODAY)
    preview = preview_payoff(loan=get_loan(loan), day=TODAY, today=TODAY)
    assert preview.position.unapplied == 5_000
    assert 0 < preview.saved < before
    unpaid = sum(row.interest_unpaid for row in preview.position.snapshot.rows)
    assert preview.saved == unpaid - preview.position.snapshot.payoff(TODAY).interest


@pytest.mark.parametrize(
    ("day", "words"),
    [
        ("2026-02-28", "Please choose today or a later day."),
        ("2026-04-01", "Please choose a day within the next 30 days."),
        ("2026-02-30", "Write the day as year, month and day"),
        ("soon", "Write the day as year, month and day"),
        ("", "Choose a day."),
        ("10000-01-01", "Write the day as year, month and day"),
    ],
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_bad_day_is_said_at_the_field(
    reader: Client, loan: Loan, day: str, words: str, method: str
) -> None:
    answer = getattr(reader, method)(url(loan), {"day": day})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert words in page.split('id="id_day_error"')[1]
    assert PayoffQuote.objects.count() == 0
    assert f'value="{day}"' in page or not day


def test_the_preview_of_a_bad_day_says_why(reader: Client, loan: Loan) -> None:
    answer = reader.get(url(loan), {"day": "2026-02-28"}, headers={"HX-Request": "true"})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "Please choose today or a later day." in page
    assert "<html" not in page


def test_the_service_keeps_to_the_same_days(loan: Loan) -> None:
    late = TODAY + timedelta(days=31)
    with pytest.raises(QuoteTooFarAhead):
        quote_payoff(loan_id=loan.pk, good_through=late, actor=None, now=noon(TODAY))


def test_a_loan_paid_off_meanwhile_is_said_so(reader: Client, loan: Loan) -> None:
    pay(loan, 1_500_000, TODAY)
    answer = reader.post(url(loan), {"day": DAY.isoformat()})
    assert answer.status_code == 409
    assert "Nothing is left to pay on this loan." in reader.get(url(loan)).content.decode()


def test_a_stranger_finds_nothing(loan: Loan, client: Client) -> None:
    client.force_login(User.objects.create_user("other@example.com"))
    assert client.get(url(loan)).status_code == 404
    assert client.post(url(loan), {"day": DAY.isoformat()}).status_code == 404
    assert PayoffQuote.objects.count() == 0


def test_the_anonymous_go_to_sign_in_and_a_wrong_method_is_refused(
    loan: Loan, client: Client
) -> None:
    assert client.post(url(loan), {"day": DAY.isoformat()})["Location"].startswith("/accounts/")
    client.force_login(loan.borrower.user)  # type: ignore[arg-type]
    assert client.put(url(loan)).status_code == 405


def test_its_queries_are_few(
    reader: Client, loan: Loan, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    reader.get(url(loan))
    # session, user, the session's own row; the loan; rows with the money that waits, charges of
    # the position (2); stage.
    with django_assert_num_queries(6):
        reader.get(url(loan), {"day": DAY.isoformat()})
