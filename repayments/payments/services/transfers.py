"""Money that came by bank transfer: each line of the bank's statement is posted once, or rests.

A line whose text names a loan of ours by its reference goes to that loan, counting from the day it
was booked; any other rests as unmatched money, with a case. The line's own key is the proof, in
``BankLine`` and among the posting keys: the same statement again changes nothing. A person stands
for each line (``recorded_by``).
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from pathlib import Path

from django.db import IntegrityError, transaction

from accounts.models import User
from repayments.audit.services import record_event
from repayments.loans.models import Loan
from repayments.loans.services import LoanTakesNoPayments, record_payment
from repayments.loans.tape.faults import Faults
from repayments.payments.models import BankLine, Payment, PostingKey, Provider, Suspense
from repayments.payments.references import find_ranges
from repayments.payments.services.received import tell_received
from repayments.payments.services.settle.posting import keep_entry, take_key
from repayments.payments.signals import payment_exception, payment_settled
from repayments.payments.statement import FILE, Passed, StatementLine, read_statement
from repayments.time_limits import lift_time_limit

LOCKED_AT_ONCE = 500
# Letters that no reference has, so that none is read across two texts.
_BETWEEN = " U "


@dataclass
class StatementReport:
    """What a statement brought. ``amounts``: posted minor units by currency."""

    lines: int = 0
    posted: int = 0
    unmatched: int = 0
    known: int = 0
    repeated: int = 0
    outgoing: int = 0
    faults: int = 0
    amounts: dict[str, int] = field(default_factory=dict)


def import_statement(
    *,
    path: Path,
    faults: Faults,
    actor: User,
    as_of: date,
    now: datetime,
    dry_run: bool = False,
) -> StatementReport:
    """Take in a statement: all of it, or with any fault, or as a dry run, nothing.

    The file is read twice, to check it without holding anybody up, then to write in one
    transaction.

    Args:
        faults: takes what is wrong, by line and column.
        actor: who stands for it; the caller has checked that they may.
        as_of: the lender's day.
    """
    report = StatementReport()
    wanted: set[int] = set()
    passed = Passed()
    for line in read_statement(path, faults=faults, as_of=as_of, passed=passed):
        report.lines += 1
        _check_known(line, faults)
        wanted.update(loan.pk for loan in find_loans(line.text))
    report.repeated, report.outgoing, report.faults = passed.repeated, passed.outgoing, faults.count
    if faults.count:
        return report
    with transaction.atomic():
        lift_time_limit()
        _lock_loans(sorted(wanted))
        for line in read_statement(path, faults=faults, as_of=as_of, passed=Passed()):
            _count(report, line, _record(line, actor, now))
        # Nobody changes a file between two readings, but if they do, nothing is kept of it.
        if faults.count or dry_run:
            report.faults = faults.count
            transaction.set_rollback(True)
        else:
            _record_import(report, actor, now)
    return report


@transaction.atomic
def record_transfer(*, line: StatementLine, actor: User, now: datetime) -> tuple[BankLine, bool]:
    """Record one transfer by hand, as a statement's line would be.

    Returns: the line, and whether it is new: told a second time it changes nothing.
    """
    _lock_loans([loan.pk for loan in find_loans(line.text)])
    outcome = _record(line, actor, now)
    return BankLine.objects.get(line_key=line.key), outcome != "known"


def find_loans(text: str) -> Sequence[Loan]:
    """Find the loans that a text names by reference; more than one is as good as none."""
    found: dict[int, Loan] = {}
    for first, last in find_ranges(text.replace(" · ", _BETWEEN)):
        for loan in Loan.objects.filter(public_id__gte=first, public_id__lte=last)[:2]:
            found[loan.pk] = loan
    return list(found.values())


@transaction.atomic
def post_transfer(*, line: BankLine, loan: Loan, actor: User, now: datetime) -> Payment:
    """Post a line to a loan of its currency, once.

    The caller holds the loan's lock and has taken the line's posting key.

    Raises: LoanTakesNoPayments.
    """
    entry = record_payment(
        loan_id=loan.pk,
        amount=line.amount,
        effective_date=line.booked_on,
        reference=f"bank:{line.line_key}",
        actor=actor,
        now=now,
    )
    keep_entry(
        object_id=line.line_key,
        kind=PostingKey.EntryKind.PAYMENT,
        entry=entry,
        provider=Provider.BANK,
    )
    payment = Payment.objects.create(
        loan=loan,
        provider=Provider.BANK,
        channel=Payment.Channel.TRANSFER,
        method=Payment.Method.BANK,
        amount=line.amount,
        currency=line.currency,
        amount_received=line.amount,
        status=Payment.Status.SUCCEEDED,
        language=loan.borrower.language,
        entry=entry,
        created_by=actor,
        created_at=now,
        updated_at=now,
        succeeded_at=now,
    )
    BankLine.objects.filter(pk=line.pk).update(loan=loan, payment=payment)
    record_event(
        stream=loan.stream,
        action="payments.transfer_recorded",
        actor=actor,
        at=now,
        payload={
            "payment": str(payment.public_id),
            "line": line.line_key,
            "amount": line.amount,
            "currency": line.currency,
            "booked_on": line.booked_on.isoformat(),
        },
    )
    tell_received(payment, paid_on=line.booked_on, now=now)
    transaction.on_commit(
        lambda: payment_settled.send(sender=Payment, payment_id=payment.pk), robust=True
    )
    return payment


def _record(told: StatementLine, actor: User, now: datetime) -> str:
    """Write one line and what it brings about. Returns: posted, unmatched or known."""
    line = BankLine(
        line_key=told.key,
        booked_on=told.booked_on,
        amount=told.amount,
        currency=told.currency,
        payer=told.payer,
        text=told.text,
        recorded_by=actor,
        recorded_at=now,
    )
    try:
        with transaction.atomic():
            line.save(force_insert=True)
    except IntegrityError:
        return "known"
    loans = find_loans(told.text)
    loan = loans[0] if len(loans) == 1 else None
    cause = _cause(loan, told)
    if loan is not None and cause is None:
        try:
            if _post_once(line, loan, actor, now):
                return "posted"
            return "known"
        except LoanTakesNoPayments:
            cause = Suspense.Cause.NO_PAYMENTS
    _rest(line, cause or Suspense.Cause.UNKNOWN_LOAN, now)
    return "unmatched"


def _cause(loan: Loan | None, told: StatementLine) -> Suspense.Cause | None:
    if loan is None:
        return Suspense.Cause.UNKNOWN_LOAN
    if loan.currency != told.currency:
        return Suspense.Cause.AMOUNT
    if told.booked_on < loan.disbursed_on:
        return Suspense.Cause.NO_PAYMENTS
    return None


@transaction.atomic
def _post_once(line: BankLine, loan: Loan, actor: User, now: datetime) -> bool:
    if not take_key(
        object_id=line.line_key,
        kind=PostingKey.EntryKind.PAYMENT,
        now=now,
        provider=Provider.BANK,
    ):
        return False
    post_transfer(line=line, loan=loan, actor=actor, now=now)
    return True


def _rest(line: BankLine, cause: Suspense.Cause, now: datetime) -> None:
    suspense = Suspense.objects.create(
        provider=Provider.BANK,
        object_id=line.line_key,
        amount=line.amount,
        currency=line.currency,
        cause=cause,
        opened_at=now,
    )
    BankLine.objects.filter(pk=line.pk).update(suspense=suspense)
    record_event(
        stream="payments:suspense",
        action="payments.suspended",
        actor=None,
        at=now,
        payload={
            "object": suspense.object_id,
            "cause": suspense.cause,
            "amount": suspense.amount,
            "currency": suspense.currency,
        },
    )
    transaction.on_commit(
        lambda: payment_exception.send(sender=Payment, payment_id=None, suspense_id=suspense.pk),
        robust=True,
    )


def _check_known(told: StatementLine, faults: Faults) -> None:
    """A name that the bank gives twice, to two different lines, is a fault."""
    known = BankLine.objects.filter(line_key=told.key).first()
    if known is None:
        return
    content = (known.booked_on, known.amount, known.currency, known.payer, known.text)
    if content != told.content:
        faults.add(FILE, told.line, "line_id", "line_differs", told.key.removeprefix("id:"))


def _lock_loans(loan_ids: Iterable[int]) -> None:
    """Lock loans in the order of their keys, so that two statements never wait for each other."""
    ids = list(loan_ids)
    for start in range(0, len(ids), LOCKED_AT_ONCE):
        part = ids[start : start + LOCKED_AT_ONCE]
        list(Loan.objects.select_for_update().filter(pk__in=part).order_by("pk").values_list("pk"))


def _count(report: StatementReport, line: StatementLine, outcome: str) -> None:
    setattr(report, outcome, getattr(report, outcome) + 1)
    if outcome == "posted":
        report.amounts[line.currency] = report.amounts.get(line.currency, 0) + line.amount


def _record_import(report: StatementReport, actor: User, now: datetime) -> None:
    record_event(
        stream="payments:statements",
        action="payments.statement_imported",
        actor=actor,
        at=now,
        payload=asdict(report),
    )
