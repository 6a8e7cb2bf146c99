"""The benchmark's own eye: money lost, posted twice or of another amount is counted."""

from collections.abc import Callable

import pytest

from benchmarks.webhooks import AMOUNT, count_faults, list_deliveries
from repayments.clock import now, today
from repayments.loans.models import Loan
from repayments.loans.services import record_payment

pytestmark = pytest.mark.django_db


def post(loan: Loan, name: str, amount: int = AMOUNT) -> None:
    record_payment(
        loan_id=loan.pk,
        amount=amount,
        effective_date=today(),
        reference=name,
        actor=None,
        now=now(),
    )


def test_nothing_is_wrong_with_each_payment_posted_once(loan: Loan, other_loan: Loan) -> None:
    post(loan, "pi_1")
    post(other_loan, "pi_2")

    assert count_faults(["pi_1", "pi_2"]) == {"lost": 0, "double": 0, "altered": 0}


def in_another_book(loan: Loan, other_loan: Loan) -> None:
    post(loan, "pi_1")
    post(other_loan, "pi_1")


def under_another_name(loan: Loan, other_loan: Loan) -> None:
    post(loan, "pi_1")
    post(loan, "pi_1-again")


@pytest.mark.parametrize(
    ("plant", "found"),
    [
        (lambda loan, other_loan: None, "lost"),
        (in_another_book, "double"),
        (under_another_name, "double"),
        (lambda loan, other_loan: post(loan, "pi_1", AMOUNT - 1), "altered"),
    ],
)
def test_a_planted_fault_is_counted(
    loan: Loan, other_loan: Loan, plant: Callable[[Loan, Loan], None], found: str
) -> None:
    plant(loan, other_loan)

    faults = count_faults(["pi_1"])

    assert faults == {"lost": 0, "double": 0, "altered": 0, found: 1}


def test_of_a_tenth_of_the_payments_news_comes_twice() -> None:
    names = [f"pi_{number}" for number in range(40)]

    deliveries = list_deliveries(names)

    assert [name for _event, name in deliveries if name not in names] == []
    assert len(deliveries) == 44
    assert len({event for event, _name in deliveries}) == 42
