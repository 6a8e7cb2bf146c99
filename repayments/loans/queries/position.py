"""A loan's figures on a day: the one source of them, for home, loan page, payoff and statements.

Reckoned from rows, never from the loan's cached figures.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from django.core.exceptions import ValidationError

from repayments.loans.models import Loan, PayoffQuote
from repayments.loans.reckoning import Snapshot
from repayments.loans.snapshots import load_snapshot


@dataclass(frozen=True)
class Position:
    """A loan's figures on a day, in whole minor units of ``currency``.

    ``past_due_amount`` is all that is due on or before the day and unpaid, fees and penalty
    included; on the due date itself ``days_past_due`` is still 0. ``payoff_amount`` is net of
    ``unapplied``. ``remaining_total`` is what is left if the schedule runs its course.
    """

    currency: str
    outstanding_principal: int
    principal_past_due: int
    interest_past_due: int
    fees_due: int
    penalty_due: int
    past_due_amount: int
    days_past_due: int
    past_due_since: date | None
    accrued_interest: int
    unapplied: int
    next_due_date: date | None
    next_due_amount: int
    payoff_amount: int
    per_diem: int
    remaining_total: int
    installments_paid: int
    installments_total: int
    snapshot: Snapshot = field(repr=False, compare=False)


def get_position(*, loan: Loan, as_of: date) -> Position:
    """Reckon a loan's figures on a day of the lender's zone."""
    return make_position(loan, load_snapshot(loan), as_of)


def find_quote(
    *, loan: Loan, quote_id: int | str | None, as_of: date, position: Position
) -> PayoffQuote | None:
    """Find a payoff quote of a loan that is good on a day and still about the same debt.

    Args:
        quote_id: its key, or the public id that pages name it by; anything else finds nothing.
    """
    if not quote_id:
        return None
    name = "pk" if isinstance(quote_id, int) else "public_id"
    quotes = PayoffQuote.objects.filter(loan=loan, good_through__gte=as_of)
    try:
        quote = quotes.get(**{name: quote_id})
    except (PayoffQuote.DoesNotExist, ValidationError):
        return None
    owed = position.snapshot.payoff(quote.good_through).total - position.unapplied
    # Money that came since makes it too much; what was added since is the lender's to waive.
    is_same_debt = quote.covers(position.outstanding_principal) and owed >= quote.total
    return quote if is_same_debt else None


def make_position(loan: Loan, state: Snapshot, as_of: date) -> Position:
    """Reckon from a snapshot already read; ``status`` decides whether anything is owed at all."""
    if loan.status not in (Loan.Status.ACTIVE, Loan.Status.WRITTEN_OFF):
        return _resting_position(loan, state)
    due = state.due_rows(as_of)
    fees = sum(row.fee_unpaid for row in due) + _sum(state.open_charges(as_of, "fee"))
    penalty = state.unposted_penalty(as_of) + _sum(state.open_charges(as_of, "penalty"))
    principal_past_due = sum(row.principal_unpaid for row in due)
    interest_past_due = sum(row.interest_unpaid for row in due)
    coming = [row for row in state.rows if row.due_date > as_of and row.unpaid]
    next_date = min((row.due_date for row in coming), default=None)
    late = state.days_past_due(as_of)
    payoff = state.payoff(as_of).total
    return Position(
        currency=state.currency,
        outstanding_principal=state.outstanding_principal,
        principal_past_due=principal_past_due,
        interest_past_due=interest_past_due,
        fees_due=fees,
        penalty_due=penalty,
        past_due_amount=principal_past_due + interest_past_due + fees + penalty,
        days_past_due=late,
        past_due_since=state.past_due_since(as_of),
        accrued_interest=sum(
            state.interest_owed(row, as_of) for row in state.rows if row.due_date > as_of
        ),
        unapplied=state.unapplied,
        next_due_date=next_date,
        next_due_amount=sum(row.unpaid for row in coming if row.due_date == next_date),
        payoff_amount=max(payoff - state.unapplied, 0),
        per_diem=state.per_diem(as_of),
        remaining_total=state.unpaid + state.unposted_penalty(as_of),
        installments_paid=_count_total(state) - sum(1 for row in state.rows if row.unpaid),
        installments_total=_count_total(state),
        snapshot=state,
    )


def _resting_position(loan: Loan, state: Snapshot) -> Position:
    """A loan that is not signed yet, or settled: nothing is due."""
    return Position(
        currency=state.currency,
        outstanding_principal=0,
        principal_past_due=0,
        interest_past_due=0,
        fees_due=0,
        penalty_due=0,
        past_due_amount=0,
        days_past_due=0,
        past_due_since=None,
        accrued_interest=0,
        unapplied=state.unapplied,
        next_due_date=None,
        next_due_amount=0,
        payoff_amount=0,
        per_diem=0,
        remaining_total=state.unpaid,
        installments_paid=_count_total(state) - sum(1 for row in state.rows if row.unpaid),
        installments_total=_count_total(state),
        snapshot=state,
    )


def _sum(charges: Sequence) -> int:
    return sum(charge.open for charge in charges)


def _count_total(state: Snapshot) -> int:
    """Numbers go on when a schedule is worked out anew, so the last one is the count.

    A row that asks for nothing any more does not count.
    """
    return max((row.number for row in state.rows if row.amount), default=0)
