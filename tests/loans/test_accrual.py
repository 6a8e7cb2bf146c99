"""Interest and penalty to a day: whole on the due date, additive in between."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repayments.loans.accrual import accrue, penalty
from repayments.loans.amortization import Terms, amortize

START, END = date(2026, 1, 10), date(2026, 2, 10)


def accrue_to(start: date, end: date, **changes: Any) -> int:
    given_terms: dict[str, Any] = {
        "interest_period": "per_installment",
        "period_start": START,
        "period_end": END,
        "period_interest": 5000,
    }
    return accrue(500000, Decimal(12), start, end, **{**given_terms, **changes})


def test_per_installment_shares_the_period_s_interest_by_days() -> None:
    assert accrue_to(START, START) == 0
    assert accrue_to(START, date(2026, 1, 25)) == 2419  # 5000 × 15 of 31 nights
    assert accrue_to(START, END) == 5000


def test_daily_charges_balance_rate_and_days() -> None:
    to_date = accrue_to(START, date(2026, 1, 25), interest_period="daily", period_interest=5096)
    assert to_date == 2466  # 5000.00 × 12 % × 15 of 365
    assert accrue_to(START, END, interest_period="daily", period_interest=5096) == 5096


@pytest.mark.parametrize("interest_period", ["per_installment", "daily"])
@given(day=st.dates(min_value=START, max_value=END))
def test_parts_of_a_period_add_up_to_what_is_billed(interest_period: str, day: date) -> None:
    rows = amortize(
        Terms(
            principal=500000,
            currency="CNY",
            annual_rate=Decimal(12),
            installments=3,
            disbursed_on=START,
            interest_period=interest_period,
        )
    )
    billed = rows[0].interest_due
    terms = {"interest_period": interest_period, "period_interest": billed}
    assert accrue_to(START, day, **terms) + accrue_to(day, END, **terms) == billed


@given(day=st.dates(min_value=START, max_value=END - timedelta(days=1)))
def test_a_day_more_never_accrues_less(day: date) -> None:
    assert accrue_to(START, day) <= accrue_to(START, day + timedelta(days=1))


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (START - timedelta(days=1), END),
        (START, END + timedelta(days=1)),
        (END, START),
    ],
)
def test_days_outside_the_period_are_refused(start: date, end: date) -> None:
    with pytest.raises(ValueError, match="period"):
        accrue_to(start, end)


def test_penalty_is_simple_interest_by_the_day() -> None:
    assert penalty(100000, Decimal(18), 10) == 493
    assert penalty(100000, Decimal(18), 10, day_count="actual_360") == 500
    assert penalty(100000, Decimal(18), 0) == 0
    assert penalty(100000, Decimal(18), -3) == 0
    assert penalty(0, Decimal(18), 10) == 0
