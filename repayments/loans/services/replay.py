"""Apply money anew when news comes out of order: a late payment, a reversal, an earlier fee.

What holds: after it, books, rows and charges are what they would be had everything come in the
order of its dates. History is not touched: what was applied is taken back by mirror entries on
their own days, penalty interest that depended on it is withdrawn, early repayments and payoffs are
undone, and then each payment is applied again. Nothing up to the loan's ``Barrier`` is reopened.
"""

from collections.abc import Callable
from datetime import date, timedelta

from django.db.models import Q

from repayments.ledger.models import Account, JournalEntry
from repayments.ledger.services import reverse_entry
from repayments.loans.models import Allocation, Charge, Installment, Loan, Schedule
from repayments.loans.services.received import Barrier, source_of
from repayments.loans.services.schedules import restore_previous, undo
from repayments.loans.services.work import Work, receivable_postings, store

DERIVED = (Schedule.Reason.PREPAYMENT, Schedule.Reason.PAYOFF)
TAKEN = ":taken"
"""Ends the reference of the entry that took back what a payment's own entry had applied."""
MOVES = (
    JournalEntry.Kind.PAYMENT,
    JournalEntry.Kind.APPLICATION,
    JournalEntry.Kind.REALLOCATION,
)


def must_rework(work: Work, from_day: date) -> bool:
    """Whether money was applied, or penalty reckoned, on this day or after it."""
    mark = work.loan.penalty_through
    if mark is not None and mark >= from_day:
        return True
    barrier = work.received.barrier()
    return JournalEntry.objects.filter(
        book_id=work.loan.book_id,
        kind__in=MOVES,
        reversed_by__isnull=True,
        reverses__isnull=True,
        effective_date__gte=from_day,
        seq__gt=barrier.seq if barrier else 0,
    ).exists()


def rewind(work: Work, from_day: date) -> None:
    """Undo what was applied on or after a day."""
    barrier = work.received.barrier()
    seq = barrier.seq if barrier else 0
    _take_back_lines(work, from_day, barrier)
    work.reload()
    _withdraw_penalty(work, from_day, seq)
    while True:
        current = work.loan.schedules.get(is_current=True)
        # One of the barrier's own day stays too, if it was there before the barrier.
        if (
            current.reason not in DERIVED
            or current.effective_date < from_day
            or current.after_seq < seq
        ):
            break
        restore_previous(work)
    _unbill_early(work, from_day, seq)
    _move_penalty_mark(work, from_day, barrier)
    work.reload()


def replay(
    work: Work, from_day: date, apply: Callable[[Work, JournalEntry, int, date], None]
) -> None:
    """Apply again, in the order of days, all payments that count on or after a day."""
    for money in work.received.list_money():
        if money.on < from_day:
            continue
        work.apply_waiting(money.on, before=(money.on, money.entry.seq))
        apply(work, money.entry, money.rest, money.on)
    work.apply_waiting(work.today)


def day_after(day: date) -> date:
    return day + timedelta(days=1)


def _take_back_lines(work: Work, from_day: date, barrier: Barrier | None) -> None:
    book = JournalEntry.objects.filter(book_id=work.loan.book_id)
    entries = (
        book.filter(
            # A payment is reversed without its lines; they are taken back here.
            Q(kind=JournalEntry.Kind.PAYMENT) | Q(reversed_by__isnull=True),
            kind__in=MOVES,
            reverses__isnull=True,
            seq__gt=barrier.seq if barrier else 0,
            allocations__isnull=False,
        )
        .distinct()
        .order_by("-seq")
    )
    taken = set(book.filter(reference__endswith=TAKEN).values_list("reference", flat=True))
    for entry in entries:
        source = source_of(entry.pk, entry.kind, entry.reference)
        is_payment = entry.kind == JournalEntry.Kind.PAYMENT
        if entry.reference in taken:
            continue
        if is_payment and f"entry:{entry.pk}{TAKEN}" in taken:
            continue
        day = work.received.day_of(entry, barrier) if is_payment else entry.effective_date
        if day < from_day:
            continue
        rows = list(entry.allocations.all())
        work.take_back(rows)
        back = [mirror(row) for row in rows]
        if is_payment:
            undone = work.post(
                kind=JournalEntry.Kind.REALLOCATION,
                reference=f"entry:{entry.pk}{TAKEN}",
                on=entry.effective_date,
                postings={
                    Account.UNAPPLIED: -sum(row.amount for row in rows),
                    **receivable_postings(back),
                },
            )
        else:
            undone = reverse_entry(
                entry=entry,
                kind=JournalEntry.Kind.REALLOCATION,
                reference=f"entry:{source}:undo:{entry.pk}",
                effective_date=entry.effective_date,
                posted_at=work.now,
                actor=work.actor,
            )
        store(undone, back)


def mirror(row: Allocation) -> Allocation:
    """The row that takes an allocation back."""
    return Allocation(
        installment_id=row.installment_id,
        charge_id=row.charge_id,
        component=row.component,
        amount=-row.amount,
    )


def _withdraw_penalty(work: Work, from_day: date, seq: int) -> None:
    charges = Charge.objects.filter(
        loan=work.loan,
        kind=Charge.Kind.PENALTY,
        charged_on__gte=from_day,
        entry__seq__gt=seq,
        entry__reversed_by__isnull=True,
        paid=0,
    ).select_related("entry")
    for charge in charges:
        undo(work, charge.entry)
        Charge.objects.filter(pk=charge.pk).update(withdrawn=charge.amount, carried_into=None)


def _unbill_early(work: Work, from_day: date, seq: int) -> None:
    """Take back what was billed only because it was paid early, unless it is due by now."""
    work.reload()
    coming = {row.id for row in work.state.rows if row.due_date > work.today}
    entries = JournalEntry.objects.filter(
        book_id=work.loan.book_id,
        reference__startswith="installment:",
        reference__contains=":early:",
        effective_date__gte=from_day,
        reversed_by__isnull=True,
        reverses__isnull=True,
        seq__gt=seq,
    )
    for entry in entries:
        row_id = int(entry.reference.split(":")[1])
        if row_id not in coming:
            continue
        amount = sum(posting.amount for posting in entry.postings.all() if posting.amount > 0)
        name = "interest_billed" if entry.kind == JournalEntry.Kind.INTEREST else "fee_billed"
        row = Installment.objects.get(pk=row_id)
        undo(work, entry)
        Installment.objects.filter(pk=row_id).update(**{name: getattr(row, name) - amount})


def _move_penalty_mark(work: Work, from_day: date, barrier: Barrier | None) -> None:
    """Set the mark back to the last day penalty was reckoned to before the day.

    On the day itself, by what the barrier keeps as it was.
    """
    mark = work.loan.penalty_through
    if mark is None or mark < from_day:
        return
    counted = [pk for pk, net in work.received.net_received().items() if net > 0]
    payments = JournalEntry.objects.filter(
        book_id=work.loan.book_id, kind=JournalEntry.Kind.PAYMENT, pk__in=counted
    )
    days = [
        day
        for one in payments
        if (day := work.received.day_of(one, barrier)) < from_day
        or (day == from_day and barrier is not None and barrier.keeps(one))
    ]
    charged = Charge.objects.filter(
        loan=work.loan, kind=Charge.Kind.PENALTY, entry__reversed_by__isnull=True
    )
    days += [day for day in charged.values_list("through_date", flat=True) if day]
    if barrier is not None and barrier.plan_day is not None:
        days.append(barrier.plan_day)
    mark = max(days, default=None)
    Loan.objects.filter(pk=work.loan.pk).update(penalty_through=mark)
    work.loan.penalty_through = mark
