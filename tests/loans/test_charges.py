"""Fees and penalty interest: charged, paid first, waived."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from repayments.ledger.models import Account
from repayments.ledger.services import get_balances
from repayments.loans.models import Charge, Loan
from repayments.loans.queries import get_position
from repayments.loans.services import LoanNotActive, WaiverTooLarge, charge_fee, waive_charge
from tests.factories.loans import get_loan, make_loan, noon, pay
from tests.loans.books import assert_books_agree

pytestmark = pytest.mark.django_db

DAY = date(2026, 3, 1)


def fee(loan: Loan, amount: int = 5_000, on: date = DAY) -> Any:
    return charge_fee(
        loan_id=loan.pk, amount=amount, reason="Letter", charged_on=on, actor=None, now=noon(on)
    )


def waive(charge: Charge, amount: int | None = None) -> Any:
    return waive_charge(
        charge_id=charge.pk, amount=amount, reason="goodwill", actor=None, now=noon(DAY)
    )


def test_a_fee_is_due_at_once_and_paid_before_interest() -> None:
    loan = make_loan()
    charge = fee(loan)
    assert get_position(loan=loan, as_of=DAY).fees_due == 5_000
    pay(loan, 6_000, DAY)
    charge.refresh_from_db()
    assert charge.paid == 5_000
    assert loan.installments.get(number=1).interest_paid == 1_000
    assert_books_agree(loan)


def test_a_settled_loan_takes_no_fee() -> None:
    loan = make_loan()
    pay(loan, 1_400_000, date(2026, 2, 1))
    with pytest.raises(LoanNotActive):
        fee(loan)


def test_a_waived_fee_is_not_owed_any_more() -> None:
    loan = make_loan()
    charge = fee(loan)
    waive(charge)
    assert get_position(loan=loan, as_of=DAY).fees_due == 0
    assert get_balances(book_id=loan.book_id)[Account.WAIVER_EXPENSE] == 5_000
    assert_books_agree(loan)


def test_no_more_is_waived_than_is_open() -> None:
    loan = make_loan()
    charge = fee(loan)
    waive(charge, 3_000)
    with pytest.raises(WaiverTooLarge):
        waive(charge, 2_001)
    with pytest.raises(WaiverTooLarge):
        waive(charge, 0)
    assert_books_agree(loan)


def test_penalty_counts_the_days_since_the_due_date_whatever_the_grace() -> None:
    loan = make_loan(penalty_rate=Decimal("18"), grace_days=5)
    # 946.19 principal of the first installment, 18 % a year, 14 nights.
    assert get_position(loan=loan, as_of=DAY).penalty_due == round(94_619 * 0.18 * 14 / 365)


def test_a_payment_posts_the_penalty_up_to_its_day_and_pays_it_first() -> None:
    loan = make_loan(penalty_rate=Decimal("18"))
    pay(loan, 10_000, DAY)
    charge = Charge.objects.get(loan=loan)
    assert (charge.from_date, charge.through_date) == (date(2026, 2, 15), DAY)
    assert charge.amount == charge.paid == 653
    assert get_loan(loan).penalty_through == DAY
    assert_books_agree(loan)


def test_penalty_is_reckoned_on_what_is_left_from_the_payment_on() -> None:
    loan = make_loan(penalty_rate=Decimal("18"))
    pay(loan, 50_000, DAY)
    left = get_position(loan=get_loan(loan), as_of=DAY).principal_past_due
    later = get_position(loan=get_loan(loan), as_of=date(2026, 3, 11)).penalty_due
    assert later == round(left * 0.18 * 10 / 365)


def test_a_waived_penalty_stays_waived_when_an_earlier_payment_comes_late() -> None:
    loan = make_loan(penalty_rate=Decimal("18"))
    pay(loan, 100, DAY)
    waive(Charge.objects.get(loan=loan))
    pay(loan, 20_000, date(2026, 2, 20), now=noon(date(2026, 3, 5)))
    loan = get_loan(loan)
    assert Charge.objects.get(loan=loan).waived == 553
    assert loan.status == Loan.Status.ACTIVE
    assert_books_agree(loan)
