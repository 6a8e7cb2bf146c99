"""Which state may follow which, and what the gateway's objects stand for."""

from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest

from repayments.payments.gateway import CheckoutSession, IntentFacts
from repayments.payments.models import Payment
from repayments.payments.states import status_told

Status = Payment.Status
ENDINGS = {Status.FAILED, Status.CANCELED, Status.EXPIRED}


def session(status: str, payment_status: str = "unpaid") -> CheckoutSession:
    moment = datetime(2026, 11, 25, tzinfo=UTC)
    return CheckoutSession("cs_1", "https://pay.example", status, payment_status, moment, {}, None)


def intent(status: str) -> IntentFacts:
    return IntentFacts("pi_1", status, 100, 0, "CNY", {}, None, "", "", "")


@pytest.mark.parametrize(("before", "after"), list(product(Status, Status)))
def test_only_these_changes_exist(before: Status, after: Status) -> None:
    allowed = before in Payment.TRANSITIONS[after]

    if before == Status.SUCCEEDED or before == after or after == Status.CREATED:
        assert not allowed
    elif before in ENDINGS:
        # Late money is real money; nothing else follows an ending.
        assert allowed == (after == Status.SUCCEEDED)
    elif after == Status.SUCCEEDED:
        assert allowed
    elif before == Status.PROCESSING:
        assert allowed == (after in {Status.FAILED, Status.CANCELED})


def test_every_state_has_its_row() -> None:
    assert set(Payment.TRANSITIONS) == set(Status)


@pytest.mark.parametrize(
    ("of_session", "of_intent", "told"),
    [
        (None, None, None),
        (session("open"), None, Status.REDIRECTED),
        (session("open"), intent("requires_payment_method"), Status.REDIRECTED),
        (session("open"), intent("requires_action"), Status.ACTION_REQUIRED),
        (None, intent("requires_action"), Status.ACTION_REQUIRED),
        (session("open"), intent("processing"), Status.PROCESSING),
        (session("complete"), intent("processing"), Status.PROCESSING),
        (session("complete"), None, Status.PROCESSING),
        (session("complete"), intent("requires_payment_method"), Status.FAILED),
        (session("complete", "paid"), intent("succeeded"), Status.SUCCEEDED),
        (None, intent("succeeded"), Status.SUCCEEDED),
        # Fault 29: the session expires while the charge goes through.
        (session("expired"), intent("succeeded"), Status.SUCCEEDED),
        (session("expired"), intent("canceled"), Status.EXPIRED),
        (session("expired"), None, Status.EXPIRED),
        (session("open"), intent("canceled"), Status.CANCELED),
        (None, intent("canceled"), Status.CANCELED),
    ],
)
def test_session_and_intent_together_tell_the_state(
    of_session: Any, of_intent: Any, told: Status | None
) -> None:
    assert status_told(of_session, of_intent) == told
