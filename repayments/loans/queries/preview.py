"""What a payment would do, before it is made; by the same reckoning as posting it."""

from dataclasses import dataclass
from datetime import date

from django.utils.translation import gettext as _

from repayments.loans.models import Component, Loan
from repayments.loans.prepayment import rows_after_prepayment
from repayments.loans.reckoning import PENALTY, Snapshot, split_key
from repayments.loans.snapshots import load_snapshot


@dataclass(frozen=True)
class PreviewLine:
    component: str
    label: str
    amount: int


@dataclass(frozen=True)
class Preview:
    """What a payment of this amount would do, before it is made."""

    lines: list[PreviewLine]
    next_due_date: date | None
    next_due_amount: int
    past_due_after: int
    settles: bool
    installments_covered: int


def preview_payment(
    *, loan: Loan, amount: int, as_of: date, quoted: bool = False, state: Snapshot | None = None
) -> Preview:
    """Say what a payment of this day would cover; the same reckoning as posting it.

    Args:
        amount: whole minor units, above zero.
        quoted: it is the amount of a payoff quote that is good.
        state: the loan's snapshot, where it has been read already.
    """
    state = state or load_snapshot(loan)
    outcome = state.plan(amount, as_of, quoted=quoted)
    if outcome.settles:
        return _preview_of_payoff(state, amount, outcome.rest, as_of)
    after = state.with_lines(outcome.lines)
    parts = dict.fromkeys(Component.values, 0)
    for line in outcome.lines:
        parts[line.component] += line.amount
    parts[Component.PRINCIPAL] += outcome.prepays
    before = {row.id for row in state.rows if row.unpaid}
    posted = sum(line.amount for line in outcome.lines if split_key(line)[0] == PENALTY)
    next_date, next_amount = _next_after(loan, after, outcome.prepays, as_of)
    return Preview(
        lines=_preview_lines(parts, outcome.rest),
        next_due_date=next_date,
        next_due_amount=next_amount,
        past_due_after=sum(row.unpaid for row in after.due_rows(as_of))
        + sum(charge.open for charge in after.open_charges(as_of))
        + state.unposted_penalty(as_of)
        - posted,
        settles=False,
        installments_covered=sum(1 for row in after.rows if row.id in before and not row.unpaid),
    )


def _next_after(loan: Loan, after: Snapshot, prepays: int, as_of: date) -> tuple[date | None, int]:
    """What falls due next once the payment is in; an early repayment makes it smaller."""
    unpaid = [(row.due_date, row.unpaid) for row in after.rows if row.unpaid]
    if prepays:
        rows = rows_after_prepayment(loan, after, prepays, as_of)[1:]
        unpaid = [(row.due_date, row.amount) for row in rows if row.amount]
    coming = [(day, amount) for day, amount in unpaid if day > as_of]
    next_date = min((day for day, _amount in coming), default=None)
    return next_date, sum(amount for day, amount in coming if day == next_date)


def _preview_of_payoff(state: Snapshot, amount: int, rest: int, as_of: date) -> Preview:
    owed = state.payoff(as_of)
    # What was added since a quote is waived, fees and penalty first.
    short = max(owed.total - amount - state.unapplied, 0)
    parts = {
        Component.FEES.value: owed.fees,
        Component.PENALTY.value: owed.penalty,
        Component.INTEREST.value: owed.interest,
        Component.PRINCIPAL.value: owed.principal,
    }
    for component in (Component.FEES, Component.PENALTY, Component.INTEREST):
        waived = min(short, parts[component.value])
        parts[component.value] -= waived
        short -= waived
    return Preview(
        lines=_preview_lines(parts, rest),
        next_due_date=None,
        next_due_amount=0,
        past_due_after=0,
        settles=True,
        installments_covered=sum(1 for row in state.rows if row.unpaid),
    )


def _preview_lines(parts: dict[str, int], rest: int) -> list[PreviewLine]:
    lines = [
        PreviewLine(component, str(Component(component).label), amount)
        for component, amount in parts.items()
        if amount
    ]
    if rest:
        lines.append(PreviewLine("unapplied", _("kept for the next installment"), rest))
    return lines
