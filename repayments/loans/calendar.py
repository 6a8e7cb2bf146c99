"""Workdays: Monday to Friday, less and plus the special days that staff keep in ``Workday``.

Special days are seeded from the published holidays of ``holidays``; in China some Saturdays and
Sundays are workdays. What staff edited is never overwritten.
"""

from collections.abc import Iterable
from datetime import date, timedelta

import holidays

from repayments.loans.models import Workday

SATURDAY = 5
LONGEST_BREAK_DAYS = 60


def is_workday(day: date, calendar: str = "CN") -> bool:
    """Tell whether a day is a workday of a calendar, which is a country's code."""
    special = Workday.objects.filter(calendar=calendar, date=day)
    found = special.values_list("is_workday", flat=True).first()
    return day.weekday() < SATURDAY if found is None else found


def add_workdays(day: date, count: int, calendar: str = "CN") -> date:
    """Return the ``count``-th workday after a day; 0 gives the day itself, or the next workday."""
    return add_each_workdays(day, [count], calendar)[count]


def add_each_workdays(day: date, counts: Iterable[int], calendar: str = "CN") -> dict[int, date]:
    """Return ``add_workdays`` of each count, with one look at the calendar for all of them."""
    wanted = sorted(set(counts))
    if not wanted:
        return {}
    if wanted[0] < 0:
        raise ValueError("workdays are counted forward")
    last = day + timedelta(days=LONGEST_BREAK_DAYS + 4 * wanted[-1])
    special = dict(
        Workday.objects.filter(calendar=calendar, date__gte=day, date__lte=last).values_list(
            "date", "is_workday"
        )
    )
    found: dict[int, date] = {}
    passed, current = 0, day
    while True:
        if special.get(current, current.weekday() < SATURDAY):
            passed += current > day
            found |= {count: current for count in wanted if count <= passed and count not in found}
            if len(found) == len(wanted):
                return found
        current += timedelta(days=1)


def workdays_before(day: date, count: int, calendar: str = "CN") -> date:
    """Return the ``count``-th workday before a day."""
    first = day - timedelta(days=LONGEST_BREAK_DAYS + 4 * count)
    special = dict(
        Workday.objects.filter(calendar=calendar, date__gte=first, date__lt=day).values_list(
            "date", "is_workday"
        )
    )
    while count:
        day -= timedelta(days=1)
        count -= special.get(day, day.weekday() < SATURDAY)
    return day


def list_special_days(calendar: str, years: Iterable[int]) -> list[tuple[date, bool, str]]:
    """List a country's exceptions to Monday to Friday: day, whether it is a workday, its name."""
    years = list(years)
    published = holidays.country_holidays(calendar, years=years, language="zh_CN")
    # Workdays that make up for a holiday elsewhere in the week.
    moved: set[date] = getattr(published, "weekend_workdays", set())
    found = [
        (day, False, str(name)[:100])
        for day, name in published.items()
        if day.weekday() < SATURDAY and day not in moved
    ]
    found += [(day, True, "") for day in moved if day.year in years]
    return sorted(found)


def seed_workdays(*, calendar: str, years: Iterable[int]) -> int:
    """Store a calendar's special days for years; rows that are there stay as they are."""
    before = Workday.objects.count()
    Workday.objects.bulk_create(
        [
            Workday(calendar=calendar, date=day, is_workday=works, name=name)
            for day, works, name in list_special_days(calendar, years)
        ],
        ignore_conflicts=True,
    )
    return Workday.objects.count() - before
