"""Workdays follow published holidays, and what staff edited stays."""

from datetime import date

import pytest
from pytest_django import DjangoAssertNumQueries

from repayments.loans.calendar import add_each_workdays, add_workdays, is_workday, seed_workdays
from repayments.loans.models import Product, Stage, Workday

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 9, 30), True),  # a Wednesday
        (date(2026, 9, 26), False),  # a Saturday
        (date(2026, 10, 1), False),  # National Day, a Thursday
        (date(2026, 10, 10), True),  # a Saturday worked for the holiday
    ],
)
def test_holidays_and_the_workdays_that_make_up_for_them(day: date, works: bool) -> None:
    assert is_workday(day) is works


@pytest.mark.parametrize(
    ("day", "count", "expected"),
    [
        (date(2026, 3, 2), 1, date(2026, 3, 3)),
        (date(2026, 3, 6), 1, date(2026, 3, 9)),
        (date(2026, 3, 7), 0, date(2026, 3, 9)),
        (date(2026, 3, 7), 1, date(2026, 3, 9)),
        (date(2026, 9, 30), 2, date(2026, 10, 9)),
    ],
)
def test_workdays_are_counted_from_the_day_after(day: date, count: int, expected: date) -> None:
    assert add_workdays(day, count) == expected


def test_each_count_is_found_with_one_look_at_the_calendar(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    day = date(2026, 9, 26)  # a Saturday
    with django_assert_num_queries(1):
        found = add_each_workdays(day, [3, 0, 5, 3])

    assert found == {count: add_workdays(day, count) for count in (0, 3, 5)}


def test_workdays_are_not_counted_backwards() -> None:
    with pytest.raises(ValueError, match="forward"):
        add_each_workdays(date(2026, 3, 2), [1, -1])


def test_what_staff_edited_survives_seeding_again() -> None:
    Workday.objects.filter(calendar="CN", date=date(2026, 10, 1)).update(is_workday=True)
    assert seed_workdays(calendar="CN", years=[2025, 2026, 2027]) == 0
    assert is_workday(date(2026, 10, 1))


def test_another_country_can_be_seeded() -> None:
    assert seed_workdays(calendar="US", years=[2026]) > 5
    assert not is_workday(date(2026, 12, 25), "US")


def test_stages_and_the_standard_product_are_laid() -> None:
    stages = Stage.objects.order_by("from_day").values_list("key", "from_day")
    assert list(stages) == [("early", 1), ("middle", 31), ("late", 91)]
    assert Product.objects.get(key="standard").allocation_order == [
        "fees",
        "penalty",
        "interest",
        "principal",
    ]
