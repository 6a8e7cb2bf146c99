"""Another schedule in force repays exactly what is still owed."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from repayments.ledger.models import Account
from repayments.ledger.services import get_balances
from repayments.loans.models import Loan, Schedule
from repayments.loans.queries import get_position, list_installment_rows
from repayments.loans.services import (
    LoanNotActive,
    ScheduleDoesNotAddUp,
    ScheduleRow,
    charge_fee,
    replace_schedule,
    reverse_payment,
)
from tests.factories.loans import get_loan, make_loan, make_product, noon, pay
from tests.loans.books import assert_books_agree, assert_figures_agree

pytestmark = pytest.mark.django_db

DAY = date(2026, 4, 1)


def replace(
    loan: Loan, rows: Any, *, on: date = DAY, now: Any = None, reason: Any = Schedule.Reason.PLAN
) -> Any:
    return replace_schedule(
        loan_id=loan.pk,
        rows=rows,
        reason=reason,
        effective_date=on,
        actor=None,
        now=noon(now or on),
    )


def owed_in_three(loan: Loan, on: date = DAY) -> Any:
    """Three rows that hold all that is owed on a day, interest and costs first."""
    owed = get_position(loan=loan, as_of=on).snapshot.payoff(on)
    third = owed.principal // 3
    return [
        ScheduleRow(date(2026, 5, 1), third, owed.interest, owed.fees + owed.penalty),
        ScheduleRow(date(2026, 6, 1), third),
        ScheduleRow(date(2026, 7, 1), owed.principal - 2 * third),
    ]


@pytest.fixture
def late_loan() -> Any:
    loan = make_loan(penalty_rate=Decimal("18"))
    charge_fee(
        loan_id=loan.pk,
        amount=2_500,
        reason="Letter",
        charged_on=date(2026, 3, 1),
        actor=None,
        now=noon(date(2026, 3, 1)),
    )
    return get_loan(loan)


def test_what_is_owed_already_is_carried_into_the_first_rows(late_loan: Loan) -> None:
    rows = owed_in_three(late_loan)
    replace(late_loan, rows)
    first = late_loan.installments.current().get(number=1)
    assert first.interest_carried == first.interest_billed == rows[0].interest > 0
    assert first.fee_billed == rows[0].fee > 2_500
    balances = get_balances(book_id=late_loan.book_id)
    assert balances[Account.PENALTY_RECEIVABLE] == 0
    assert balances[Account.FEE_RECEIVABLE] == rows[0].fee
    assert balances[Account.WAIVER_EXPENSE] == 0
    assert_books_agree(late_loan)


def test_the_same_day_the_payoff_is_what_it_was(late_loan: Loan) -> None:
    before = get_position(loan=late_loan, as_of=DAY).payoff_amount
    replace(late_loan, owed_in_three(late_loan))
    position = get_position(loan=get_loan(late_loan), as_of=DAY)
    assert position.payoff_amount == before
    assert position.past_due_amount == 0
    assert position.days_past_due == 0


def test_rows_that_hold_less_bind_and_the_difference_is_waived(late_loan: Loan) -> None:
    rows = owed_in_three(late_loan)
    principal_only = [ScheduleRow(row.due_date, row.principal) for row in rows]
    replace(late_loan, principal_only)
    balances = get_balances(book_id=late_loan.book_id)
    assert balances[Account.WAIVER_EXPENSE] == rows[0].interest + rows[0].fee
    assert get_position(loan=get_loan(late_loan), as_of=DAY).payoff_amount == 1_200_000
    assert_books_agree(late_loan)


def test_a_plan_may_count_from_a_day_before_its_signature(late_loan: Loan) -> None:
    rows = owed_in_three(late_loan)
    signed_on = date(2026, 4, 17)
    from repayments.loans.services.work import Work

    Work(loan_id=late_loan.pk, actor=None, now=noon(signed_on)).bill_due(signed_on)
    replace(late_loan, rows, on=DAY, now=signed_on)
    position = get_position(loan=get_loan(late_loan), as_of=signed_on)
    assert position.remaining_total == sum(row.amount for row in rows)
    assert_books_agree(late_loan)


def test_rows_that_do_not_repay_the_principal_exactly_are_refused(late_loan: Loan) -> None:
    rows = owed_in_three(late_loan)
    with pytest.raises(ScheduleDoesNotAddUp):
        replace(late_loan, rows[:-1])
    assert late_loan.schedules.count() == 1


def test_a_loan_that_does_not_run_keeps_its_schedule() -> None:
    loan = make_loan(status=Loan.Status.PENDING_SIGNATURE)
    with pytest.raises(LoanNotActive):
        replace(loan, [ScheduleRow(date(2026, 5, 1), 1_200_000)])


def test_payments_on_the_new_schedule_are_booked_and_figures_follow(late_loan: Loan) -> None:
    rows = owed_in_three(late_loan)
    replace(late_loan, rows)
    pay(late_loan, rows[0].amount, date(2026, 5, 1))
    loan = get_loan(late_loan)
    assert loan.next_due_date == date(2026, 6, 1)
    assert loan.installments.current().get(number=1).unpaid == 0
    assert_books_agree(loan)
    assert_figures_agree(loan, date(2026, 5, 20))


def test_money_dated_before_a_signed_plan_counts_from_the_plan(late_loan: Loan) -> None:
    replace(late_loan, owed_in_three(late_loan))
    pay(late_loan, 10_000, date(2026, 3, 20), now=noon(date(2026, 4, 3)))
    loan = get_loan(late_loan)
    assert loan.schedules.get(is_current=True).reason == "plan"
    assert loan.installments.current().get(number=1).fee_paid > 0
    assert_books_agree(loan)


def test_a_payment_from_before_the_plan_that_goes_back_is_owed_as_one_more_row() -> None:
    loan = make_loan()
    entry = pay(loan, 106_619, date(2026, 2, 15))
    replace(loan, owed_in_three(get_loan(loan)))
    back = date(2026, 4, 10)
    reverse_payment(
        entry_id=entry.pk, reference="re_1", effective_date=back, actor=None, now=noon(back)
    )
    loan = get_loan(loan)
    row = loan.installments.current().get(due_date=back)
    assert (row.principal_due, row.interest_due) == (94_619, 12_000)
    assert loan.outstanding_principal == 1_200_000
    assert_books_agree(loan)


def test_rows_paid_before_an_early_repayment_stay_in_view() -> None:
    loan = make_loan(product=make_product(surplus="prepay"))
    pay(loan, 106_619, date(2026, 2, 15))
    pay(loan, 306_619, date(2026, 3, 15))
    rows = list_installment_rows(loan=get_loan(loan), as_of=date(2026, 3, 15))
    assert [row.number for row in rows[:2]] == [1, 2]
    assert [row.state for row in rows[:3]] == ["paid", "paid", "paid"]
    assert len({row.number for row in rows}) == len(rows)
    assert sum(row.principal for row in rows) == 1_200_000
