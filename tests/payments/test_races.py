"""Many at once, on the real engine: one posting, one page.

Each race steps through a barrier: all have read the gateway before any writes. The twins take
guards away one by one; the last one, the unique key, is what holds alone, and without it the race
shows.
"""

import json
import threading
from collections.abc import Callable
from importlib import import_module
from itertools import count
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from repayments.clock import now
from repayments.ledger.models import JournalEntry
from repayments.ledger.services import verify_ledger
from repayments.loans.models import Loan
from repayments.loans.services import record_payment
from repayments.payments import gateway
from repayments.payments.models import GatewayEvent, Payment, PostingKey
from repayments.payments.services import resolve_payment, start_payment
from tests.payments.conftest import Pay, close_gateway_connection, events_of, signed
from tests.sandbox_server import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 16
# The package exports a function of the same name.
SETTLE: Any = import_module("repayments.payments.services.settle.payments")


def at_once(*works: Callable[[], object]) -> list[object]:
    """Run all together; gives what each returned or raised."""
    results: list[object] = [None] * len(works)
    gate = threading.Barrier(len(works))

    def run(position: int, work: Callable[[], object]) -> None:
        try:
            gate.wait(20)
            results[position] = work()
        except Exception as error:  # noqa: BLE001 - looked at by the test
            results[position] = error
        finally:
            close_gateway_connection()
            connections.close_all()

    threads = [
        threading.Thread(target=run, args=(position, work)) for position, work in enumerate(works)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def posted(loan: Loan) -> int:
    return JournalEntry.objects.filter(book=loan.book, kind=JournalEntry.Kind.PAYMENT).count()


def post(event: dict[str, Any]) -> int:
    body = json.dumps(event).encode()
    answer = Client().post(
        "/payments/webhook/",
        body,
        content_type="application/json",
        headers={"Stripe-Signature": signed(body)},
    )
    return answer.status_code


@pytest.fixture
def told(sandbox: Sandbox, pay: Pay) -> dict[str, dict[str, Any]]:
    """The events of a payment that was made, by type."""
    payment = pay(50_000)
    intent = gateway.fetch_session(payment.session_id).intent
    return {
        event["type"]: event
        for object_id in (payment.session_id, intent.id)
        for event in events_of(sandbox, object_id)
    }


def test_fault_2_f1_one_event_sixteen_times_at_once_posts_once(
    loan: Loan, told: dict[str, dict[str, Any]]
) -> None:
    event = told["checkout.session.completed"]

    answers = at_once(*[lambda: post(event)] * MANY)

    assert answers == [200] * MANY
    assert posted(loan) == 1
    assert GatewayEvent.objects.count() == 1
    assert verify_ledger() is None


def test_fault_3_f2_two_kinds_of_event_at_once_post_once(
    loan: Loan, told: dict[str, dict[str, Any]]
) -> None:
    kinds = ("checkout.session.completed", "payment_intent.succeeded")

    answers = at_once(*[lambda kind=kind: post(told[kind]) for kind in kinds * 4])

    assert answers == [200] * 8
    assert posted(loan) == 1


def all_fetched_before_any_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    real, gate = SETTLE._fetch, threading.Barrier(MANY)

    def fetch(object_type: str, object_id: str) -> Any:
        found = real(object_type, object_id)
        gate.wait(30)
        return found

    monkeypatch.setattr(SETTLE, "_fetch", fetch)


def settle_many_times(payment: Payment) -> list[object]:
    return at_once(*[lambda: resolve_payment(payment_id=payment.pk, now=now())] * MANY)


def take_all_guards_but_the_key_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """No lock, no look before, no conditional update, no reference the ledger would refuse."""
    numbers = count()

    def get(payment_id: int) -> Payment:
        payment: Payment = Payment.objects.select_related("loan").get(pk=payment_id)
        return payment

    def post_anew(**asked: Any) -> JournalEntry:
        return record_payment(**{**asked, "reference": f"{asked['reference']}-{next(numbers)}"})

    monkeypatch.setattr(SETTLE, "lock_payment", get)
    monkeypatch.setattr(SETTLE, "_is_settled", lambda intent: False)
    monkeypatch.setattr(SETTLE, "find_mismatch", lambda payment, intent: None)
    monkeypatch.setattr(SETTLE, "_claim", lambda *facts: True)
    monkeypatch.setattr(SETTLE, "record_payment", post_anew)


def test_sixteen_settlings_at_once_post_once(
    sandbox: Sandbox, loan: Loan, pay: Pay, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = pay(50_000)
    all_fetched_before_any_writes(monkeypatch)

    results = settle_many_times(payment)

    assert [one for one in results if isinstance(one, Exception)] == []
    assert posted(loan) == 1
    assert verify_ledger() is None


def test_the_unique_key_alone_holds_the_race(
    sandbox: Sandbox, loan: Loan, pay: Pay, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = pay(50_000)
    all_fetched_before_any_writes(monkeypatch)
    take_all_guards_but_the_key_away(monkeypatch)

    settle_many_times(payment)

    assert posted(loan) == 1
    assert PostingKey.objects.count() == 1


def test_twin_without_the_unique_key_the_race_shows(
    sandbox: Sandbox, loan: Loan, pay: Pay, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = pay(50_000)
    all_fetched_before_any_writes(monkeypatch)
    take_all_guards_but_the_key_away(monkeypatch)
    monkeypatch.setattr(SETTLE, "_take_key", lambda intent, now: True)

    settle_many_times(payment)

    assert posted(loan) > 1


def test_fault_25_two_tabs_pressing_pay_at_once_come_to_one_page(
    sandbox: Sandbox, loan: Loan
) -> None:
    def press() -> Payment:
        return start_payment(
            loan_id=loan.pk,
            purpose=Payment.Purpose.OTHER,
            amount=50_000,
            payoff_quote_id=None,
            language="en",
            actor=None,
            now=now(),
        )

    results = at_once(*[press] * 6)

    assert [one for one in results if isinstance(one, Exception)] == []
    assert len({one.checkout_url for one in results}) == 1
    assert Payment.objects.filter(loan=loan).count() == 1
