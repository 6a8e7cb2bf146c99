"""A loan comes into being with its schedule and its books."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from repayments.audit.models import Event
from repayments.ledger.models import Account
from repayments.ledger.services import get_balances
from repayments.loans.amortization import ExplicitRow, InvalidTerms
from repayments.loans.models import Loan
from repayments.loans.queries import get_position
from repayments.loans.services import LoanAlreadyActive, activate_loan
from tests.factories.loans import make_loan, noon
from tests.loans.books import assert_books_agree, assert_figures_agree

pytestmark = pytest.mark.django_db

SIGNED = date(2026, 1, 16)


def activate(loan: Loan) -> Any:
    return activate_loan(loan_id=loan.pk, actor=None, now=noon(SIGNED), as_of=SIGNED)


def test_an_active_loan_owes_its_principal_from_the_disbursement_on() -> None:
    loan = make_loan()
    balances = get_balances(book_id=loan.book_id)
    assert balances[Account.PRINCIPAL_RECEIVABLE] == 1_200_000
    assert balances[Account.CLEARING] == -1_200_000
    rows = loan.installments.order_by("number")
    assert rows.count() == 12
    assert sum(row.principal_due for row in rows) == 1_200_000
    assert_figures_agree(loan, date(2026, 1, 15))
    assert_books_agree(loan)


def test_a_loan_to_be_signed_has_a_schedule_and_empty_books() -> None:
    loan = make_loan(status=Loan.Status.PENDING_SIGNATURE)
    assert loan.installments.count() == 12
    assert set(get_balances(book_id=loan.book_id).values()) == {0}


def test_its_signature_lets_it_run_once() -> None:
    loan = make_loan(status=Loan.Status.PENDING_SIGNATURE)
    loan = activate(loan)
    assert (loan.status, loan.outstanding_principal) == (Loan.Status.ACTIVE, 1_200_000)
    assert loan.next_due_date == date(2026, 2, 15)
    with pytest.raises(LoanAlreadyActive):
        activate(loan)
    assert Event.objects.filter(stream=loan.stream, action="loans.activated").count() == 1
    assert_books_agree(loan)


def test_a_loan_part_way_opens_with_what_is_left() -> None:
    loan = make_loan(paid_installments=3, as_of=date(2026, 4, 20))
    left = sum(row.principal_due for row in loan.installments.filter(number__gt=3))
    balances = get_balances(book_id=loan.book_id)
    assert balances[Account.PRINCIPAL_RECEIVABLE] == left == loan.outstanding_principal
    assert balances[Account.OPENING] == -left
    position = get_position(loan=loan, as_of=date(2026, 4, 20))
    assert (position.installments_paid, position.installments_total) == (3, 12)
    assert_figures_agree(loan, date(2026, 4, 20))


def test_own_rows_must_repay_the_principal_exactly() -> None:
    rows = [ExplicitRow(date(2026, 3, 1), 700_000, 9_000), ExplicitRow(date(2026, 5, 1), 500_000)]
    loan = make_loan(rows=rows, terms={"amortization": "custom", "installments": 2})
    assert loan.first_due_on == date(2026, 3, 1)
    with pytest.raises(InvalidTerms):
        make_loan(rows=rows[:1], terms={"amortization": "custom", "installments": 1})


def test_its_books_are_in_its_own_currency() -> None:
    loan = make_loan(terms={"currency": "JPY", "annual_rate": Decimal("3.5")})
    assert loan.book.currency == loan.currency == "JPY"
