"""Money received is posted once and goes where the contract says."""

from datetime import date
from typing import Any

import pytest

from repayments.ledger.models import Account
from repayments.ledger.services import AlreadyPosted, get_balances
from repayments.loans.models import Loan
from repayments.loans.queries import get_position, list_payment_allocations
from repayments.loans.services import LoanTakesNoPayments
from tests.factories.loans import get_loan, get_standard_product, make_loan, make_product, noon, pay
from tests.loans.books import assert_books_agree

pytestmark = pytest.mark.django_db

# 12,000.00 at 12 % over 12 months: 1,066.19 a month, 120.00 interest in the first.
INSTALLMENT = 106_619
FIRST_DUE = date(2026, 2, 15)


def test_a_payment_on_the_due_date_pays_interest_and_principal() -> None:
    loan = make_loan()
    entry = pay(loan, INSTALLMENT, FIRST_DUE)
    balances = get_balances(book_id=loan.book_id)
    assert balances[Account.CLEARING] == -1_200_000 + INSTALLMENT
    assert balances[Account.INTEREST_INCOME] == -12_000
    assert balances[Account.PRINCIPAL_RECEIVABLE] == 1_200_000 - (INSTALLMENT - 12_000)
    parts = {row.component: row.amount for row in list_payment_allocations(entry_id=entry.pk)}
    assert parts == {"interest": 12_000, "principal": INSTALLMENT - 12_000}
    assert_books_agree(loan)


def test_a_payment_before_the_due_date_covers_the_coming_installment_with_its_whole_interest() -> (
    None
):
    loan = make_loan()
    pay(loan, INSTALLMENT, date(2026, 1, 20))
    row = loan.installments.get(number=1)
    assert row.unpaid == 0
    assert row.interest_billed == 12_000
    assert_books_agree(loan)


def test_a_part_payment_goes_to_interest_before_principal() -> None:
    loan = make_loan()
    pay(loan, 10_000, FIRST_DUE)
    row = loan.installments.get(number=1)
    assert (row.interest_paid, row.principal_paid) == (10_000, 0)
    assert_books_agree(loan)


def test_a_surplus_waits_and_is_applied_on_the_next_due_date() -> None:
    loan = make_loan()
    pay(loan, INSTALLMENT + 50_000, date(2026, 1, 20))
    assert get_balances(book_id=loan.book_id)[Account.UNAPPLIED] == -50_000
    pay(loan, 1, date(2026, 3, 15))
    second = loan.installments.get(number=2)
    assert second.interest_paid + second.principal_paid == 50_001
    assert get_balances(book_id=loan.book_id)[Account.UNAPPLIED] == 0
    assert_books_agree(loan)


def test_a_surplus_repays_principal_early_where_the_contract_says_so() -> None:
    loan = make_loan(product=make_product(surplus="prepay"))
    pay(loan, INSTALLMENT + 300_000, date(2026, 1, 20))
    loan = get_loan(loan)
    rows = list(loan.installments.current().order_by("number"))
    assert loan.schedules.get(is_current=True).reason == "prepayment"
    assert (rows[0].principal_due, rows[0].principal_paid) == (300_000, 300_000)
    assert rows[1].due_date == date(2026, 3, 15)
    assert rows[1].principal_due + rows[1].interest_due < INSTALLMENT
    assert sum(row.principal_due - row.principal_paid for row in rows) == loan.outstanding_principal
    assert_books_agree(loan)


def test_the_payoff_amount_settles_the_loan() -> None:
    loan = make_loan()
    on = date(2026, 3, 1)
    amount = get_position(loan=loan, as_of=on).payoff_amount
    pay(loan, amount, on)
    loan = get_loan(loan)
    assert loan.status == Loan.Status.PAID_OFF
    assert loan.outstanding_principal == 0
    assert loan.schedules.get(is_current=True).reason == "payoff"
    assert_books_agree(loan)
    assert get_balances(book_id=loan.book_id)[Account.UNAPPLIED] == 0


def test_one_minor_unit_less_than_the_payoff_does_not_settle() -> None:
    loan = make_loan()
    on = date(2026, 3, 1)
    pay(loan, get_position(loan=loan, as_of=on).payoff_amount - 1, on)
    assert get_loan(loan).status == Loan.Status.ACTIVE
    assert_books_agree(loan)


def test_more_than_the_payoff_rests_unapplied() -> None:
    loan = make_loan()
    on = date(2026, 3, 1)
    pay(loan, get_position(loan=loan, as_of=on).payoff_amount + 777, on)
    assert get_loan(loan).status == Loan.Status.PAID_OFF
    assert get_balances(book_id=loan.book_id)[Account.UNAPPLIED] == -777


def test_the_last_installment_on_its_due_date_settles_without_a_new_schedule() -> None:
    loan = make_loan(paid_installments=11)
    last = loan.installments.get(number=12)
    pay(loan, last.unpaid, last.due_date)
    assert get_loan(loan).status == Loan.Status.PAID_OFF
    assert loan.schedules.get(is_current=True).reason == "original"
    assert_books_agree(loan)


def test_the_same_reference_twice_is_refused_and_changes_nothing() -> None:
    loan = make_loan()
    pay(loan, 5_000, FIRST_DUE, reference="pi_1")
    before = get_balances(book_id=loan.book_id)
    with pytest.raises(AlreadyPosted):
        pay(loan, 5_000, FIRST_DUE, reference="pi_1")
    assert get_balances(book_id=loan.book_id) == before


def test_a_loan_that_waits_for_its_signature_takes_no_money() -> None:
    loan = make_loan(status=Loan.Status.PENDING_SIGNATURE)
    with pytest.raises(LoanTakesNoPayments):
        pay(loan, 5_000, FIRST_DUE)


def test_signals_tell_of_the_payment_and_of_the_end_on_commit(
    django_capture_on_commit_callbacks: Any,
) -> None:
    from repayments.loans.signals import loan_settled, payment_posted

    heard = []
    listen = lambda **news: heard.append(news)  # noqa: E731 - kept alive by its name
    payment_posted.connect(listen)
    loan_settled.connect(listen)
    try:
        loan = make_loan(product=get_standard_product())
        with django_capture_on_commit_callbacks(execute=True):
            entry = pay(loan, 2_000_000, date(2026, 1, 20), now=noon(date(2026, 1, 21)))
    finally:
        payment_posted.disconnect(listen)
        loan_settled.disconnect(listen)
    told = [{k: v for k, v in news.items() if k in ("loan_id", "entry_id")} for news in heard]
    assert {"loan_id": loan.pk, "entry_id": entry.pk} in told
    assert {"loan_id": loan.pk} in told
