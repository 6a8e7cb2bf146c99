"""Two refunds at once whose sum is above the payment: one of them is refused, on the real engine.

The twins take the lock and the guards away; what holds alone then is the row's own constraint, and
without that the race shows.
"""

import threading
from importlib import import_module
from itertools import count
from typing import Any

import pytest

from repayments.clock import now
from repayments.ledger.models import JournalEntry
from repayments.ledger.services import verify_ledger
from repayments.loans.models import Loan
from repayments.loans.services import return_money
from repayments.payments import gateway
from repayments.payments.models import Payment, Refund
from repayments.payments.services import RefundRefused, send_refund, settle
from repayments.payments.services import refund as room
from repayments.payments.services.settle import REFUND
from tests.payments.conftest import Pay
from tests.payments.refunding import approve, colleague, propose, receive
from tests.payments.test_races import at_once
from tests.sandbox_server import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)

MANY = 6
SETTLE: Any = import_module("repayments.payments.services.settle.refunds")
RETURNS: Any = import_module("repayments.payments.services.settle.returns")


def propose_two(payment: Payment) -> list[object]:
    colleague("an")
    return at_once(*[lambda: propose(payment, 30_000)] * 2)


def all_look_before_any_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have seen that enough is left before either holds it; no lock keeps them apart."""
    gate = threading.Barrier(2)
    check = room._check

    def look(*asked: Any) -> None:
        check(*asked)
        gate.wait(20)

    def get(payment_id: int) -> Payment:
        payment: Payment = Payment.objects.select_related("loan").get(pk=payment_id)
        return payment

    monkeypatch.setattr(room, "_check", look)
    monkeypatch.setattr(room, "lock_payment", get)


def test_two_refunds_at_once_never_pass_the_payment(sandbox: Sandbox, pay: Pay) -> None:
    payment = receive(pay)

    results = propose_two(payment)

    assert [isinstance(one, RefundRefused) for one in results].count(True) == 1
    payment.refresh_from_db()
    assert payment.going_back == 30_000
    assert Refund.objects.count() == 1


@pytest.mark.postgresql
def test_the_conditional_update_alone_holds_the_race(
    sandbox: Sandbox, pay: Pay, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = receive(pay)
    all_look_before_any_holds(monkeypatch)

    results = propose_two(payment)

    assert [isinstance(one, RefundRefused) for one in results].count(True) == 1
    assert Refund.objects.count() == 1


@pytest.mark.postgresql
def test_twin_without_the_guard_both_are_proposed(
    sandbox: Sandbox, pay: Pay, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = receive(pay)
    all_look_before_any_holds(monkeypatch)
    monkeypatch.setattr(room, "hold_back", lambda source, amount: True)

    propose_two(payment)

    assert sum(Refund.objects.values_list("amount", flat=True)) > payment.amount_received


def posted(loan: Loan) -> int:
    return JournalEntry.objects.filter(book=loan.book, kind=JournalEntry.Kind.REFUND).count()


def test_one_refund_sent_and_told_of_by_many_at_once_is_one(
    sandbox: Sandbox, pay: Pay, loan: Loan
) -> None:
    refund = approve(propose(receive(pay), 20_000))

    results = at_once(*[lambda: send_refund(refund_id=refund.pk, now=now())] * MANY)
    refund.refresh_from_db()
    results += at_once(
        *[lambda: settle(object_type=REFUND, object_id=refund.refund_id, now=now())] * MANY
    )

    # The gateway may have asked one of them to come back: the key was in use at that moment.
    known = (Refund, gateway.GatewayBusy)
    assert [one for one in results if not isinstance(one, known)] == []
    assert posted(loan) == 1
    assert Refund.objects.count() == 1
    assert verify_ledger() is None


@pytest.fixture
def arrived(sandbox: Sandbox, pay: Pay) -> str:
    """A refund that was pending here and has arrived since."""
    payment = receive(pay)
    made = sandbox.control(f"charges/{payment.charge_id}/refund", amount=20_000, status="pending")
    refund_id = str(made["refund"]["id"])
    settle(object_type=REFUND, object_id=refund_id, now=now())
    sandbox.control(f"refunds/{refund_id}/succeed")
    return refund_id


def settle_many_times(refund_id: str) -> list[object]:
    def work() -> object:
        return settle(object_type=REFUND, object_id=refund_id, now=now())

    return at_once(*[work] * MANY)


def take_all_guards_but_the_key_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """No lock, no conditional update, no reference that the ledger would refuse."""
    numbers = count()

    def get(payment_id: int) -> Payment:
        payment: Payment = Payment.objects.select_related("loan").get(pk=payment_id)
        return payment

    def post_anew(**asked: Any) -> JournalEntry:
        return return_money(**{**asked, "reference": f"{asked['reference']}-{next(numbers)}"})

    from_any = [Refund.Status.PENDING, Refund.Status.SUCCEEDED]
    monkeypatch.setattr(SETTLE, "lock_payment", get)
    monkeypatch.setattr(RETURNS, "return_money", post_anew)
    monkeypatch.setitem(Refund.TRANSITIONS, Refund.Status.SUCCEEDED, from_any)


def test_many_settlings_at_once_post_once(arrived: str, loan: Loan) -> None:
    results = settle_many_times(arrived)

    assert [one for one in results if isinstance(one, Exception)] == []
    assert posted(loan) == 1
    assert verify_ledger() is None


def test_the_unique_key_alone_posts_once(
    arrived: str, loan: Loan, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_all_guards_but_the_key_away(monkeypatch)

    settle_many_times(arrived)

    assert posted(loan) == 1


def test_twin_without_the_unique_key_it_posts_again(
    arrived: str, loan: Loan, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_all_guards_but_the_key_away(monkeypatch)
    monkeypatch.setattr(RETURNS, "take_key", lambda **asked: True)

    settle_many_times(arrived)

    assert posted(loan) > 1
