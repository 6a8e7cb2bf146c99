"""Turn the terms of a loan into its schedule: what is due on which day, to the last fen.

Pure arithmetic of whole minor units; it refuses to know rows, calendars of holidays, fees and
payments. What holds of every schedule: principal adds up to the loan exactly, the last row takes
the rest, no amount is negative, and the same terms give the same rows.

Sources: the annuity formula with the true fraction of a year of each period, as Apache Fineract
and other loan engines use; its published schedules stand in the tests.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from repayments.dates import DAY_COUNTS, UNITS, add_periods, list_due_dates, year_fraction
from repayments.money import (
    MAX_DIGITS,
    ROUNDINGS,
    UnknownCurrency,
    exponent,
    round_minor,
    round_ratio,
)

AMORTIZATIONS = ("equal_installment", "equal_principal", "interest_only", "custom")
INTEREST_METHODS = ("declining", "flat")
INTEREST_PERIODS = ("per_installment", "daily")

MAX_INSTALLMENTS = 1200
MAX_EVERY = 366
MAX_ANNUAL_RATE = 1000

_PERIODS_IN_YEAR = {"months": 12, "weeks": 52, "days": 365}

# Digits of the annuity, and where they are cut so that an exact half stays one.
_PRECISION = 60
_CUT = Decimal("1e-30")


class InvalidTerms(ValueError):
    """Terms that give no schedule: ``field`` names the culprit, ``code`` what is wrong with it.

    Codes: unknown, too_small, too_large, not_whole, not_a_number, too_early, out_of_range,
    not_allowed, needs_rows, below_interest, negative, not_in_order, sum_differs.
    """

    def __init__(self, field: str, code: str) -> None:
        super().__init__(f"{field}: {code}")
        self.field = field
        self.code = code


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a contract says of the money; checks itself.

    Attributes:
        principal, installment_amount, installment_multiple: whole minor units.
        annual_rate: percent a year; 12 means 12 %.
        every, unit: a period is ``every`` days, weeks or months long.
        first_due_on: without it the first due date is one period after ``disbursed_on``, and the
            later ones are counted from ``disbursed_on`` too; with it they are counted from it.
        interest_period: per_installment charges a fixed part of a year each period (``every``
            twelfths, 52nds or 365ths) whatever the days, an odd first period included; daily
            charges the days by ``day_count``.
        principal_grace: number of first rows that pay interest only.
        rounding: for the level installment and each row's interest.
        installment_multiple: the level installment is rounded to it; 1 is the smallest unit.
        installment_amount: the lender's own level installment, kept as given.

    Raises: InvalidTerms.
    """

    principal: int
    currency: str
    annual_rate: Decimal
    installments: int
    every: int = 1
    unit: str = "months"
    disbursed_on: date
    first_due_on: date | None = None
    amortization: str = "equal_installment"
    interest_method: str = "declining"
    interest_period: str = "per_installment"
    day_count: str = "actual_365"
    principal_grace: int = 0
    rounding: str = "half_even"
    installment_multiple: int = 1
    installment_amount: int | None = None

    def __post_init__(self) -> None:
        try:
            exponent(self.currency)
        except UnknownCurrency:
            raise InvalidTerms("currency", "unknown") from None
        self._check_choice("unit", UNITS)
        self._check_choice("amortization", AMORTIZATIONS)
        self._check_choice("interest_method", INTEREST_METHODS)
        self._check_choice("interest_period", INTEREST_PERIODS)
        self._check_choice("day_count", DAY_COUNTS)
        self._check_choice("rounding", ROUNDINGS)
        self._check_whole("principal", 1, 10**MAX_DIGITS - 1)
        self._check_whole("installments", 1, MAX_INSTALLMENTS)
        self._check_whole("every", 1, MAX_EVERY)
        self._check_whole("principal_grace", 0, self.installments - 1)
        self._check_whole("installment_multiple", 1, 10**MAX_DIGITS - 1)
        if self.installment_amount is not None:
            self._check_whole("installment_amount", 1, 10**MAX_DIGITS - 1)
            if self.amortization != "equal_installment":
                raise InvalidTerms("installment_amount", "not_allowed")
        if not isinstance(self.annual_rate, Decimal) or not self.annual_rate.is_finite():
            raise InvalidTerms("annual_rate", "not_a_number")
        if self.annual_rate < 0:
            raise InvalidTerms("annual_rate", "negative")
        if self.annual_rate >= MAX_ANNUAL_RATE:
            raise InvalidTerms("annual_rate", "too_large")
        if self.first_due_on is not None and self.first_due_on <= self.disbursed_on:
            raise InvalidTerms("first_due_on", "too_early")
        try:
            self.last_due_date()
        except OverflowError:
            raise InvalidTerms("installments", "out_of_range") from None

    def due_dates(self) -> list[date]:
        """List the due dates, one for each installment."""
        if self.first_due_on is not None:
            return list_due_dates(self.first_due_on, self.installments, self.every, self.unit)
        # Counted from the disbursement, 31 January gives 28 February and then 31 March.
        return [
            add_periods(self.disbursed_on, number, self.every, self.unit)
            for number in range(1, self.installments + 1)
        ]

    def last_due_date(self) -> date:
        """Give the last of the due dates, the latest one."""
        if self.first_due_on is not None:
            return add_periods(self.first_due_on, self.installments - 1, self.every, self.unit)
        return add_periods(self.disbursed_on, self.installments, self.every, self.unit)

    def _check_choice(self, field: str, choices: tuple[str, ...]) -> None:
        if getattr(self, field) not in choices:
            raise InvalidTerms(field, "unknown")

    def _check_whole(self, field: str, low: int, high: int) -> None:
        value = getattr(self, field)
        if isinstance(value, bool) or not isinstance(value, int):
            raise InvalidTerms(field, "not_whole")
        if value < low:
            raise InvalidTerms(field, "too_small")
        if value > high:
            raise InvalidTerms(field, "too_large")


class Row(NamedTuple):
    """One installment; amounts in whole minor units, ``days`` counted on the calendar."""

    number: int
    due_date: date
    days: int
    principal_due: int
    interest_due: int
    fee_due: int
    principal_before: int
    principal_after: int

    @property
    def total_due(self) -> int:
        return self.principal_due + self.interest_due + self.fee_due


@dataclass(frozen=True)
class ExplicitRow:
    """A row of a ``custom`` schedule as the tape or a plan gives it; whole minor units."""

    due_date: date
    principal_due: int
    interest_due: int = 0
    fee_due: int = 0


def amortize(terms: Terms) -> tuple[Row, ...]:
    """Work out the schedule of the terms.

    A level installment that pays the loan off early (a coarse multiple, a generous
    ``installment_amount``) leaves rows of zero at the end, so that the count stays the contract's.

    Raises: InvalidTerms for ``custom``, whose rows are given (``explicit_schedule``); for a
    multiple that rounds the installment to nothing; for an ``installment_amount`` below a row's
    interest.
    """
    if terms.amortization == "custom":
        raise InvalidTerms("amortization", "needs_rows")
    due_dates = terms.due_dates()
    fractions = period_fractions(terms)
    paying_rows = terms.installments - terms.principal_grace
    share = round_minor(Fraction(terms.principal, paying_rows), terms.rounding)
    level = level_installment(terms) if terms.amortization == "equal_installment" else 0
    rows: list[Row] = []
    balance, previous = terms.principal, terms.disbursed_on
    for number, (due_date, fraction) in enumerate(zip(due_dates, fractions, strict=True), start=1):
        base = terms.principal if terms.interest_method == "flat" else balance
        interest = _interest(terms, base, fraction)
        if number == terms.installments:
            principal = balance
        elif terms.amortization == "interest_only" or number <= terms.principal_grace:
            principal = 0
        elif terms.amortization == "equal_principal":
            principal = min(share, balance)
        else:
            if terms.installment_amount is not None and level < interest:
                raise InvalidTerms("installment_amount", "below_interest")
            principal = min(max(level - interest, 0), balance)
        rows.append(
            Row(
                number=number,
                due_date=due_date,
                days=(due_date - previous).days,
                principal_due=principal,
                interest_due=interest,
                fee_due=0,
                principal_before=balance,
                principal_after=balance - principal,
            )
        )
        balance, previous = balance - principal, due_date
    return tuple(rows)


def level_installment(terms: Terms) -> int:
    """Return the installment of an equal_installment loan in minor units; the last may differ.

    Declining: principal over the sum of the discount factors of the rows that repay principal, with
    each period's own fraction of a year, so that daily interest too ends close to level. Flat:
    principal and all interest of those rows over their number.

    Raises: InvalidTerms when ``installment_multiple`` rounds it to nothing.
    """
    if terms.installment_amount is not None:
        return terms.installment_amount
    fractions = period_fractions(terms)[terms.principal_grace :]
    exact: Decimal | Fraction
    if terms.interest_method == "flat":
        interest = sum(_interest(terms, terms.principal, fraction) for fraction in fractions)
        exact = Fraction(terms.principal + interest, len(fractions))
    else:
        exact = _annuity(terms.principal, terms.annual_rate, fractions)
    level = round_minor(exact, terms.rounding, terms.installment_multiple)
    if level == 0 and terms.installment_multiple > 1:
        raise InvalidTerms("installment_multiple", "too_large")
    return level


def period_fractions(terms: Terms) -> list[Fraction]:
    """List the part of a year each installment is charged for."""
    if terms.interest_period == "per_installment":
        return [Fraction(terms.every, _PERIODS_IN_YEAR[terms.unit])] * terms.installments
    due_dates = terms.due_dates()
    return [
        year_fraction(start, end, terms.day_count)
        for start, end in zip([terms.disbursed_on, *due_dates], due_dates, strict=False)
    ]


def explicit_schedule(
    principal: int, start_on: date, given: Sequence[ExplicitRow]
) -> tuple[Row, ...]:
    """Check and number the rows of a ``custom`` schedule, from the tape or an agreed plan.

    Args:
        principal: minor units that the rows must repay exactly.
        start_on: the day of disbursement, or of the plan; the first row may fall on it.
    Raises: InvalidTerms of field "rows".
    """
    if not given:
        raise InvalidTerms("rows", "too_small")
    if len(given) > MAX_INSTALLMENTS:
        raise InvalidTerms("rows", "too_large")
    rows: list[Row] = []
    balance, previous = principal, start_on
    for number, row in enumerate(given, start=1):
        if min(row.principal_due, row.interest_due, row.fee_due) < 0:
            raise InvalidTerms("rows", "negative")
        if row.due_date < previous or (rows and row.due_date == previous):
            raise InvalidTerms("rows", "not_in_order")
        rows.append(
            Row(
                number=number,
                due_date=row.due_date,
                days=(row.due_date - previous).days,
                principal_due=row.principal_due,
                interest_due=row.interest_due,
                fee_due=row.fee_due,
                principal_before=balance,
                principal_after=balance - row.principal_due,
            )
        )
        balance, previous = balance - row.principal_due, row.due_date
    if balance != 0:
        raise InvalidTerms("rows", "sum_differs")
    return tuple(rows)


def _interest(terms: Terms, base: int, fraction: Fraction) -> int:
    # Whole numbers, exactly: a tape of loans has interest by the hundred thousand.
    numerator, denominator = _as_ratio(terms.annual_rate)
    return round_ratio(
        base * numerator * fraction.numerator,
        100 * denominator * fraction.denominator,
        terms.rounding,
    )


@lru_cache(maxsize=1024)
def _as_ratio(rate: Decimal) -> tuple[int, int]:
    return rate.as_integer_ratio()


def _annuity(principal: int, annual_rate: Decimal, fractions: Sequence[Fraction]) -> Decimal:
    with localcontext(prec=_PRECISION):
        factor, factors, growth = Decimal(1), Decimal(0), Decimal(1)
        last: Fraction | None = None
        for fraction in fractions:
            if fraction is not last:
                growth = 1 + annual_rate * fraction.numerator / (100 * fraction.denominator)
                last = fraction
            factor /= growth
            factors += factor
        return (principal / factors).quantize(_CUT)
