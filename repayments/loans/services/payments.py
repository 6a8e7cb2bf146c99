"""Money comes in.

A payment covers all that is due on its day, then the coming installment with its whole interest,
then principal early where the contract says so; the rest waits in ``unapplied`` for the next due
date. What settles the loan ends it. The result does not depend on the order in which payments
become known: one that comes late is applied on its own day and those after it anew.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from repayments.audit.services import record_event
from repayments.clock import lender_zone
from repayments.ledger.models import Account, JournalEntry
from repayments.ledger.services import OWN_NUMBER, AlreadyPosted, post_entry
from repayments.loans.allocation import Line, allocate
from repayments.loans.models import (
    Allocation,
    Charge,
    Loan,
    PayoffQuote,
    Schedule,
)
from repayments.loans.prepayment import rows_after_prepayment
from repayments.loans.reckoning import ROW, ScheduleRow
from repayments.loans.services.figures import refresh_figures
from repayments.loans.services.received import Money
from repayments.loans.services.replay import day_after, must_rework, replay, rewind
from repayments.loans.services.schedules import put_in_force
from repayments.loans.services.work import Work, receivable_postings, store
from repayments.loans.signals import loan_reopened, loan_settled, payment_posted


class LoanTakesNoPayments(Exception):
    """The loan is not signed yet, or closed; nothing was posted."""


@transaction.atomic
def record_payment(
    *,
    loan_id: int,
    amount: int,
    effective_date: date,
    reference: str,
    actor: User | None,
    now: datetime,
    payoff_quote_id: int | None = None,
) -> JournalEntry:
    """Post money received and apply it.

    Args:
        amount: whole minor units, above zero.
        effective_date: the lender's day the money counts from; may lie before payments already
            posted, which are then applied anew.
        reference: the money's own name; the same one twice is refused.
        payoff_quote_id: the quote it answers; any quote of this total that is still good counts.
    Locks: the loan.
    Raises: AlreadyPosted; LoanTakesNoPayments; ValueError for an amount below one.
    """
    if amount < 1:
        raise ValueError("a payment is at least one minor unit")
    work = Work(loan_id=loan_id, actor=actor, now=now)
    loan = work.loan
    if loan.status in (Loan.Status.PENDING_SIGNATURE, Loan.Status.CLOSED):
        raise LoanTakesNoPayments(_("This loan takes no payments at the moment."))
    if JournalEntry.objects.filter(
        book_id=loan.book_id, kind=JournalEntry.Kind.PAYMENT, reference=reference
    ).exists():
        raise AlreadyPosted(_("This has already been posted."))
    barrier = work.received.barrier()
    on = max(effective_date, barrier.day) if barrier else effective_date
    came_late = must_rework(work, day_after(on))
    if came_late:
        rewind(work, day_after(on))
    work.apply_waiting(on, before=(on, None))
    made = _apply(work, None, amount, on)
    entry = post_entry(
        book_id=loan.book_id,
        kind=JournalEntry.Kind.PAYMENT,
        reference=reference,
        effective_date=effective_date,
        posted_at=now,
        postings={
            Account.CLEARING: amount,
            Account.UNAPPLIED: sum(row.amount for row in made) - amount,
            **receivable_postings(made),
        },
        actor=actor,
    )
    store(entry, made)
    work.move_unapplied(amount - sum(row.amount for row in made))
    if came_late:
        replay(work, day_after(on), apply_again)
    else:
        work.apply_waiting(work.today)
    record_event(
        stream=loan.stream,
        action="loans.payment_recorded",
        actor=actor,
        at=now,
        payload={
            "entry": entry.pk,
            "reference": reference,
            "amount": amount,
            "effective_date": effective_date.isoformat(),
            "payoff_quote": payoff_quote_id,
            "applied_anew": came_late,
        },
    )
    finish(work)
    transaction.on_commit(
        lambda: payment_posted.send(sender=Loan, loan_id=loan.pk, entry_id=entry.pk), robust=True
    )
    return entry


@transaction.atomic
def apply_unapplied(*, loan_id: int, as_of: date, now: datetime) -> None:
    """Apply money that waits to what has fallen due by a day; harmless when there is none.

    Locks: the loan.
    """
    work = Work(loan_id=loan_id, actor=None, now=now)
    waiting = work.state.unapplied
    if waiting <= 0:
        return
    work.apply_waiting(as_of)
    if work.state.unapplied == waiting:
        return
    record_event(
        stream=work.loan.stream,
        action="loans.credit_applied",
        actor=None,
        at=now,
        payload={"amount": waiting - work.state.unapplied, "as_of": as_of.isoformat()},
    )
    finish(work, as_of=as_of)


def _apply(work: Work, source: JournalEntry | None, amount: int, on: date) -> list[Allocation]:
    """Apply one payment on its day; older money that waits has been applied to what is due.

    Returns: allocation rows whose entry is not posted yet.
    """
    work.post_penalty(on)
    work.bill_due(on)
    older = work.list_older(on, source)
    waiting = sum(money.rest for money in older)
    state = replace(work.state, unapplied=waiting)
    outcome = state.plan(amount, on, quoted=_is_quoted(work, amount, on))
    if outcome.settles:
        return _settle(work, older, amount, on)
    made = work.pay_lines(outcome.lines, on)
    if outcome.prepays:
        made += _prepay(work, outcome.prepays, on)
    return made


def apply_again(work: Work, source: JournalEntry, amount: int, on: date) -> None:
    made = _apply(work, source, amount, on)
    if not made:
        return
    entry = work.post(
        kind=JournalEntry.Kind.REALLOCATION,
        reference=f"entry:{source.pk}:{OWN_NUMBER}",
        on=on,
        postings={Account.UNAPPLIED: sum(row.amount for row in made), **receivable_postings(made)},
    )
    store(entry, made)
    work.move_unapplied(-sum(row.amount for row in made))


def _settle(work: Work, older: Sequence[Money], amount: int, on: date) -> list[Allocation]:
    """Pay the loan off: one row with all that is owed on the day, covered by all the money."""
    available = amount + sum(money.rest for money in older)
    runs_on = any(row.due_date > on and row.unpaid for row in work.state.rows)
    if runs_on or available < work.state.payoff(on).total:
        _to_one_row(work, available, on)
    for money in older:
        lines = _all_due(work, money.rest, on)
        if lines:
            work.apply_lines(money.entry, lines, on)
    return work.pay_lines(_all_due(work, amount, on), on)


def _all_due(work: Work, amount: int, on: date) -> Sequence[Line]:
    state = work.state
    return allocate(amount, state.list_dues(on), state.order, state.strategy).lines


def _to_one_row(work: Work, available: int, on: date) -> None:
    """One row for all that rows are owed; charges stay beside it under their own names."""
    state = work.state
    owed = state.payoff(on)
    fee = sum(state.fee_owed(row, on) for row in state.rows)
    charges = state.open_charges(on)
    # A quote is honored to the cent: what was added since is waived.
    short = max(owed.total - available, 0)
    parts: list[tuple[int | str, int]] = [
        *((one.id, one.open) for one in charges if one.kind == Charge.Kind.FEE),
        ("fee", fee),
        *((one.id, one.open) for one in charges if one.kind == Charge.Kind.PENALTY),
        ("interest", owed.interest),
    ]
    waived: dict[int | str, int] = {}
    for key, amount in parts:
        waived[key] = min(short, amount)
        short -= waived[key]
    row = ScheduleRow(
        due_date=on,
        principal=owed.principal,
        interest=owed.interest - waived["interest"],
        fee=fee - waived["fee"],
    )
    put_in_force(
        work,
        rows=[row],
        reason=Schedule.Reason.PAYOFF,
        on=on,
        first_number=_next_number(work, on),
        waived_of={one.id: waived[one.id] for one in charges},
    )


def _prepay(work: Work, amount: int, on: date) -> list[Allocation]:
    """Repay principal early and work the rows after the coming one out anew."""
    rows = rows_after_prepayment(work.loan, work.state, amount, on)
    put_in_force(
        work,
        rows=rows,
        reason=Schedule.Reason.PREPAYMENT,
        on=on,
        first_number=_next_number(work, on),
    )
    first = work.state.rows[0]
    return work.pay_lines([Line((ROW, first.id), "principal", amount)], on)


def _next_number(work: Work, on: date) -> int:
    """Numbers go on after the rows that are paid, so that "4 of 12" keeps its meaning."""
    paid = [row.number for row in work.state.rows if not row.unpaid and not row.owed_again]
    return max(paid, default=0) + 1


def _is_quoted(work: Work, amount: int, on: date) -> bool:
    """Whether the amount answers a quote that is good on the day and still about the same debt."""
    principal = work.state.outstanding_principal
    if amount < principal:
        return False
    midnight = datetime.combine(day_after(on), time.min, tzinfo=lender_zone())
    quotes = PayoffQuote.objects.filter(
        loan=work.loan, total=amount, good_through__gte=on, created_at__lt=midnight
    )
    return any(quote.covers(principal) for quote in quotes)


def finish(work: Work, as_of: date | None = None) -> None:
    """Let the status follow what is owed, and refresh the day's figures.

    ``work.state`` is in step with the rows.
    """
    loan = work.loan
    work.bill_due(work.today)
    if work.state.unpaid == 0 and _move(loan, Loan.Status.PAID_OFF, work):
        transaction.on_commit(lambda: loan_settled.send(sender=Loan, loan_id=loan.pk), robust=True)
    elif (
        work.state.unpaid
        and loan.status == Loan.Status.PAID_OFF
        and _move(loan, Loan.Status.ACTIVE, work)
    ):
        transaction.on_commit(lambda: loan_reopened.send(sender=Loan, loan_id=loan.pk), robust=True)
    refresh_figures(loan_ids=[loan.pk], as_of=as_of or work.today)


def _move(loan: Loan, status: Loan.Status, work: Work) -> bool:
    changed = Loan.objects.filter(pk=loan.pk, status__in=Loan.TRANSITIONS[status]).update(
        status=status
    )
    if changed != 1:
        return False
    record_event(
        stream=loan.stream,
        action=f"loans.{status.value}",
        actor=work.actor,
        at=work.now,
        payload={"before": loan.status},
    )
    loan.status = status
    return True
