"""What a loan costs a year, all charges included, by the method of each jurisdiction.

Pure arithmetic over flows of money; it refuses to know which cap applies and which flows belong in
(CN-R3, CN-R9: cash really received against everything due under normal performance). Rates are
Decimal percent, unrounded; ``money.round_percent`` rounds them for caps and print.

Three methods: China's monthly internal rate (PBC Announcement [2021] No. 3), the actuarial method
of Regulation Z (12 CFR 1026 Appendix J), the APRC of Directive 2008/48/EC Annex I.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from fractions import Fraction

from repayments.dates import add_months, months_between

_PRECISION = 28
# Of a rate, and of what is left unbalanced of each unit received.
_TOLERANCE = Decimal("1e-15")
_HIGHEST_RATE = Decimal(10) ** 6


class UnsolvableCost(ValueError):
    """No rate of zero or more balances the flows: less comes back than went out, or nothing did."""


@dataclass(frozen=True)
class Flow:
    """Money that moves on a day; whole minor units, above zero on either side."""

    date: date
    amount: int


@dataclass(frozen=True)
class AnnualCost:
    """China's two ways to print one monthly rate, in percent: the basis must be named with each.

    ``simple`` is twelve times the monthly rate, ``compound`` the rate of a year of such months.
    """

    monthly: Decimal
    simple: Decimal
    compound: Decimal


@dataclass(frozen=True)
class TimedAmount:
    """An amount and its time from the first advance: whole periods and a fraction of one."""

    amount: int
    periods: int
    fraction: Fraction = Fraction(0)


def annual_cost(advances: Sequence[Flow], payments: Sequence[Flow]) -> AnnualCost:
    """Solve the monthly rate r of: sum of advances / (1+r)^k = sum of payments / (1+r)^k.

    Time k is counted in months from the first advance. For a monthly loan the k are whole. For an
    odd first period, and for weeks or days, where the rule is silent, k is the true number of
    months: whole ones by date, then days over the length of the month they fall in.

    Raises: UnsolvableCost.
    """
    received = _check(advances, payments)
    start = min(flow.date for flow in advances)
    with localcontext(prec=_PRECISION):
        advanced = [(flow.amount, _months(start, flow.date)) for flow in advances]
        paid = [(flow.amount, _months(start, flow.date)) for flow in payments]

        def surplus(rate: Decimal) -> Decimal:
            return (_compound_value(paid, rate) - _compound_value(advanced, rate)) / received

        monthly = _solve(surplus)
        compound = (1 + monthly) ** 12 - 1
        return AnnualCost(monthly * 100, monthly * 12 * 100, compound * 100)


def regulation_z_apr(
    advances: Sequence[TimedAmount], payments: Sequence[TimedAmount], unit_periods_in_year: Fraction
) -> Decimal:
    """Solve the annual percentage rate of Regulation Z, Appendix J(b)(8).

    Args:
        advances, payments: their times in unit-periods from the start of the term, as
            ``monthly_unit_periods`` gives them for a monthly loan.
        unit_periods_in_year: 12 for a month, 26 for two weeks.
    Raises: UnsolvableCost.
    """
    received = _check(advances, payments)

    def value(flows: Sequence[TimedAmount], rate: Decimal) -> Decimal:
        return sum(
            (
                flow.amount / ((1 + _decimal(flow.fraction) * rate) * (1 + rate) ** flow.periods)
                for flow in flows
            ),
            Decimal(0),
        )

    with localcontext(prec=_PRECISION):
        rate = _solve(lambda rate: (value(payments, rate) - value(advances, rate)) / received)
        return rate * _decimal(unit_periods_in_year) * 100


def monthly_unit_periods(start: date, end: date) -> tuple[int, Fraction]:
    """Count whole months back from the later date, then the days left over 30 (Appendix J(b)(5)).

    10 February to 1 April is one month (back to 1 March) and 19 thirtieths.
    """
    whole = (end.year - start.year) * 12 + end.month - start.month
    while add_months(end, -whole) < start:
        whole -= 1
    return whole, Fraction((add_months(end, -whole) - start).days, 30)


def aprc(advances: Sequence[Flow], payments: Sequence[Flow]) -> Decimal:
    """Solve the APRC of Directive 2008/48/EC, Annex I, on the calendar basis (days over 365).

    Raises: UnsolvableCost.
    """
    received = _check(advances, payments)
    start = min(flow.date for flow in advances)
    with localcontext(prec=_PRECISION):
        advanced = [(flow.amount, _years(start, flow.date)) for flow in advances]
        paid = [(flow.amount, _years(start, flow.date)) for flow in payments]

        def surplus(rate: Decimal) -> Decimal:
            return (_compound_value(paid, rate) - _compound_value(advanced, rate)) / received

        return 100 * _solve(surplus)


def _check(
    advances: Sequence[Flow] | Sequence[TimedAmount],
    payments: Sequence[Flow] | Sequence[TimedAmount],
) -> int:
    received = sum(flow.amount for flow in advances)
    returned = sum(flow.amount for flow in payments)
    if received <= 0 or returned < received:
        raise UnsolvableCost("the payments must at least return what was received")
    return received


def _months(start: date, end: date) -> Decimal:
    return _decimal(months_between(start, end))


def _years(start: date, end: date) -> Decimal:
    return _decimal(Fraction((end - start).days, 365))


def _decimal(value: Fraction) -> Decimal:
    return Decimal(value.numerator) / value.denominator


def _compound_value(flows: Sequence[tuple[int, Decimal]], rate: Decimal) -> Decimal:
    # One logarithm a rate; a power with a fractional exponent takes one each time.
    log_growth = (1 + rate).ln()
    return sum((amount * (-time * log_growth).exp() for amount, time in flows), Decimal(0))


def _solve(surplus: Callable[[Decimal], Decimal]) -> Decimal:
    """Find the rate at which payments are worth the advances: the surplus falls to zero there.

    The false-position method of Illinois, between bounds that always enclose the root.
    """
    low, low_value = Decimal(0), surplus(Decimal(0))
    if low_value == 0:
        return low
    high = Decimal("0.01")
    while (high_value := surplus(high)) > 0:
        low, low_value, high = high, high_value, high * 2
        if high > _HIGHEST_RATE:
            raise UnsolvableCost("the cost is beyond any rate")
    for _round in range(200):
        if high - low < _TOLERANCE or high_value == 0:
            break
        middle = (low * high_value - high * low_value) / (high_value - low_value)
        middle_value = surplus(middle)
        if abs(middle_value) < _TOLERANCE:
            return middle
        if middle_value > 0:
            low, low_value, high_value = middle, middle_value, high_value / 2
        else:
            high, high_value, low_value = middle, middle_value, low_value / 2
    return high
