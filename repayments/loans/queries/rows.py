"""The rows of a loan as a borrower reads them: its schedule, and where each payment went."""

from dataclasses import dataclass
from datetime import date
from itertools import chain

from django.db.models import Q, Sum

from repayments.ledger.models import JournalEntry
from repayments.loans.models import Allocation, Component, Installment, Loan, Schedule
from repayments.loans.queries.position import Position
from repayments.loans.reckoning import RowState, Snapshot
from repayments.loans.snapshots import ROW_FIELDS, load_snapshot


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
        Installment.objects.filter(
            Q(number__lt=first) | Q(owed_again=True), schedule__in=line, unpaid=0
        )
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
