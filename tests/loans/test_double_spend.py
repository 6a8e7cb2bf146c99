"""P6, P7: parallel payers cannot spend one debt twice; without the guards they do."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from threading import Barrier
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F, Sum

from repayments.ledger.models import Account, JournalEntry
from repayments.ledger.services import AlreadyPosted, get_balances
from repayments.loans.models import Allocation, Installment, Loan
from repayments.loans.querysets import LoanQuerySet
from repayments.loans.services import TooMuchReturned, return_money, returned_amount
from repayments.loans.services.received import Received
from tests.factories.loans import get_loan, make_loan, noon, pay
from tests.loans.books import assert_books_agree

PAYERS = 8
DUE = date(2026, 2, 15)
pytestmark = pytest.mark.django_db(transaction=True)


def in_threads(work: Callable[..., Any]) -> Any:
    """Run the same work in every payer, all starting together; give what each came to."""
    start = Barrier(PAYERS)

    def run(number: int) -> Any:
        try:
            start.wait(timeout=30)
            return work(number)
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(PAYERS) as pool:
        return list(pool.map(run, range(PAYERS)))


@pytest.fixture
def small_loan() -> Any:
    """One installment of 100 minor units, without interest."""
    return make_loan(terms={"principal": 100, "installments": 1, "annual_rate": Decimal(0)})


def test_p6_eight_payers_of_the_whole_debt_apply_it_once(small_loan: Loan) -> None:
    results = in_threads(lambda number: pay(small_loan, 100, DUE, reference=f"pi_{number}"))
    assert [one for one in results if isinstance(one, Exception)] == []
    balances = get_balances(book_id=small_loan.book_id)
    assert balances[Account.PRINCIPAL_RECEIVABLE] == 0
    assert balances[Account.UNAPPLIED] == -700
    assert Allocation.objects.aggregate(total=Sum("amount"))["total"] == 100
    assert get_loan(small_loan).status == Loan.Status.PAID_OFF
    assert_books_agree(small_loan)


def test_p6_eight_parts_of_a_debt_add_up(small_loan: Loan) -> None:
    results = in_threads(lambda number: pay(small_loan, 20, DUE, reference=f"pi_{number}"))
    assert [one for one in results if isinstance(one, Exception)] == []
    assert Allocation.objects.aggregate(total=Sum("amount"))["total"] == 100
    assert get_balances(book_id=small_loan.book_id)[Account.UNAPPLIED] == -60
    assert_books_agree(small_loan)


def test_p4_one_reference_is_posted_once(small_loan: Loan) -> None:
    results = in_threads(lambda number: pay(small_loan, 30, DUE, reference="pi_same"))
    assert sum(isinstance(one, JournalEntry) for one in results) == 1
    assert sum(isinstance(one, AlreadyPosted) for one in results) == PAYERS - 1
    assert get_balances(book_id=small_loan.book_id)[Account.CLEARING] == -70
    assert_books_agree(small_loan)


def spend_unguarded(loan: Loan, meet: Barrier) -> Any:
    """Sum what is owed, then write: no lock, and a plain value where the service adds in place."""
    with transaction.atomic():
        row = Installment.objects.get(loan=loan)
        spent = min(100, row.unpaid)
        meet.wait(timeout=30)
        Installment.objects.filter(pk=row.pk).update(principal_paid=row.principal_paid + spent)
        return spent


@pytest.mark.postgresql
def test_p6_twin_without_lock_and_guard_one_debt_is_spent_eight_times(small_loan: Loan) -> None:
    meet = Barrier(PAYERS)
    spent = in_threads(lambda number: spend_unguarded(small_loan, meet))
    assert sum(spent) == PAYERS * 100


@pytest.mark.postgresql
def test_p6_twin_without_the_lock_the_constraint_still_refuses(small_loan: Loan) -> Any:
    """The lock off, the guard on: paid ≤ due lets one of eight through."""
    meet = Barrier(PAYERS)

    def spend(number: int) -> Any:
        with transaction.atomic():
            row = Installment.objects.get(loan=small_loan)
            meet.wait(timeout=30)
            Installment.objects.filter(pk=row.pk).update(
                principal_paid=F("principal_paid") + min(100, row.unpaid)
            )
            return 100

    results = in_threads(spend)
    assert sum(one == 100 for one in results) == 1
    assert Installment.objects.get(loan=small_loan).principal_paid == 100


def give_back(entry: JournalEntry, number: int) -> Any:
    return return_money(
        entry_id=entry.pk,
        amount=60,
        kind=JournalEntry.Kind.REFUND,
        reference=f"re_{number}",
        effective_date=DUE,
        actor=None,
        now=noon(DUE),
    )


def test_p6_of_returns_that_sum_above_their_payment_one_is_posted(small_loan: Loan) -> None:
    pay(small_loan, 50, DUE)
    entry = pay(small_loan, 100, DUE)
    results = in_threads(lambda number: give_back(entry, number))
    assert sum(isinstance(one, JournalEntry) for one in results) == 1
    assert sum(isinstance(one, TooMuchReturned) for one in results) == PAYERS - 1
    assert returned_amount(entry_id=entry.pk) == 60
    assert_books_agree(small_loan)


@pytest.mark.postgresql
def test_p6_twin_without_the_lock_more_goes_back_than_came(
    small_loan: Loan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All read what is left before one has written; the money waits, so no row refuses."""
    pay(small_loan, 100, DUE)
    entry = pay(small_loan, 100, DUE)
    assert get_balances(book_id=small_loan.book_id)[Account.UNAPPLIED] == -100
    monkeypatch.setattr(LoanQuerySet, "select_for_update", lambda loans, **options: loans)
    net_received, meet = Received.net_received, Barrier(PAYERS)

    def read_together(received: Received) -> dict[int, int]:
        net = net_received(received)
        if not hasattr(received, "has_read"):
            received.has_read = True  # type: ignore[attr-defined]
            meet.wait(timeout=30)
        return net

    monkeypatch.setattr(Received, "net_received", read_together)
    in_threads(lambda number: give_back(entry, number))
    assert returned_amount(entry_id=entry.pk) > 100
