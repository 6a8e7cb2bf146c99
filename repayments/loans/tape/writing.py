"""Write the loans of a chunk: books, schedules, installments and the first entries, in bulk.

What stands after it is what ``services.create_loan`` makes of each loan. A loan whose terms are
replaced keeps its books: what the old terms posted is reversed, and the old schedule stays as a
version no longer in force.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection
from django.db.models import Max

from accounts.models import Borrower, User
from repayments.audit.services import NewEvent, record_events
from repayments.inserting import insert_rows, reserve_ids
from repayments.ledger.models import Book, JournalEntry, Posting
from repayments.loans.models import Installment, Loan, Schedule
from repayments.loans.tape.existing import IMPORTED, REPLACED, KnownLoan
from repayments.loans.tape.schedules import Plan

_LOAN_COLUMNS = (
    "id", "public_id", "number", "borrower_id", "book_id", "currency", "status", "product_id",
    "principal", "annual_rate", "installments_count", "every", "unit", "disbursed_on",
    "first_due_on", "amortization", "interest_method", "interest_period", "day_count",
    "principal_grace", "rounding", "installment_multiple", "installment_amount", "penalty_rate",
    "grace_days", "outstanding_principal", "past_due_amount", "days_past_due", "next_due_amount",
    "created_at",
)  # fmt: skip
_SCHEDULE_COLUMNS = (
    "id", "loan_id", "version", "reason", "effective_date", "is_current", "after_seq", "created_at",
)  # fmt: skip
_INSTALLMENT_COLUMNS = (
    "schedule_id", "loan_id", "is_current", "interest_carried", "number", "start_date", "due_date",
    "principal_due", "interest_due", "fee_due", "interest_billed", "fee_billed",
    "principal_paid", "interest_paid", "fee_paid",
)  # fmt: skip
_ENTRY_COLUMNS = (
    "id", "book_id", "seq", "kind", "effective_date", "posted_at", "reference", "reverses_id",
    "actor_id",
)  # fmt: skip


# By a statement for each row: those of a loan known already, which are few.
_CHANGED_TERMS = _LOAN_COLUMNS[_LOAN_COLUMNS.index("status") : -5]


@dataclass(frozen=True)
class _NewEntry:
    book_id: int
    seq: int
    kind: str
    effective_date: date
    reference: str
    postings: dict[str, int]
    reverses_id: int | None = None


@dataclass(frozen=True)
class _Target:
    """Where a plan is written: the loan's own keys, and the version its schedule gets."""

    plan: Plan
    loan_id: int
    book_id: int
    stream: str
    version: int
    after_seq: int


def write_loans(
    plans: Sequence[Plan],
    changes: Sequence[tuple[KnownLoan, Plan]],
    *,
    products: dict[str, int],
    source: str,
    actor: User | None,
    now: datetime,
) -> dict[str, int]:
    """Write new loans and replace the terms of known ones, whose rows the caller has locked.

    Args:
        products: key to primary key.
        source: hash of the tape, kept with each loan's story.
    Returns: the keys of the loans written, by number.
    """
    reversals, targets = _replace_old(changes, products)
    targets += _create_new(plans, products, now)
    _write_schedules(targets, now)
    _write_entries(reversals + _openings(targets), actor, now)
    known = {loan.stream for loan, _plan in changes}
    record_events(
        [_event(target, source, is_known=target.stream in known) for target in targets],
        actor=actor,
        at=now,
    )
    return {target.plan.row.number: target.loan_id for target in targets}


def _create_new(plans: Sequence[Plan], products: dict[str, int], now: datetime) -> list[_Target]:
    if not plans:
        return []
    books, loans = reserve_ids(Book, len(plans)), reserve_ids(Loan, len(plans))
    references = [plan.row.person.reference for plan in plans]
    borrowers = dict(
        Borrower.objects.filter(reference__in=references).values_list("reference", "pk")
    )
    public_ids = [uuid.uuid4() for _plan in plans]
    insert_rows(
        "ledger_book",
        ("id", "currency", "last_seq"),
        [
            (book, plan.row.terms.currency, 1 if plan.opening else 0)
            for book, plan in zip(books, plans, strict=True)
        ],
    )
    insert_rows(
        "loans_loan",
        _LOAN_COLUMNS,
        [
            (
                loan, public_id, plan.row.number, borrowers[plan.row.person.reference], book,
                plan.row.terms.currency, *_terms(plan, products), 0, 0, 0, 0, now,
            )
            for loan, public_id, book, plan in zip(loans, public_ids, books, plans, strict=True)
        ],
    )  # fmt: skip
    return [
        _Target(plan, loan, book, f"loan:{public_id}", 1, 0)
        for loan, public_id, book, plan in zip(loans, public_ids, books, plans, strict=True)
    ]


def _terms(plan: Plan, products: dict[str, int]) -> tuple[Any, ...]:
    """Give the values of the columns from ``status`` to ``grace_days``."""
    row, terms = plan.row, plan.row.terms
    return (
        str(plan.status), products[row.product], terms.principal, terms.annual_rate,
        terms.installments, terms.every, terms.unit, terms.disbursed_on, plan.rows[0].due_date,
        terms.amortization, terms.interest_method, terms.interest_period, terms.day_count,
        terms.principal_grace, terms.rounding, terms.installment_multiple,
        terms.installment_amount, row.penalty_rate, row.grace_days,
    )  # fmt: skip


def _replace_old(
    changes: Sequence[tuple[KnownLoan, Plan]], products: dict[str, int]
) -> tuple[list[_NewEntry], list[_Target]]:
    """Retire schedules and store the new terms; give the mirror entries of what was posted."""
    if not changes:
        return [], []
    loans = [loan.id for loan, _plan in changes]
    books = [loan.book_id for loan, _plan in changes]
    versions = dict(
        Schedule.objects.filter(loan__in=loans).values_list("loan").annotate(Max("version"))
    )
    last = dict(Book.objects.filter(pk__in=books).values_list("pk", "last_seq"))
    Schedule.objects.filter(loan__in=loans, is_current=True).update(is_current=False)
    Installment.objects.filter(loan__in=loans, is_current=True).update(is_current=False)
    live = JournalEntry.objects.filter(
        book__in=books, reverses__isnull=True, reversed_by__isnull=True
    ).prefetch_related("postings")
    reversals = []
    for entry in live.order_by("book_id", "seq"):
        last[entry.book_id] += 1
        reversals.append(
            _NewEntry(
                entry.book_id,
                last[entry.book_id],
                JournalEntry.Kind.REVERSAL,
                entry.effective_date,
                f"entry:{entry.pk}",
                {posting.account: -posting.amount for posting in entry.postings.all()},
                entry.pk,
            )
        )
    targets = []
    for loan, plan in changes:
        values = dict(zip(_CHANGED_TERMS, _terms(plan, products), strict=True))
        Loan.objects.filter(pk=loan.id).update(**values)
        Book.objects.filter(pk=loan.book_id).update(
            last_seq=last[loan.book_id] + (1 if plan.opening else 0)
        )
        targets.append(
            _Target(
                plan,
                loan.id,
                loan.book_id,
                loan.stream,
                versions.get(loan.id, 0) + 1,
                last[loan.book_id],
            )
        )
    return reversals, targets


def _write_schedules(targets: Sequence[_Target], now: datetime) -> None:
    schedules = reserve_ids(Schedule, len(targets))
    insert_rows(
        "loans_schedule",
        _SCHEDULE_COLUMNS,
        [
            (
                schedule, target.loan_id, target.version, "original",
                target.plan.row.terms.disbursed_on, True, target.after_seq, now,
            )
            for schedule, target in zip(schedules, targets, strict=True)
        ],
    )  # fmt: skip
    insert_rows(
        "loans_installment",
        _INSTALLMENT_COLUMNS,
        [
            (
                schedule, target.loan_id, 1, 0, number, start.isoformat(), due_date.isoformat(),
                principal, interest, fee, interest_paid, fee_paid, *paid,
            )
            for schedule, target in zip(schedules, targets, strict=True)
            # What was paid before the portal counts as billed.
            for number, start, due_date, principal, interest, fee, *paid in target.plan.rows
            for _principal_paid, interest_paid, fee_paid in (paid,)
        ],
        plain=True,
    )  # fmt: skip


def _openings(targets: Iterable[_Target]) -> list[_NewEntry]:
    entries = []
    for target in targets:
        opening = target.plan.opening
        if opening is None:
            continue
        # Unique in its book although the one of the terms before had the same name.
        suffix = "" if target.version == 1 else f":{target.version}"
        entries.append(
            _NewEntry(
                target.book_id,
                target.after_seq + 1,
                opening.kind,
                opening.effective_date,
                f"{opening.kind}{suffix}",
                opening.postings,
            )
        )
    return entries


def _write_entries(entries: Sequence[_NewEntry], actor: User | None, now: datetime) -> None:
    keys = reserve_ids(JournalEntry, len(entries))
    insert_rows(
        "ledger_journalentry",
        _ENTRY_COLUMNS,
        [
            (
                key, entry.book_id, entry.seq, str(entry.kind), entry.effective_date, now,
                entry.reference, entry.reverses_id, actor.pk if actor else None,
            )
            for key, entry in zip(keys, entries, strict=True)
        ],
    )  # fmt: skip
    insert_rows(
        Posting._meta.db_table,
        ("entry_id", "account", "amount"),
        [
            (key, str(account), amount)
            for key, entry in zip(keys, entries, strict=True)
            for account, amount in entry.postings.items()
        ],
    )
    moved: dict[tuple[int, str], int] = {}
    for entry in entries:
        for account, amount in entry.postings.items():
            key_of_balance = (entry.book_id, str(account))
            moved[key_of_balance] = moved.get(key_of_balance, 0) + amount
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO ledger_balance (book_id, account, amount) VALUES (%s, %s, %s) "
            "ON CONFLICT (book_id, account) "
            "DO UPDATE SET amount = ledger_balance.amount + excluded.amount",
            [(*key, amount) for key, amount in moved.items()],
        )


def _event(target: _Target, source: str, *, is_known: bool) -> NewEvent:
    plan = target.plan
    return NewEvent(
        stream=target.stream,
        action=REPLACED if is_known else IMPORTED,
        payload={
            "number": plan.row.number,
            "status": str(plan.status),
            "principal": plan.row.terms.principal,
            "paid_installments": plan.row.paid_installments,
            "file": source,
            "line": plan.row.line,
            "row": plan.digest,
        },
    )
