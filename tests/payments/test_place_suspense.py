"""Unmatched money: it gets an owner in time, and finds its place once."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission

from accounts.models import Borrower, User
from repayments.cases.models import Case
from repayments.cases.services import claim_case, open_signaled_cases
from repayments.clock import lender_zone, now
from repayments.ledger.models import JournalEntry
from repayments.loans.models import Loan
from repayments.payments.models import BankLine, Payment, PostingKey, Suspense
from repayments.payments.services import (
    SuspenseAlreadyPlaced,
    SuspenseRefused,
    hand_over_suspense,
    resolve_suspense_to_loan,
    take_suspense,
)
from tests.factories.payments import make_payment
from tests.payments.conftest import make_loan

pytestmark = pytest.mark.django_db

Colleague = Callable[..., User]


@pytest.fixture
def colleague(db: None) -> Colleague:
    def make(name: str, *codenames: str) -> User:
        user = User.objects.create_user(f"{name}@example.com", is_staff=True)
        user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
        return User.objects.get(pk=user.pk)

    return make


@pytest.fixture
def teller(colleague: Colleague) -> User:
    return colleague("teller", "change_suspense", "work_case")


def rest(*, object_id: str = "pi_1", days: int = 0, **changes: Any) -> Suspense:
    values: dict[str, Any] = {
        "provider": "stripe",
        "amount": 50_000,
        "currency": "CNY",
        "cause": Suspense.Cause.UNKNOWN_LOAN,
        "opened_at": now() - timedelta(days=days),
    }
    return Suspense.objects.create(object_id=object_id, **{**values, **changes})


def place(suspense: Suspense, loan: Loan, actor: User) -> Payment:
    return resolve_suspense_to_loan(
        suspense_id=suspense.pk,
        loan_id=loan.pk,
        reason="The payer told us.",
        actor=actor,
        now=now(),
    )


def day_of(moment: datetime) -> Any:
    return moment.astimezone(lender_zone()).date()


def test_money_is_posted_from_the_day_it_came(loan: Loan, teller: User) -> None:
    suspense = rest(days=5)

    payment = place(suspense, loan, teller)

    suspense.refresh_from_db()
    assert (suspense.resolution, suspense.resolved_by, suspense.note) == (
        "posted",
        teller,
        "The payer told us.",
    )
    assert payment.entry is not None
    assert payment.entry.effective_date == day_of(suspense.opened_at)
    assert (payment.status, payment.amount_received, payment.intent_id) == (
        "succeeded",
        50_000,
        "pi_1",
    )
    assert PostingKey.objects.get(object_id="pi_1").entry == payment.entry


def test_it_is_placed_once(loan: Loan, other_loan: Loan, teller: User) -> None:
    suspense = rest()
    place(suspense, loan, teller)

    with pytest.raises(SuspenseAlreadyPlaced):
        place(suspense, other_loan, teller)

    assert JournalEntry.objects.filter(kind="payment").count() == 1


def test_the_posting_key_alone_keeps_it_from_being_posted_twice(loan: Loan, teller: User) -> None:
    suspense = rest()
    place(suspense, loan, teller)
    Suspense.objects.update(resolved_at=None, resolution="")

    with pytest.raises(SuspenseAlreadyPlaced):
        place(suspense, loan, teller)

    assert JournalEntry.objects.filter(kind="payment").count() == 1
    assert Suspense.objects.get().resolved_at is None


def test_an_attempt_whose_amount_differed_ends_with_it(loan: Loan, teller: User) -> None:
    begun = make_payment(loan, now=now(), status="processing", intent_id="pi_1", needs_review=True)

    payment = place(rest(payment=begun, cause=Suspense.Cause.AMOUNT), loan, teller)

    assert payment.pk == begun.pk
    assert (payment.status, payment.amount_received, payment.needs_review) == (
        "succeeded",
        50_000,
        False,
    )


def test_an_attempt_whose_money_goes_elsewhere_ends(
    loan: Loan, other_loan: Loan, teller: User
) -> None:
    begun = make_payment(loan, now=now(), status="processing", intent_id="pi_1", needs_review=True)

    payment = place(rest(payment=begun), other_loan, teller)

    begun.refresh_from_db()
    assert (begun.status, begun.intent_id, begun.needs_review) == ("canceled", "", False)
    assert (payment.loan, payment.intent_id) == (other_loan, "pi_1")


def test_a_transfer_is_posted_from_the_day_it_was_booked(loan: Loan, teller: User) -> None:
    suspense = rest(object_id="id:a-1", provider="bank")
    line = BankLine.objects.create(
        line_key="id:a-1",
        booked_on=day_of(now()) - timedelta(days=9),
        amount=50_000,
        currency="CNY",
        suspense=suspense,
        recorded_by=teller,
        recorded_at=now(),
    )

    payment = place(suspense, loan, teller)

    line.refresh_from_db()
    assert (line.loan, line.payment) == (loan, payment)
    assert payment.entry is not None
    assert payment.entry.effective_date == line.booked_on
    assert payment.channel == "transfer"


def test_another_currency_is_refused(loan: Loan, teller: User) -> None:
    suspense = rest(currency="USD")

    with pytest.raises(SuspenseRefused):
        place(suspense, loan, teller)

    assert Suspense.objects.get().resolved_at is None
    assert not PostingKey.objects.exists()


def test_a_closed_loan_is_refused_and_nothing_is_kept(loan: Loan, teller: User) -> None:
    suspense = rest()
    Loan.objects.update(status=Loan.Status.CLOSED)

    with pytest.raises(SuspenseRefused):
        place(suspense, loan, teller)

    assert Suspense.objects.get().resolved_at is None
    assert not PostingKey.objects.exists()


def test_its_case_ends_with_it(loan: Loan, teller: User) -> None:
    suspense = rest()
    open_signaled_cases(now=now())
    place(suspense, loan, teller)

    open_signaled_cases(now=now())

    case = Case.objects.get(suspense=suspense)
    assert (case.status, case.close_reason) == ("closed", "answered")


def test_an_owner_is_kept_until_somebody_takes_over(teller: User, colleague: Colleague) -> None:
    suspense, other = rest(), colleague("other", "change_suspense")

    assert take_suspense(suspense_id=suspense.pk, owner=teller, actor=teller, now=now())
    assert not take_suspense(suspense_id=suspense.pk, owner=other, actor=other, now=now())
    assert hand_over_suspense(suspense_id=suspense.pk, owner=other, actor=other, now=now())

    assert Suspense.objects.get().owner == other


def test_who_claims_the_case_owns_the_money(teller: User) -> None:
    suspense = rest()
    open_signaled_cases(now=now())
    claim_case(case_id=Case.objects.get(suspense=suspense).pk, actor=teller, now=now())

    open_signaled_cases(now=now())

    assert Suspense.objects.get().owner == teller


def test_within_three_days_somebody_owns_it(teller: User, colleague: Colleague) -> None:
    free = colleague("free", "change_suspense")
    rest(object_id="pi_old", days=1, owner=teller)
    rest(object_id="pi_new", days=1)
    late = rest(object_id="pi_late", days=2)

    open_signaled_cases(now=now())

    late.refresh_from_db()
    assert late.owner == free, "who has the least of it"
    assert Suspense.objects.get(object_id="pi_new").owner is None


def test_where_nobody_may_place_it_its_case_comes_first(
    borrower: Borrower, caplog: pytest.LogCaptureFixture
) -> None:
    rest(days=2)

    open_signaled_cases(now=now())
    open_signaled_cases(now=now())
    open_signaled_cases(now=now())

    case = Case.objects.get()
    assert case.priority == 1
    assert case.due_at <= now()
    assert caplog.text.count("nobody may place") == 1


def test_money_of_a_second_charge_becomes_a_payment_of_its_own(
    borrower: Borrower, teller: User
) -> None:
    loan = make_loan(borrower, "L-9")
    first = place(rest(object_id="pi_first"), loan, teller)

    second = place(
        rest(object_id="pi_second", payment=first, cause=Suspense.Cause.SECOND), loan, teller
    )

    first.refresh_from_db()
    assert first.status == second.status == "succeeded"
    assert first.pk != second.pk
