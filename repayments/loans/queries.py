"""What pages show of a loan: figures, rows, previews, and how each figure is worked out.

``get_position`` is the one source of a loan's figures, for home, loan page, payoff and statements.
It reckons from rows, never from the loan's cached figures. Nothing here writes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain

from django.db.models import Sum
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from repayments.ledger.models import JournalEntry
from repayments.loans.models import (
    Allocation,
    Charge,
    Component,
    Installment,
    Loan,
    Schedule,
    Stage,
)
from repayments.loans.prepayment import rows_after_prepayment
from repayments.loans.reckoning import PENALTY, RowState, Snapshot, split_key
from repayments.loans.snapshots import ROW_FIELDS, load_snapshot


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
    stage_key: str | None
    snapshot: Snapshot = field(repr=False, compare=False)


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


@dataclass(frozen=True)
class InstallmentRow:
    """One row of a schedule; ``state``: paid, part, late, next or later."""

    number: int
    due_date: date
    amount: int
    principal: int
    interest: int
    fee: int
    paid: int
    state: str


@dataclass(frozen=True)
class AllocationRow:
    """Part of a payment: ``number`` and ``due_date`` are empty where it went to a charge."""

    component: str
    label: str
    number: int | None
    due_date: date | None
    amount: int


@dataclass(frozen=True)
class WorkingRow:
    """A line of "How is this worked out?": an amount, or text in its place."""

    label: str
    amount: int = 0
    note: str = ""
    text: str = ""
    total: bool = False


def get_position(*, loan: Loan, as_of: date) -> Position:
    """Reckon a loan's figures on a day of the lender's zone."""
    return make_position(loan, load_snapshot(loan), as_of)


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
        stage_key=_get_stage_key(loan, late),
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
        stage_key=None,
        snapshot=state,
    )


def _sum(charges: Sequence) -> int:
    return sum(charge.open for charge in charges)


def _count_total(state: Snapshot) -> int:
    """Numbers go on when a schedule is worked out anew, so the last one is the count.

    A row that asks for nothing any more does not count.
    """
    return max((row.number for row in state.rows if row.amount), default=0)


def _get_stage_key(loan: Loan, late: int) -> str | None:
    if not late:
        return None
    stages = Stage.objects.filter(from_day__lte=late).order_by("-from_day")
    return stages.values_list("key", flat=True).first()


def preview_payment(*, loan: Loan, amount: int, as_of: date) -> Preview:
    """Say what a payment of this day would cover; the same reckoning as posting it.

    Args:
        amount: whole minor units, above zero.
    """
    state = load_snapshot(loan)
    outcome = state.plan(amount, as_of)
    if outcome.settles:
        return _preview_of_payoff(state, outcome.rest, as_of)
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
        + _sum(after.open_charges(as_of))
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


def _preview_of_payoff(state: Snapshot, rest: int, as_of: date) -> Preview:
    owed = state.payoff(as_of)
    parts = {
        Component.FEES.value: owed.fees,
        Component.PENALTY.value: owed.penalty,
        Component.INTEREST.value: owed.interest,
        Component.PRINCIPAL.value: owed.principal,
    }
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


def list_installment_rows(
    *, loan: Loan, as_of: date, position: Position | None = None
) -> list[InstallmentRow]:
    """List the schedule as a borrower reads it; rows paid before an early repayment stay."""
    state = position.snapshot if position else load_snapshot(loan)
    upcoming = min(
        (row.due_date for row in state.rows if row.due_date >= as_of and row.unpaid), default=None
    )
    rows = [
        InstallmentRow(
            number=row.number,
            due_date=row.due_date,
            amount=row.amount,
            principal=row.principal_due,
            interest=row.interest_due,
            fee=row.fee_due,
            paid=row.paid,
            state=_state_of(row, as_of, upcoming),
        )
        for row in chain(_list_paid_before(loan, state), state.rows)
        if row.amount
    ]
    return rows


def _state_of(row: RowState, as_of: date, upcoming: date | None) -> str:
    if not row.unpaid:
        return "paid"
    if row.due_date < as_of:
        return "late"
    if row.paid:
        return "part"
    return "next" if row.due_date == upcoming else "later"


def _list_paid_before(loan: Loan, state: Snapshot) -> list[RowState]:
    """Rows of earlier versions that were paid in full, where numbers go on from them."""
    if not state.rows or state.rows[0].number == 1:
        return []
    first = state.rows[0].number
    versions = {
        schedule.pk: schedule
        for schedule in Schedule.objects.filter(loan=loan).only(
            "pk", "replaces_id", "is_current", "reason"
        )
    }
    current = next(one for one in versions.values() if one.is_current)
    line: list[int] = []
    while current.replaces_id and current.reason in ("prepayment", "payoff"):
        current = versions[current.replaces_id]
        line.append(current.pk)
    rows = (
        Installment.objects.filter(schedule__in=line, unpaid=0, number__lt=first)
        .order_by("number")
        .values(*ROW_FIELDS)
    )
    return [RowState(**row) for row in rows]


def list_payment_allocations(*, entry_id: int) -> list[AllocationRow]:
    """Where a payment went, as it stands now: by part, and by installment or charge.

    Money that was applied later, or applied anew when an earlier payment came late, is included.
    """
    entry = JournalEntry.objects.get(pk=entry_id)
    rows = Allocation.objects.filter(
        entry__in=JournalEntry.objects.filter(
            book_id=entry.book_id, reference__startswith=f"entry:{entry_id}:"
        ).values("pk")
    ) | Allocation.objects.filter(entry=entry)
    totals = (
        rows.values_list(
            "component", "installment__number", "installment__due_date", "charge__charged_on"
        )
        .annotate(total=Sum("amount"))
        .order_by("installment__due_date", "component")
    )
    return [
        AllocationRow(
            component=component,
            label=str(Component(component).label),
            number=number,
            due_date=due_date,
            amount=total,
        )
        for component, number, due_date, _charged_on, total in totals
        if total
    ]


def working_of_due(*, loan: Loan, position: Position, as_of: date) -> list[WorkingRow]:
    """How ``past_due_amount`` comes about: each late installment, fees, penalty, the sum.

    Where nothing is due, how ``next_due_amount`` comes about.
    """
    state = position.snapshot
    if not position.past_due_amount:
        return _working_of_next(position)
    rows = [
        WorkingRow(
            label=_("Due on %(day)s") % {"day": _day(row.due_date)},
            amount=row.unpaid,
            note=_("partly paid") if row.paid else "",
        )
        for row in state.due_rows(as_of)
    ]
    rows += [
        WorkingRow(
            label=charge.kind == Charge.Kind.FEE and _("Fee") or _("Penalty interest"),
            amount=charge.open,
            note=_day(charge.charged_on),
        )
        for charge in state.open_charges(as_of)
    ]
    unposted = state.unposted_penalty(as_of)
    if unposted:
        rows.append(
            WorkingRow(
                label=_("Penalty interest up to today"),
                amount=unposted,
                note=_("%(rate)s %% a year on %(days)s, by day")
                % {"rate": _rate(loan.penalty_rate), "days": _("overdue principal")},
            )
        )
    return [*rows, WorkingRow(label=_("Due now"), amount=position.past_due_amount, total=True)]


def _working_of_next(position: Position) -> list[WorkingRow]:
    rows = [row for row in position.snapshot.rows if row.due_date == position.next_due_date]
    parts = [
        (_("Principal"), sum(row.principal_unpaid for row in rows)),
        (_("Interest"), sum(row.interest_unpaid for row in rows)),
        (_("Fees"), sum(row.fee_unpaid for row in rows)),
    ]
    lines = [WorkingRow(label=label, amount=amount) for label, amount in parts if amount]
    if not lines:
        return []
    return [
        *lines,
        WorkingRow(label=_("Next payment"), amount=position.next_due_amount, total=True),
    ]


def working_of_payoff(
    *, loan: Loan, position: Position, as_of: date, today: date | None = None
) -> list[WorkingRow]:
    """How ``payoff_amount`` comes about, and what each further day adds.

    Args:
        position: on ``as_of``, which is today unless ``today`` says that it is still to come.
    """
    is_today = today in (None, as_of)
    owed = position.snapshot.payoff(as_of)
    rows = [WorkingRow(label=_("Principal still owed"), amount=owed.principal)]
    if position.interest_past_due:
        label = _("Interest already due") if is_today else _("Interest due by then")
        rows.append(WorkingRow(label=label, amount=position.interest_past_due))
    if position.accrued_interest:
        running = next(
            (
                row
                for row in position.snapshot.rows
                if row.start_date <= as_of < row.due_date and row.interest_due
            ),
            None,
        )
        days = (as_of - running.start_date).days if running else 0
        rows.append(
            WorkingRow(
                label=_("Interest since the last due date"),
                amount=position.accrued_interest,
                note=ngettext("%(days)s day", "%(days)s days", days) % {"days": days},
            )
        )
    if owed.fees:
        rows.append(WorkingRow(label=_("Fees"), amount=owed.fees))
    if owed.penalty:
        rows.append(WorkingRow(label=_("Penalty interest"), amount=owed.penalty))
    if position.unapplied:
        rows.append(WorkingRow(label=_("Money you have paid ahead"), amount=-position.unapplied))
    label = _("To pay it all off today")
    if not is_today:
        label = _("To pay it all off by %(day)s") % {"day": _day(as_of)}
    return [
        *rows,
        WorkingRow(label=label, amount=position.payoff_amount, total=True),
        WorkingRow(label=_("Each further day adds"), amount=position.per_diem),
    ]


def working_of_remaining(*, loan: Loan, position: Position, as_of: date) -> list[WorkingRow]:
    """How ``remaining_total`` comes about: what is left of principal, interest, fees, penalty."""
    state = position.snapshot
    parts = [
        (_("Principal still owed"), state.outstanding_principal),
        (_("Interest to come and due"), sum(row.interest_unpaid for row in state.rows)),
        (
            _("Fees"),
            sum(row.fee_unpaid for row in state.rows)
            + sum(charge.open for charge in state.charges if charge.kind == Charge.Kind.FEE),
        ),
        (
            _("Penalty interest"),
            state.unposted_penalty(as_of)
            + sum(charge.open for charge in state.charges if charge.kind == Charge.Kind.PENALTY),
        ),
    ]
    rows = [WorkingRow(label=label, amount=amount) for label, amount in parts if amount]
    return [
        *rows,
        WorkingRow(label=_("Still to repay"), amount=position.remaining_total, total=True),
    ]


def _day(day: date) -> str:
    return date_format(day, "DATE_FORMAT")


def _rate(rate: object) -> str:
    return f"{rate:f}".rstrip("0").rstrip(".")
