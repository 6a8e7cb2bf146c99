"""Calendar arithmetic of a loan: due dates, parts of a year, days late.

Pure functions of dates, without Django and without a clock: what day it is now, and in whose zone,
is for ``clock``. What holds: months are counted from the first date, so a loan due on the 31st is
due on 31 January, 28 February and 31 March and never drifts to the 28th.
"""

from calendar import isleap, monthrange
from datetime import date, timedelta
from fractions import Fraction

UNITS = ("days", "weeks", "months")
DAY_COUNTS = ("actual_365", "actual_360", "thirty_360", "actual_actual")


def add_months(first: date, count: int) -> date:
    """Return the same day ``count`` months on, or the last day of a month too short for it.

    Raises: OverflowError past year 9999 or before year 1.
    """
    year, month = divmod(first.year * 12 + first.month - 1 + count, 12)
    if not date.min.year <= year <= date.max.year:
        raise OverflowError("date out of range")
    day = first.day
    if day > 28:
        day = min(day, monthrange(year, month + 1)[1])
    return date(year, month + 1, day)


def add_periods(first: date, count: int, every: int, unit: str) -> date:
    """Return the date ``count`` periods after the first; a period is ``every`` units long."""
    if unit == "months":
        return add_months(first, count * every)
    if unit == "weeks":
        return first + timedelta(weeks=count * every)
    if unit == "days":
        return first + timedelta(days=count * every)
    raise ValueError(f"unknown unit: {unit!r}")


def list_due_dates(first_due: date, count: int, every: int, unit: str) -> list[date]:
    """List ``count`` due dates, each counted from the first.

    Raises: OverflowError past year 9999.
    """
    return [add_periods(first_due, number, every, unit) for number in range(count)]


def year_fraction(start: date, end: date, day_count: str) -> Fraction:
    """Return the exact part of a year from start to end; negative when end comes first.

    - ``actual_365``, ``actual_360``: calendar days over 365 or 360, leap year or not.
    - ``thirty_360``: months of 30 days (bond basis: a 31st counts as the 30th at the start, and at
      the end when the start is the 30th or 31st), over 360.
    - ``actual_actual``: days up to 31 December over that year's length, those after it over the
      next year's; Apache Fineract splits there too.
    """
    if day_count == "actual_365":
        return Fraction((end - start).days, 365)
    if day_count == "actual_360":
        return Fraction((end - start).days, 360)
    if end < start:
        return -year_fraction(end, start, day_count)
    if day_count == "thirty_360":
        return Fraction(_days_of_30(start, end), 360)
    if day_count == "actual_actual":
        total, day = Fraction(0), start
        for year in range(start.year, end.year + 1):
            stop = end if year == end.year else date(year, 12, 31)
            total += Fraction((stop - day).days, 366 if isleap(year) else 365)
            day = stop
        return total
    raise ValueError(f"unknown day count: {day_count!r}")


def months_between(start: date, end: date) -> Fraction:
    """Count months from start to end: whole ones by date, then days over that month's length.

    31 January to 28 February is one month. End must not come before start.
    """
    whole = (end.year - start.year) * 12 + end.month - start.month
    if add_months(start, whole) > end:
        whole -= 1
    reached = add_months(start, whole)
    if reached == end:
        return Fraction(whole)
    return whole + Fraction((end - reached).days, (add_months(start, whole + 1) - reached).days)


def days_late(due: date, as_of: date) -> int:
    """Count days past a due date; 0 on the due date itself and before it."""
    return max((as_of - due).days, 0)


def _days_of_30(start: date, end: date) -> int:
    start_day = min(start.day, 30)
    end_day = 30 if end.day == 31 and start_day == 30 else end.day
    return (end.year - start.year) * 360 + (end.month - start.month) * 30 + end_day - start_day
