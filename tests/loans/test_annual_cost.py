"""Annual cost by three methods, each against its source's worked example (EU-R1, US-R1, CN-R3)."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repayments.dates import list_due_dates
from repayments.loans.annual_cost import (
    Flow,
    TimedAmount,
    UnsolvableCost,
    annual_cost,
    aprc,
    monthly_unit_periods,
    regulation_z_apr,
)
from repayments.money import round_percent

START = date(2026, 1, 10)


def monthly(amount: int, count: int, first: date) -> list[Flow]:
    return [Flow(day, amount) for day in list_due_dates(first, count, 1, "months")]


@pytest.mark.parametrize(
    ("received", "amount", "simple", "compound"),
    [
        (1000000, 88849, "12.00", "12.68"),
        # 1 % a month on the first principal: 12 % in name, nearly twice as much in truth.
        (1000000, 93333, "21.46", "23.70"),
    ],
)
def test_cn_r3_the_rate_is_that_of_the_principal_in_use(
    received: int, amount: int, simple: str, compound: str
) -> None:
    cost = annual_cost([Flow(START, received)], monthly(amount, 12, date(2026, 2, 10)))
    assert str(round_percent(cost.simple)) == simple
    assert str(round_percent(cost.compound)) == compound


def test_cn_r9_interest_taken_in_advance_is_not_principal() -> None:
    payments = monthly(88849, 12, date(2026, 2, 10))
    whole = annual_cost([Flow(START, 1000000)], payments)
    less = annual_cost([Flow(START, 950000)], payments)
    assert less.simple > whole.simple + 9


def test_cn_r6_a_fee_paid_to_two_payees_costs_the_same() -> None:
    due = date(2026, 2, 10)
    once = annual_cost([Flow(START, 1000)], [Flow(due, 1020)])
    apart = annual_cost([Flow(START, 1000)], [Flow(due, 1005), Flow(due, 15)])
    assert once == apart
    assert round_percent(once.simple) == Decimal("24.00")


def test_a_month_end_loan_counts_whole_months() -> None:
    payments = [Flow(day, 88849) for day in list_due_dates(date(2026, 1, 31), 13, 1, "months")[1:]]
    cost = annual_cost([Flow(date(2026, 1, 31), 1000000)], payments)
    assert round_percent(cost.simple) == Decimal("12.00")


def test_a_later_first_payment_of_the_same_amount_costs_less() -> None:
    prompt = annual_cost([Flow(START, 1000000)], monthly(88849, 12, date(2026, 2, 10)))
    later = annual_cost([Flow(START, 1000000)], monthly(88849, 12, date(2026, 3, 1)))
    assert Decimal(10) < later.simple < prompt.simple


def test_a_loan_without_charges_costs_nothing() -> None:
    cost = annual_cost([Flow(START, 1200)], monthly(100, 12, date(2026, 2, 10)))
    assert not any((cost.monthly, cost.simple, cost.compound))


@pytest.mark.parametrize(
    ("advances", "payments"),
    [
        ([Flow(START, 1000)], [Flow(date(2026, 2, 10), 999)]),
        ([Flow(START, 1000)], []),
        ([], [Flow(START, 1)]),
        ([Flow(START, 1000)], [Flow(START, 2000)]),
    ],
)
def test_flows_that_no_rate_balances_are_refused(
    advances: list[Flow], payments: list[Flow]
) -> None:
    with pytest.raises(UnsolvableCost):
        annual_cost(advances, payments)


def regulation_z_monthly(
    start: date, amount: int, first: date, payment: int, count: int
) -> Decimal:
    payments = [
        TimedAmount(payment, *monthly_unit_periods(start, day))
        for day in list_due_dates(first, count, 1, "months")
    ]
    return regulation_z_apr([TimedAmount(amount, 0)], payments, Fraction(12))


def test_us_r1_appendix_j_c1i_regular_first_period() -> None:
    apr = regulation_z_monthly(date(1978, 1, 10), 500000, date(1978, 2, 10), 23000, 24)
    assert round_percent(apr) == Decimal("9.69")


def test_us_r1_appendix_j_c1ii_long_first_period() -> None:
    assert monthly_unit_periods(date(1978, 2, 10), date(1978, 4, 1)) == (1, Fraction(19, 30))
    apr = regulation_z_monthly(date(1978, 2, 10), 600000, date(1978, 4, 1), 20000, 36)
    assert round_percent(apr) == Decimal("11.82")


def test_eu_r1_a_single_repayment_after_546_days() -> None:
    rate = aprc([Flow(START, 1000)], [Flow(START + timedelta(days=546), 1200)])
    assert round_percent(rate) == Decimal("12.96")
    assert rate.quantize(Decimal("0.1")) == Decimal("13.0")


@given(
    rate=st.decimals(min_value="0.1", max_value=60, places=2),
    count=st.integers(1, 60),
    principal=st.integers(10**8, 10**12),
)
def test_the_rate_of_a_loan_at_a_known_rate_is_found_again(
    rate: Decimal, count: int, principal: int
) -> None:
    monthly_rate = Fraction(rate) / 1200
    payment = principal * monthly_rate / (1 - (1 + monthly_rate) ** -count)
    cost = annual_cost([Flow(START, principal)], monthly(round(payment), count, date(2026, 2, 10)))
    assert abs(cost.simple - rate) < Decimal("0.001")
