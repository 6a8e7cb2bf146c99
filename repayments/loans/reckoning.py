"""What a loan owes on a day, and where a payment made that day goes.

Pure arithmetic over rows already read, in whole minor units. Pages, quotes and postings all ask
here, so what a borrower is shown is what is booked. What holds: parts and remainder of a payment
add up to it; no part is above what is owed; interest of an installment is never above its
``interest_due``. It refuses to know the database, the clock and the words for people.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import cast

from repayments.dates import days_late
from repayments.loans.accrual import accrue, penalty
from repayments.loans.allocation import Due, Line, allocate

ROW, CHARGE, PENALTY = "row", "charge", "penalty"
"""First part of a due item's key: an installment, a charge, penalty interest not posted yet."""


@dataclass(frozen=True, kw_only=True)
class RowState:
    """One installment of the schedule in force.

    ``interest_carried`` was owed before this schedule began: it is owed whatever the day.
    ``owed_again``: no installment as agreed, but what money had covered that went back on the due
    date. It is due like any other; until then nothing was paid ahead for it or because of it.
    """

    id: int
    number: int
    start_date: date
    due_date: date
    principal_due: int = 0
    interest_due: int = 0
    fee_due: int = 0
    interest_billed: int = 0
    interest_carried: int = 0
    fee_billed: int = 0
    principal_paid: int = 0
    interest_paid: int = 0
    fee_paid: int = 0
    owed_again: bool = False

    @property
    def principal_unpaid(self) -> int:
        return self.principal_due - self.principal_paid

    @property
    def interest_unpaid(self) -> int:
        return self.interest_due - self.interest_paid

    @property
    def fee_unpaid(self) -> int:
        return self.fee_due - self.fee_paid

    @property
    def unpaid(self) -> int:
        return self.principal_unpaid + self.interest_unpaid + self.fee_unpaid

    @property
    def paid(self) -> int:
        return self.principal_paid + self.interest_paid + self.fee_paid

    @property
    def amount(self) -> int:
        return self.principal_due + self.interest_due + self.fee_due


@dataclass(frozen=True, kw_only=True)
class ChargeState:
    """What is still open of a fee or of penalty interest that is posted."""

    id: int
    kind: str
    charged_on: date
    open: int


@dataclass(frozen=True)
class ScheduleRow:
    """One row of a schedule to be; whole minor units. ``start_date``: interest counts from it."""

    due_date: date
    principal: int
    interest: int = 0
    fee: int = 0
    start_date: date | None = None
    owed_again: bool = False

    @property
    def amount(self) -> int:
        return self.principal + self.interest + self.fee


@dataclass(frozen=True)
class Payoff:
    """What settles the loan on a day, by part, before money that waits unapplied."""

    principal: int
    interest: int
    fees: int
    penalty: int

    @property
    def total(self) -> int:
        return self.principal + self.interest + self.fees + self.penalty


@dataclass(frozen=True)
class Outcome:
    """Where a payment goes: settled, or lines, then principal repaid early, then what rests."""

    settles: bool
    lines: tuple[Line, ...]
    prepays: int
    rest: int


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A loan's rows and terms at one moment.

    Attributes:
        by_day: interest accrues by balance, rate and day count; otherwise an installment's own
            interest is shared over its days.
        penalty_through: first day whose penalty interest is not posted yet, if any was.
        can_prepay: what is left after the coming installment repays principal early.
        unapplied: money received that waits for the next due date.
    """

    currency: str
    annual_rate: Decimal
    by_day: bool
    day_count: str
    rounding: str
    penalty_rate: Decimal
    penalty_through: date | None
    order: tuple[str, ...]
    strategy: str
    can_prepay: bool
    rows: tuple[RowState, ...] = ()
    charges: tuple[ChargeState, ...] = ()
    unapplied: int = 0

    @property
    def outstanding_principal(self) -> int:
        return sum(row.principal_unpaid for row in self.rows)

    @property
    def unpaid(self) -> int:
        """Everything of rows and charges that is not paid, due or not."""
        return sum(row.unpaid for row in self.rows) + sum(charge.open for charge in self.charges)

    def due_rows(self, on: date) -> list[RowState]:
        return [row for row in self.rows if row.due_date <= on and row.unpaid]

    def past_due_since(self, on: date) -> date | None:
        return min((row.due_date for row in self.due_rows(on)), default=None)

    def days_past_due(self, on: date) -> int:
        since = self.past_due_since(on)
        return days_late(since, on) if since else 0

    def coming_rows(self, on: date) -> list[RowState]:
        """The installments of the next due date after a day, paid or not."""
        later = [row for row in self.rows if row.due_date > on and not row.owed_again]
        first = min((row.due_date for row in later), default=None)
        return [row for row in later if row.due_date == first]

    def open_charges(self, on: date, kind: str | None = None) -> list[ChargeState]:
        return [
            charge
            for charge in self.charges
            if charge.open and charge.charged_on <= on and kind in (None, charge.kind)
        ]

    def penalty_days(self, row: RowState, on: date) -> int:
        """Days of a row's penalty interest that are not posted yet."""
        start = row.due_date
        if self.penalty_through is not None:
            start = max(start, self.penalty_through)
        return max((on - start).days, 0)

    def unposted_penalty(self, on: date) -> int:
        """Penalty interest on overdue principal since it was last posted, row by row."""
        return sum(
            penalty(
                row.principal_unpaid,
                self.penalty_rate,
                self.penalty_days(row, on),
                day_count=self.day_count,
                rounding=self.rounding,
            )
            for row in self.due_rows(on)
        )

    def accrued(self, row: RowState, on: date) -> int:
        """Interest of a row up to a day, paid or not; all of it from its due date on."""
        own = row.interest_due - row.interest_carried
        if on >= row.due_date:
            return row.interest_due
        if on <= row.start_date or own == 0:
            return row.interest_carried
        accrued = accrue(
            sum(
                other.principal_due
                for other in self.rows
                if other.number >= row.number and not other.owed_again
            ),
            self.annual_rate,
            row.start_date,
            on,
            interest_period="daily" if self.by_day else "per_installment",
            period_start=row.start_date,
            period_end=row.due_date,
            period_interest=own,
            day_count=self.day_count,
            rounding=self.rounding,
        )
        return row.interest_carried + min(accrued, own)

    def interest_owed(self, row: RowState, on: date) -> int:
        return max(self.accrued(row, on) - row.interest_paid, 0)

    def fee_owed(self, row: RowState, on: date) -> int:
        """Fees of a row that are owed: all once due, before that what was billed already."""
        return row.fee_unpaid if row.due_date <= on else row.fee_billed - row.fee_paid

    def payoff(self, on: date) -> Payoff:
        return Payoff(
            principal=self.outstanding_principal,
            interest=sum(self.interest_owed(row, on) for row in self.rows),
            fees=sum(self.fee_owed(row, on) for row in self.rows)
            + sum(charge.open for charge in self.open_charges(on, "fee")),
            penalty=self.unposted_penalty(on)
            + sum(charge.open for charge in self.open_charges(on, "penalty")),
        )

    def per_diem(self, on: date) -> int:
        """What the day after adds to the payoff: a night's interest and penalty interest."""
        today, tomorrow = self.payoff(on), self.payoff(on + timedelta(days=1))
        return max(tomorrow.interest + tomorrow.penalty - today.interest - today.penalty, 0)

    def list_dues(self, on: date) -> list[Due]:
        """What a payment of this day may cover at once.

        Charges go before the rows: costs and penalty interest come first (Civil Code 561), and a
        charge posted today belongs to rows that fell due earlier.
        """
        first = min((row.due_date for row in self.rows), default=on)
        dues = [
            Due((CHARGE, charge.id), min(first, charge.charged_on), 0, **_charge_part(charge))
            for charge in self.open_charges(on)
        ]
        unposted = self.unposted_penalty(on)
        if unposted:
            dues.append(Due((PENALTY, 0), first, 0, penalty=unposted))
        return dues + [_row_due(row) for row in self.due_rows(on)]

    def plan(self, amount: int, on: date, *, quoted: bool = False) -> Outcome:
        """Decide where a payment goes, after everything that was received before it.

        Order: all that is due; the coming installment, with its whole interest; principal early if
        the contract says so; the rest waits.

        Args:
            quoted: the amount is that of a payoff quote that is still good.
        """
        gross = self.payoff(on).total
        if self.unpaid and (quoted or amount + self.unapplied >= gross):
            return Outcome(True, (), 0, max(amount + self.unapplied - gross, 0))
        now_due = allocate(amount, self.list_dues(on), self.order, self.strategy)
        coming = self.coming_rows(on)
        ahead = allocate(
            now_due.remaining,
            [_row_due(row) for row in coming],
            self.order,
            self.strategy,
        )
        rest = ahead.remaining
        later = self.list_later(on)
        prepays = min(rest, sum(row.principal_due for row in later)) if self.can_prepay else 0
        return Outcome(False, now_due.lines + ahead.lines, prepays, rest - prepays)

    def list_later(self, on: date) -> list[RowState]:
        """The installments after the coming one."""
        coming = self.coming_rows(on)
        return [
            row
            for row in self.rows
            if coming and row.due_date > coming[0].due_date and not row.owed_again
        ]

    def with_lines(self, lines: Iterable[Line]) -> "Snapshot":
        """The same loan after these lines were paid; penalty not posted yet stays as it is."""
        rows = {row.id: row for row in self.rows}
        charges = {charge.id: charge for charge in self.charges}
        for line in lines:
            kind, pk = split_key(line)
            if kind == ROW:
                part = {"fees": "fee_paid"}.get(line.component, f"{line.component}_paid")
                row = rows[pk]
                rows[pk] = replace(row, **{part: getattr(row, part) + line.amount})
            elif kind == CHARGE:
                charges[pk] = replace(charges[pk], open=charges[pk].open - line.amount)
        return replace(self, rows=tuple(rows.values()), charges=tuple(charges.values()))


def split_key(line: Line) -> tuple[str, int]:
    """Tell what a line pays: ROW, CHARGE or PENALTY, and the primary key."""
    kind, pk = cast(tuple[str, int], line.key)
    return kind, pk


def _charge_part(charge: ChargeState) -> dict[str, int]:
    return {"penalty" if charge.kind == "penalty" else "fee": charge.open}


def _row_due(row: RowState) -> Due:
    return Due(
        (ROW, row.id),
        row.due_date,
        row.number,
        fee=row.fee_unpaid,
        interest=row.interest_unpaid,
        principal=row.principal_unpaid,
    )


def shorten_from_the_end(rows: Sequence[RowState], amount: int) -> list[tuple[int, int]]:
    """Take principal off own-date rows, the last first; interest shrinks with what it is on.

    Returns: for each row its principal and interest.
    """
    principal = [row.principal_due for row in rows]
    rest = amount
    for at in range(len(rows) - 1, -1, -1):
        taken = min(rest, principal[at])
        principal[at] -= taken
        rest -= taken
    result = []
    for at, row in enumerate(rows):
        before = sum(one.principal_due for one in rows[at:])
        after = sum(principal[at:])
        interest = row.interest_due * after // before if before else row.interest_due
        result.append((principal[at], interest))
    return result
