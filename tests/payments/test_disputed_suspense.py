"""A bank questions money that fits nothing: what it took cannot be placed, and a person knows."""

import pytest

from repayments.cases.models import Case
from repayments.cases.services import open_signaled_cases
from repayments.clock import now
from repayments.loans.models import Loan
from repayments.payments import gateway
from repayments.payments.models import Dispute, Payment, Refund, Suspense
from repayments.payments.services import (
    ChargeDisputed,
    NothingToRefund,
    SuspenseAlreadyPlaced,
    propose_refund,
    resolve_payment,
    resolve_suspense_to_loan,
    settle,
)
from repayments.payments.services.settle import DISPUTE
from tests.payments.conftest import Pay
from tests.payments.refunding import colleague, money_of
from tests.sandbox_server import Sandbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def suspense(sandbox: Sandbox, pay: Pay) -> Suspense:
    """Money of another amount than was asked for."""
    payment = pay(50_000)
    Payment.objects.filter(pk=payment.pk).update(amount=40_000)
    resolve_payment(payment_id=payment.pk, now=now())
    open_signaled_cases(now=now())
    return Suspense.objects.get()


@pytest.fixture
def dispute_id(sandbox: Sandbox, suspense: Suspense) -> str:
    charge = gateway.fetch_intent(suspense.object_id).charge_id
    made: str = sandbox.control(f"charges/{charge}/dispute", withdraw=False)["dispute"]["id"]
    return made


def heard(dispute_id: str) -> Suspense:
    """Bring the news in, twice, as a gateway does."""
    for _time in range(2):
        settle(object_type=DISPUTE, object_id=dispute_id, now=now())
    return Suspense.objects.get()


def place(suspense: Suspense, loan: Loan) -> None:
    resolve_suspense_to_loan(
        suspense_id=suspense.pk,
        loan_id=loan.pk,
        reason="theirs",
        actor=colleague("an"),
        now=now(),
    )


def refund(suspense: Suspense) -> Refund:
    return propose_refund(
        suspense_id=suspense.pk,
        amount=10_000,
        reason=Refund.Reason.OTHER,
        note="",
        actor=colleague("an"),
        origin=Refund.Origin.STAFF,
        now=now(),
    )


def test_what_the_bank_took_is_not_there_to_be_placed_or_refunded(
    sandbox: Sandbox, suspense: Suspense, loan: Loan, dispute_id: str
) -> None:
    assert heard(dispute_id).going_back == 0
    sandbox.control(f"disputes/{dispute_id}/withdraw")

    after = heard(dispute_id)

    assert (after.going_back, after.refundable, after.resolved_at) == (50_000, 0, None)
    dispute = Dispute.objects.get()
    assert (dispute.suspense, dispute.withdrawn) == (suspense, 50_000)
    with pytest.raises(SuspenseAlreadyPlaced):
        place(after, loan)
    with pytest.raises(NothingToRefund):
        refund(after)
    # Its attempt had a case before; a loan has one of this kind at a time.
    assert Case.objects.open().get().payment == suspense.payment
    assert money_of(loan) == []


def test_money_the_bank_keeps_is_closed_with_its_case(
    sandbox: Sandbox, suspense: Suspense, dispute_id: str
) -> None:
    sandbox.control(f"disputes/{dispute_id}/withdraw")
    heard(dispute_id)
    sandbox.control(f"disputes/{dispute_id}/lose")

    after = heard(dispute_id)
    open_signaled_cases(now=now())

    assert after.resolution == Suspense.Resolution.TAKEN
    assert after.resolved_at is not None
    assert not Case.objects.open().filter(suspense=suspense).exists()


def test_money_the_bank_gave_back_can_be_placed_and_the_books_end_as_the_gateway(
    sandbox: Sandbox, suspense: Suspense, loan: Loan, dispute_id: str
) -> None:
    sandbox.control(f"disputes/{dispute_id}/withdraw")
    heard(dispute_id)
    sandbox.control(f"disputes/{dispute_id}/win")

    after = heard(dispute_id)
    assert (after.going_back, after.resolution) == (0, "")
    place(after, loan)
    settle(object_type=DISPUTE, object_id=dispute_id, now=now())

    assert sum(money_of(loan)) == 50_000


def test_a_dispute_whose_case_was_closed_opens_another(
    sandbox: Sandbox, suspense: Suspense, dispute_id: str
) -> None:
    Case.objects.update(status="closed", close_reason="no_action", closed_at=now())

    heard(dispute_id)
    open_signaled_cases(now=now())

    case = Case.objects.open().get()
    assert (case.reason, case.suspense) == ("payment_disputed", suspense)


def test_a_refund_is_refused_while_the_bank_asks(
    sandbox: Sandbox, suspense: Suspense, dispute_id: str
) -> None:
    heard(dispute_id)

    with pytest.raises(ChargeDisputed):
        refund(suspense)
