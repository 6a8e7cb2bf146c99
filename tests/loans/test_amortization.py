"""Schedules, against published ones and by their laws.

The published rows are facts of Apache Fineract's end-to-end tests (EMICalculation-Part1.feature,
scenarios C3152 to C3159; declining balance, daily interest, half-even); only cases where Fineract
does not correct the installment afterwards, which these rules do not do.
"""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from repayments.loans.amortization import (
    ExplicitRow,
    InvalidTerms,
    Row,
    Terms,
    amortize,
    explicit_schedule,
    level_installment,
)


def make_terms(**changes: Any) -> Terms:
    """5000 USD at 12 % over 18 months, as a standard engine would hold it."""
    given_terms: dict[str, Any] = {
        "principal": 500000,
        "currency": "USD",
        "annual_rate": Decimal(12),
        "installments": 18,
        "disbursed_on": date(2022, 11, 1),
    }
    return Terms(**{**given_terms, **changes})


def principal_and_interest(rows: tuple[Row, ...]) -> list[tuple[int, int]]:
    return [(row.principal_due, row.interest_due) for row in rows]


PUBLISHED = {
    "C3152 actual/actual over a year's end": (
        {
            "principal": 1000000,
            "annual_rate": Decimal(12),
            "installments": 6,
            "disbursed_on": date(2023, 12, 12),
            "day_count": "actual_actual",
        },
        [
            (162375, 10181),
            (164042, 8514),
            (166151, 6405),
            (167398, 5158),
            (169211, 3345),
            (170823, 1736),
        ],
    ),
    "C3153 actual/actual, a rate with decimals": (
        {
            "principal": 1000000,
            "annual_rate": Decimal("9.4822"),
            "installments": 6,
            "disbursed_on": date(2023, 12, 12),
            "day_count": "actual_actual",
        },
        [
            (163267, 8045),
            (164592, 6720),
            (166262, 5050),
            (167249, 4063),
            (168680, 2632),
            (169950, 1365),
        ],
    ),
    "C3154 30/360": (
        {
            "principal": 10000,
            "annual_rate": Decimal(12),
            "installments": 6,
            "disbursed_on": date(2024, 1, 1),
            "day_count": "thirty_360",
        },
        [(1625, 100), (1641, 84), (1658, 67), (1674, 51), (1691, 34), (1711, 17)],
    ),
    "C3155 30/360, a rate with decimals": (
        {
            "principal": 10000,
            "annual_rate": Decimal("9.4822"),
            "installments": 6,
            "disbursed_on": date(2024, 1, 1),
            "day_count": "thirty_360",
        },
        [(1634, 79), (1647, 66), (1660, 53), (1673, 40), (1686, 27), (1700, 13)],
    ),
    "C3157 30/360 every two months": (
        {
            "principal": 10000,
            "annual_rate": Decimal(12),
            "installments": 3,
            "every": 2,
            "disbursed_on": date(2024, 1, 1),
            "day_count": "thirty_360",
        },
        [(3268, 200), (3333, 135), (3399, 68)],
    ),
    "C3158 over 360 every two weeks": (
        {
            "principal": 10000,
            "annual_rate": Decimal("9.4822"),
            "installments": 6,
            "every": 2,
            "unit": "weeks",
            "disbursed_on": date(2024, 1, 1),
            "day_count": "actual_360",
        },
        [(1651, 37), (1657, 31), (1663, 25), (1669, 19), (1676, 12), (1684, 6)],
    ),
    "C3159 actual/365 in a leap year": (
        {
            "principal": 10000,
            "annual_rate": Decimal(12),
            "installments": 6,
            "disbursed_on": date(2024, 1, 1),
            "day_count": "actual_365",
        },
        [(1623, 102), (1645, 80), (1656, 69), (1675, 50), (1690, 35), (1711, 17)],
    ),
}


@pytest.mark.parametrize(("changes", "expected"), PUBLISHED.values(), ids=PUBLISHED.keys())
def test_daily_schedules_equal_published_ones_to_the_cent(
    changes: dict[str, Any], expected: list[tuple[int, int]]
) -> None:
    rows = amortize(make_terms(currency="EUR", interest_period="daily", **changes))
    assert principal_and_interest(rows) == expected


def test_the_standard_loan_prints_the_standard_rows() -> None:
    rows = amortize(make_terms())
    assert [row.total_due for row in rows] == [30491] * 17 + [30494]
    assert principal_and_interest(rows)[:3] == [(25491, 5000), (25746, 4745), (26003, 4488)]
    assert principal_and_interest(rows)[-1] == (30192, 302)
    assert sum(row.interest_due for row in rows) == 48841
    assert [row.days for row in rows[:4]] == [30, 31, 31, 28]
    assert rows[-1].due_date == date(2024, 5, 1)


def test_equal_principal_pays_falling_interest() -> None:
    rows = amortize(
        make_terms(
            principal=1000000,
            annual_rate=Decimal("8.4"),
            installments=3,
            amortization="equal_principal",
        )
    )
    assert principal_and_interest(rows) == [(333333, 7000), (333333, 4667), (333334, 2333)]


def test_equal_principal_ignores_the_installment_multiple() -> None:
    terms = make_terms(amortization="equal_principal")
    assert amortize(replace(terms, installment_multiple=100)) == amortize(terms)


def test_interest_only_repays_everything_in_the_last_row() -> None:
    rows = amortize(make_terms(installments=3, amortization="interest_only"))
    assert principal_and_interest(rows) == [(0, 5000), (0, 5000), (500000, 5000)]


def test_flat_interest_is_charged_on_the_first_principal_throughout() -> None:
    rows = amortize(make_terms(principal=1000000, installments=12, interest_method="flat"))
    assert [row.total_due for row in rows] == [93333] * 11 + [93337]
    assert {row.interest_due for row in rows} == {10000}
    assert {row.principal_due for row in rows[:-1]} == {83333}


def test_flat_daily_interest_follows_the_days_and_the_installment_stays_level() -> None:
    rows = amortize(
        make_terms(
            principal=1000000, installments=3, interest_method="flat", interest_period="daily"
        )
    )
    # 10,000 × 12 % × 30, 31, 31 days of 365.
    assert [row.interest_due for row in rows] == [9863, 10192, 10192]
    assert [row.total_due for row in rows] == [343416, 343416, 343415]


def test_principal_grace_pays_interest_only_then_levels_over_the_rest() -> None:
    rows = amortize(make_terms(installments=20, principal_grace=2))
    assert principal_and_interest(rows[:2]) == [(0, 5000), (0, 5000)]
    assert [row.total_due for row in rows[2:]] == [30491] * 17 + [30494]


def test_the_multiple_rounds_the_installment_and_the_last_row_absorbs_the_rest() -> None:
    rows = amortize(make_terms(installment_multiple=100))
    assert [row.total_due for row in rows[:-1]] == [30500] * 17
    assert rows[-1].total_due == 30322
    assert rows[-1].principal_after == 0


@pytest.mark.parametrize(
    ("rounding", "level", "interest"),
    [("half_even", 50, 0), ("half_up", 50, 1), ("up", 51, 1)],
)
def test_rounding_applies_to_the_installment_and_to_each_row_s_interest(
    rounding: str, level: int, interest: int
) -> None:
    # Interest of the first month is half a fen; the level installment a little above 50.
    terms = make_terms(principal=100, annual_rate=Decimal(6), installments=2, rounding=rounding)
    assert amortize(terms)[0].interest_due == interest
    assert level_installment(terms) == level


def test_the_lender_s_own_installment_is_kept_as_given() -> None:
    rows = amortize(make_terms(installment_amount=31000))
    assert {row.total_due for row in rows[:-1]} == {31000}
    assert sum(row.principal_due for row in rows) == 500000
    assert rows[-1].total_due < 31000


def test_an_installment_that_pays_off_early_leaves_rows_of_zero() -> None:
    rows = amortize(make_terms(installment_amount=100000))
    assert len(rows) == 18
    assert [row.total_due for row in rows[6:]] == [0] * 12


@pytest.mark.parametrize(
    ("unit", "every", "interest"),
    [("months", 1, 5000), ("months", 3, 15000), ("weeks", 2, 2308), ("days", 10, 1644)],
)
def test_interest_per_installment_is_a_fixed_part_of_the_year_whatever_the_days(
    unit: str, every: int, interest: int
) -> None:
    terms = make_terms(unit=unit, every=every, installments=4)
    odd_first = replace(terms, first_due_on=date(2022, 12, 25))
    assert amortize(terms)[0].interest_due == interest
    assert amortize(odd_first)[0].interest_due == interest
    assert amortize(odd_first)[0].days == 54


def test_daily_interest_counts_the_days_of_an_odd_first_period() -> None:
    rows = amortize(make_terms(interest_period="daily", first_due_on=date(2022, 12, 25)))
    assert rows[0].interest_due == round(500000 * 0.12 * 54 / 365)
    assert rows[1].due_date == date(2023, 1, 25)


def test_month_ends_are_counted_from_the_first_due_date() -> None:
    rows = amortize(make_terms(disbursed_on=date(2022, 12, 31), first_due_on=date(2023, 1, 31)))
    assert [row.due_date.isoformat() for row in rows[:4]] == [
        "2023-01-31",
        "2023-02-28",
        "2023-03-31",
        "2023-04-30",
    ]


def test_without_a_first_due_date_month_ends_are_counted_from_the_disbursement() -> None:
    rows = amortize(make_terms(disbursed_on=date(2023, 1, 31)))
    assert [row.due_date.isoformat() for row in rows[:3]] == [
        "2023-02-28",
        "2023-03-31",
        "2023-04-30",
    ]


def test_a_loan_of_yen_and_one_of_dinars_have_whole_minor_units() -> None:
    yen = amortize(make_terms(currency="JPY", principal=100000, installments=12))
    assert [row.total_due for row in yen] == [8885] * 11 + [8884]
    dinars = amortize(make_terms(currency="KWD", principal=1000000, installments=12))
    assert {row.total_due for row in dinars[:-1]} == {88849}


def test_a_loan_without_interest_splits_the_principal() -> None:
    rows = amortize(make_terms(principal=100, annual_rate=Decimal(0), installments=3))
    assert principal_and_interest(rows) == [(33, 0), (33, 0), (34, 0)]


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"principal": 0}, "principal", "too_small"),
        ({"principal": -1}, "principal", "too_small"),
        ({"principal": 10**15}, "principal", "too_large"),
        ({"principal": 5000.0}, "principal", "not_whole"),
        ({"principal": True}, "principal", "not_whole"),
        ({"currency": "usd"}, "currency", "unknown"),
        ({"annual_rate": Decimal(-1)}, "annual_rate", "negative"),
        ({"annual_rate": Decimal("NaN")}, "annual_rate", "not_a_number"),
        ({"annual_rate": Decimal(1000)}, "annual_rate", "too_large"),
        ({"annual_rate": 12.0}, "annual_rate", "not_a_number"),
        ({"installments": 0}, "installments", "too_small"),
        ({"installments": 1201}, "installments", "too_large"),
        ({"every": 0}, "every", "too_small"),
        ({"unit": "years"}, "unit", "unknown"),
        ({"disbursed_on": date(9999, 6, 1)}, "installments", "out_of_range"),
        ({"first_due_on": date(2022, 11, 1)}, "first_due_on", "too_early"),
        ({"amortization": "balloon"}, "amortization", "unknown"),
        ({"interest_method": "rule_of_78"}, "interest_method", "unknown"),
        ({"interest_period": "monthly"}, "interest_period", "unknown"),
        ({"day_count": "actual"}, "day_count", "unknown"),
        ({"rounding": "down"}, "rounding", "unknown"),
        ({"principal_grace": 18}, "principal_grace", "too_large"),
        ({"principal_grace": -1}, "principal_grace", "too_small"),
        ({"installment_multiple": 0}, "installment_multiple", "too_small"),
        ({"installment_amount": 0}, "installment_amount", "too_small"),
        (
            {"installment_amount": 30000, "amortization": "interest_only"},
            "installment_amount",
            "not_allowed",
        ),
        ({"installment_amount": 4999}, "installment_amount", "below_interest"),
        ({"installment_multiple": 100000}, "installment_multiple", "too_large"),
        ({"amortization": "custom"}, "amortization", "needs_rows"),
    ],
)
def test_terms_that_give_no_schedule_name_the_culprit(
    changes: dict[str, Any], field: str, code: str
) -> None:
    with pytest.raises(InvalidTerms) as refusal:
        amortize(make_terms(**changes))
    assert (refusal.value.field, refusal.value.code) == (field, code)


@st.composite
def terms_of_all_kinds(draw: st.DrawFn) -> Terms:
    installments = draw(st.integers(1, 60))
    return Terms(
        principal=draw(st.integers(1, 10**10)),
        currency=draw(st.sampled_from(["CNY", "JPY", "KWD"])),
        annual_rate=draw(st.decimals(min_value=0, max_value=400, places=4)),
        installments=installments,
        every=draw(st.integers(1, 6)),
        unit=draw(st.sampled_from(["days", "weeks", "months"])),
        disbursed_on=draw(st.dates(min_value=date(2000, 1, 1), max_value=date(2060, 1, 1))),
        amortization=draw(
            st.sampled_from(["equal_installment", "equal_principal", "interest_only"])
        ),
        interest_method=draw(st.sampled_from(["declining", "flat"])),
        interest_period=draw(st.sampled_from(["per_installment", "daily"])),
        day_count=draw(
            st.sampled_from(["actual_365", "actual_360", "thirty_360", "actual_actual"])
        ),
        principal_grace=draw(st.integers(0, installments - 1)),
        rounding=draw(st.sampled_from(["half_even", "half_up", "up"])),
        installment_multiple=draw(st.sampled_from([1, 1, 10, 100])),
    )


def amortize_or_skip(terms: Terms) -> tuple[Row, ...]:
    try:
        return amortize(terms)
    except InvalidTerms:
        assume(False)
        raise


@given(terms_of_all_kinds())
def test_principal_adds_up_and_nothing_is_negative(terms: Terms) -> None:
    rows = amortize_or_skip(terms)
    assert len(rows) == terms.installments
    assert sum(row.principal_due for row in rows) == terms.principal
    balance = terms.principal
    for row in rows:
        assert row.principal_due >= 0
        assert row.interest_due >= 0
        assert row.principal_before == balance
        balance -= row.principal_due
        assert row.principal_after == balance >= 0
    assert balance == 0


@given(terms_of_all_kinds())
def test_the_same_terms_give_the_same_rows_in_order_of_days(terms: Terms) -> None:
    rows = amortize_or_skip(terms)
    assert rows == amortize(replace(terms))
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    assert sum(row.days for row in rows) == (rows[-1].due_date - terms.disbursed_on).days
    assert all(row.days > 0 for row in rows)


@given(terms_of_all_kinds())
def test_level_rows_are_the_rounded_installment_until_the_loan_is_paid(terms: Terms) -> None:
    terms = replace(terms, amortization="equal_installment")
    rows = amortize_or_skip(terms)
    level = level_installment(terms)
    assert level % terms.installment_multiple == 0
    for row in rows[terms.principal_grace : -1]:
        assert (
            row.total_due == level
            or row.principal_after == 0
            or (row.principal_due == 0 and row.interest_due > level)
        )


@given(
    principal=st.integers(10_000, 10**9),
    rate=st.decimals(min_value=0, max_value=36, places=2),
    installments=st.integers(1, 60),
    interest_period=st.sampled_from(["per_installment", "daily"]),
    disbursed_on=st.dates(min_value=date(2020, 1, 1), max_value=date(2030, 1, 1)),
)
def test_the_last_row_is_close_to_the_others(
    principal: int, rate: Decimal, installments: int, interest_period: str, disbursed_on: date
) -> None:
    terms = make_terms(
        principal=principal,
        annual_rate=rate,
        installments=installments,
        interest_period=interest_period,
        disbursed_on=disbursed_on,
    )
    rows = amortize(terms)
    # Half a unit of rounding a row, twice (installment and interest), grown with interest since.
    growth = (1 + Fraction(rate) / 100 * 31 / 365) ** installments
    assert abs(rows[-1].total_due - level_installment(terms)) <= installments * growth + 1


def test_given_rows_are_numbered_and_checked() -> None:
    rows = explicit_schedule(
        10000,
        date(2023, 1, 1),
        [
            ExplicitRow(date(2023, 1, 1), 4000),
            ExplicitRow(date(2023, 2, 1), 0, 50),
            ExplicitRow(date(2023, 3, 1), 6000, 50, 5),
        ],
    )
    assert [(row.number, row.days, row.total_due, row.principal_after) for row in rows] == [
        (1, 0, 4000, 6000),
        (2, 31, 50, 6000),
        (3, 28, 6055, 0),
    ]


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([], "too_small"),
        ([ExplicitRow(date(2023, 2, 1), 9999)], "sum_differs"),
        ([ExplicitRow(date(2023, 2, 1), 10001)], "sum_differs"),
        ([ExplicitRow(date(2022, 12, 31), 10000)], "not_in_order"),
        (
            [ExplicitRow(date(2023, 2, 1), 5000), ExplicitRow(date(2023, 2, 1), 5000)],
            "not_in_order",
        ),
        (
            [ExplicitRow(date(2023, 2, 1), 10001), ExplicitRow(date(2023, 3, 1), -1)],
            "negative",
        ),
        ([ExplicitRow(date(2023, 2, 1), 10000, -1)], "negative"),
    ],
)
def test_given_rows_that_do_not_repay_the_loan_are_refused(
    rows: list[ExplicitRow], code: str
) -> None:
    with pytest.raises(InvalidTerms) as refusal:
        explicit_schedule(10000, date(2023, 1, 1), rows)
    assert (refusal.value.field, refusal.value.code) == ("rows", code)
