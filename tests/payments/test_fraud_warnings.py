"""A bank's warning of fraud reaches a person once, also where our key may not read it."""

from typing import Any

import pytest

from repayments.audit.models import Event
from repayments.cases.models import Case
from repayments.cases.reasons import reason_sentence
from repayments.clock import now
from repayments.loans.models import Loan
from repayments.payments.models import FailedCall, FraudWarning, GatewayEvent, Payment
from repayments.payments.services import settle
from repayments.payments.services.settle import WARNING
from tests.payments.conftest import Deliver, Pay, close_gateway_connection
from tests.payments.refunding import money_of, receive
from tests.sandbox_server import Sandbox
from tests.stripe_sandbox.calls import call

pytestmark = pytest.mark.django_db

RESTRICTED = "rk_test_warnings"
ALLOWED = ["charge_read", "dispute_read", "event_read", "payment_intent_write"]


def warn(sandbox: Sandbox, payment: Payment) -> dict[str, Any]:
    """The bank reports the payment; gives the event that tells of it."""
    sandbox.control(f"charges/{payment.charge_id}/early-fraud-warning")
    _status, found, _headers = call(sandbox, "GET", "/v1/events?limit=1")
    event: dict[str, Any] = found["data"][0]
    assert event["type"] == "radar.early_fraud_warning.created"
    return event


def test_a_warning_names_the_payment_and_what_to_do(
    sandbox: Sandbox, pay: Pay, loan: Loan, deliver: Deliver
) -> None:
    payment = receive(pay)
    event = warn(sandbox, payment)

    for _time in range(2):
        assert deliver(event).status_code == 200

    warning = FraudWarning.objects.get()
    assert (warning.payment, warning.is_read) == (payment, True)
    case = Case.objects.get(reason="fraud_warning")
    assert (case.payment, case.loan) == (payment, loan)
    assert "refund it now" in reason_sentence(case.reason, case.reason_facts)
    assert "¥500.00" in reason_sentence(case.reason, case.reason_facts)
    assert Event.objects.filter(action="payments.fraud_warning").count() == 1
    assert GatewayEvent.objects.get(event_id=event["id"]).processed_at is not None
    # It is a hint: no money moves.
    assert money_of(loan) == [50_000]


@pytest.mark.parametrize("permitted", [True, False])
def test_fault_45_a_key_that_may_not_read_warnings_still_calls_a_person_and_asks_once(
    sandbox: Sandbox,
    pay: Pay,
    deliver: Deliver,
    settings: Any,
    permitted: bool,
) -> None:
    event = warn(sandbox, receive(pay))
    sandbox.control(
        "keys", key=RESTRICTED, permissions=[*ALLOWED, *(["radar_read"] if permitted else [])]
    )
    close_gateway_connection()
    settings.STRIPE_SECRET_KEY = RESTRICTED

    deliver(event)

    warning = FraudWarning.objects.get()
    assert (warning.is_read, warning.payment is not None) == (permitted, permitted)
    case = Case.objects.get(reason="fraud_warning")
    words = reason_sentence(case.reason, case.reason_facts)
    assert ("our key may not read" in words) is not permitted
    if not permitted:
        assert warning.warning_id in words
    row = GatewayEvent.objects.get(event_id=event["id"])
    assert (row.processed_at is not None, row.attempts, row.error) == (True, 1, "")
    assert FailedCall.objects.count() == (0 if permitted else 1)


def test_what_could_not_be_read_is_filled_in_once_it_may_be(sandbox: Sandbox, pay: Pay) -> None:
    payment = receive(pay)
    event = warn(sandbox, payment)
    name = event["data"]["object"]["id"]
    FraudWarning.objects.create(warning_id=name, seen_at=now())

    settle(object_type=WARNING, object_id=name, now=now())

    assert FraudWarning.objects.get().payment == payment


def test_a_warning_the_gateway_does_not_know_is_no_endless_retry(sandbox: Sandbox) -> None:
    settle(object_type=WARNING, object_id="issfr_gone", now=now())

    assert FraudWarning.objects.get().is_read is False
    assert FailedCall.objects.count() == 1
