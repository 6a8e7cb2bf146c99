"""A payoff quote adds up, and is honored to the cent if the money arrives in time."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from repayments.ledger.models import Account
from repayments.ledger.services import get_balances
from repayments.loans.models import Loan
from repayments.loans.queries import get_position
from repayments.loans.services import LoanNotActive, QuoteInThePast, charge_fee, quote_payoff
from tests.factories.loans import get_loan, make_loan, noon, pay
from tests.loans.books import assert_books_agree

pytestmark = pytest.mark.django_db

TODAY = date(2026, 3, 1)
GOOD_THROUGH = date(2026, 3, 8)


def quote(loan: Loan, good_through: date = GOOD_THROUGH) -> Any:
    return quote_payoff(loan_id=loan.pk, good_through=good_through, actor=None, now=noon(TODAY))


def test_its_lines_add_up_to_what_settles_on_the_last_good_day() -> None:
    loan = make_loan(penalty_rate=Decimal("18"))
    offer = quote(loan)
    assert sum(line["amount"] for line in offer.lines) == offer.total
    assert offer.total == get_position(loan=loan, as_of=GOOD_THROUGH).payoff_amount
    assert {line["component"] for line in offer.lines} == {"principal", "interest", "penalty"}


def test_each_further_day_adds_the_per_diem() -> None:
    loan = make_loan()
    offer = quote(loan)
    day_after = get_position(loan=loan, as_of=date(2026, 3, 9)).payoff_amount
    assert offer.per_diem == day_after - offer.total > 0


def test_it_expires_at_the_end_of_its_day_in_the_lenders_zone() -> None:
    loan = make_loan()
    assert quote(loan).expires_at == datetime(2026, 3, 8, 16, tzinfo=UTC)


def test_paid_early_the_interest_of_unused_days_is_kept_for_the_borrower() -> None:
    loan = make_loan()
    offer = quote(loan)
    payoff = get_position(loan=loan, as_of=date(2026, 3, 3)).payoff_amount
    pay(loan, offer.total, date(2026, 3, 3), payoff_quote_id=offer.pk)
    assert get_loan(loan).status == Loan.Status.PAID_OFF
    assert get_balances(book_id=loan.book_id)[Account.UNAPPLIED] == payoff - offer.total < 0
    assert_books_agree(loan)


def test_a_fee_charged_since_is_waived_for_a_quote_that_is_still_good() -> None:
    loan = make_loan()
    offer = quote(loan)
    charge_fee(
        loan_id=loan.pk,
        amount=9_900,
        reason="Letter",
        charged_on=date(2026, 3, 4),
        actor=None,
        now=noon(date(2026, 3, 4)),
    )
    pay(loan, offer.total, GOOD_THROUGH)
    assert get_loan(loan).status == Loan.Status.PAID_OFF
    assert get_balances(book_id=loan.book_id)[Account.WAIVER_EXPENSE] == 9_900
    assert_books_agree(loan)


def test_a_day_too_late_the_quote_settles_nothing() -> None:
    loan = make_loan()
    offer = quote(loan)
    pay(loan, offer.total, date(2026, 3, 9))
    assert get_loan(loan).status == Loan.Status.ACTIVE


def test_an_older_payment_of_the_same_amount_is_not_taken_for_the_quote() -> None:
    loan = make_loan()
    pay(loan, 106_619, date(2026, 2, 15))
    offer = quote(loan)
    pay(loan, offer.total, date(2026, 2, 20), now=noon(date(2026, 3, 2)))
    # It is more than the payoff of its own day: settled then, with the rest kept.
    assert get_loan(loan).schedules.get(is_current=True).effective_date == date(2026, 2, 20)
    assert_books_agree(loan)


def test_a_day_that_has_passed_is_refused() -> None:
    with pytest.raises(QuoteInThePast):
        quote(make_loan(), date(2026, 2, 28))


def test_a_settled_loan_is_not_quoted() -> None:
    loan = make_loan()
    pay(loan, 1_400_000, date(2026, 2, 1))
    with pytest.raises(LoanNotActive):
        quote(loan)
