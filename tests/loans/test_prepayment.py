"""Rows worked out anew after an early repayment: dates stay, installments become smaller."""

from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from repayments.dates import add_months
from repayments.loans.amortization import Terms, amortize
from repayments.loans.models import Loan
from repayments.loans.prepayment import reamortize
from repayments.loans.reckoning import RowState

LAST_OF_MONTH = [date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30)]


def make_loan(**fields: Any) -> Loan:
    """A loan in memory: 4,000.00 at 12 %, interest by day, each month."""
    values: dict[str, Any] = {
        "currency": "CNY",
        "annual_rate": Decimal(12),
        "every": 1,
        "unit": "months",
        "amortization": "equal_installment",
        "interest_method": "declining",
        "interest_period": "daily",
        "day_count": "actual_365",
        "rounding": "half_even",
        "installment_multiple": 1,
    }
    return Loan(**(values | fields))


def rows_on(
    dates: list[date], start: date, principal: int = 400_000, **terms: Any
) -> list[RowState]:
    worked_out = amortize(
        Terms(
            principal=principal,
            currency="CNY",
            annual_rate=Decimal(12),
            installments=len(dates),
            disbursed_on=start,
            first_due_on=dates[0],
            interest_period="daily",
            **terms,
        )
    )
    starts = [start, *dates[:-1]]
    return [
        RowState(
            id=row.number,
            number=row.number,
            start_date=begin,
            due_date=due,
            principal_due=row.principal_due,
            interest_due=row.interest_due,
        )
        for row, begin, due in zip(worked_out, starts, dates, strict=True)
    ]


def by_day(balance: int, start: date, end: date) -> int:
    """Interest in minor units: 12 % a year of 365 days."""
    return round(Fraction(balance * 12 * (end - start).days, 100 * 365))


@pytest.mark.parametrize("paid", [0, 1, 2])
def test_dates_on_the_31st_are_worked_out_anew_from_any_row(paid: int) -> None:
    start = [date(2025, 12, 31), *LAST_OF_MONTH][paid]
    later = rows_on(LAST_OF_MONTH, date(2025, 12, 31))[paid:]
    left = sum(row.principal_due for row in later) - 90_000

    parts = reamortize(make_loan(), later, left)

    assert parts is not None
    assert sum(principal for principal, _interest in parts) == left
    balance, begin = left, start
    for row, (principal, interest) in zip(later, parts, strict=True):
        assert interest == by_day(balance, begin, row.due_date)
        balance, begin = balance - principal, row.due_date
    totals = [sum(part) for part in parts]
    assert max(totals) - min(totals) <= len(parts)
    # Every row became smaller, none fell away.
    for row, total in zip(later, totals, strict=True):
        assert 0 < total < row.principal_due + row.interest_due


def test_a_date_that_was_moved_keeps_its_days() -> None:
    dates = [date(2026, 2, 15), date(2026, 3, 17), date(2026, 4, 15)]
    later = rows_on(dates, date(2026, 1, 15))

    parts = reamortize(make_loan(), later, 200_000)

    assert parts is not None
    first, second, _last = parts
    assert first[1] == by_day(200_000, date(2026, 1, 15), dates[0])
    assert second[1] == by_day(200_000 - first[0], dates[0], dates[1])


def test_ordinary_dates_give_what_the_terms_give() -> None:
    start = date(2026, 1, 15)
    dates = [add_months(start, month) for month in (1, 2, 3)]
    anew = amortize(
        Terms(
            principal=300_000,
            currency="CNY",
            annual_rate=Decimal(12),
            installments=3,
            disbursed_on=start,
            first_due_on=dates[0],
            interest_period="daily",
        )
    )

    parts = reamortize(make_loan(), rows_on(dates, start), 300_000)

    assert parts == [(row.principal_due, row.interest_due) for row in anew]


def test_rows_that_were_given_are_not_worked_out() -> None:
    later = rows_on(LAST_OF_MONTH, date(2025, 12, 31))

    assert reamortize(make_loan(amortization="custom"), later, 100_000) is None
