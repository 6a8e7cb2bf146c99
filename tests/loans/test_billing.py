"""Billing what falls due, for all loans at once: the same rows as one loan under its lock."""

import threading
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection

from repayments.ledger.models import JournalEntry
from repayments.ledger.services import get_balances, reverse_entry, verify_ledger
from repayments.loans import billing
from repayments.loans.billing import bill_due, list_credit_due
from repayments.loans.models import Installment, Loan
from repayments.loans.services import record_payment
from repayments.loans.services.work import Work
from tests.factories.loans import make_loan, noon
from tests.loans.books import assert_books_agree

FIRST_DUE = date(2026, 2, 15)
SECOND_DUE = date(2026, 3, 15)


def bill(day: date) -> int:
    return bill_due(as_of=day, now=noon(day))


def entries_of(loan: Loan) -> list[tuple[Any, ...]]:
    return list(
        JournalEntry.objects.filter(book=loan.book)
        .order_by("seq", "postings__account")
        .values_list("seq", "kind", "effective_date", "postings__account", "postings__amount")
    )


@pytest.mark.django_db
def test_interest_is_billed_on_the_due_date_and_not_before() -> None:
    loan = make_loan()

    assert bill(FIRST_DUE - timedelta(days=1)) == 0
    assert bill(FIRST_DUE) == 1

    first = loan.installments.get(number=1)
    assert first.interest_billed == first.interest_due == 12_000
    entry = JournalEntry.objects.get(book=loan.book, kind="interest")
    assert (entry.seq, entry.effective_date) == (2, FIRST_DUE)
    assert entry.reference == f"installment:{first.pk}"
    assert get_balances(book_id=loan.book_id)["interest_receivable"] == 12_000
    assert_books_agree(loan)


@pytest.mark.django_db
def test_the_same_day_again_writes_nothing() -> None:
    make_loan()
    bill(SECOND_DUE)
    before = JournalEntry.objects.count()

    assert bill(SECOND_DUE) == 0
    assert JournalEntry.objects.count() == before


@pytest.mark.django_db
def test_days_missed_are_billed_on_their_due_dates_in_order() -> None:
    loan = make_loan()

    assert bill(date(2026, 5, 20)) == 4

    billed = JournalEntry.objects.filter(book=loan.book, kind="interest").order_by("seq")
    assert [entry.effective_date for entry in billed] == [
        date(2026, month, 15) for month in (2, 3, 4, 5)
    ]
    assert [entry.seq for entry in billed] == [2, 3, 4, 5]
    assert verify_ledger() is None


@pytest.mark.django_db
def test_many_loans_at_once_are_billed_as_each_by_itself() -> None:
    day = date(2026, 4, 15)
    by_hand, at_once = make_loan(), make_loan()
    Installment.objects.filter(number__in=[1, 3]).update(fee_due=250)
    work = Work(loan_id=by_hand.pk, actor=None, now=noon(day))
    work.bill_due(day)

    assert bill(day) == 5

    assert entries_of(at_once) == entries_of(by_hand)
    assert get_balances(book_id=at_once.book_id) == get_balances(book_id=by_hand.book_id)
    assert_books_agree(at_once)


@pytest.mark.django_db
def test_what_was_billed_early_by_a_payment_is_not_billed_again() -> None:
    loan = make_loan()
    record_payment(
        loan_id=loan.pk,
        amount=loan.installments.get(number=1).unpaid,
        effective_date=FIRST_DUE - timedelta(days=5),
        reference="early",
        actor=None,
        now=noon(FIRST_DUE - timedelta(days=5)),
    )

    assert bill(FIRST_DUE) == 0
    assert_books_agree(loan)


@pytest.mark.django_db
def test_a_row_whose_bill_was_taken_back_is_billed_under_another_name() -> None:
    loan = make_loan()
    bill(FIRST_DUE)
    entry = JournalEntry.objects.get(book=loan.book, kind="interest")
    reverse_entry(
        entry=entry,
        reference="undo",
        effective_date=FIRST_DUE,
        posted_at=noon(FIRST_DUE),
        actor=None,
    )
    Installment.objects.filter(loan=loan, number=1).update(interest_billed=0)

    assert bill(FIRST_DUE) == 1

    assert JournalEntry.objects.filter(book=loan.book, kind="interest").count() == 2
    assert_books_agree(loan)


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["pending_signature", "paid_off", "written_off", "closed"])
def test_only_running_loans_are_billed(status: str) -> None:
    loan = make_loan()
    Loan.objects.filter(pk=loan.pk).update(status=status)

    assert bill(FIRST_DUE) == 0


@pytest.mark.django_db
def test_waiting_money_is_found_once_something_is_due() -> None:
    loan = make_loan()
    make_loan()
    first, second = loan.installments.order_by("number")[:2]
    # What is due and the coming installment are paid at once; the rest waits.
    record_payment(
        loan_id=loan.pk,
        amount=first.unpaid + second.unpaid + 500,
        effective_date=FIRST_DUE,
        reference="more",
        actor=None,
        now=noon(FIRST_DUE),
    )

    assert list_credit_due(as_of=SECOND_DUE) == []
    assert list_credit_due(as_of=date(2026, 4, 15)) == [loan.pk]


# --- A payment at the same time -------------------------------------------------------------------


def _pay_while_billing(monkeypatch: pytest.MonkeyPatch, loan: Loan, amount: int) -> list[Any]:
    """Let a payment begin, and hold its loan, just before the bills are reckoned."""
    started, billed = threading.Event(), threading.Event()
    outcome: list[Any] = []

    def pay() -> None:
        from django.db import transaction

        try:
            with transaction.atomic():
                record_payment(
                    loan_id=loan.pk,
                    amount=amount,
                    effective_date=FIRST_DUE - timedelta(days=1),
                    reference="beside",
                    actor=None,
                    now=noon(FIRST_DUE - timedelta(days=1)),
                )
                started.set()
                # Commits after the biller has looked, unless it waits for this loan.
                billed.wait(1)
        except Exception as error:
            outcome.append(error)
        finally:
            started.set()
            connection.close()

    thread = threading.Thread(target=pay)
    thread.start()
    started.wait(10)
    try:
        outcome.append(bill(FIRST_DUE))
    except Exception as error:
        outcome.append(error)
    finally:
        billed.set()
        thread.join()
    return outcome


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_payment_at_the_same_time_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    loan = make_loan()

    outcome = _pay_while_billing(monkeypatch, loan, loan.installments.get(number=1).unpaid)

    assert outcome == [0], "the payment had billed the row by then"
    assert_books_agree(loan)


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_twin_without_the_lock_the_same_row_is_billed_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loan = make_loan()
    monkeypatch.setattr(billing, "_LOCK", "SELECT 1")

    outcome = _pay_while_billing(monkeypatch, loan, loan.installments.get(number=1).unpaid)

    broken: Callable[[], None] = lambda: assert_books_agree(loan)  # noqa: E731 - named for the reader
    if not any(isinstance(one, Exception) for one in outcome):
        with pytest.raises(AssertionError):
            broken()
