"""Promises to pay: one open a loan, within limits, kept or broken by themselves."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from repayments.audit.models import Event
from repayments.cases.models import Case
from repayments.cases.services import open_due_cases
from repayments.clock import now, today
from repayments.loans.models import Loan
from repayments.loans.services import record_payment, refresh_figures
from repayments.payments.models import PromiseToPay
from repayments.payments.services import (
    LoanNotPayable,
    PromiseAlreadyOpen,
    PromiseRefused,
    decide_promises,
    make_promise,
    withdraw_promise,
)

pytestmark = pytest.mark.django_db


def promise(loan: Loan, amount: int = 50_000, *, days: int = 5) -> PromiseToPay:
    user = loan.borrower.user
    assert user is not None
    return make_promise(
        loan_id=loan.pk,
        amount=amount,
        promised_for=today() + timedelta(days=days),
        actor=user,
        as_of=today(),
        now=now(),
    )


def pay(loan: Loan, amount: int, *, on: date | None = None, name: str = "p") -> None:
    record_payment(
        loan_id=loan.pk,
        amount=amount,
        effective_date=on or today(),
        reference=name,
        actor=None,
        now=now() + timedelta(seconds=1),
    )


def state(made: PromiseToPay) -> str:
    made.refresh_from_db()
    return made.status


def test_a_promise_is_kept_as_soon_as_the_money_counts(loan: Loan) -> None:
    made = promise(loan)
    pay(loan, 30_000, name="one")
    assert decide_promises(as_of=today(), now=now()) == 0
    pay(loan, 20_000, name="two")

    assert decide_promises(as_of=today(), now=now()) == 1

    assert state(made) == "kept"
    assert Event.objects.filter(action="payments.promise_kept", stream=loan.stream).count() == 1
    assert decide_promises(as_of=today(), now=now()) == 0


def test_a_payment_decides_its_loans_promise_at_once(
    loan: Loan, django_capture_on_commit_callbacks: object
) -> None:
    made = promise(loan)

    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        pay(loan, 50_000)

    assert state(made) == "kept"


@pytest.mark.parametrize(("days_on", "ends"), [(5, "open"), (6, "broken")])
def test_a_promise_is_broken_when_its_day_is_over(loan: Loan, days_on: int, ends: str) -> None:
    made = promise(loan, days=5)

    decide_promises(as_of=today() + timedelta(days=days_on), now=now())

    assert state(made) == ends


def test_money_from_before_the_promise_does_not_keep_it(loan: Loan) -> None:
    pay(loan, 50_000, on=today() - timedelta(days=3))
    made = promise(loan)
    PromiseToPay.objects.update(made_at=now() + timedelta(minutes=1))

    decide_promises(as_of=today(), now=now())

    assert state(made) == "open"


def test_a_transfer_that_is_known_a_day_later_keeps_it_after_all(loan: Loan) -> None:
    made = promise(loan, days=0)
    decide_promises(as_of=today() + timedelta(days=1), now=now())
    assert state(made) == "broken"
    pay(loan, 50_000, on=today())

    decide_promises(as_of=today() + timedelta(days=1), now=now())

    assert state(made) == "kept"


def test_a_broken_promise_on_a_late_loan_opens_a_case(loan: Loan) -> None:
    promise(loan, days=0)
    tomorrow = today() + timedelta(days=1)
    refresh_figures(loan_ids=None, as_of=tomorrow)
    decide_promises(as_of=tomorrow, now=now())

    open_due_cases(as_of=tomorrow, now=now())

    case = Case.objects.get(loan=loan, kind="collections")
    assert case.reason in {"promise_broken", "late"}


def test_a_broken_promise_opens_the_case_before_the_policys_day(loan: Loan) -> None:
    promise(loan, days=0)
    Loan.objects.update(days_past_due=1)
    decide_promises(as_of=today() + timedelta(days=1), now=now())

    open_due_cases(as_of=today() + timedelta(days=1), now=now())

    assert Case.objects.get(loan=loan).reason == "promise_broken"


def test_there_is_one_open_promise_a_loan(loan: Loan) -> None:
    made = promise(loan)
    with pytest.raises(PromiseAlreadyOpen):
        promise(loan)

    user = loan.borrower.user
    assert isinstance(user, User)
    assert withdraw_promise(promise_id=made.pk, actor=user, now=now())
    assert not withdraw_promise(promise_id=made.pk, actor=user, now=now())
    promise(loan)
    assert state(made) == "withdrawn"


@pytest.mark.parametrize(
    ("amount", "days", "field"),
    [(0, 1, "amount"), (99_000_000, 1, "amount"), (50_000, -1, "promised_for"),
     (50_000, 15, "promised_for")],
)  # fmt: skip
def test_what_goes_too_far_is_refused(loan: Loan, amount: int, days: int, field: str) -> None:
    with pytest.raises(PromiseRefused) as refusal:
        promise(loan, amount, days=days)

    assert refusal.value.field == field
    assert not PromiseToPay.objects.exists()


def test_the_last_day_that_may_be_promised(loan: Loan) -> None:
    assert promise(loan, days=14).status == "open"


def test_a_loan_without_debt_takes_no_promise(loan: Loan) -> None:
    Loan.objects.update(status=Loan.Status.PAID_OFF)

    with pytest.raises(LoanNotPayable):
        promise(loan)


def count_queries_to_decide() -> int:
    with CaptureQueriesContext(connection) as queries:
        assert decide_promises(as_of=today() + timedelta(days=1), now=now()) > 0
    return len(queries)


def test_deciding_costs_the_same_whatever_the_book(loan: Loan, other_loan: Loan) -> None:
    promise(loan, days=0)
    of_one = count_queries_to_decide()
    PromiseToPay.objects.update(status="withdrawn")
    promise(loan, days=0)
    promise(other_loan, days=0)

    assert count_queries_to_decide() == of_one
