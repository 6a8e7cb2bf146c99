"""Loans in every situation, made by the real services."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from itertools import count
from typing import Any

from accounts.models import Borrower
from repayments.dates import add_months
from repayments.loans.amortization import Terms
from repayments.loans.models import Loan, Product
from repayments.loans.services import create_loan, record_payment, refresh_figures
from tests.factories.accounts import make_borrower

_numbers = count(1)


def noon(day: date) -> datetime:
    """An aware moment in the middle of the lender's day."""
    return datetime.combine(day, time(4), tzinfo=UTC)


def make_product(**fields: Any) -> Product:
    number = next(_numbers)
    names = {"key": f"product-{number}", "name_zh": "贷款", "name_en": "Loan"}
    return Product.objects.create(**(names | fields))


def get_standard_product() -> Product:
    """The product that migrations lay: fees, penalty, interest, principal; surplus waits."""
    return Product.objects.get(key="standard")


def make_terms(**fields: Any) -> Terms:
    """12,000.00 CNY at 12 % a year over 12 months from 15 January 2026, first due 15 February."""
    values: dict[str, Any] = {
        "principal": 1_200_000,
        "currency": "CNY",
        "annual_rate": Decimal("12"),
        "installments": 12,
        "disbursed_on": date(2026, 1, 15),
        "first_due_on": date(2026, 2, 15),
    }
    return Terms(**(values | fields))


def make_loan(
    *,
    borrower: Borrower | None = None,
    product: Product | None = None,
    as_of: date | None = None,
    terms: dict[str, Any] | None = None,
    **fields: Any,
) -> Loan:
    """An active loan by ``make_terms``.

    Args:
        as_of: the day its figures are of; the day of disbursement unless given.
        terms: fields of ``Terms`` that differ.
        fields: arguments of ``create_loan``: status, penalty_rate, paid_installments and so on.
    """
    made = make_terms(**(terms or {}))
    values = {"number": f"L{next(_numbers):06d}", "actor": None, "now": noon(made.disbursed_on)}
    loan = create_loan(
        borrower=borrower or make_borrower(),
        product=product or get_standard_product(),
        terms=made,
        **(values | fields),
    )
    refresh_figures(loan_ids=[loan.pk], as_of=as_of or made.disbursed_on)
    return get_loan(loan)


def make_overdue_loan(*, days: int = 10, as_of: date, **fields: Any) -> Loan:
    """A loan whose second installment is so many days late on a day; the first was paid."""
    second = date.fromordinal(as_of.toordinal() - days)
    first, disbursed = add_months(second, -1), add_months(second, -2)
    terms = {"disbursed_on": disbursed, "first_due_on": first} | fields.pop("terms", {})
    loan = make_loan(terms=terms, paid_installments=1, as_of=as_of, **fields)
    assert loan.days_past_due == days
    return loan


def pay(loan: Loan, amount: int, on: date, **fields: Any) -> Any:
    """Record a payment of a day, known at noon of that day unless ``now`` says otherwise."""
    values = {"reference": f"pay-{next(_numbers)}", "actor": None, "now": noon(on)}
    return record_payment(loan_id=loan.pk, amount=amount, effective_date=on, **(values | fields))


def get_loan(loan: Loan) -> Loan:
    """The loan as stored now."""
    return Loan.objects.select_related("borrower", "product", "book", "stage").get(pk=loan.pk)
