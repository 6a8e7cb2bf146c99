"""Money of a payment goes back, wholly or in part, and may come again.

What holds: after a return, rows, charges, balances and figures are those of a loan that had only
ever received what is left of the payment, on the payment's own day; once it came again, those from
before it went. Where a plan was signed in between its rows stay as signed: what the money had
covered comes back as one more row, due on the day it went.

A return is one entry of the books, named ``entry:<payment>:<reference>``. What it uncovers behind
the loan's ``Barrier`` is taken back by an entry of its own, ``entry:<payment>:returned:<row>:…``.
"""

from collections.abc import Sequence
from datetime import date, datetime

from django.db import transaction
from django.db.models import F, Sum
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from repayments.audit.services import record_event
from repayments.ledger.models import Account, JournalEntry, Posting
from repayments.ledger.services import OWN_NUMBER, reverse_entry
from repayments.loans.models import Allocation, Component, Installment, Schedule
from repayments.loans.services.payments import apply_again, finish
from repayments.loans.services.received import RETURNS, Barrier, source_of
from repayments.loans.services.replay import TAKEN, mirror, replay, rewind
from repayments.loans.services.work import PAID_FIELD, Work, receivable_postings, store


class NotAPayment(Exception):
    """The entry is not a payment, or was taken back before; nothing was posted."""


class TooMuchReturned(Exception):
    """More would go back than is left of the payment; nothing was posted."""


class NotReturned(Exception):
    """The entry is not a return, or was undone before; nothing was posted."""


@transaction.atomic
def return_money(
    *,
    entry_id: int,
    amount: int,
    kind: str,
    reference: str,
    effective_date: date,
    actor: User | None,
    now: datetime,
) -> JournalEntry:
    """Post money of a payment that went back to the borrower.

    Args:
        entry_id: the payment's entry.
        amount: whole minor units, from one to what of the payment is not returned yet.
        kind: ``JournalEntry.Kind.REFUND`` or ``CHARGEBACK``.
        reference: the return's own name; the same kind and name twice for a payment is refused.
        effective_date: the lender's day it went back.
    Locks: the loan.
    Raises: NotAPayment; TooMuchReturned; AlreadyPosted; ValueError for another kind, or an amount
        below one.
    """
    if kind not in RETURNS:
        raise ValueError(f"{kind} is no kind of return")
    if amount < 1:
        raise ValueError("a return is at least one minor unit")
    work, payment = _open(entry_id, actor, now)
    entry = _take(work, payment, amount, kind, reference, effective_date)
    record_event(
        stream=work.loan.stream,
        action="loans.money_returned",
        actor=actor,
        at=now,
        payload={"entry": payment.pk, "return": entry.pk, "kind": str(kind), "amount": amount},
    )
    finish(work)
    return entry


@transaction.atomic
def restore_money(
    *,
    entry_id: int,
    reference: str,
    effective_date: date,
    actor: User | None,
    now: datetime,
) -> JournalEntry:
    """Undo a return: the refund failed, the dispute was won. The payment counts again, on its day.

    Args:
        entry_id: the return's entry.
    Locks: the loan.
    Raises: NotReturned; AlreadyPosted for a reference used before.
    """
    found = JournalEntry.objects.filter(pk=entry_id, kind__in=RETURNS).first()
    if found is None:
        raise NotReturned(_("There is no such refund."))
    work, payment = _open(source_of(found.pk, found.kind, found.reference), actor, now)
    if JournalEntry.objects.filter(reverses=found).exists():
        raise NotReturned(_("This money has already come again."))
    entry = reverse_entry(
        entry=found,
        reference=f"entry:{payment.pk}:{reference}",
        effective_date=effective_date,
        posted_at=now,
        actor=actor,
    )
    barrier = work.received.barrier()
    from_day = _rewind_to(work, payment, barrier)
    if barrier is not None:
        _cover_again(work, payment, barrier)
        standing = JournalEntry.objects.filter(
            book_id=work.loan.book_id,
            kind__in=RETURNS,
            reference__startswith=f"entry:{payment.pk}:",
            reversed_by__isnull=True,
            seq__gt=barrier.seq,
        )
        _uncover(work, payment, list(standing.order_by("seq")))
    replay(work, from_day, apply_again)
    record_event(
        stream=work.loan.stream,
        action="loans.money_restored",
        actor=actor,
        at=now,
        payload={"entry": payment.pk, "return": found.pk, "restored": entry.pk},
    )
    finish(work)
    return entry


@transaction.atomic
def reverse_payment(
    *,
    entry_id: int,
    reference: str,
    effective_date: date,
    actor: User | None,
    now: datetime,
) -> JournalEntry:
    """Take back all that is left of a payment for good: money booked to the wrong loan.

    Locks: the loan.
    Raises: NotAPayment; AlreadyPosted for a reference used before.
    """
    work, payment = _open(entry_id, actor, now)
    left = work.received.net_received().get(payment.pk, 0)
    if not left:
        raise NotAPayment(_("This payment has already been taken back."))
    entry = _take(work, payment, left, JournalEntry.Kind.REVERSAL, reference, effective_date)
    record_event(
        stream=work.loan.stream,
        action="loans.payment_reversed",
        actor=actor,
        at=now,
        payload={"entry": payment.pk, "reversal": entry.pk, "reference": reference},
    )
    finish(work)
    return entry


def returned_amount(*, entry_id: int) -> int:
    """Sum what of a payment went back and did not come again, in whole minor units."""
    payment = JournalEntry.objects.get(pk=entry_id, kind=JournalEntry.Kind.PAYMENT)
    moved = Posting.objects.filter(
        entry__book_id=payment.book_id,
        entry__kind__in=[JournalEntry.Kind.REVERSAL, *RETURNS],
        entry__reference__startswith=f"entry:{payment.pk}:",
        account=Account.CLEARING,
    )
    return -(moved.aggregate(total=Sum("amount"))["total"] or 0)


def _open(entry_id: int, actor: User | None, now: datetime) -> tuple[Work, JournalEntry]:
    """Lock the loan of a payment, then read the payment."""
    loan_id = (
        JournalEntry.objects.filter(pk=entry_id, kind=JournalEntry.Kind.PAYMENT)
        .values_list("book__loan", flat=True)
        .first()
    )
    if loan_id is None:
        raise NotAPayment(_("There is no such payment."))
    work = Work(loan_id=loan_id, actor=actor, now=now)
    return work, JournalEntry.objects.get(pk=entry_id)


def _take(
    work: Work, payment: JournalEntry, amount: int, kind: str, reference: str, on: date
) -> JournalEntry:
    """Post the return, then let everything since the payment come out as without the money."""
    if amount > work.received.net_received().get(payment.pk, 0):
        raise TooMuchReturned(_("That is more than is left of this payment."))
    entry = work.post(
        kind=kind,
        reference=f"entry:{payment.pk}:{reference}",
        on=on,
        postings={Account.CLEARING: -amount, Account.UNAPPLIED: amount},
        reverses=payment if kind == JournalEntry.Kind.REVERSAL else None,
    )
    barrier = work.received.barrier()
    from_day = _rewind_to(work, payment, barrier)
    if barrier is not None:
        _uncover(work, payment, [entry])
    replay(work, from_day, apply_again)
    return entry


def _rewind_to(work: Work, payment: JournalEntry, barrier: Barrier | None) -> date:
    """Undo what was applied since a payment's day, as far as it may be reopened; give that day."""
    from_day = work.received.day_of(payment, barrier)
    if barrier is not None:
        from_day = max(from_day, barrier.day)
    rewind(work, from_day)
    return from_day


def _uncover(work: Work, payment: JournalEntry, returns: Sequence[JournalEntry]) -> None:
    """Take back what a payment still covers behind the barrier beyond what is left of it.

    What it covered last goes first, as if it had not sufficed for it.

    Args:
        returns: the returns to make good, in the order they were posted.
    """
    amounts = dict(
        Posting.objects.filter(entry__in=returns, account=Account.CLEARING).values_list(
            "entry_id", "amount"
        )
    )
    rest = work.received.net_received()[payment.pk] - sum(amounts.values())
    for entry in returns:
        rest += amounts[entry.pk]
        live = _live_allocations(work, payment)
        excess = sum(row.amount for row in live) - rest
        if excess <= 0:
            continue
        gone = _last_of(live, excess)
        work.take_back(gone)
        current = work.loan.schedules.get(is_current=True)
        early = _early_principal(current.pk, gone)
        _shift_due(early, sign=-1)
        row_id = _owe_again(work, gone, early, entry.effective_date)
        back = [mirror(row) for row in gone]
        taken = work.post(
            kind=JournalEntry.Kind.REALLOCATION,
            reference=f"entry:{payment.pk}:returned:{row_id or 0}:{OWN_NUMBER}{TAKEN}",
            on=entry.effective_date,
            postings={Account.UNAPPLIED: -excess, **receivable_postings(back)},
        )
        store(taken, back)
    work.reload()


def _cover_again(work: Work, payment: JournalEntry, barrier: Barrier) -> None:
    """Undo ``_uncover``: pay again what it had taken back, and withdraw the rows it had added."""
    entries = JournalEntry.objects.filter(
        book_id=work.loan.book_id,
        kind=JournalEntry.Kind.REALLOCATION,
        reference__startswith=f"entry:{payment.pk}:returned:",
        reversed_by__isnull=True,
        seq__gt=barrier.seq,
    )
    for entry in entries.order_by("-seq"):
        rows = list(entry.allocations.all())
        added = Installment.objects.filter(pk=int(entry.reference.split(":")[3]))
        for schedule_id in added.values_list("schedule_id", flat=True):
            _shift_due(_early_principal(schedule_id, rows))
        work.take_back(rows)
        undone = reverse_entry(
            entry=entry,
            kind=JournalEntry.Kind.REALLOCATION,
            reference=f"entry:{payment.pk}:undo:{entry.pk}",
            effective_date=entry.effective_date,
            posted_at=work.now,
            actor=work.actor,
        )
        store(undone, [mirror(row) for row in rows])
        # Other money may have paid the row before it was rewound, so it stays, owing nothing.
        added.update(
            principal_due=0,
            interest_due=0,
            interest_carried=0,
            interest_billed=0,
            fee_due=0,
            fee_billed=0,
        )
    work.reload()


def _live_allocations(work: Work, payment: JournalEntry) -> list[Allocation]:
    """What a payment covers now, over every entry that moved its money; the latest comes last."""
    totals: dict[tuple[int | None, int | None, str], int] = {}
    rows = Allocation.objects.filter(entry__book_id=work.loan.book_id).select_related("entry")
    for row in rows.order_by("pk"):
        if source_of(row.entry_id, row.entry.kind, row.entry.reference) == payment.pk:
            key = (row.installment_id, row.charge_id, row.component)
            totals[key] = totals.pop(key, 0) + row.amount
    return [
        Allocation(installment_id=installment, charge_id=charge, component=component, amount=total)
        for (installment, charge, component), total in totals.items()
        if total
    ]


def _last_of(rows: Sequence[Allocation], amount: int) -> list[Allocation]:
    """The last rows that make up an amount; the earliest of them in part."""
    found = []
    for row in reversed(rows):
        part = min(row.amount, amount)
        if part:
            row.amount = part
            found.append(row)
        amount -= part
    return found


def _early_principal(schedule_id: int, lines: Sequence[Allocation]) -> dict[int, int]:
    """What lines move of principal repaid early, by the row that a schedule holds it in.

    Such a row was due on the day the money came, because it came. Without the money nothing was due
    on that day, so what went back is owed from the day it went, and by nobody late before that.
    """
    found = Installment.objects.filter(
        pk__in=[line.installment_id for line in lines if line.installment_id],
        schedule=schedule_id,
        schedule__reason=Schedule.Reason.PREPAYMENT,
        due_date=F("schedule__effective_date"),
        start_date=F("schedule__effective_date"),
        owed_again=False,
    )
    amounts = dict.fromkeys(found.values_list("pk", flat=True), 0)
    for line in lines:
        if line.installment_id in amounts:
            amounts[line.installment_id] += abs(line.amount)
    return amounts


def _shift_due(amounts: dict[int, int], *, sign: int = 1) -> None:
    """Let rows ask for so much more principal, or less."""
    for pk, amount in amounts.items():
        Installment.objects.filter(pk=pk).update(principal_due=F("principal_due") + sign * amount)


def _owe_again(
    work: Work, gone: Sequence[Allocation], early: dict[int, int], on: date
) -> int | None:
    """Add one row for what money had covered before the schedule in force was signed.

    With it comes principal repaid early, which no row asks for any more; all else that it had
    covered in the schedule in force is open there again.

    Args:
        early: from ``_early_principal``.
    Returns: the row's primary key; None where there was nothing to add.
    """
    current = work.loan.schedules.select_related("replaces").get(is_current=True)
    superseded = set()
    before = current.replaces
    while before is not None:
        superseded.add(before.pk)
        before = before.replaces
    rows = set(early) | set(
        Installment.objects.filter(
            pk__in=[row.installment_id for row in gone if row.installment_id],
            schedule__in=superseded,
        ).values_list("pk", flat=True)
    )
    parts = dict.fromkeys(PAID_FIELD, 0)
    for row in gone:
        if row.installment_id in rows:
            parts[Component(row.component)] += row.amount
    if not any(parts.values()):
        return None
    added = Installment.objects.create(
        schedule=current,
        loan=work.loan,
        number=max(row.number for row in work.state.rows) + 1,
        start_date=on,
        due_date=on,
        principal_due=parts[Component.PRINCIPAL],
        interest_due=parts[Component.INTEREST],
        interest_carried=parts[Component.INTEREST],
        interest_billed=parts[Component.INTEREST],
        fee_due=parts[Component.FEES],
        fee_billed=parts[Component.FEES],
        owed_again=True,
    )
    work.reload()
    return added.pk
