"""An intent that lost or changed its name at the gateway: its attempt ends, its money counts once.

Found by the simulator (seeds 22 and 49 of its first run): the attempt stayed at the gateway's page
for ever, and its loan could not be paid again.
"""

from dataclasses import replace

import pytest

from repayments.clock import now
from repayments.ledger.models import JournalEntry
from repayments.loans.models import Loan
from repayments.payments import gateway
from repayments.payments.models import Payment, Suspense
from repayments.payments.services import settle
from repayments.payments.services.settle import INTENT, SESSION
from tests.payments.conftest import Pay
from tests.sandbox_server import Sandbox

pytestmark = pytest.mark.django_db

Status = Payment.Status


def rename(payment: Payment, metadata: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Let a payment's intent bear other metadata from now on; gives its id."""
    session = gateway.fetch_session(payment.session_id)
    assert session.intent is not None
    intent = replace(session.intent, metadata=metadata)
    monkeypatch.setattr(gateway, "fetch_intent", lambda _id: intent)
    monkeypatch.setattr(gateway, "fetch_session", lambda _id: replace(session, intent=intent))
    return intent.id


def test_an_attempt_waits_with_its_money_that_came_unnamed(
    sandbox: Sandbox, pay: Pay, loan: Loan, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = pay(50_000)
    intent_id = rename(payment, {}, monkeypatch)
    settle(object_type=INTENT, object_id=intent_id, now=now())
    assert Suspense.objects.get().payment is None

    for _ in range(2):
        settled = settle(object_type=SESSION, object_id=payment.session_id, now=now())

    assert Suspense.objects.get().payment == payment
    assert (settled.status, settled.needs_review) == (Status.PROCESSING, True)


def test_an_attempt_ends_whose_money_was_posted_to_another(
    sandbox: Sandbox,
    start: Pay,
    pay: Pay,
    other_loan: Loan,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other = start(50_000, to=other_loan)
    payment = pay(50_000)
    names = {"payment": str(other.public_id), "loan": str(other_loan.public_id)}
    intent_id = rename(payment, names, monkeypatch)
    settle(object_type=INTENT, object_id=intent_id, now=now())

    for _ in range(2):
        settled = settle(object_type=SESSION, object_id=payment.session_id, now=now())

    assert (settled.status, settled.needs_review) == (Status.CANCELED, True)
    assert JournalEntry.objects.get(kind=JournalEntry.Kind.PAYMENT).book == other_loan.book
    monkeypatch.undo()
    assert start(50_000).status == Status.REDIRECTED


def test_an_intent_that_took_another_name_says_nothing_of_that_attempt(
    sandbox: Sandbox,
    start: Pay,
    other_loan: Loan,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Seed 230: it became the other's intent, and news of its own attempt failed from then on."""
    other, payment = start(50_000, to=other_loan), start(50_000)
    sandbox.control(f"sessions/{payment.session_id}/pay", card="0002")
    intent = gateway.fetch_session(payment.session_id).intent
    assert intent is not None
    gateway.expire_session(other.session_id, key="closed other")
    names = {"payment": str(other.public_id), "loan": str(other_loan.public_id)}
    with monkeypatch.context() as patch:
        patch.setattr(gateway, "fetch_intent", lambda _id: replace(intent, metadata=names))
        settle(object_type=INTENT, object_id=intent.id, now=now())
    gateway.expire_session(payment.session_id, key="closed")

    settled = settle(object_type=SESSION, object_id=payment.session_id, now=now())

    assert (settled.status, settled.intent_id) == (Status.EXPIRED, intent.id)
    other.refresh_from_db()
    assert (other.status, other.intent_id) == (Status.EXPIRED, "")
