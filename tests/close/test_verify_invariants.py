"""``verify_invariants`` finds what is planted, and nothing in a book that is in order."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from django.db import connection

from accounts.models import User
from repayments.append_only import lifted
from repayments.cases.models import Case, CaseKind
from repayments.cases.services import clearing_case_id
from repayments.close import close_day
from repayments.contacts.models import Message
from repayments.ledger.models import Balance, Posting
from repayments.loans.models import Installment, Loan
from repayments.loans.services import record_payment
from repayments.payments.models import ClearingCheck, Suspense
from tests.factories.loans import make_loan, make_overdue_loan
from tests.factories.payments import make_payment

DAY = date(2026, 11, 17)
NOON = datetime(2026, 11, 17, 4, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture
def loan() -> Loan:
    """A loan with a payment, a closed day behind it, and a reminder in the outbox."""
    loan = make_loan(terms={"disbursed_on": date(2026, 9, 17), "first_due_on": date(2026, 10, 17)})
    record_payment(
        loan_id=loan.pk,
        amount=loan.installments.get(number=1).unpaid,
        effective_date=date(2026, 10, 17),
        reference="first",
        actor=None,
        now=datetime(2026, 10, 17, 4, tzinfo=UTC),
    )
    make_overdue_loan(days=12, as_of=DAY)
    close_day(as_of=DAY, now=NOON - timedelta(hours=11))
    return loan


def verify() -> dict[str, Any] | None:
    out = StringIO()
    with time_machine.travel(NOON - timedelta(hours=10), tick=False):
        try:
            call_command("verify_invariants", json=True, stdout=out)
            failed = False
        except SystemExit as error:
            failed = error.code == 1
    report = json.loads(out.getvalue())
    assert report["ok"] is not failed
    fault: dict[str, Any] | None = report["fault"]
    return fault


def test_nothing_is_found_in_a_book_that_is_in_order(loan: Loan) -> None:
    assert verify() is None


def test_nothing_is_found_in_an_empty_portal() -> None:
    assert verify() is None


def _change_posting(loan: Loan) -> None:
    with lifted():
        posting = Posting.objects.filter(entry__book=loan.book).first()
        Posting.objects.filter(pk=posting.pk).update(amount=posting.amount + 1)


def _change_balance(loan: Loan) -> None:
    Balance.objects.filter(book=loan.book, account="clearing").update(amount=1)


def _pay_without_entry(loan: Loan) -> None:
    Installment.objects.filter(loan=loan, number=2).update(principal_paid=1)


def _cache_wrongly(loan: Loan) -> None:
    Loan.objects.filter(pk=loan.pk).update(outstanding_principal=1)


def _change_record(loan: Loan) -> None:
    with lifted(), connection.cursor() as cursor:
        cursor.execute("UPDATE audit_event SET action = 'x' WHERE seq = 1")


def _lend_less(loan: Loan) -> None:
    Loan.objects.filter(pk=loan.pk).update(principal=1)


def _rest_in_outbox(loan: Loan) -> None:
    Message.objects.update(not_before=NOON - timedelta(days=1))


def _remind_of_what_is_paid(loan: Loan) -> None:
    first = loan.installments.get(number=1)
    reminder = first.reminders.model.objects.first()
    reminder.installment = first
    reminder.save()
    Message.objects.update(status="sent", sent_at=NOON)


def _suspense(*, days: int = 4, owned: bool = False, with_case: bool = True) -> Suspense:
    """Money that fits nothing; what is wrong with it is said by the keywords."""
    owner = User.objects.create_user("an@lender.example", name="an", is_staff=True)
    suspense = Suspense.objects.create(
        provider="stripe",
        object_id="pi_1",
        amount=50_000,
        currency="CNY",
        cause=Suspense.Cause.UNKNOWN_LOAN,
        owner=owner if owned else None,
        opened_at=NOON - timedelta(days=days),
    )
    if with_case:
        Case.objects.create(
            kind=CaseKind.PAYMENT_EXCEPTION,
            reason="suspense",
            suspense=suspense,
            opened_at=suspense.opened_at,
            due_at=NOON + timedelta(days=1),
        )
    return suspense


def _rest_without_owner(loan: Loan) -> None:
    _suspense()


def _rest_without_case(loan: Loan) -> None:
    _suspense(owned=True, with_case=False)


def _rest_with_a_closed_case(loan: Loan) -> None:
    suspense = _suspense(owned=True)
    Case.objects.update(status="closed", close_reason="no_action", closed_at=NOON)
    # An open case about something else of the loan is none about this money.
    Case.objects.create(
        kind=CaseKind.PAYMENT_EXCEPTION,
        reason="payment_review",
        loan=loan,
        opened_at=suspense.opened_at,
        due_at=NOON + timedelta(days=1),
    )
    Suspense.objects.filter(pk=suspense.pk).update(
        payment=make_payment(loan, now=NOON, status="processing")
    )


def _clearing(**changes: Any) -> ClearingCheck:
    values: dict[str, Any] = {
        "date": DAY - timedelta(days=1),
        "provider": "stripe",
        "currency": "CNY",
        "gateway_total": 100,
        "books_total": 90,
        "differences": [{"object": "pi_1", "amount": 10}],
        "checked_at": NOON - timedelta(hours=12),
    }
    check: ClearingCheck = ClearingCheck.objects.create(**{**values, **changes})
    return check


def _differ_without_case(loan: Loan) -> None:
    _clearing()


@pytest.mark.parametrize(
    ("plant", "invariant"),
    [
        (_change_posting, 1),
        (_change_balance, 1),
        (_pay_without_entry, 1),
        (_cache_wrongly, 1),
        (_change_record, 2),
        (_rest_without_owner, 4),
        (_rest_without_case, 4),
        (_rest_with_a_closed_case, 4),
        (_differ_without_case, 4),
        (_lend_less, 6),
        (_remind_of_what_is_paid, 8),
        (_rest_in_outbox, 13),
    ],
)
def test_what_is_planted_is_found(
    loan: Loan, plant: Callable[[Loan], None], invariant: int
) -> None:
    plant(loan)

    fault = verify()

    assert fault is not None
    assert fault["invariant"] == invariant
    assert fault["row"]
    assert fault["reason"]


def test_the_first_wrong_row_is_said_in_words(loan: Loan) -> None:
    _cache_wrongly(loan)
    out = StringIO()

    with pytest.raises(SystemExit):
        call_command("verify_invariants", stdout=out)

    assert loan.number in out.getvalue()


def test_unmatched_money_and_differences_that_are_looked_after_are_no_fault(loan: Loan) -> None:
    _suspense(owned=True)
    check = _clearing()
    _clearing(date=DAY - timedelta(days=2), gateway_total=90, differences=[])
    Case.objects.create(
        public_id=clearing_case_id(check.pk),
        kind=CaseKind.PAYMENT_EXCEPTION,
        reason="clearing_differs",
        opened_at=check.checked_at,
        due_at=NOON + timedelta(days=1),
    )

    assert verify() is None


def test_what_came_lately_is_no_fault_yet(loan: Loan) -> None:
    _suspense(days=2, with_case=False)
    _clearing(checked_at=NOON - timedelta(hours=10, minutes=30))

    assert verify() is None
