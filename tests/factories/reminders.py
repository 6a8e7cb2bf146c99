"""Loans with something due, written straight to the tables: the books play no part here."""

from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

from accounts.models import Borrower
from repayments.ledger.models import Book
from repayments.loans.models import Installment, Loan, Product, Schedule
from tests.factories.contacts import make_borrower

_numbers = count(1)
CREATED = datetime(2026, 1, 1, tzinfo=UTC)


def make_loan(*, due_dates: list[date], borrower: Borrower | None = None, **fields: Any) -> Loan:
    """Store a loan with one current installment of 1000.00 for each date."""
    number = next(_numbers)
    product, _created = Product.objects.get_or_create(
        key="for-reminders", defaults={"name_zh": "贷款", "name_en": "Loan"}
    )
    values: dict[str, Any] = {
        "number": f"R-{number}",
        "borrower": borrower or make_borrower(),
        "product": product,
        "book": Book.objects.create(currency="CNY"),
        "currency": "CNY",
        "principal": 100_000 * len(due_dates),
        "annual_rate": 12,
        "installments_count": len(due_dates),
        "disbursed_on": min(due_dates) - timedelta(days=30),
        "first_due_on": min(due_dates),
        "created_at": CREATED,
        **fields,
    }
    loan = Loan.objects.create(**values)
    schedule = Schedule.objects.create(
        loan=loan, version=1, effective_date=loan.disbursed_on, created_at=CREATED
    )
    for position, due_date in enumerate(due_dates, start=1):
        Installment.objects.create(
            schedule=schedule,
            loan=loan,
            number=position,
            start_date=loan.disbursed_on,
            due_date=due_date,
            principal_due=100_000,
        )
    return loan


def pay(loan: Loan, number: int = 1) -> None:
    """Mark an installment as paid in full."""
    Installment.objects.filter(loan=loan, number=number).update(principal_paid=100_000)
