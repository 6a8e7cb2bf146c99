"""A loan comes into being: its book, its first schedule, and the money paid out."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import Borrower, User
from repayments.audit.services import record_event
from repayments.ledger.models import Account, Book, JournalEntry
from repayments.ledger.services import post_entry
from repayments.loans.amortization import ExplicitRow, Row, Terms, amortize, explicit_schedule
from repayments.loans.models import Installment, Loan, Product, Schedule
from repayments.loans.services.figures import refresh_figures


class LoanAlreadyActive(Exception):
    """The loan does not wait for its signature any more; nothing was changed."""


@transaction.atomic
def create_loan(
    *,
    borrower: Borrower,
    product: Product,
    number: str,
    terms: Terms,
    status: str = Loan.Status.ACTIVE,
    penalty_rate: Decimal = Decimal(0),
    grace_days: int = 0,
    paid_installments: int = 0,
    rows: Sequence[ExplicitRow] | None = None,
    actor: User | None,
    now: datetime,
) -> Loan:
    """Create a loan with its schedule; an active one with its books opened.

    Args:
        status: pending_signature or active.
        paid_installments: first rows that were paid before the portal; the books then open with
            what was left.
        rows: the schedule of ``custom`` terms.
    Raises: InvalidTerms from ``amortize`` or ``explicit_schedule``.
    """
    schedule_rows = (
        explicit_schedule(terms.principal, terms.disbursed_on, rows)
        if rows is not None
        else amortize(terms)
    )
    loan = Loan.objects.create(
        number=number,
        borrower=borrower,
        product=product,
        book=Book.objects.create(currency=terms.currency),
        currency=terms.currency,
        status=status,
        principal=terms.principal,
        annual_rate=terms.annual_rate,
        installments_count=len(schedule_rows),
        every=terms.every,
        unit=terms.unit,
        disbursed_on=terms.disbursed_on,
        first_due_on=schedule_rows[0].due_date,
        amortization=terms.amortization,
        interest_method=terms.interest_method,
        interest_period=terms.interest_period,
        day_count=terms.day_count,
        principal_grace=terms.principal_grace,
        rounding=terms.rounding,
        installment_multiple=terms.installment_multiple,
        installment_amount=terms.installment_amount,
        penalty_rate=penalty_rate,
        grace_days=grace_days,
        created_at=now,
    )
    _create_first_schedule(loan, schedule_rows, paid_installments, now)
    if status == Loan.Status.ACTIVE:
        _open_books(loan, schedule_rows, paid_installments, actor, now)
    record_event(
        stream=loan.stream,
        action="loans.created",
        actor=actor,
        at=now,
        payload={"number": number, "status": str(status), "principal": terms.principal},
    )
    return loan


@transaction.atomic
def activate_loan(*, loan_id: int, actor: User | None, now: datetime, as_of: date) -> Loan:
    """Let a signed loan run: the principal is owed from its disbursement date on.

    Locks: the loan.
    Raises: LoanAlreadyActive unless it waits for its signature.
    """
    Loan.objects.select_for_update().get(pk=loan_id)
    changed = Loan.objects.filter(pk=loan_id, status=Loan.Status.PENDING_SIGNATURE).update(
        status=Loan.Status.ACTIVE
    )
    if changed != 1:
        raise LoanAlreadyActive(_("This loan has already been signed."))
    loan = Loan.objects.select_related("product", "book", "borrower").get(pk=loan_id)
    _post_disbursement(loan, actor, now)
    record_event(
        stream=loan.stream,
        action="loans.activated",
        actor=actor,
        at=now,
        payload={"before": Loan.Status.PENDING_SIGNATURE.value, "as_of": as_of.isoformat()},
    )
    refresh_figures(loan_ids=[loan.pk], as_of=as_of)
    loan.refresh_from_db()
    return loan


def _create_first_schedule(loan: Loan, rows: Sequence[Row], paid: int, now: datetime) -> None:
    schedule = Schedule.objects.create(
        loan=loan, version=1, effective_date=loan.disbursed_on, created_at=now
    )
    starts = [loan.disbursed_on, *(row.due_date for row in rows)]
    Installment.objects.bulk_create(
        Installment(
            schedule=schedule,
            loan=loan,
            number=row.number,
            start_date=start,
            due_date=row.due_date,
            principal_due=row.principal_due,
            interest_due=row.interest_due,
            fee_due=row.fee_due,
            **(_paid_before(row) if row.number <= paid else {}),
        )
        for start, row in zip(starts, rows, strict=False)
    )


def _paid_before(row: Row) -> dict[str, int]:
    return {
        "principal_paid": row.principal_due,
        "interest_paid": row.interest_due,
        "interest_billed": row.interest_due,
        "fee_paid": row.fee_due,
        "fee_billed": row.fee_due,
    }


def _open_books(
    loan: Loan, rows: Sequence[Row], paid: int, actor: User | None, now: datetime
) -> None:
    left = rows[paid - 1].principal_after if paid else loan.principal
    if not paid:
        _post_disbursement(loan, actor, now)
    elif left:
        post_entry(
            book_id=loan.book_id,
            kind=JournalEntry.Kind.OPENING,
            reference="opening",
            effective_date=rows[paid - 1].due_date,
            posted_at=now,
            postings={Account.PRINCIPAL_RECEIVABLE: left, Account.OPENING: -left},
            actor=actor,
        )
    Loan.objects.filter(pk=loan.pk).update(
        outstanding_principal=left,
        next_due_date=rows[paid].due_date if left else None,
        next_due_amount=rows[paid].total_due if left else 0,
    )
    loan.refresh_from_db()


def _post_disbursement(loan: Loan, actor: User | None, now: datetime) -> None:
    post_entry(
        book_id=loan.book_id,
        kind=JournalEntry.Kind.DISBURSEMENT,
        reference="disbursement",
        effective_date=loan.disbursed_on,
        posted_at=now,
        postings={
            Account.PRINCIPAL_RECEIVABLE: loan.principal,
            Account.CLEARING: -loan.principal,
        },
        actor=actor,
    )
