"""The answer first: what is owed, what it means, what happens next, what can be done."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest
import time_machine
from django.test import Client
from django.utils import translation
from pytest_django import DjangoAssertNumQueries

from accounts.models import Borrower, User
from repayments import clock
from repayments.audit.services import record_event
from repayments.contracts.models import Contract
from repayments.contracts.services import issue_loan_contract
from repayments.documents_list import list_documents
from repayments.home import get_home
from repayments.loans.models import Loan
from repayments.loans.services import record_payment
from repayments.reminders.models import ReminderPolicy
from repayments.templatetags.amounts import day as day_text
from tests.factories.cases import make_plan
from tests.factories.payments import make_payment
from tests.home.conftest import NOW

Lend = Callable[..., Loan]


def test_nothing_late_shows_the_next_payment(lend: Lend, borrower: Borrower) -> None:
    lend()
    home = get_home(user=borrower.user, as_of=date(2026, 8, 20), now=NOW)
    assert home is not None
    assert (home.headline, home.amount, home.tone) == ("Next payment", 10_662, "fine")
    assert home.pay_purpose == "next"


def test_twelve_days_late_says_so(lend: Lend, borrower: Borrower) -> None:
    lend()
    home = get_home(user=borrower.user, as_of=date(2026, 9, 24), now=NOW)
    assert home is not None
    assert (home.headline, home.amount, home.tone) == ("Due now", 10_662, "late")
    assert home.sub.startswith("12 days late")


def test_on_the_due_date_nobody_is_late(lend: Lend, borrower: Borrower) -> None:
    lend()
    home = get_home(user=borrower.user, as_of=date(2026, 9, 12), now=NOW)
    assert home is not None
    assert (home.headline, home.tone) == ("Due today", "soon")


def test_what_happens_next_names_the_day_a_person_takes_over(
    lend: Lend, borrower: Borrower
) -> None:
    lend()
    home = get_home(user=borrower.user, as_of=date(2026, 9, 24), now=NOW)
    assert home is not None
    assert any(item.date == date(2026, 10, 12) for item in home.timeline)
    assert home.timeline[0].state == "now"
    assert [item.date for item in home.timeline] == sorted(item.date for item in home.timeline)


def test_reminders_that_say_the_same_are_one_line(lend: Lend, borrower: Borrower) -> None:
    lend()
    with translation.override("en"):
        home = get_home(user=borrower.user, as_of=date(2026, 8, 20), now=NOW)
    assert home is not None
    assert [(day_text(item.date), item.text, item.detail) for item in home.timeline] == [
        ("20 Aug", "nothing changes", ""),
        ("9 Sep", "a reminder by e-mail", "of the payment due on 12 Sep · again on 12 Sep"),
        ("12 Sep", "¥106.62 is due", ""),
        (
            "13 Sep",
            "a reminder by e-mail",
            "if the payment due on 12 Sep is still open · again on 19 Sep and 27 Sep",
        ),
    ]


def test_reminders_of_two_late_payments_are_one_line(lend: Lend, borrower: Borrower) -> None:
    lend()
    with translation.override("en"):
        home = get_home(user=borrower.user, as_of=date(2026, 10, 14), now=NOW)
    assert home is not None
    assert [(day_text(item.date), item.text, item.detail) for item in home.timeline] == [
        ("14 Oct", "nothing changes", ""),
        ("19 Oct", "a reminder by e-mail", "again on 27 Oct"),
        ("9 Nov", "a reminder by e-mail", "of the payment due on 12 Nov · again on 12 Nov"),
    ]


def test_reminders_by_several_ways_name_none(lend: Lend, borrower: Borrower) -> None:
    ReminderPolicy.objects.create(
        kind="late_3_text", offset_days=3, channel="sms", template_key="reminder_late_1"
    )
    lend()
    with translation.override("en"):
        home = get_home(user=borrower.user, as_of=date(2026, 9, 13), now=NOW)
    assert home is not None
    line = home.timeline[1]
    assert (line.date, line.text) == (date(2026, 9, 15), "a reminder")
    assert line.detail == "again on 19 Sep and 27 Sep"


def test_the_late_loan_comes_first_and_the_others_are_listed(
    lend: Lend, borrower: Borrower
) -> None:
    lend("EARLY", first_due_on=date(2026, 12, 12))
    late = lend("LATE")
    Loan.objects.filter(pk=late.pk).update(days_past_due=12)
    home = get_home(user=borrower.user, as_of=date(2026, 9, 24), now=NOW)
    assert home is not None
    assert home.loan == late
    assert [loan.number for loan in home.others] == ["EARLY"]


def test_a_payment_shows_as_activity(lend: Lend, borrower: Borrower) -> None:
    loan = lend()
    record_payment(
        loan_id=loan.pk,
        amount=10_662,
        effective_date=date(2026, 9, 12),
        reference="p1",
        actor=None,
        now=NOW,
    )
    home = get_home(user=borrower.user, as_of=date(2026, 9, 13), now=NOW)
    assert home is not None
    assert home.activity[0].amount == 10_662
    assert home.position.installments_paid == 1


def test_days_are_those_of_the_lenders_zone(lend: Lend, borrower: Borrower) -> None:
    # Half past six in the morning of 21 August in Shanghai is still the 20th in UTC.
    early = datetime(2026, 8, 20, 22, 30, tzinfo=UTC)
    make_plan(lend(), answer_due_at=early)
    with translation.override("en"):
        home = get_home(user=borrower.user, as_of=date(2026, 8, 20), now=NOW)
    assert home is not None
    assert "21" in home.todo[0].detail


def test_a_receipt_bears_the_day_of_the_lenders_zone(lend: Lend, borrower: Borrower) -> None:
    early = datetime(2026, 8, 20, 22, 30, tzinfo=UTC)
    make_payment(lend(), now=early, status="succeeded", succeeded_at=early)
    with translation.override("en"):
        [line] = list_documents(user=borrower.user).receipts
    assert "21 August 2026" in line.detail


def test_a_loan_to_sign_says_so(lend: Lend, borrower: Borrower) -> None:
    lend(status=Loan.Status.PENDING_SIGNATURE)
    home = get_home(user=borrower.user, as_of=date(2026, 8, 12), now=NOW)
    assert home is not None
    assert home.headline == "Your new loan"


def test_the_page_shows_figure_working_and_button(lend: Lend, reader: Client) -> None:
    lend()
    with time_machine.travel("2026-09-24T04:00:00Z"):
        page = reader.get("/").content.decode()
    assert "¥106.62" in page
    assert "12 days late" in page
    assert "How is this worked out?" in page
    assert "Pay ¥106.62" in page


def test_a_contract_being_prepared_is_looked_for_until_it_is_there(
    lend: Lend, reader: Client
) -> None:
    loan = lend(status=Loan.Status.PENDING_SIGNATURE)
    page = reader.get("/").content.decode()
    assert "Your contract is being prepared." in page
    assert 'hx-get="/?wait=6"' in page
    # Without JavaScript the same look is a link.
    assert '<a class="link" href="/">Look again</a>' in page

    waiting = reader.get("/?wait=6", headers={"HX-Request": "true"}).content.decode()
    assert waiting.strip().startswith("<div")
    assert 'hx-get="/?wait=12"' in waiting
    assert "delay:6s" in waiting

    contract = issue_loan_contract(loan_id=loan.pk, now=clock.now())
    assert contract is not None
    assert reader.get("/?wait=12", headers={"HX-Request": "true"})["HX-Refresh"] == "true"
    page = reader.get("/").content.decode()
    assert f'href="{contract.get_absolute_url()}">Read and sign' in page
    assert "being prepared" not in page


@pytest.mark.parametrize("ended", ["declined", "expired", "refused"])
def test_nothing_is_said_to_be_prepared_that_nobody_prepares(
    lend: Lend, reader: Client, ended: str
) -> None:
    loan = lend(status=Loan.Status.PENDING_SIGNATURE)
    if ended == "refused":
        record_event(
            stream=loan.stream,
            action="contracts.issue_refused",
            actor=None,
            at=clock.now(),
            payload={},
        )
    else:
        contract = issue_loan_contract(loan_id=loan.pk, now=clock.now())
        assert contract is not None
        Contract.objects.filter(pk=contract.pk).update(status=ended)

    page = reader.get("/").content.decode()

    assert "There is no contract to sign at the moment." in page
    assert "being prepared" not in page


def test_the_main_button_never_leads_to_another_loans_papers(
    lend: Lend, reader: Client, borrower: Borrower
) -> None:
    make_plan(lend("OTHER"), source="lender")
    lend("NEW", status=Loan.Status.PENDING_SIGNATURE)

    page = reader.get("/").content.decode()

    assert "Answer our offer" in page
    assert "Your contract is being prepared." in page
    assert "Read and sign" not in page


@pytest.mark.parametrize("number", [1, 6])
def test_queries_do_not_grow_with_loans(
    lend: Lend,
    reader: Client,
    number: int,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for at in range(number):
        lend(f"L-{at}")
    reader.get("/")
    # session, user, the session's own row; loans; rows, charges, balances, entries of the position
    # (4); the schedule's rows again and the stage (3); activity and its parts (2); payments;
    # reminders (2); case policy; contracts; plans.
    with time_machine.travel("2026-09-24T04:00:00Z"), django_assert_max_num_queries(17):
        reader.get("/")


def test_somebody_without_a_loan_sees_a_kind_page(client: Client, db: None) -> None:
    client.force_login(User.objects.create_user("new@example.com"))
    assert client.get("/").status_code == 200


def test_the_anonymous_go_to_sign_in(client: Client, db: None) -> None:
    assert client.get("/")["Location"].startswith("/accounts/login/")


def test_a_wrong_method_is_refused(reader: Client) -> None:
    assert reader.post("/").status_code == 405


@pytest.mark.parametrize("path", ["/loans/{}/", "/loans/{}/payoff/"])
def test_a_strangers_loan_is_not_there(lend: Lend, client: Client, path: str) -> None:
    loan = lend()
    client.force_login(User.objects.create_user("other@example.com"))
    assert client.get(path.format(loan.public_id)).status_code == 404


@pytest.mark.parametrize("path", ["/loans/{}/", "/loans/{}/payoff/"])
def test_a_loans_pages_open(lend: Lend, reader: Client, path: str) -> None:
    loan = lend()
    with time_machine.travel("2026-09-24T04:00:00Z"):
        assert reader.get(path.format(loan.public_id)).status_code == 200


def test_paying_all_off_is_itemized(lend: Lend, reader: Client) -> None:
    loan = lend()
    with time_machine.travel("2026-08-22T04:00:00Z"):
        page = reader.get(f"/loans/{loan.public_id}/payoff/").content.decode()
    # 1,200.00 and 10 of 31 days of the first 12.00 of interest.
    assert "¥1,203.87" in page


def test_documents_open_without_any(reader: Client) -> None:
    assert reader.get("/documents/").status_code == 200


@pytest.mark.parametrize("path", ["/illustration/", "/accessibility/", "/offline/", "/sw.js"])
def test_public_pages_ask_for_no_sign_in(client: Client, db: None, path: str) -> None:
    assert client.get(path).status_code == 200


def test_the_illustration_gives_the_published_cost(client: Client, db: None) -> None:
    client.cookies["django_language"] = "en"
    answer = client.get(
        "/illustration/",
        {
            "principal": "10000",
            "annual_rate": "12",
            "installments": "12",
            "amortization": "equal_installment",
        },
    )
    page = answer.content.decode()
    assert "12.00 %" in page
    assert "12.68 %" in page


@pytest.mark.parametrize("principal", ["", "abc", "1e5", "-5", "0", "１００", "9" * 30, "1.234"])
def test_a_bad_amount_is_shown_at_its_field(client: Client, db: None, principal: str) -> None:
    answer = client.get(
        "/illustration/",
        {
            "principal": principal,
            "annual_rate": "12",
            "installments": "12",
            "amortization": "equal_installment",
        },
    )
    assert answer.status_code == 422
    assert "principal" in answer.context["form"].errors
