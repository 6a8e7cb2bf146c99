"""How each figure of a loan is worked out, line by line, so that a borrower can do it too."""

from dataclasses import dataclass
from datetime import date

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from repayments.loans.models import Charge, Loan
from repayments.loans.queries.position import Position


@dataclass(frozen=True)
class WorkingRow:
    """A line of "How is this worked out?": an amount, or text in its place."""

    label: str
    amount: int = 0
    note: str = ""
    text: str = ""
    total: bool = False


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
