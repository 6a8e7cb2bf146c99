"""A month's statement adds up, says where every amount went, and can be kept."""

import csv
from dataclasses import astuple
from datetime import date, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from repayments.contracts.documents import read_attachment
from repayments.dates import add_months
from repayments.documents_list import list_documents
from repayments.ledger.models import Account, JournalEntry
from repayments.ledger.services import balance_as_of
from repayments.loans.models import Loan
from repayments.loans.services import charge_fee, restore_money, return_money
from repayments.loans.services.work import Work
from repayments.loans.statements import (
    Movement,
    NoSuchStatement,
    Parts,
    Statement,
    get_statement,
    list_statement_months,
    working_of_statement,
    write_csv,
)
from tests.factories.accounts import make_borrower
from tests.factories.loans import get_loan, make_loan, make_product, noon, pay

TODAY = date(2026, 4, 20)
FEBRUARY, MARCH, APRIL = date(2026, 2, 1), date(2026, 3, 1), date(2026, 4, 1)
COLUMNS = [
    Account.PRINCIPAL_RECEIVABLE,
    Account.INTEREST_RECEIVABLE,
    Account.FEE_RECEIVABLE,
    Account.PENALTY_RECEIVABLE,
    Account.UNAPPLIED,
]


@pytest.fixture
def loan(db: None) -> Loan:
    user = User.objects.create_user("mei@example.com", language="en")
    loan = make_loan(
        borrower=make_borrower(user=user), as_of=TODAY, penalty_rate=Decimal("18"), number="L-9"
    )
    entry = pay(loan, 150_000, date(2026, 2, 20))
    refund = give_back(entry, 40_000, JournalEntry.Kind.REFUND, "re_1", date(2026, 3, 10))
    restore_money(
        entry_id=refund.pk,
        reference="failed",
        effective_date=date(2026, 3, 12),
        actor=None,
        now=noon(date(2026, 3, 12)),
    )
    give_back(entry, 60_000, JournalEntry.Kind.CHARGEBACK, "dp_1", date(2026, 3, 20))
    charge_fee(
        loan_id=loan.pk,
        amount=2_500,
        reason="=cmd()",
        charged_on=date(2026, 3, 25),
        actor=None,
        now=noon(date(2026, 3, 25)),
    )
    pay(loan, 30_000, date(2026, 4, 2))
    Work(loan_id=loan.pk, actor=None, now=noon(TODAY)).bill_due(TODAY)
    return get_loan(loan)


def give_back(entry: JournalEntry, amount: int, kind: str, name: str, on: date) -> JournalEntry:
    return return_money(
        entry_id=entry.pk,
        amount=amount,
        kind=kind,
        reference=name,
        effective_date=on,
        actor=None,
        now=noon(on),
    )


def assert_adds_up(statement: Statement) -> None:
    for parts, day in (
        (statement.opening, statement.month - timedelta(days=1)),
        (statement.closing, statement.last_day),
    ):
        found = balance_as_of(book_id=statement.loan.book_id, day=day)
        assert list(astuple(parts)) == [found[account] for account in COLUMNS]
    moved = sum((one.parts for one in statement.movements), statement.opening)
    assert moved == statement.closing
    rows = working_of_statement(statement)
    assert sum(row.amount for row in rows[:-1]) == rows[-1].amount == statement.closing.total


@pytest.mark.parametrize("month", [date(2026, 1, 1), FEBRUARY, MARCH, APRIL])
def test_it_adds_up_by_part_and_in_all(loan: Loan, month: date) -> None:
    assert_adds_up(get_statement(loan=loan, month=month, as_of=TODAY))


def test_one_month_begins_where_the_one_before_ended(loan: Loan) -> None:
    for month in (FEBRUARY, MARCH, APRIL):
        before = get_statement(loan=loan, month=add_months(month, -1), as_of=TODAY)
        assert get_statement(loan=loan, month=month, as_of=TODAY).opening == before.closing


def test_it_says_what_happened_and_where_it_went(loan: Loan) -> None:
    march = get_statement(loan=loan, month=MARCH, as_of=TODAY)
    told = [(one.date.day, one.text, one.amount) for one in march.movements]
    assert (10, "Refund to you", 40_000) in told
    assert (12, "Your payment counts again", -40_000) in told
    assert (20, "Taken back by your bank", 60_000) in told
    assert (25, "Fee", 2_500) in told
    february = get_statement(loan=loan, month=FEBRUARY, as_of=TODAY)
    assert (15, "Interest added", 12_000) in [
        (one.date.day, one.text, one.amount) for one in february.movements
    ]
    [payment] = [one for one in february.movements if one.text == "Your payment"]
    # It counts for 900.00 in the end: penalty interest of five days, interest, principal.
    assert payment.amount == -150_000
    assert payment.parts.unapplied == -60_000
    assert sum(astuple(payment.parts)[:4]) == -90_000


def test_what_was_reckoned_anew_is_left_out(loan: Loan) -> None:
    entries = JournalEntry.objects.filter(book=loan.book, effective_date__lte=TODAY)
    assert entries.filter(kind=JournalEntry.Kind.REALLOCATION).count() > 3
    months = [get_statement(loan=loan, month=m, as_of=TODAY) for m in (FEBRUARY, MARCH, APRIL)]
    texts = [one.text for statement in months for one in statement.movements]
    assert texts.count("Your payment") == 2
    assert all(any(astuple(one.parts)) for statement in months for one in statement.movements)


def test_the_month_that_runs_goes_up_to_today(loan: Loan) -> None:
    april = get_statement(loan=loan, month=APRIL, as_of=TODAY)
    assert (april.last_day, april.is_complete) == (TODAY, False)
    march = get_statement(loan=loan, month=MARCH, as_of=APRIL)
    assert (march.last_day, march.is_complete) == (date(2026, 3, 31), True)


def test_months_run_from_the_first_entry_to_today(loan: Loan) -> None:
    months = list_statement_months(loan=loan, as_of=TODAY)
    assert months == [APRIL, MARCH, FEBRUARY, date(2026, 1, 1)]


@pytest.mark.parametrize(
    "month", [date(2025, 12, 1), date(2026, 5, 1), date(1, 1, 1), date(9999, 12, 1)]
)
def test_there_is_none_before_the_loan_or_ahead(loan: Loan, month: date) -> None:
    with pytest.raises(NoSuchStatement):
        get_statement(loan=loan, month=month, as_of=TODAY)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_any_story_adds_up(db: None, data: st.DataObject) -> None:
    product = make_product(surplus=data.draw(st.sampled_from(["unapplied", "prepay"])))
    loan = make_loan(product=product, penalty_rate=Decimal("18"))
    for number in range(data.draw(st.integers(1, 3))):
        on = date(2026, 1, 15) + timedelta(days=data.draw(st.integers(0, 90)))
        amount = data.draw(st.integers(1, 1_300_000))
        entry = pay(loan, amount, on, now=noon(TODAY))
        if data.draw(st.booleans()):
            part = data.draw(st.integers(1, amount))
            give_back(entry, part, JournalEntry.Kind.REFUND, f"re_{number}", TODAY)
    for month in list_statement_months(loan=loan, as_of=TODAY):
        statement = get_statement(loan=loan, month=month, as_of=TODAY)
        assert_adds_up(statement)
        shown = {one.text for one in statement.movements}
        assert shown <= {
            "Paid out to you",
            "Your payment",
            "Interest added",
            "Penalty interest",
            "Money you had paid ahead was used",
            "Refund to you",
            "Penalty interest moved into the new schedule",
        }


# --- Pages --------------------------------------------------------------------------------------


@pytest.fixture
def reader(loan: Loan, client: Client) -> Any:
    client.force_login(loan.borrower.user)  # type: ignore[arg-type]
    client.cookies["django_language"] = "en"
    with time_machine.travel(noon(TODAY), tick=False):
        yield client


def paths(loan: Loan) -> list[str]:
    base = f"/loans/{loan.public_id}/statements/"
    return [base, *(f"{base}2026-03{end}" for end in ("/", ".csv", ".pdf"))]


def test_the_list_leads_to_each_month_and_documents_to_the_list(reader: Client, loan: Loan) -> None:
    page = reader.get(paths(loan)[0]).content.decode()
    assert "March 2026" in page
    assert paths(loan)[1] in page
    [line] = list_documents(user=loan.borrower.user).statements  # type: ignore[arg-type]
    assert line.url == paths(loan)[0]
    assert line.url in reader.get("/documents/").content.decode()


def test_the_page_shows_the_month(reader: Client, loan: Loan) -> None:
    page = reader.get(paths(loan)[1]).content.decode()
    assert "Statement for March 2026" in page
    assert "Taken back by your bank" in page
    assert "How is this worked out?" in page
    assert "goes up to today" not in page


def test_the_file_holds_the_same_and_adds_up(reader: Client, loan: Loan) -> None:
    answer = reader.get(paths(loan)[2])
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    rows = list(csv.reader(StringIO(answer.content.decode("utf-8-sig"))))
    names, *lines = rows
    for column in names[2:-1]:
        amounts = [Decimal(line[names.index(column)]) for line in lines]
        assert sum(amounts[:-1]) == amounts[-1]
    assert {line[-1] for line in lines} == {"CNY"}


@pytest.mark.parametrize("words", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1+1", " =1"])
def test_words_are_no_formula_of_a_spreadsheet(loan: Loan, words: str) -> None:
    statement = Statement(
        loan=loan,
        month=MARCH,
        last_day=date(2026, 3, 31),
        is_complete=True,
        opening=Parts(),
        closing=Parts(),
        movements=[Movement(MARCH, words, "", Parts(fees=100))],
    )
    rows = list(csv.reader(StringIO(write_csv(statement))))
    assert rows[2][1] == f"'{words}"


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_paper_holds_the_same(reader: Client, loan: Loan, language: str) -> None:
    reader.cookies["django_language"] = language
    answer = reader.get(paths(loan)[3])
    assert answer["Content-Type"] == "application/pdf"
    data = read_attachment(answer.content)
    march = get_statement(loan=loan, month=MARCH, as_of=TODAY)
    assert len(data["table"]["rows"]) == len(march.movements)
    assert data["total"]["value"] == data["lines"][-1]["value"]
    assert reader.get(paths(loan)[3]).content == answer.content


def test_a_stranger_finds_none_of_them(loan: Loan, client: Client) -> None:
    client.force_login(User.objects.create_user("other@example.com"))
    with time_machine.travel(noon(TODAY), tick=False):
        assert {client.get(path).status_code for path in paths(loan)} == {404}


def test_a_month_that_is_none_is_not_found(reader: Client, loan: Loan) -> None:
    base = paths(loan)[0]
    for month in ("2025-12", "2026-05", "2026-13", "0000-01", "9999-12"):
        for end in ("/", ".csv", ".pdf"):
            assert reader.get(f"{base}{month}{end}").status_code == 404


def test_the_anonymous_sign_in_and_a_wrong_method_is_refused(loan: Loan, client: Client) -> None:
    for path in paths(loan):
        assert client.get(path)["Location"].startswith("/accounts/")
    client.force_login(loan.borrower.user)  # type: ignore[arg-type]
    assert {client.post(path).status_code for path in paths(loan)} == {405}


def test_its_queries_are_few(
    reader: Client, loan: Loan, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    reader.get(paths(loan)[1])
    # session, user, the session's own row; the loan; whether it had begun; the
    # two balances (2); entries and their postings (2).
    with django_assert_num_queries(9):
        reader.get(paths(loan)[1])
