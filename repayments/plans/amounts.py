"""What an installment plan costs and when: rows built from the debt of one day. Pure arithmetic.

Interest runs by day on the principal still outstanding, at the loan's own rate; what is carried
over (fees, penalty, interest owed already) bears none, so there is no interest on interest. Of each
payment, fees are paid first, then interest, then principal. What holds: the rows repay the whole
debt to the last minor unit, and a plan adds no cost of its own. The module refuses to know who
proposes, what the lender allows, and Django.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

from repayments.dates import list_due_dates, year_fraction
from repayments.loans.annual_cost import AnnualCost, Flow, UnsolvableCost, annual_cost
from repayments.money import MAX_DIGITS, round_minor, split_by_weights

MOST_ROWS = 60
"""No plan has more payments, whatever a policy row says (CN-11: at most five years)."""

_BEYOND_ANY_PLAN = 12 * 100


@dataclass(frozen=True, kw_only=True)
class Debt:
    """What is owed on a day; whole minor units.

    Attributes:
        as_of: the day; interest after it is still to come.
        principal: all that is outstanding, due or not.
        interest: billed and unpaid, and accrued to ``as_of``.
        fees: fees and penalty interest, to ``as_of``.
        annual_rate: percent a year.
    """

    as_of: date
    principal: int
    interest: int
    fees: int
    annual_rate: Decimal
    day_count: str = "actual_365"
    rounding: str = "half_even"

    @property
    def total(self) -> int:
        return self.principal + self.interest + self.fees


@dataclass(frozen=True)
class Row:
    """One payment and its parts; the parts add up to the amount."""

    number: int
    due_date: date
    amount: int
    principal: int
    interest: int
    fee: int


@dataclass(frozen=True)
class PlanAmounts:
    """Rows that repay a debt in full."""

    debt: Debt
    rows: tuple[Row, ...]

    @property
    def total(self) -> int:
        return sum(row.amount for row in self.rows)

    @property
    def total_interest(self) -> int:
        """Interest owed already and interest still to come."""
        return sum(row.interest for row in self.rows)

    @property
    def total_fees(self) -> int:
        return sum(row.fee for row in self.rows)

    @property
    def added_interest(self) -> int:
        """What the plan's own time costs: interest from the day of the debt to the end."""
        return self.total - self.debt.total

    @property
    def first_due(self) -> date:
        return self.rows[0].due_date

    @property
    def ends_on(self) -> date:
        return self.rows[-1].due_date

    @property
    def is_even(self) -> bool:
        return are_even([row.amount for row in self.rows])

    @cached_property
    def cost(self) -> AnnualCost | None:
        """Internal rate over the debt of the day as the advance; None where time costs nothing."""
        payments = [Flow(row.due_date, row.amount) for row in self.rows]
        try:
            return annual_cost([Flow(self.debt.as_of, self.debt.total)], payments)
        except UnsolvableCost:
            return None


def are_even(amounts: Sequence[int]) -> bool:
    """Tell whether payments are equal, but for the rounding that the last one takes up."""
    rounding = 2 * len(amounts)
    return len(set(amounts[:-1])) <= 1 and abs(amounts[0] - amounts[-1]) <= rounding


@dataclass(frozen=True)
class Given:
    """A date and an amount that somebody wishes for."""

    due_date: date
    amount: int


COUNT, AMOUNT, ROWS = "count", "amount", "rows"


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What somebody would like to pay: so many months, so much a month, or own dates and amounts.

    Attributes:
        way: COUNT with ``first_due`` and ``count``; AMOUNT with ``first_due`` and ``amount`` in
            minor units; ROWS with ``rows``.
    """

    way: str
    first_due: date | None = None
    count: int | None = None
    amount: int | None = None
    rows: tuple[Given, ...] = ()


class AmountsRefused(ValueError):
    """These wishes give no plan; ``code`` says why.

    Codes: nothing_owed, no_rows, too_many_rows, date_not_after_today, dates_not_in_order,
    out_of_range, amount_too_small, amount_too_large.
    """

    def __init__(self, code: str, *, row: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.row = row


class AmountTooSmall(AmountsRefused):
    """The monthly amount does not repay the debt in ``MOST_ROWS``; ``smallest`` does."""

    def __init__(self, smallest: int) -> None:
        super().__init__("amount_too_small")
        self.smallest = smallest


class RowsDoNotAddUp(AmountsRefused):
    """The rows repay more or less than the debt with its interest.

    Attributes:
        last_amount: what the payment of row ``row`` must be for all to fit, minor units.
        row: number of that row, from 1; rows after it are not needed.
        difference: what is missing (positive) or too much (negative).
    """

    def __init__(self, *, last_amount: int, row: int, difference: int) -> None:
        super().__init__("rows_do_not_add_up", row=row)
        self.last_amount = last_amount
        self.difference = difference


def work_out(debt: Debt, wish: Wish) -> PlanAmounts:
    """Turn a wish into rows.

    Raises: AmountsRefused and its kinds.
    """
    if wish.way == ROWS:
        return own_rows(debt, wish.rows)
    if wish.first_due is None:
        raise AmountsRefused("no_rows")
    if wish.way == COUNT:
        return equal_by_count(debt, first_due=wish.first_due, count=wish.count or 0)
    return equal_by_amount(debt, first_due=wish.first_due, amount=wish.amount or 0)


def equal_by_count(
    debt: Debt, *, first_due: date, count: int, every: int = 1, unit: str = "months"
) -> PlanAmounts:
    """Repay in ``count`` equal payments; the last takes the rest and is never the larger.

    Raises: AmountsRefused.
    """
    if count < 1:
        raise AmountsRefused("no_rows")
    if count > MOST_ROWS:
        raise AmountsRefused("too_many_rows")
    return fit_weights(debt, _dates(first_due, count, every, unit), [1] * count)


def equal_by_amount(
    debt: Debt, *, first_due: date, amount: int, every: int = 1, unit: str = "months"
) -> PlanAmounts:
    """Repay by a fixed amount until nothing is left; the last payment is smaller or equal.

    Raises: AmountTooSmall, AmountsRefused.
    """
    if amount < 1:
        raise AmountsRefused("amount_too_small")
    _check_debt(debt)
    dates = _dates(first_due, MOST_ROWS, every, unit)
    _check_dates(debt, dates)
    rows, left = _pay(debt, dates, [amount] * MOST_ROWS)
    if left:
        smallest = fit_weights(debt, dates, [1] * MOST_ROWS).rows[0].amount
        raise AmountTooSmall(smallest)
    return PlanAmounts(debt, tuple(rows))


def own_rows(debt: Debt, given: Sequence[Given]) -> PlanAmounts:
    """Repay on own dates by own amounts, exactly as given; nothing is changed silently.

    Raises: RowsDoNotAddUp with the one amount that makes them fit, AmountsRefused.
    """
    dates, amounts = _read(debt, given)
    rows, left = _pay(debt, dates, amounts)
    wished = sum(amounts)
    repaid = sum(row.amount for row in rows)
    if left:
        last = rows[-1].amount if len(rows) == len(dates) else 0
        raise RowsDoNotAddUp(last_amount=last + left, row=len(dates), difference=left)
    if wished != repaid:
        raise RowsDoNotAddUp(last_amount=rows[-1].amount, row=len(rows), difference=repaid - wished)
    return PlanAmounts(debt, tuple(rows))


def keep_amounts(debt: Debt, given: Sequence[Given]) -> PlanAmounts:
    """Keep dates and amounts for a debt that has changed since; the end takes up the difference.

    Less is owed now: the last payments shrink or fall away. More is owed: the last one grows.

    Raises: AmountsRefused.
    """
    dates, amounts = _read(debt, given)
    rows, left = _pay(debt, dates, amounts)
    if left:
        rows, _none = _pay(debt, dates, [*amounts[:-1], amounts[-1] + left])
    return PlanAmounts(debt, tuple(rows))


def fit_weights(
    debt: Debt, dates: Sequence[date], weights: Sequence[int], *, at_least: int = 0
) -> PlanAmounts:
    """Repay on given dates in given proportions; the last payment takes the rest.

    Args:
        weights: whole numbers, one a date; [1, 1, 1] pays evenly, [2, 1, 1] twice as much first.
        at_least: no payment but the last is below it; then fewer dates may suffice.
    Raises: AmountsRefused.
    """
    _check_debt(debt)
    _check_dates(debt, dates)

    def amounts_of(total: int) -> list[int]:
        if len(set(weights)) == 1:
            # Equal payments are equal to the last minor unit; the rest shows in the last row.
            return [max(-(-total // len(weights)), at_least, 1)] * len(weights)
        return [max(part, at_least, 1) for part in split_by_weights(total, weights)]

    # The smallest sum of payments that repays all, found by halving: more never repays less.
    low, high = debt.total - 1, debt.total
    while _pay(debt, dates, amounts_of(high))[1]:
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if _pay(debt, dates, amounts_of(middle))[1]:
            low = middle
        else:
            high = middle
    rows, _left = _pay(debt, dates, amounts_of(high))
    return PlanAmounts(debt, tuple(rows))


def interest_to_come(debt: Debt, rows: Sequence[Row]) -> int:
    """Add up the interest that accrues after the day of the debt until these rows repay it."""
    principal, day, interest = debt.principal, debt.as_of, 0
    for row in rows:
        interest += _interest(debt, principal, day, row.due_date)
        principal, day = principal - row.principal, row.due_date
    return interest


def _interest(debt: Debt, principal: int, start: date, end: date) -> int:
    part_of_year = year_fraction(start, end, debt.day_count)
    return round_minor(principal * Fraction(debt.annual_rate) / 100 * part_of_year, debt.rounding)


def _pay(debt: Debt, dates: Sequence[date], amounts: Sequence[int]) -> tuple[list[Row], int]:
    """Pay the debt down.

    Returns: the rows, cut off where nothing is left, and what is left on the last date.
    """
    principal, interest, fees = debt.principal, debt.interest, debt.fees
    rows: list[Row] = []
    day = debt.as_of
    for number, (due_date, amount) in enumerate(zip(dates, amounts, strict=True), start=1):
        interest += _interest(debt, principal, day, due_date)
        day = due_date
        fee_part = min(amount, fees)
        interest_part = min(amount - fee_part, interest)
        principal_part = min(amount - fee_part - interest_part, principal)
        fees -= fee_part
        interest -= interest_part
        principal -= principal_part
        paid = fee_part + interest_part + principal_part
        rows.append(Row(number, due_date, paid, principal_part, interest_part, fee_part))
        if not (principal or interest or fees):
            return rows, 0
    return rows, principal + interest + fees


def _dates(first_due: date, count: int, every: int, unit: str) -> list[date]:
    try:
        return list_due_dates(first_due, count, every, unit)
    except OverflowError:
        raise AmountsRefused("out_of_range") from None


def _read(debt: Debt, given: Sequence[Given]) -> tuple[list[date], list[int]]:
    _check_debt(debt)
    dates = [row.due_date for row in given]
    _check_dates(debt, dates)
    for number, row in enumerate(given, start=1):
        if row.amount < 1:
            raise AmountsRefused("amount_too_small", row=number)
        if row.amount >= 10**MAX_DIGITS:
            raise AmountsRefused("amount_too_large", row=number)
    return dates, [row.amount for row in given]


def _check_debt(debt: Debt) -> None:
    if min(debt.principal, debt.interest, debt.fees) < 0 or debt.total <= 0:
        raise AmountsRefused("nothing_owed")


def _check_dates(debt: Debt, dates: Sequence[date]) -> None:
    if not dates:
        raise AmountsRefused("no_rows")
    if len(dates) > MOST_ROWS:
        raise AmountsRefused("too_many_rows")
    previous = debt.as_of
    for number, due_date in enumerate(dates, start=1):
        if due_date <= previous:
            code = "date_not_after_today" if number == 1 else "dates_not_in_order"
            raise AmountsRefused(code, row=number)
        previous = due_date
    if (dates[-1].year - debt.as_of.year) * 12 > _BEYOND_ANY_PLAN:
        raise AmountsRefused("out_of_range", row=len(dates))
