"""The page where a borrower promises to pay, and who hears of it."""

from datetime import timedelta

import pytest
from django.test import Client

from accounts.models import Borrower
from repayments.clock import now, today
from repayments.contacts.models import Message
from repayments.loans.models import Loan
from repayments.payments.models import PromiseToPay
from repayments.reminders.queries import is_still_wanted, list_upcoming
from repayments.reminders.services import create_due_reminders
from tests.factories.reminders import make_loan

pytestmark = pytest.mark.django_db


def url(loan: Loan) -> str:
    return f"/loans/{loan.public_id}/promise/"


@pytest.fixture
def signed_in(client: Client, borrower: Borrower) -> Client:
    client.force_login(borrower.user)
    client.cookies["django_language"] = "en"
    return client


def promised(loan: Loan, *, days: int = 5) -> PromiseToPay:
    return PromiseToPay.objects.create(
        loan=loan, amount=50_000, promised_for=today() + timedelta(days=days), made_at=now()
    )


def wish(**changes: str) -> dict[str, str]:
    day = today() + timedelta(days=5)
    return {"amount": "500", "promised_for": day.isoformat(), **changes}


def test_a_promise_is_made_shown_and_taken_back(signed_in: Client, loan: Loan) -> None:
    assert "I promise to pay this" in signed_in.get(url(loan)).content.decode()

    answer = signed_in.post(url(loan), wish(), follow=True)
    page = answer.content.decode()
    assert "¥500.00 will come by" in page
    assert "as you promised" in signed_in.get("/").content.decode()
    made = PromiseToPay.objects.get()
    assert (made.amount, made.made_by) == (50_000, loan.borrower.user)

    signed_in.post(f"{url(loan)}withdraw/")
    signed_in.post(f"{url(loan)}withdraw/")
    made.refresh_from_db()
    assert made.status == "withdrawn"


def test_the_pay_page_leads_there(signed_in: Client, loan: Loan) -> None:
    assert url(loan) in signed_in.get(f"/loans/{loan.public_id}/pay/").content.decode()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"amount": "0"}, "more than zero"),
        ({"amount": "99999999"}, "Choose an amount between"),
        ({"promised_for": "2020-01-01"}, "at most 14 days ahead"),
        ({"promised_for": "soon"}, "valid date"),
        ({"promised_for": ""}, "Choose a day."),
    ],
)
def test_what_cannot_be_promised_is_said_at_the_field(
    signed_in: Client, loan: Loan, changes: dict[str, str], words: str
) -> None:
    answer = signed_in.post(url(loan), wish(**changes))

    assert words in answer.content.decode()
    assert not PromiseToPay.objects.exists()


def test_a_second_promise_from_an_older_page_is_a_conflict(signed_in: Client, loan: Loan) -> None:
    promised(loan)

    assert signed_in.post(url(loan), wish()).status_code == 409
    assert PromiseToPay.objects.count() == 1


def test_a_stranger_gets_404_the_anonymous_sign_in_and_a_wrong_method_405(
    signed_in: Client, loan: Loan, other_loan: Loan
) -> None:
    promised(other_loan)
    assert signed_in.get(url(other_loan)).status_code == 404
    assert signed_in.post(f"{url(other_loan)}withdraw/").status_code == 404
    assert signed_in.get(f"{url(loan)}withdraw/").status_code == 405
    assert signed_in.put(url(loan)).status_code == 405
    assert Client().get(url(loan)).status_code == 302
    assert PromiseToPay.objects.get().status == "open"


def test_until_the_promised_day_no_reminder_about_what_is_late_goes_out() -> None:
    late = make_loan(due_dates=[today() - timedelta(days=3)])
    create_due_reminders(as_of=today(), now=now())
    messages = list(Message.objects.filter(reminder__installment__loan=late))
    assert [is_still_wanted(one, now()) for one in messages] == [True] * len(messages) != []

    made = promised(late, days=0)
    assert not any(is_still_wanted(one, now()) for one in messages)

    PromiseToPay.objects.filter(pk=made.pk).update(promised_for=today() - timedelta(days=1))
    assert all(is_still_wanted(one, now()) for one in messages)


def test_a_reminder_before_the_due_date_goes_out_all_the_same() -> None:
    coming = make_loan(due_dates=[today() + timedelta(days=3)])
    create_due_reminders(as_of=today(), now=now())
    promised(coming)

    messages = list(Message.objects.filter(reminder__installment__loan=coming))

    assert [is_still_wanted(one, now()) for one in messages] == [True] * len(messages) != []


def test_what_would_not_go_out_is_not_foretold() -> None:
    late = make_loan(due_dates=[today() - timedelta(days=2)])
    first = list_upcoming(loan=late, as_of=today())[0].date
    assert first > today()

    promised(late, days=(first - today()).days)

    assert first not in {one.date for one in list_upcoming(loan=late, as_of=today())}
