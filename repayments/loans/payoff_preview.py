"""What paying a loan off on a chosen day would cost, before it is quoted; nothing is stored."""

from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _

from repayments.loans.models import Loan
from repayments.loans.queries import Position, WorkingRow, get_position, working_of_payoff
from repayments.loans.reckoning import Snapshot


@dataclass(frozen=True)
class PayoffPreview:
    """Whole minor units of the loan's currency; ``good_through`` is inclusive.

    ``saved`` is what the schedule would still cost beyond it; ``formula`` says in words how
    interest came about.
    """

    good_through: date
    is_today: bool
    position: Position
    total: int
    per_diem: int
    saved: int
    working: list[WorkingRow]
    formula: str


def preview_payoff(*, loan: Loan, day: date, today: date) -> PayoffPreview:
    """Reckon what settles a loan on a day; the same reckoning as its quote."""
    position = get_position(loan=loan, as_of=day)
    state = position.snapshot
    # Money paid ahead is the borrower's either way: it is no saving.
    saved = position.remaining_total - state.payoff(day).total
    return PayoffPreview(
        good_through=day,
        is_today=day == today,
        position=position,
        total=position.payoff_amount,
        per_diem=position.per_diem,
        saved=max(saved, 0) if position.payoff_amount else 0,
        working=working_of_payoff(loan=loan, position=position, as_of=day, today=today),
        formula=_formula(state),
    )


def _formula(state: Snapshot) -> str:
    if not state.annual_rate and not any(row.interest_due for row in state.rows):
        return ""
    if state.by_day:
        return _(
            "Interest is the principal still owed × %(rate)s %% a year × the days since the last "
            "due date ÷ the days of a year, rounded to the smallest coin."
        ) % {"rate": f"{state.annual_rate.normalize():f}"}
    return _(
        "Interest is the coming installment's interest × the days since the last due date ÷ the "
        "days from due date to due date, rounded to the smallest coin."
    )
