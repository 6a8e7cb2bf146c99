"""Money that waits is applied when the next installment falls due, however often it is asked."""

from datetime import date
from typing import Any

import pytest
import time_machine

from repayments.ledger.models import Account, JournalEntry
from repayments.ledger.services import get_balances
from repayments.loans.models import Loan
from repayments.loans.queries import list_payment_allocations
from repayments.loans.services import apply_unapplied
from repayments.loans.tasks import sweep_unapplied
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


def test_the_sweep_finds_it_and_may_run_twice(
    loan: Loan, django_capture_on_commit_callbacks: Any
) -> None:
    other = make_loan()
    with time_machine.travel(noon(date(2026, 3, 16)), tick=False):
        for _run in range(2):
            with django_capture_on_commit_callbacks(execute=True):
                sweep_unapplied()
    assert applications(loan).count() == 1
    assert not applications(other).exists()
    assert list(Loan.objects.with_money_to_apply(date(2026, 3, 16))) == []
