"""Due dates, parts of a year, days late: month-ends, leap years, year's end."""

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repayments.dates import (
    DAY_COUNTS,
    add_months,
    days_late,
    list_due_dates,
    months_between,
    year_fraction,
)

DATES = st.dates(min_value=date(1990, 1, 1), max_value=date(2090, 12, 31))


@pytest.mark.parametrize(
    ("first", "count", "day"),
    [
        (date(2023, 1, 31), 1, date(2023, 2, 28)),
        (date(2023, 1, 31), 2, date(2023, 3, 31)),
        (date(2028, 1, 31), 1, date(2028, 2, 29)),
        (date(2028, 2, 29), 12, date(2029, 2, 28)),
        (date(2028, 2, 29), 48, date(2032, 2, 29)),
        (date(2023, 11, 15), 2, date(2024, 1, 15)),
        (date(2023, 3, 31), -1, date(2023, 2, 28)),
        (date(2023, 1, 31), 0, date(2023, 1, 31)),
    ],
)
def test_a_month_too_short_gives_its_last_day(first: date, count: int, day: date) -> None:
    assert add_months(first, count) == day


def test_due_on_the_31st_does_not_drift() -> None:
    assert list_due_dates(date(2023, 1, 31), 4, 1, "months") == [
        date(2023, 1, 31),
        date(2023, 2, 28),
        date(2023, 3, 31),
        date(2023, 4, 30),
    ]


@given(DATES, st.integers(1, 120), st.integers(1, 6))
def test_every_month_keeps_the_first_day_or_the_month_s_last(
    first: date, count: int, every: int
) -> None:
    for number, due in enumerate(list_due_dates(first, count, every, "months")):
        months = first.year * 12 + first.month + number * every
        assert due.year * 12 + due.month == months
        assert due.day == first.day or (due + timedelta(days=1)).day == 1


@pytest.mark.parametrize(("unit", "step"), [("days", 10), ("weeks", 70)])
def test_days_and_weeks_are_counted_on_the_calendar(unit: str, step: int) -> None:
    first = date(2028, 2, 25)
    dues = list_due_dates(first, 3, 10, unit)
    assert [(due - first).days for due in dues] == [0, step, 2 * step]


@pytest.mark.parametrize("unit", ["days", "weeks", "months"])
def test_past_the_year_9999_is_an_overflow(unit: str) -> None:
    with pytest.raises(OverflowError):
        list_due_dates(date(9999, 12, 1), 60, 1, unit)


def test_an_unknown_unit_or_day_count_is_refused() -> None:
    with pytest.raises(ValueError, match="unit"):
        list_due_dates(date(2023, 1, 1), 2, 1, "years")
    with pytest.raises(ValueError, match="day count"):
        year_fraction(date(2023, 1, 1), date(2023, 2, 1), "actual_364")


@pytest.mark.parametrize(
    ("start", "end", "day_count", "fraction"),
    [
        (date(2028, 1, 1), date(2029, 1, 1), "actual_365", Fraction(366, 365)),
        (date(2023, 1, 1), date(2023, 2, 1), "actual_360", Fraction(31, 360)),
        (date(2023, 1, 15), date(2023, 2, 15), "thirty_360", Fraction(1, 12)),
        (date(2023, 1, 31), date(2023, 3, 31), "thirty_360", Fraction(2, 12)),
        (date(2023, 1, 31), date(2023, 2, 28), "thirty_360", Fraction(28, 360)),
        (date(2024, 1, 1), date(2025, 1, 1), "thirty_360", Fraction(1)),
        (date(2024, 2, 1), date(2024, 3, 1), "actual_actual", Fraction(29, 366)),
        # To 31 December 19 days of 365, from it 12 days of 366.
        (
            date(2023, 12, 12),
            date(2024, 1, 12),
            "actual_actual",
            Fraction(19, 365) + Fraction(12, 366),
        ),
        (
            date(2023, 12, 15),
            date(2025, 1, 15),
            "actual_actual",
            Fraction(16, 365) + Fraction(366, 366) + Fraction(15, 365),
        ),
    ],
)
def test_each_day_count_gives_its_exact_part_of_a_year(
    start: date, end: date, day_count: str, fraction: Fraction
) -> None:
    assert year_fraction(start, end, day_count) == fraction
    assert year_fraction(end, start, day_count) == -fraction


@given(DATES, st.integers(0, 800), st.sampled_from(DAY_COUNTS))
def test_a_day_more_never_shortens_the_part_of_a_year(
    start: date, days: int, day_count: str
) -> None:
    end = start + timedelta(days=days)
    assert year_fraction(start, end, day_count) <= year_fraction(
        start, end + timedelta(days=1), day_count
    )


@pytest.mark.parametrize(
    ("start", "end", "months"),
    [
        (date(2023, 1, 31), date(2023, 2, 28), Fraction(1)),
        (date(2023, 1, 10), date(2023, 3, 10), Fraction(2)),
        (date(2023, 1, 10), date(2023, 3, 1), 1 + Fraction(19, 28)),
        (date(2023, 1, 10), date(2023, 1, 10), Fraction(0)),
    ],
)
def test_months_are_whole_by_date_and_days_of_their_month(
    start: date, end: date, months: Fraction
) -> None:
    assert months_between(start, end) == months


@given(DATES, st.integers(0, 400))
def test_months_since_a_loan_grow_every_day(start: date, days: int) -> None:
    end = start + timedelta(days=days)
    assert months_between(start, end) < months_between(start, end + timedelta(days=1)) or (
        # Of a loan made on the 31st, the last days of a short month are the same whole month.
        months_between(start, end + timedelta(days=1)).denominator == 1
    )


@pytest.mark.parametrize(
    ("as_of", "late"),
    [
        (date(2023, 2, 27), 0),
        (date(2023, 2, 28), 0),
        (date(2023, 3, 1), 1),
        (date(2024, 2, 28), 365),
    ],
)
def test_lateness_starts_the_day_after_the_due_date(as_of: date, late: int) -> None:
    assert days_late(date(2023, 2, 28), as_of) == late
