"""A payment taken back leaves the loan as if it had never come."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repayments.ledger.models import JournalEntry
from repayments.loans.models import Loan
from repayments.loans.queries import get_position, list_payment_allocations
from repayments.loans.services import NotAPayment, refresh_figures, reverse_payment
from tests.factories.loans import get_loan, make_loan, make_product, noon, pay
from tests.loans.books import assert_books_agree, summarize

pytestmark = pytest.mark.django_db

TODAY = date(2026, 4, 20)


def reverse(entry: JournalEntry, reference: str = "re_1") -> Any:
    return reverse_payment(
        entry_id=entry.pk, reference=reference, effective_date=TODAY, actor=None, now=noon(TODAY)
    )


def bring_to_today(loan: Loan) -> None:
    """What the night does: bill what fell due, and the figures."""
    from repayments.loans.services.work import Work

    Work(loan_id=loan.pk, actor=None, now=noon(TODAY)).bill_due(TODAY)
    refresh_figures(loan_ids=[loan.pk], as_of=TODAY)


CASES = {
    "a part payment": (10_000, date(2026, 2, 15)),
    "an early installment": (106_619, date(2026, 1, 20)),
    "two installments at once": (213_238, date(2026, 2, 10)),
    "late with penalty": (106_619, date(2026, 3, 3)),
    "all of it": (1_400_000, date(2026, 2, 20)),
    "a future installment": (500_000, date(2026, 4, 18)),
}


@pytest.mark.parametrize("surplus", ["unapplied", "prepay"])
@pytest.mark.parametrize("case", CASES)
def test_reversed_alone_the_loan_is_as_it_was(case: str, surplus: str) -> None:
    amount, on = CASES[case]
    product = make_product(surplus=surplus)
    untouched = make_loan(product=product, penalty_rate=Decimal("18"))
    paid = make_loan(product=product, penalty_rate=Decimal("18"))
    reverse(pay(paid, amount, on))
    bring_to_today(untouched)
    assert summarize(paid) == summarize(untouched)
    assert_books_agree(paid)


@pytest.mark.parametrize("surplus", ["unapplied", "prepay"])
@pytest.mark.parametrize("case", CASES)
def test_payments_around_it_end_as_if_it_had_never_come(case: str, surplus: str) -> None:
    amount, on = CASES[case]
    product = make_product(surplus=surplus)
    without = make_loan(product=product, penalty_rate=Decimal("18"))
    loan = make_loan(product=product, penalty_rate=Decimal("18"))
    for other in (without, loan):
        pay(other, 60_000, date(2026, 1, 18))
    taken = pay(loan, amount, on)
    for other in (without, loan):
        pay(other, 250_000, date(2026, 4, 19))
    reverse(taken)
    bring_to_today(without)
    assert summarize(loan) == summarize(without)
    assert_books_agree(loan)


def test_a_settled_loan_runs_again() -> None:
    loan = make_loan()
    entry = pay(loan, 1_400_000, date(2026, 1, 20))
    assert get_loan(loan).status == Loan.Status.PAID_OFF
    reverse(entry)
    loan = get_loan(loan)
    assert loan.status == Loan.Status.ACTIVE
    assert loan.days_past_due == (TODAY - date(2026, 2, 15)).days
    assert list_payment_allocations(entry_id=entry.pk) == []


def test_a_payment_is_taken_back_once() -> None:
    loan = make_loan()
    entry = pay(loan, 10_000, date(2026, 2, 15))
    reverse(entry)
    with pytest.raises(NotAPayment):
        reverse(entry, reference="re_2")
    assert get_position(loan=get_loan(loan), as_of=TODAY).unapplied == 0


def test_only_payments_can_be_taken_back() -> None:
    loan = make_loan()
    with pytest.raises(NotAPayment):
        reverse(loan.book.entries.get(kind="disbursement"))


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_any_of_several_payments_taken_back_leaves_the_others_alone(data: st.DataObject) -> None:
    days = data.draw(st.lists(st.integers(0, 95), min_size=2, max_size=4, unique=True))
    payments = [
        (data.draw(st.integers(1, 600_000)), date(2026, 1, 15) + timedelta(days=day))
        for day in sorted(days)
    ]
    gone = data.draw(st.integers(0, len(payments) - 1))
    product = make_product(
        surplus=data.draw(st.sampled_from(["unapplied", "prepay"])),
        allocation_strategy=data.draw(st.sampled_from(["oldest_first", "horizontal"])),
    )
    without = make_loan(product=product, penalty_rate=Decimal("18"))
    loan = make_loan(product=product, penalty_rate=Decimal("18"))
    entries = [pay(loan, amount, on, now=noon(TODAY)) for amount, on in payments]
    for at, (amount, on) in enumerate(payments):
        if at != gone:
            pay(without, amount, on, now=noon(TODAY))
    reverse(entries[gone])
    bring_to_today(without)
    assert summarize(loan) == summarize(without)
    assert_books_agree(loan)
