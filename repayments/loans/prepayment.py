"""The rows that follow when principal is repaid early; reckoning only, nothing is written.

Due dates stay, whatever days they are; each installment becomes smaller. Rows that were given, not
worked out, have no terms to be worked out by: those are shortened from the end. The coming
installment is paid by then, with its whole interest, so interest on the smaller balance counts from
its due date.
"""

from dataclasses import dataclass, replace
from datetime import date

from repayments.loans.amortization import InvalidTerms, Terms, amortize
from repayments.loans.models import Loan
from repayments.loans.reckoning import (
    RowState,
    ScheduleRow,
    Snapshot,
    shorten_from_the_end,
)


@dataclass(frozen=True)
class _TermsOnDates(Terms):
    """Terms whose due dates are known: a schedule on the 31st that goes on from 28 February."""

    dates: tuple[date, ...] = ()

    def due_dates(self) -> list[date]:
        return list(self.dates)


def rows_after_prepayment(loan: Loan, state: Snapshot, amount: int, on: date) -> list[ScheduleRow]:
    """Give a row for the principal repaid today, then the later rows worked out anew."""
    today = ScheduleRow(due_date=on, principal=amount, start_date=on)
    kept = [_keep(row) for row in state.rows if row.owed_again and row.unpaid]
    later = state.list_later(on)
    left = sum(row.principal_due for row in later) - amount
    if left == 0:
        return [today, *kept]
    parts = reamortize(loan, later, left)
    if parts is None:
        parts = shorten_from_the_end(later, amount)
    return [today, *kept] + [
        ScheduleRow(
            due_date=row.due_date,
            principal=principal,
            interest=interest,
            fee=row.fee_due,
            start_date=row.start_date,
        )
        for row, (principal, interest) in zip(later, parts, strict=True)
    ]


def _keep(row: RowState) -> ScheduleRow:
    """What is owed again is owed as it is: nobody repays it early by paying ahead."""
    return ScheduleRow(
        due_date=row.due_date,
        principal=row.principal_unpaid,
        interest=row.interest_unpaid,
        fee=row.fee_unpaid,
        start_date=row.start_date,
        owed_again=True,
    )


def reamortize(loan: Loan, later: list[RowState], left: int) -> list[tuple[int, int]] | None:
    """Work the later rows out by the loan's own terms.

    Args:
        later: the rows from the coming one on, at least one.
        left: principal they repay, in minor units.
    Returns: principal and interest of each row; None where the loan's rows were given.
    """
    if loan.amortization == Loan.Amortization.CUSTOM:
        return None
    if loan.amortization == Loan.Amortization.INTEREST_ONLY:
        grace = 0
    else:
        # Leading rows without principal; trailing ones come from a level installment too high.
        grace = next((at for at, row in enumerate(later) if row.principal_due), 0)
    terms = _TermsOnDates(
        principal=left,
        currency=loan.currency,
        annual_rate=loan.annual_rate,
        installments=len(later),
        every=loan.every,
        unit=loan.unit,
        disbursed_on=later[0].start_date,
        first_due_on=later[0].due_date,
        amortization=loan.amortization,
        interest_method=loan.interest_method,
        interest_period=loan.interest_period,
        day_count=loan.day_count,
        principal_grace=grace,
        rounding=loan.rounding,
        installment_multiple=loan.installment_multiple,
        dates=tuple(row.due_date for row in later),
    )
    try:
        rows = amortize(terms)
    except InvalidTerms:
        rows = amortize(replace(terms, installment_multiple=1))
    return [(row.principal_due, row.interest_due) for row in rows]
