"""The figures of a day: one reckoning for pages, previews and the nightly caches."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repayments.loans.models import Loan
from repayments.loans.queries import (
    get_position,
    list_installment_rows,
    preview_payment,
    working_of_due,
    working_of_payoff,
    working_of_remaining,
)
from repayments.loans.services import charge_fee, refresh_figures
from tests.factories.loans import (
    get_loan,
    make_loan,
    make_overdue_loan,
    make_product,
    make_terms,
    noon,
    pay,
)
from tests.loans.books import assert_figures_agree

pytestmark = pytest.mark.django_db


def test_on_the_due_date_the_installment_is_due_but_not_late() -> None:
    position = get_position(loan=make_loan(), as_of=date(2026, 2, 15))
    assert position.past_due_amount == 106_619
    assert (position.days_past_due, position.past_due_since) == (0, date(2026, 2, 15))
    assert position.next_due_date == date(2026, 3, 15)


def test_between_due_dates_interest_accrues_by_day() -> None:
    position = get_position(loan=make_loan(), as_of=date(2026, 1, 25))
    assert position.accrued_interest == round(12_000 * 10 / 31)
    assert position.payoff_amount == 1_200_000 + position.accrued_interest
    assert position.past_due_amount == 0


@pytest.mark.parametrize(("days", "stage"), [(30, "early"), (31, "middle"), (91, "late")])
def test_days_past_due_decide_the_stage(days: int, stage: str) -> None:
    loan = make_overdue_loan(days=days, as_of=date(2026, 4, 20))
    assert loan.stage.key == stage


def test_a_loan_to_be_signed_owes_nothing_yet() -> None:
    loan = make_loan(status=Loan.Status.PENDING_SIGNATURE)
    position = get_position(loan=loan, as_of=date(2026, 6, 1))
    assert (position.past_due_amount, position.payoff_amount, position.days_past_due) == (0, 0, 0)


def test_states_of_rows() -> None:
    loan = make_loan()
    pay(loan, 106_619, date(2026, 2, 15))
    pay(loan, 500, date(2026, 4, 1))
    rows = list_installment_rows(loan=loan, as_of=date(2026, 4, 1))
    assert [row.state for row in rows[:4]] == ["paid", "late", "next", "later"]


@pytest.mark.parametrize("as_of", [date(2026, 1, 20), date(2026, 2, 15), date(2026, 4, 2)])
def test_every_working_adds_up_to_its_figure(as_of: date) -> None:
    loan = make_loan(penalty_rate=Decimal("18"))
    charge_fee(
        loan_id=loan.pk,
        amount=700,
        reason="Letter",
        charged_on=date(2026, 1, 16),
        actor=None,
        now=noon(date(2026, 1, 16)),
    )
    position = get_position(loan=loan, as_of=as_of)
    for working in (working_of_due, working_of_payoff, working_of_remaining):
        rows = working(loan=loan, position=position, as_of=as_of)
        total = next(at for at, row in enumerate(rows) if row.total)
        assert sum(row.amount for row in rows[:total]) == rows[total].amount


def test_workings_speak_the_readers_language() -> None:
    loan = make_loan(penalty_rate=Decimal("18"))
    as_of = date(2026, 3, 1)
    position = get_position(loan=loan, as_of=as_of)
    with translation.override("en"):
        rows = working_of_due(loan=loan, position=position, as_of=as_of)
    assert "18 %" in next(row.note for row in rows if row.amount == position.penalty_due)


@pytest.mark.parametrize(
    "amount", [1, 500, 12_653, 107_272, 107_273, 300_000, 1_206_000, 1_300_000]
)
@pytest.mark.parametrize("surplus", ["unapplied", "prepay"])
def test_a_preview_says_what_the_payment_then_does(amount: int, surplus: str) -> None:
    loan = make_loan(product=make_product(surplus=surplus), penalty_rate=Decimal("18"))
    as_of = date(2026, 3, 1)
    preview = preview_payment(loan=loan, amount=amount, as_of=as_of)
    assert sum(line.amount for line in preview.lines) == amount
    pay(loan, amount, as_of)
    loan = get_loan(loan)
    position = get_position(loan=loan, as_of=as_of)
    assert preview.settles == (loan.status == Loan.Status.PAID_OFF)
    assert preview.past_due_after == position.past_due_amount
    assert preview.next_due_date == position.next_due_date
    assert preview.next_due_amount == position.next_due_amount


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_cached_figures_say_what_the_position_says(data: st.DataObject) -> None:
    loan = make_loan(
        penalty_rate=data.draw(st.sampled_from([Decimal(0), Decimal("18"), Decimal("36.525")])),
        terms={
            "rounding": data.draw(st.sampled_from(["half_even", "half_up", "up"])),
            "day_count": data.draw(st.sampled_from(["actual_365", "actual_360", "thirty_360"])),
            "principal": data.draw(st.integers(1_000, 10**11)),
        },
    )
    on = date(2026, 1, 15)
    for _step in range(data.draw(st.integers(0, 2))):
        on += timedelta(days=data.draw(st.integers(0, 60)))
        pay(loan, data.draw(st.integers(1, loan.principal // 5 + 1)), on)
    as_of = on + timedelta(days=data.draw(st.integers(0, 200)))
    assert_figures_agree(get_loan(loan), as_of)


def test_a_second_refresh_of_a_day_writes_nothing() -> None:
    as_of = date(2026, 5, 1)
    loans = [make_overdue_loan(days=days, as_of=as_of).pk for days in (1, 40)]
    assert refresh_figures(loan_ids=loans, as_of=as_of + timedelta(days=1)) == 2
    assert refresh_figures(loan_ids=loans, as_of=as_of + timedelta(days=1)) == 0
    assert refresh_figures(loan_ids=None, as_of=as_of + timedelta(days=1)) == 0
    assert refresh_figures(loan_ids=[], as_of=as_of) == 0


def test_a_new_day_reaches_every_running_loan_it_changes() -> None:
    loan = make_loan(as_of=date(2026, 1, 15))
    assert refresh_figures(loan_ids=None, as_of=date(2026, 1, 16)) == 0
    assert refresh_figures(loan_ids=None, as_of=date(2026, 2, 18)) == 1
    assert get_loan(loan).days_past_due == 3
    assert make_terms().principal == get_loan(loan).outstanding_principal
