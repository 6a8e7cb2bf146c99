"""What of refunds needs a person comes into the work queue, and leaves it once it is decided."""

from typing import Any

import pytest

from repayments.cases.models import Case
from repayments.cases.reasons import reason_sentence
from repayments.cases.services.due import open_signaled_cases
from repayments.clock import now
from repayments.loans.models import Loan
from repayments.payments.models import CreditChoice, Refund
from repayments.payments.services import choose_credit, decline_refund, send_refund, settle
from repayments.payments.services.settle import REFUND
from tests.payments.conftest import Pay
from tests.payments.refunding import approve, colleague, propose, receive
from tests.sandbox_server import Sandbox

pytestmark = pytest.mark.django_db


def sentence(case: Case) -> str:
    return reason_sentence(case.reason, case.reason_facts)


def test_a_wish_for_money_back_is_in_the_queue_until_it_is_decided(
    sandbox: Sandbox, pay: Pay, loan: Loan, django_capture_on_commit_callbacks: Any
) -> None:
    receive(pay, 500_000)
    with django_capture_on_commit_callbacks(execute=True):
        choose_credit(
            loan_id=loan.pk,
            choice=CreditChoice.Choice.REFUND,
            actor=loan.borrower.user,
            now=now(),
        )
    case = Case.objects.get(loan=loan)
    assert (case.kind, case.reason) == ("payment_exception", "refund_asked")
    assert "asks for" in sentence(case)
    assert open_signaled_cases(now=now()) == 0

    refund = Refund.objects.get()
    decline_refund(refund_id=refund.pk, note="no", actor=colleague("bo"), now=now())
    open_signaled_cases(now=now())

    case.refresh_from_db()
    assert (case.status, case.close_reason) == ("closed", "answered")
    assert Case.objects.count() == 1


def test_a_refund_that_did_not_arrive_is_in_the_queue_with_its_reason(
    sandbox: Sandbox, pay: Pay, loan: Loan, django_capture_on_commit_callbacks: Any
) -> None:
    refund = send_refund(refund_id=approve(propose(receive(pay), 20_000)).pk, now=now())
    sandbox.control(f"refunds/{refund.refund_id}/fail", reason="expired_or_canceled_card")

    with django_capture_on_commit_callbacks(execute=True):
        settle(object_type=REFUND, object_id=refund.refund_id, now=now())

    case = Case.objects.get(loan=loan)
    assert case.reason == "refund_failed"
    assert "¥200.00" in sentence(case)
    assert "The card has expired" in sentence(case)


def test_what_the_gateway_refused_is_in_the_queue_with_its_reason(
    sandbox: Sandbox, pay: Pay, loan: Loan, django_capture_on_commit_callbacks: Any
) -> None:
    payment = receive(pay)
    refund = approve(propose(payment, 20_000))
    sandbox.control(f"charges/{payment.charge_id}/dispute")

    with django_capture_on_commit_callbacks(execute=True):
        send_refund(refund_id=refund.pk, now=now())

    case = Case.objects.get(loan=loan)
    assert "bank has taken this payment back" in sentence(case)


def test_what_staff_only_propose_is_no_case(
    sandbox: Sandbox, pay: Pay, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        propose(receive(pay), 20_000)

    assert open_signaled_cases(now=now()) == 0
    assert not Case.objects.exists()
