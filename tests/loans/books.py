"""What must hold between books, rows and charges after whatever happened to a loan."""

from datetime import date

from django.db.models import F, Sum

from repayments.ledger.models import Account, JournalEntry
from repayments.ledger.services import get_balances, verify_ledger
from repayments.loans.models import Allocation, Charge, Loan
from repayments.loans.queries import get_position
from repayments.loans.services import refresh_figures
from tests.factories.loans import get_loan


def assert_books_agree(loan: Loan) -> None:
    """Receivables are what rows and charges owe of what is billed; every unit paid is allocated."""
    assert verify_ledger() is None
    balances = get_balances(book_id=loan.book_id)
    rows = loan.installments.current().aggregate(
        principal=Sum(F("principal_due") - F("principal_paid")),
        interest=Sum(F("interest_billed") - F("interest_paid")),
        fee=Sum(F("fee_billed") - F("fee_paid")),
    )
    charges = {
        kind: Charge.objects.filter(loan=loan, kind=kind).aggregate(
            open=Sum(F("amount") - F("paid") - F("waived") - F("withdrawn"))
        )["open"]
        or 0
        for kind in Charge.Kind.values
    }
    assert balances[Account.PRINCIPAL_RECEIVABLE] == rows["principal"]
    assert balances[Account.INTEREST_RECEIVABLE] == rows["interest"]
    assert balances[Account.FEE_RECEIVABLE] == rows["fee"] + charges["fee"]
    assert balances[Account.PENALTY_RECEIVABLE] == charges["penalty"]
    assert balances[Account.UNAPPLIED] <= 0
    _assert_paid_is_allocated(loan)


def _assert_paid_is_allocated(loan: Loan) -> None:
    opened = JournalEntry.objects.filter(book_id=loan.book_id, kind="opening").exists()
    for row in loan.installments.all():
        if opened and row.unpaid == 0 and not row.allocations.exists():
            continue
        allocated = row.allocations.aggregate(total=Sum("amount"))["total"] or 0
        assert allocated == row.principal_paid + row.interest_paid + row.fee_paid
    for charge in Charge.objects.filter(loan=loan):
        allocated = charge.allocations.aggregate(total=Sum("amount"))["total"] or 0
        assert allocated == charge.paid
    assert not Allocation.objects.filter(entry__book_id=loan.book_id, amount=0).exists()


def summarize(loan: Loan) -> dict:
    """What a loan comes to: balances, current rows, what is open, figures of the day."""
    loan = get_loan(loan)
    rows = loan.installments.current().order_by("due_date", "number")
    return {
        "status": loan.status,
        "balances": get_balances(book_id=loan.book_id),
        "rows": [
            (
                row.due_date,
                row.principal_due,
                row.interest_due,
                row.fee_due,
                row.principal_paid,
                row.interest_paid,
                row.fee_paid,
                row.interest_billed,
            )
            for row in rows
            if row.principal_due + row.interest_due + row.fee_due
        ],
        "charges": sorted(
            Charge.objects.filter(loan=loan, amount__gt=F("withdrawn")).values_list(
                "kind", "charged_on", "from_date", "through_date", "amount", "paid", "waived"
            ),
            key=str,
        ),
        "figures": [
            loan.outstanding_principal,
            loan.past_due_amount,
            loan.past_due_since,
            loan.days_past_due,
            loan.next_due_date,
            loan.next_due_amount,
            loan.penalty_through,
        ],
    }


def assert_figures_agree(loan: Loan, as_of: date) -> None:
    """The set-based figures say what ``get_position`` says."""
    refresh_figures(loan_ids=[loan.pk], as_of=as_of)
    loan = get_loan(loan)
    position = get_position(loan=loan, as_of=as_of)
    cached = {
        "outstanding_principal": loan.outstanding_principal,
        "past_due_amount": loan.past_due_amount,
        "past_due_since": loan.past_due_since,
        "days_past_due": loan.days_past_due,
        "next_due_date": loan.next_due_date,
        "next_due_amount": loan.next_due_amount,
    }
    assert cached == {name: getattr(position, name) for name in cached}
