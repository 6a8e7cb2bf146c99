"""Money that waits is applied when the next installment falls due, however often it is asked."""

from datetime import date
from typing import Any

import pytest

from repayments.ledger.models import Account, JournalEntry
from repayments.ledger.services import get_balances
from repayments.loans.billing import list_credit_due
from repayments.loans.models import Loan
from repayments.loans.queries import list_payment_allocations
from repayments.loans.services import apply_unapplied
from tests.factories.loans import get_loan, make_loan, noon, pay
from tests.loans.books import assert_books_agree

pytestmark = pytest.mark.django_db

SECOND_DUE = date(2026, 3, 15)


@pytest.fixture
def loan() -> Any:
    """Paid 500.00 ahead of its first installment."""
    loan = make_loan()
    pay(loan, 156_619, date(2026, 1, 20), reference="pi_ahead")
    return loan


def apply(loan: Loan, as_of: date) -> None:
    apply_unapplied(loan_id=loan.pk, as_of=as_of, now=noon(as_of))


def applications(loan: Loan) -> Any:
    return loan.book.entries.filter(kind=JournalEntry.Kind.APPLICATION)


def test_before_the_due_date_it_waits(loan: Loan) -> None:
    apply(loan, date(2026, 3, 14))
    assert get_balances(book_id=loan.book_id)[Account.UNAPPLIED] == -50_000
    assert not applications(loan).exists()


def test_on_the_due_date_it_is_applied_once(loan: Loan) -> None:
    apply(loan, SECOND_DUE)
    apply(loan, SECOND_DUE)
    assert get_balances(book_id=loan.book_id)[Account.UNAPPLIED] == 0
    assert applications(loan).count() == 1
    assert_books_agree(loan)


def test_a_run_that_comes_late_counts_from_the_due_date(loan: Loan) -> None:
    apply(loan, date(2026, 3, 20))
    assert applications(loan).get().effective_date == SECOND_DUE
    assert get_loan(loan).past_due_amount == 56_619


def test_the_payment_it_came_from_shows_where_it_went(loan: Loan) -> None:
    apply(loan, SECOND_DUE)
    payment = loan.book.entries.get(reference="pi_ahead")
    rows = list_payment_allocations(entry_id=payment.pk)
    assert sum(row.amount for row in rows) == 156_619
    assert {row.number for row in rows} == {1, 2}


def test_the_close_finds_the_loans_that_have_something_to_apply(loan: Loan) -> None:
    make_loan()
    assert list_credit_due(as_of=date(2026, 3, 14)) == []
    assert list_credit_due(as_of=SECOND_DUE) == [loan.pk]
    apply(loan, SECOND_DUE)
    assert list_credit_due(as_of=SECOND_DUE) == []
