"""What the nightly close and the sweep open by themselves, and close again."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from repayments.audit.models import Event
from repayments.audit.services import verify_audit
from repayments.cases.models import Case, CasePolicy
from repayments.cases.services import (
    MoneyNotPlaced,
    close_case,
    open_due_cases,
    open_signaled_cases,
)
from repayments.cases.tasks import sweep_cases
from repayments.loans.models import Loan
from repayments.payments.models import Payment, Suspense
from tests.factories.cases import NOW, TODAY, make_case, make_late_loan, make_plan

pytestmark = pytest.mark.django_db


def close_today() -> int:
    return open_due_cases(as_of=TODAY, now=NOW)


@pytest.mark.parametrize(("days", "opened"), [(0, 0), (29, 0), (30, 1), (31, 1), (200, 1)])
def test_a_person_takes_over_from_the_policys_day(days: int, opened: int) -> None:
    make_late_loan(days=days)

    assert close_today() == opened
    assert Case.objects.filter(kind="collections", reason="late").count() == opened


def test_it_follows_the_row_that_staff_edit() -> None:
    CasePolicy.objects.filter(kind="collections").update(from_days_late=10, priority=3)
    make_late_loan(days=12)

    assert close_today() == 1
    assert Case.objects.get().priority == 3


def test_running_again_writes_nothing() -> None:
    for days in (30, 45, 100):
        make_late_loan(days=days)
    assert close_today() == 3
    events = Event.objects.count()

    assert close_today() == 0
    assert (Case.objects.count(), Event.objects.count()) == (3, events)
    assert verify_audit() is None


def test_the_facts_of_the_day_are_kept() -> None:
    loan = make_late_loan(days=45)
    close_today()

    case = Case.objects.get()
    assert case.reason_facts == {"days_late": 45, "amount": 100_000, "currency": "CNY"}
    assert (case.borrower, case.stage) == (loan.borrower, loan.stage)
    assert Event.objects.filter(stream=loan.stream, action="cases.opened", actor=None).exists()


def test_it_takes_as_many_statements_for_many_loans_as_for_few() -> None:
    def statements(loans: int) -> int:
        for _number in range(loans):
            make_late_loan(days=60)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert close_today() == loans
        return len(queries)

    assert statements(2) == statements(40)


def test_what_was_closed_rests_for_the_policys_days(collector: User) -> None:
    loan = make_late_loan()
    case = make_case(loan=loan)
    close_case(case_id=case.pk, reason="no_action", note="x", actor=collector, now=NOW)

    for days, opened in [(1, 0), (13, 0), (15, 1)]:
        later = NOW + timedelta(days=days)
        assert open_due_cases(as_of=later.date(), now=later) == opened, days


def test_a_new_spell_of_lateness_needs_no_rest(collector: User) -> None:
    loan = make_late_loan()
    case = make_case(loan=loan)
    before = NOW - timedelta(days=2)
    close_case(case_id=case.pk, reason="paid", note="x", actor=collector, now=before)
    Loan.objects.filter(pk=loan.pk).update(past_due_since=TODAY - timedelta(days=1))

    assert close_today() == 1


def test_a_loan_that_is_current_again_has_its_case_closed() -> None:
    loan = make_late_loan()
    make_case(loan=loan)
    Loan.objects.filter(pk=loan.pk).update(days_past_due=0, past_due_amount=0, past_due_since=None)

    assert close_today() == 1
    case = Case.objects.get()
    assert (case.status, case.close_reason, case.closed_at) == ("closed", "paid", NOW)
    assert Event.objects.filter(stream=case.stream, action="cases.closed", actor=None).exists()
    assert close_today() == 0


def test_a_plan_that_became_active_is_the_reason_then() -> None:
    loan = make_late_loan(days=0)
    make_case(loan=loan)
    make_plan(loan, status="active", activated_at=NOW)

    assert close_today() == 1
    assert Case.objects.get().close_reason == "plan_agreed"


def test_a_dispute_is_not_closed_by_paying() -> None:
    make_case(loan=make_late_loan(days=0), kind="dispute", reason="dispute_raised")

    assert close_today() == 0


def test_a_broken_plan_opens_a_case_once() -> None:
    loan = make_late_loan(days=9)
    plan = make_plan(loan, status="broken", ended_at=NOW - timedelta(hours=1))

    assert open_signaled_cases(now=NOW) == 1
    case = Case.objects.get()
    assert (case.kind, case.reason, case.plan) == ("collections", "plan_broken", plan)
    assert open_signaled_cases(now=NOW) == 0


def test_a_broken_plan_of_a_loan_that_has_a_case_opens_none() -> None:
    loan = make_late_loan()
    make_case(loan=loan)
    make_plan(loan, status="broken", ended_at=NOW)

    assert open_signaled_cases(now=NOW) == 0


def test_a_proposal_for_a_person_is_due_when_its_answer_is() -> None:
    due = NOW + timedelta(days=2)
    plan = make_plan(make_late_loan(), answer_due_at=due, reason_code="person_above", note="Help")

    assert open_signaled_cases(now=NOW) == 1
    case = Case.objects.get()
    assert (case.kind, case.plan, case.due_at, case.request) == ("plan_review", plan, due, "Help")
    assert open_signaled_cases(now=NOW) == 0


def test_a_proposal_that_a_rule_answers_opens_none() -> None:
    make_plan(make_late_loan())

    assert open_signaled_cases(now=NOW) == 0


@pytest.mark.parametrize("status", ["accepted", "countered", "declined", "withdrawn"])
def test_an_answered_proposal_closes_its_case(status: str) -> None:
    plan = make_plan(make_late_loan(), answer_due_at=NOW)
    open_signaled_cases(now=NOW)
    plan.status = status
    plan.save()

    assert open_signaled_cases(now=NOW) == 1
    assert Case.objects.get().close_reason == "answered"
    assert open_signaled_cases(now=NOW) == 0


def make_payment(loan: Loan, **fields: Any) -> Payment:
    values: dict[str, Any] = {"amount": 5_000, "currency": "CNY", "status": "unknown", **fields}
    return Payment.objects.create(loan=loan, created_at=NOW, updated_at=NOW, **values)


def test_a_payment_to_look_at_opens_a_case() -> None:
    payment = make_payment(make_late_loan(), needs_review=True)

    assert open_signaled_cases(now=NOW) == 1
    assert Case.objects.get().payment == payment
    assert open_signaled_cases(now=NOW) == 0


def test_money_that_fits_nobody_opens_a_case_without_a_loan() -> None:
    for number in range(2):
        Suspense.objects.create(
            provider="stripe",
            object_id=f"pi_{number}",
            amount=700,
            currency="CNY",
            cause="unknown_loan",
            opened_at=NOW,
        )

    assert open_signaled_cases(now=NOW) == 2
    assert not Case.objects.exclude(loan=None, borrower=None, reason="suspense").exists()
    assert open_signaled_cases(now=NOW) == 0
    assert verify_audit() is None


def rest_of(payment: Payment) -> Suspense:
    payment.status, payment.needs_review = "processing", True
    payment.save()
    return Suspense.objects.create(
        provider="stripe",
        object_id=f"pi_{payment.pk}",
        payment=payment,
        amount=700,
        currency="CNY",
        cause="amount",
        opened_at=NOW,
    )


def test_unmatched_money_of_a_loan_with_a_case_has_a_case_of_its_own() -> None:
    loan = make_late_loan()
    make_payment(loan, status="failed", needs_review=True)
    open_signaled_cases(now=NOW)
    suspense = rest_of(make_payment(loan))

    assert open_signaled_cases(now=NOW) == 1

    case = Case.objects.get(suspense=suspense)
    assert (case.loan, case.reason) == (loan, "suspense")
    assert Case.objects.open().filter(loan=loan).count() == 2
    # Its payment is looked at with it, and it stands in the way of no other case of the loan.
    assert open_signaled_cases(now=NOW) == 0
    Case.objects.filter(suspense=None).update(status="closed", close_reason="no_action")
    make_payment(loan, status="failed", needs_review=True)
    assert open_signaled_cases(now=NOW) == 1


def test_money_that_lost_its_place_again_is_looked_at_again() -> None:
    suspense = rest_of(make_payment(make_late_loan()))
    open_signaled_cases(now=NOW)
    Suspense.objects.update(resolution="refunded", resolved_at=NOW)
    open_signaled_cases(now=NOW)
    assert not Case.objects.open().exists()

    # The refund came back.
    Suspense.objects.update(resolution="", resolved_at=None)
    open_signaled_cases(now=NOW)

    assert Case.objects.open().get().suspense == suspense


def test_a_case_of_money_without_a_place_is_not_closed_by_hand() -> None:
    rest_of(make_payment(make_late_loan()))
    open_signaled_cases(now=NOW)
    case = Case.objects.get()
    actor = User.objects.create_user("an@lender.example", name="an", is_staff=True)

    with pytest.raises(MoneyNotPlaced):
        close_case(case_id=case.pk, reason="no_action", note="Done", actor=actor, now=NOW)

    assert Case.objects.open().get() == case


def test_the_sweep_may_run_twice() -> None:
    make_plan(make_late_loan(), answer_due_at=NOW)

    sweep_cases()
    sweep_cases(sent_by="an older release")

    assert Case.objects.count() == 1
