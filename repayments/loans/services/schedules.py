"""Put another schedule in force, and bring the one before back.

A new version covers exactly what is still owed: its principal is the outstanding principal, and
interest, fees and penalty that are owed already are carried into its first rows; only a payoff,
which is paid at once, leaves charges what they are. Every entry a replacement posts bears
``schedule:<id>`` in its reference, so that undoing it finds them all.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from repayments.audit.services import record_event
from repayments.ledger.models import Account, Book, JournalEntry
from repayments.ledger.services import reverse_entry
from repayments.loans.models import Charge, Installment, Loan, Schedule
from repayments.loans.reckoning import ScheduleRow
from repayments.loans.services.figures import refresh_figures
from repayments.loans.services.work import Work


class ScheduleDoesNotAddUp(Exception):
    """The rows repay more or less principal than is outstanding; nothing was changed."""


class LoanNotActive(Exception):
    """The loan does not run: not signed yet, paid off, or closed; nothing was changed."""


@transaction.atomic
def replace_schedule(
    *,
    loan_id: int,
    rows: Sequence[ScheduleRow],
    reason: str,
    effective_date: date,
    actor: User | None,
    now: datetime,
) -> Schedule:
    """Put new rows in force from a day; what is owed already is carried into the first of them.

    Interest and penalty are first reckoned up to the day. Where the rows hold less interest or fees
    than is owed by then, the rows bind and the difference is waived.

    Args:
        rows: in order of due dates; their principal adds up to the outstanding principal.
        reason: of ``Schedule.Reason``; a plan's is not reopened by later news of earlier payments.
    Locks: the loan.
    Raises: ScheduleDoesNotAddUp; LoanNotActive.
    """
    work = Work(loan_id=loan_id, actor=actor, now=now)
    if work.loan.status != Loan.Status.ACTIVE:
        raise LoanNotActive(_("This loan is not running, so its schedule stays as it is."))
    work.post_penalty(effective_date)
    work.bill_due(effective_date)
    schedule = put_in_force(work, rows=rows, reason=reason, on=effective_date)
    work.apply_waiting(work.today)
    refresh_figures(loan_ids=[work.loan.pk], as_of=work.today)
    return schedule


def put_in_force(
    work: Work,
    *,
    rows: Sequence[ScheduleRow],
    reason: str,
    on: date,
    first_number: int = 1,
    waived_of: Mapping[int, int] | None = None,
) -> Schedule:
    """Replace the current schedule; penalty is posted and what fell due is billed up to the day.

    Args:
        waived_of: open charges stay charges, and so much of each, by its key, is waived; None:
            what is open of them is carried into the rows as fees.
    """
    state, loan = work.state, work.loan
    if sum(row.principal for row in rows) != state.outstanding_principal:
        raise ScheduleDoesNotAddUp(
            _("The payments do not add up to what is still owed. Please work them out again.")
        )
    owed = state.payoff(on)
    billed_interest = sum(row.interest_billed - row.interest_paid for row in state.rows)
    row_fees = sum(row.fee_billed - row.fee_paid for row in state.rows)
    carried = {
        kind: sum(charge.open for charge in state.open_charges(on, kind))
        for kind in Charge.Kind.values
        if waived_of is None
    }
    penalty = carried.get(Charge.Kind.PENALTY.value, 0)
    fees = row_fees + sum(carried.values())
    interest_room = sum(row.interest for row in rows)
    fee_room = sum(row.fee for row in rows)
    interest, waived_interest = (
        min(owed.interest, interest_room),
        max(owed.interest - interest_room, 0),
    )
    fee, waived_fee = min(fees, fee_room), max(fees - fee_room, 0)

    previous = _retire_current(loan)
    seq: int = Book.objects.values_list("last_seq", flat=True).get(pk=loan.book_id)
    version: int = loan.schedules.order_by("-version").values_list("version", flat=True)[0] + 1
    schedule = Schedule.objects.create(
        loan=loan,
        version=version,
        reason=reason,
        effective_date=on,
        replaces=previous,
        after_seq=seq,
        created_at=work.now,
    )
    _create_rows(schedule, rows, on=on, first_number=first_number, interest=interest, fee=fee)
    waived = _waive_charges(work, schedule, waived_of or {})
    if waived_of is None:
        _carry_charges(work, schedule)
    waived[Account.INTEREST_RECEIVABLE] = waived_interest
    waived[Account.FEE_RECEIVABLE] += waived_fee
    name = f"schedule:{schedule.pk}"
    _post_if_any(
        work,
        JournalEntry.Kind.INTEREST,
        f"{name}:accrued",
        on,
        {
            Account.INTEREST_RECEIVABLE: owed.interest - billed_interest,
            Account.INTEREST_INCOME: billed_interest - owed.interest,
        },
    )
    _post_if_any(
        work,
        JournalEntry.Kind.RECLASS,
        f"{name}:penalty",
        on,
        {Account.PENALTY_RECEIVABLE: -penalty, Account.FEE_RECEIVABLE: penalty},
    )
    _post_if_any(
        work,
        JournalEntry.Kind.WAIVER,
        f"{name}:waived",
        on,
        {
            Account.WAIVER_EXPENSE: sum(waived.values()),
            **{account: -amount for account, amount in waived.items()},
        },
    )
    if loan.penalty_rate:
        Loan.objects.filter(pk=loan.pk).update(penalty_through=on)
        loan.penalty_through = on
    record_event(
        stream=loan.stream,
        action="loans.schedule_replaced",
        actor=work.actor,
        at=work.now,
        payload={
            "version": version,
            "reason": str(reason),
            "effective_date": on.isoformat(),
            "waived": sum(waived.values()),
        },
    )
    work.reload()
    return schedule


def restore_previous(work: Work) -> None:
    """Bring the version before the current one back; the caller has taken allocations back."""
    current = work.loan.schedules.get(is_current=True)
    if current.replaces_id is None:
        raise ValueError(f"{current} is the first schedule")
    rows = Installment.objects.filter(schedule=current).values_list("pk", flat=True)
    names = {f"schedule:{current.pk}"} | {f"installment:{pk}" for pk in rows}
    entries = JournalEntry.objects.filter(
        book_id=work.loan.book_id,
        seq__gt=current.after_seq,
        reversed_by__isnull=True,
        reverses__isnull=True,
    )
    for entry in entries.order_by("seq"):
        if ":".join(entry.reference.split(":")[:2]) in names:
            undo(work, entry)
    Charge.objects.filter(carried_into=current).update(withdrawn=0, carried_into=None)
    Installment.objects.filter(schedule=current).update(is_current=False)
    Schedule.objects.filter(pk=current.pk, is_current=True).update(is_current=False)
    Schedule.objects.filter(pk=current.replaces_id).update(is_current=True)
    Installment.objects.filter(schedule_id=current.replaces_id).update(is_current=True)
    work.reload()


def undo(work: Work, entry: JournalEntry) -> JournalEntry:
    """Post the mirror of an entry on its own day, as part of reckoning anew."""
    return reverse_entry(
        entry=entry,
        kind=JournalEntry.Kind.REALLOCATION,
        reference=f"undo:{entry.pk}",
        effective_date=entry.effective_date,
        posted_at=work.now,
        actor=work.actor,
    )


def _retire_current(loan: Loan) -> Schedule:
    previous = loan.schedules.get(is_current=True)
    Schedule.objects.filter(pk=previous.pk).update(is_current=False)
    Installment.objects.filter(schedule=previous).update(is_current=False)
    return previous


def _create_rows(
    schedule: Schedule,
    rows: Sequence[ScheduleRow],
    *,
    on: date,
    first_number: int,
    interest: int,
    fee: int,
) -> None:
    """Store the rows; interest and fees that are owed already count as billed, the first first."""
    made, start = [], on
    for number, row in enumerate(rows, start=first_number):
        carried, billed_fee = min(interest, row.interest), min(fee, row.fee)
        interest, fee = interest - carried, fee - billed_fee
        made.append(
            Installment(
                schedule=schedule,
                loan_id=schedule.loan_id,
                number=number,
                start_date=row.start_date or min(start, row.due_date),
                due_date=row.due_date,
                principal_due=row.principal,
                interest_due=row.interest,
                interest_carried=carried,
                interest_billed=carried,
                fee_due=row.fee,
                fee_billed=billed_fee,
                owed_again=row.owed_again,
            )
        )
        start = row.due_date
    Installment.objects.bulk_create(made)


def _carry_charges(work: Work, schedule: Schedule) -> None:
    for charge in work.state.open_charges(schedule.effective_date):
        Charge.objects.filter(pk=charge.id).update(
            withdrawn=F("withdrawn") + charge.open, carried_into=schedule
        )


def _waive_charges(work: Work, schedule: Schedule, waived_of: Mapping[int, int]) -> dict[str, int]:
    """Withdraw parts of charges for good, unless the schedule is undone.

    Returns: what is waived of each receivable that charges stand in.
    """
    waived: dict[str, int] = {Account.FEE_RECEIVABLE: 0, Account.PENALTY_RECEIVABLE: 0}
    for charge in work.state.charges:
        amount = waived_of.get(charge.id, 0)
        if amount:
            Charge.objects.filter(pk=charge.id).update(
                withdrawn=F("withdrawn") + amount, carried_into=schedule
            )
            is_penalty = charge.kind == Charge.Kind.PENALTY
            waived[Account.PENALTY_RECEIVABLE if is_penalty else Account.FEE_RECEIVABLE] += amount
    return waived


def _post_if_any(
    work: Work, kind: JournalEntry.Kind, reference: str, on: date, postings: dict[str, int]
) -> None:
    if any(postings.values()):
        work.post(kind=kind, reference=reference, on=on, postings=postings)
