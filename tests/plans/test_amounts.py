"""Rows of a plan repay the whole debt to the last minor unit, and cost nothing of their own."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repayments.money import round_percent
from repayments.plans.amounts import (
    MOST_ROWS,
    AmountsRefused,
    AmountTooSmall,
    Debt,
    Given,
    PlanAmounts,
    RowsDoNotAddUp,
    equal_by_amount,
    equal_by_count,
    fit_weights,
    keep_amounts,
    own_rows,
)

TODAY = date(2026, 11, 25)
FIRST = date(2026, 12, 31)


def owed(**changes: object) -> Debt:
    values: dict[str, object] = {
        "as_of": TODAY,
        "principal": 1_000_000,
        "interest": 12_345,
        "fees": 5_000,
        "annual_rate": Decimal(12),
    }
    return Debt(**{**values, **changes})  # type: ignore[arg-type]


def check_sums(amounts: PlanAmounts) -> None:
    debt = amounts.debt
    assert sum(row.principal for row in amounts.rows) == debt.principal
    assert amounts.total_fees == debt.fees
    assert amounts.total_interest >= debt.interest
    for number, row in enumerate(amounts.rows, start=1):
        assert row.number == number
        assert row.amount == row.principal + row.interest + row.fee > 0
        assert min(row.principal, row.interest, row.fee) >= 0
    assert amounts.total == debt.total + amounts.added_interest


debts = st.builds(
    Debt,
    as_of=st.just(TODAY),
    principal=st.integers(0, 10**11),
    interest=st.integers(0, 10**9),
    fees=st.integers(1, 10**8),
    annual_rate=st.decimals(0, 36, places=4),
    day_count=st.sampled_from(["actual_365", "actual_360", "thirty_360", "actual_actual"]),
    rounding=st.sampled_from(["half_even", "half_up", "up"]),
)


@settings(max_examples=60, deadline=None)
@given(debt=debts, count=st.integers(1, MOST_ROWS), wait=st.integers(1, 90))
def test_equal_payments_add_up_and_the_last_is_never_larger(
    debt: Debt, count: int, wait: int
) -> None:
    amounts = equal_by_count(debt, first_due=TODAY + timedelta(days=wait), count=count)

    check_sums(amounts)
    assert len(amounts.rows) <= count
    assert len({row.amount for row in amounts.rows[:-1]}) <= 1
    assert amounts.rows[-1].amount <= amounts.rows[0].amount


@settings(max_examples=60, deadline=None)
@given(
    debt=debts,
    weights=st.lists(st.integers(1, 1000), min_size=1, max_size=20),
    at_least=st.integers(0, 10**6),
)
def test_uneven_payments_add_up_too(debt: Debt, weights: list[int], at_least: int) -> None:
    dates = [FIRST + timedelta(days=40 * number) for number in range(len(weights))]

    amounts = fit_weights(debt, dates, weights, at_least=at_least)

    check_sums(amounts)
    assert all(row.amount >= at_least for row in amounts.rows[:-1])


def test_a_figure_worked_by_hand() -> None:
    debt = owed(principal=365_000, interest=1_000, fees=500, annual_rate=Decimal(10))

    amounts = equal_by_count(debt, first_due=date(2026, 12, 5), count=1)

    # 3,650.00 for 10 days at 10 %: 10.00. With 10.00 and 5.00 carried over.
    row = amounts.rows[0]
    assert (row.principal, row.interest, row.fee, row.amount) == (365_000, 2_000, 500, 367_500)


def test_what_is_carried_over_bears_no_interest() -> None:
    plain = equal_by_count(owed(interest=0, fees=0), first_due=FIRST, count=1)
    burdened = equal_by_count(owed(interest=500_000, fees=200_000), first_due=FIRST, count=1)

    assert burdened.added_interest == plain.added_interest


def test_fees_are_paid_first_then_interest_then_principal() -> None:
    amounts = own_rows(
        owed(annual_rate=Decimal(0)),
        [
            Given(FIRST, 4_000),
            Given(FIRST + timedelta(1), 10_000),
            Given(FIRST + timedelta(2), 1_003_345),
        ],
    )

    parts = [(row.fee, row.interest, row.principal) for row in amounts.rows]
    assert parts == [(4_000, 0, 0), (1_000, 9_000, 0), (0, 3_345, 1_000_000)]


def test_months_are_counted_from_the_first_date() -> None:
    amounts = equal_by_count(owed(), first_due=FIRST, count=3)

    assert [row.due_date for row in amounts.rows] == [
        FIRST,
        date(2027, 1, 31),
        date(2027, 2, 28),
    ]


def test_the_count_follows_from_the_amount_and_the_last_payment_is_smaller() -> None:
    amounts = equal_by_amount(owed(), first_due=FIRST, amount=50_000)

    check_sums(amounts)
    assert len(amounts.rows) == 23
    assert {row.amount for row in amounts.rows[:-1]} == {50_000}
    assert 0 < amounts.rows[-1].amount < 50_000


def test_an_amount_too_small_names_the_smallest_that_works() -> None:
    with pytest.raises(AmountTooSmall) as caught:
        equal_by_amount(owed(), first_due=FIRST, amount=10_000)

    smallest = caught.value.smallest
    assert len(equal_by_amount(owed(), first_due=FIRST, amount=smallest).rows) == MOST_ROWS
    with pytest.raises(AmountTooSmall):
        equal_by_amount(owed(), first_due=FIRST, amount=smallest - 1)


@pytest.mark.parametrize("change", [-300_000, -1, 1, 300_000])
def test_own_rows_that_do_not_add_up_are_told_the_last_amount_that_fits(change: int) -> None:
    even = equal_by_count(owed(), first_due=FIRST, count=3)
    wishes = [Given(row.due_date, row.amount) for row in even.rows]
    wishes[-1] = Given(wishes[-1].due_date, wishes[-1].amount + change)

    with pytest.raises(RowsDoNotAddUp) as caught:
        own_rows(owed(), wishes)

    assert caught.value.difference == -change
    assert (caught.value.row, caught.value.last_amount) == (3, even.rows[-1].amount)
    wishes[-1] = Given(wishes[-1].due_date, caught.value.last_amount)
    assert own_rows(owed(), wishes).rows == even.rows


def test_rows_after_the_debt_is_repaid_are_named() -> None:
    with pytest.raises(RowsDoNotAddUp) as caught:
        own_rows(owed(), [Given(FIRST, 2_000_000), Given(FIRST + timedelta(30), 5_000)])

    assert caught.value.row == 1
    assert caught.value.difference < 0


@pytest.mark.parametrize(
    ("days", "code", "row"),
    [
        ([], "no_rows", None),
        ([0], "date_not_after_today", 1),
        ([-1], "date_not_after_today", 1),
        ([10, 10], "dates_not_in_order", 2),
        ([10, 5], "dates_not_in_order", 2),
        (list(range(1, 62)), "too_many_rows", None),
        ([40_000], "out_of_range", 1),
    ],
)
def test_dates_that_make_no_plan_are_refused(days: list[int], code: str, row: int | None) -> None:
    with pytest.raises(AmountsRefused) as caught:
        own_rows(owed(), [Given(TODAY + timedelta(days=day), 1_000) for day in days])

    assert (caught.value.code, caught.value.row) == (code, row)


@pytest.mark.parametrize(("count", "code"), [(0, "no_rows"), (61, "too_many_rows")])
def test_counts_that_make_no_plan_are_refused(count: int, code: str) -> None:
    with pytest.raises(AmountsRefused) as caught:
        equal_by_count(owed(), first_due=FIRST, count=count)

    assert caught.value.code == code


def test_dates_past_the_calendar_are_refused() -> None:
    with pytest.raises(AmountsRefused):
        equal_by_count(owed(), first_due=date(9999, 12, 1), count=3)


def test_no_debt_makes_no_plan() -> None:
    with pytest.raises(AmountsRefused) as caught:
        equal_by_count(owed(principal=0, interest=0, fees=0), first_due=FIRST, count=3)

    assert caught.value.code == "nothing_owed"


def test_a_smaller_debt_keeps_amounts_and_drops_the_end() -> None:
    agreed = equal_by_count(owed(), first_due=FIRST, count=10)
    wishes = [Given(row.due_date, row.amount) for row in agreed.rows]

    less = keep_amounts(owed(principal=500_000), wishes)

    check_sums(less)
    assert len(less.rows) < 10
    assert {row.amount for row in less.rows[:-1]} == {agreed.rows[0].amount}


def test_a_larger_debt_shows_in_the_last_payment() -> None:
    agreed = equal_by_count(owed(), first_due=FIRST, count=10)
    wishes = [Given(row.due_date, row.amount) for row in agreed.rows]

    more = keep_amounts(owed(fees=25_000), wishes)

    check_sums(more)
    assert [row.amount for row in more.rows[:-1]] == [row.amount for row in agreed.rows[:-1]]
    assert more.rows[-1].amount > agreed.rows[-1].amount


def test_the_annual_cost_is_the_contracts_rate_where_nothing_is_carried_over() -> None:
    cost = equal_by_count(
        owed(interest=0, fees=0, day_count="thirty_360"), first_due=date(2026, 12, 25), count=12
    ).cost

    assert cost is not None
    assert abs(round_percent(cost.simple) - 12) <= Decimal("0.01")


def test_time_that_costs_nothing_has_no_annual_cost_above_zero() -> None:
    cost = equal_by_count(owed(annual_rate=Decimal(0)), first_due=FIRST, count=3).cost

    assert cost is not None
    assert cost.simple == 0
