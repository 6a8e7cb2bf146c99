"""Failed calls are forgotten after their time, in lots; those that are still needed are kept."""

from datetime import timedelta

import pytest

from repayments.clock import now
from repayments.loans.models import Loan
from repayments.payments import tasks
from repayments.payments.models import FailedCall, Payment
from repayments.payments.services import failed_calls
from repayments.payments.services.failed_calls import KEPT_DAYS, forget_failed_calls

pytestmark = pytest.mark.django_db


def note(*, days: int, payment: Payment | None = None, what: str = "call") -> FailedCall:
    call: FailedCall = FailedCall.objects.create(
        at=now() - timedelta(days=days), what=what, kind="GatewayTimeout", payment=payment
    )
    return call


def attempt(loan: Loan, status: str, *, needs_review: bool = False) -> Payment:
    payment: Payment = Payment.objects.create(
        loan=loan,
        amount=50_000,
        currency="CNY",
        status=status,
        needs_review=needs_review,
        language="en",
        created_at=now(),
        updated_at=now(),
    )
    return payment


def left() -> list[str]:
    return list(FailedCall.objects.order_by("pk").values_list("what", flat=True))


def test_calls_are_forgotten_after_their_time(loan: Loan) -> None:
    note(days=KEPT_DAYS + 1, what="old")
    note(days=KEPT_DAYS + 1, what="old", payment=attempt(loan, Payment.Status.FAILED))
    note(days=KEPT_DAYS - 1, what="lately")

    assert forget_failed_calls(now=now()) == 2
    assert left() == ["lately"]
    assert forget_failed_calls(now=now()) == 0


def test_what_a_person_still_needs_is_kept_whatever_its_age(loan: Loan) -> None:
    unknown = attempt(loan, Payment.Status.UNKNOWN)
    strange = attempt(loan, Payment.Status.FAILED, needs_review=True)
    note(days=400, what="not known", payment=unknown)
    note(days=400, what="for a person", payment=strange)
    note(days=400, what="old")

    tasks.forget_failed_calls()

    assert left() == ["not known", "for a person"]


def test_a_run_is_bounded_and_the_next_one_goes_on(
    loan: Loan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failed_calls, "LOT", 2)
    monkeypatch.setattr(failed_calls, "MOST_LOTS", 2)
    for _number in range(5):
        note(days=400)

    assert forget_failed_calls(now=now()) == 4
    assert forget_failed_calls(now=now()) == 1


def test_the_number_of_statements_follows_the_lots_not_the_rows(
    loan: Loan, django_assert_num_queries: object
) -> None:
    for _number in range(50):
        note(days=400)

    # The keys of a lot, and its deletion.
    with django_assert_num_queries(2):  # type: ignore[operator]
        forget_failed_calls(now=now())
