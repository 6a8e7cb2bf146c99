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

from repayments.append_only import lifted
from repayments.close import close_day
from repayments.contacts.models import Message
from repayments.ledger.models import Balance, Posting
from repayments.loans.models import Installment, Loan
from repayments.loans.services import record_payment
from tests.factories.loans import make_loan, make_overdue_loan

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


@pytest.mark.parametrize(
    ("plant", "invariant"),
    [
        (_change_posting, 1),
        (_change_balance, 1),
        (_pay_without_entry, 1),
        (_cache_wrongly, 1),
        (_change_record, 2),
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
