"""Interest and penalty up to a day: the one reckoning that statements, payoffs and home share.

Pure arithmetic of whole minor units; it refuses to know loans, payments and what is billed already.
What holds: accrued to the due date, interest is exactly what that installment bills; accrued to a
day and on from it, it adds up to the same.
"""

from datetime import date
from decimal import Decimal
from fractions import Fraction

from repayments.dates import year_fraction
from repayments.money import round_minor


def accrue(
    balance: int,
    annual_rate: Decimal,
    start: date,
    end: date,
    *,
    interest_period: str,
    period_start: date,
    period_end: date,
    period_interest: int,
    day_count: str = "actual_365",
    rounding: str = "half_even",
) -> int:
    """Return the interest that accrues from start to end, within one installment's period.

    Args:
        balance: principal that bears interest, minor units (flat loans: the first principal).
        annual_rate: percent a year.
        start, end: days within the period; interest counts the nights between them.
        interest_period: per_installment shares ``period_interest`` by calendar days; daily charges
            balance, rate and days by ``day_count``, except that the whole period is billed as the
            schedule says.
        period_start, period_end: the due date before (or the disbursement) and the due date.
        period_interest: what the installment bills on ``period_end``, minor units.
    Raises: ValueError when the days lie outside the period.
    """
    if not period_start <= start <= end <= period_end:
        raise ValueError("start and end must lie within the period, in order")

    def accrued_to(day: date) -> int:
        if interest_period == "per_installment":
            if period_start == period_end:
                return 0
            nights = Fraction((day - period_start).days, (period_end - period_start).days)
            return round_minor(period_interest * nights, rounding)
        if interest_period == "daily":
            part_of_year = year_fraction(period_start, day, day_count)
            return round_minor(balance * Fraction(annual_rate) / 100 * part_of_year, rounding)
        raise ValueError(f"unknown interest period: {interest_period!r}")

    if (start, end) == (period_start, period_end):
        return period_interest
    # Differences of rounded totals, so that the parts of a period add up to the whole.
    return accrued_to(end) - accrued_to(start)


def penalty(
    overdue_principal: int,
    annual_rate: Decimal,
    days: int,
    *,
    day_count: str = "actual_365",
    rounding: str = "half_even",
) -> int:
    """Return the penalty interest on overdue principal for a number of days.

    Simple interest by the day, never on penalty itself: balance × rate × days over 360 or 365.

    Args:
        overdue_principal: minor units past due throughout those days.
        annual_rate: percent a year, of the contract's penalty clause.
        days: nights past due; 0 or fewer give 0.
    """
    days_in_year = 360 if day_count in ("actual_360", "thirty_360") else 365
    if days <= 0 or overdue_principal <= 0:
        return 0
    exact = overdue_principal * Fraction(annual_rate) / 100 * Fraction(days, days_in_year)
    return round_minor(exact, rounding)
