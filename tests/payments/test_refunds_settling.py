"""Refunds whose news comes in any order, twice, early or with a bad end."""

from itertools import permutations
from typing import Any

import pytest

from repayments.clock import now, today
from repayments.contacts.models import Message
from repayments.ledger.services import verify_ledger
from repayments.loans.models import Loan
from repayments.loans.queries import get_position
from repayments.payments import gateway
from repayments.payments.models import GatewayEvent, Payment, PostingKey, Refund
from repayments.payments.services import send_refund, settle
from repayments.payments.services.settle import REFUND
from tests.payments.conftest import Deliver, Pay, events_of
from tests.payments.refunding import approve, money_of, propose, receive
from tests.sandbox_server import Sandbox

pytestmark = pytest.mark.django_db

Status = Refund.Status


def made_there(sandbox: Sandbox, payment: Payment, **asked: Any) -> str:
    made = sandbox.control(f"charges/{payment.charge_id}/refund", **asked)
    return str(made["refund"]["id"])


def test_fault_33_a_refund_before_its_payment_settles_the_payment_first(
    sandbox: Sandbox, pay: Pay, loan: Loan, deliver: Deliver
) -> None:
    payment = pay(50_000)
    intent = gateway.fetch_session(payment.session_id).intent
    made = sandbox.control(f"charges/{intent.charge_id}/refund", amount=20_000)["refund"]
    news = next(one for one in events_of(sandbox, made["id"]) if one["type"] == "refund.created")

    assert deliver(news).status_code == 200

    payment.refresh_from_db()
    assert payment.status == Payment.Status.SUCCEEDED
    assert payment.going_back == 20_000
    assert money_of(loan) == [50_000, -20_000]
    assert verify_ledger() is None


def test_fault_34_a_pending_refund_that_fails_posts_nothing(
    sandbox: Sandbox, pay: Pay, loan: Loan
) -> None:
    payment = receive(pay)
    refund_id = made_there(sandbox, payment, amount=20_000, status="pending")
    pending = settle(object_type=REFUND, object_id=refund_id, now=now())
    payment.refresh_from_db()
    assert (pending.status, payment.going_back) == (Status.PENDING, 20_000)
    assert money_of(loan) == [50_000]

    sandbox.control(f"refunds/{refund_id}/fail", reason="expired_or_canceled_card")
    for _ in range(2):
        failed = settle(object_type=REFUND, object_id=refund_id, now=now())

    payment.refresh_from_db()
    assert (failed.status, failed.failure) == (Status.FAILED, "expired_or_canceled_card")
    assert payment.going_back == 0
    assert money_of(loan) == [50_000]
    assert not PostingKey.objects.filter(object_id=refund_id).exists()


def test_fault_34_a_refund_that_fails_after_it_was_posted_is_undone(
    sandbox: Sandbox, pay: Pay, loan: Loan
) -> None:
    payment = receive(pay)
    day = today()
    before = get_position(loan=loan, as_of=day)
    refund = send_refund(refund_id=approve(propose(payment, 20_000)).pk, now=now())
    sandbox.control(f"refunds/{refund.refund_id}/fail")

    for _ in range(3):
        failed = settle(object_type=REFUND, object_id=refund.refund_id, now=now())

    payment.refresh_from_db()
    assert failed.status == Status.FAILED
    assert failed.undo_entry.reverses == failed.entry
    assert payment.going_back == 0
    assert money_of(loan) == [50_000, -20_000, 20_000]
    assert get_position(loan=loan, as_of=day) == before
    assert verify_ledger() is None
    keys = PostingKey.objects.filter(object_id=refund.refund_id)
    assert sorted(keys.values_list("entry_kind", flat=True)) == ["refund", "refund_reversal"]
    # They were told that it was sent, so they are told that it was not.
    told = Message.objects.filter(business_key__endswith=str(refund.public_id))
    assert sorted(one.business_key.split(":")[0] for one in told) == [
        "refund_failed",
        "refund_sent",
    ]
    # What failed may be tried again: a new row, a new key.
    assert (
        send_refund(refund_id=approve(propose(payment, 50_000)).pk, now=now()).status
        == Status.SUCCEEDED
    )


def test_fault_34_a_canceled_refund_ends_the_same(sandbox: Sandbox, pay: Pay, loan: Loan) -> None:
    payment = receive(pay)
    refund_id = made_there(sandbox, payment, amount=20_000, status="pending")
    settle(object_type=REFUND, object_id=refund_id, now=now())
    sandbox.control(f"refunds/{refund_id}/cancel")

    canceled = settle(object_type=REFUND, object_id=refund_id, now=now())

    payment.refresh_from_db()
    assert (canceled.status, payment.going_back) == (Status.CANCELED, 0)
    assert money_of(loan) == [50_000]


def test_a_pending_refund_is_posted_when_it_arrives(sandbox: Sandbox, pay: Pay, loan: Loan) -> None:
    payment = receive(pay)
    refund_id = made_there(sandbox, payment, amount=20_000, status="pending")
    settle(object_type=REFUND, object_id=refund_id, now=now())
    sandbox.control(f"refunds/{refund_id}/succeed")

    arrived = settle(object_type=REFUND, object_id=refund_id, now=now())

    assert arrived.status == Status.SUCCEEDED
    assert money_of(loan) == [50_000, -20_000]


def test_fault_36_every_event_of_a_refund_in_any_order_posts_once(
    sandbox: Sandbox, pay: Pay, loan: Loan, deliver: Deliver
) -> None:
    payment = receive(pay)
    refund_id = made_there(sandbox, payment, amount=20_000)
    told = events_of(sandbox, refund_id) + events_of(sandbox, payment.charge_id)
    kinds = {one["type"] for one in told}
    assert {"refund.created", "refund.updated", "charge.refunded"} <= kinds
    one_each = [next(one for one in told if one["type"] == kind) for kind in sorted(kinds)]

    for order in list(permutations(one_each))[:12]:
        GatewayEvent.objects.all().delete()
        for event in [*order, order[0]]:
            assert deliver(event).status_code == 200

    assert money_of(loan) == [50_000, -20_000]
    assert Refund.objects.count() == 1
    assert GatewayEvent.objects.unprocessed().count() == 0
    assert verify_ledger() is None


def test_old_news_does_not_take_a_refund_back(
    sandbox: Sandbox, pay: Pay, loan: Loan, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = receive(pay)
    refund_id = made_there(sandbox, payment, amount=20_000, status="pending")
    stale = gateway.fetch_refund(refund_id)
    sandbox.control(f"refunds/{refund_id}/succeed")
    succeeded = gateway.fetch_refund(refund_id)
    settle(object_type=REFUND, object_id=refund_id, now=now())
    sandbox.control(f"refunds/{refund_id}/fail")
    settle(object_type=REFUND, object_id=refund_id, now=now())

    for old in (stale, succeeded):
        monkeypatch.setattr(gateway, "fetch_refund", lambda _id, old=old: old)
        late = settle(object_type=REFUND, object_id=refund_id, now=now())

    assert late.status == Status.FAILED
    assert money_of(loan) == [50_000, -20_000, 20_000]


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_f3_every_order_of_a_refund_that_fails_ends_the_same(
    sandbox: Sandbox,
    pay: Pay,
    loan: Loan,
    monkeypatch: pytest.MonkeyPatch,
    order: tuple[int, ...],
) -> None:
    payment = receive(pay)
    refund_id = made_there(sandbox, payment, amount=20_000, status="pending")
    copies = [gateway.fetch_refund(refund_id)]
    for act in ("succeed", "fail"):
        sandbox.control(f"refunds/{refund_id}/{act}")
        copies.append(gateway.fetch_refund(refund_id))

    for position in order:
        monkeypatch.setattr(gateway, "fetch_refund", lambda _id, at=position: copies[at])
        refund = settle(object_type=REFUND, object_id=refund_id, now=now())

    payment.refresh_from_db()
    assert refund.status == Status.FAILED
    assert sum(money_of(loan)) == 50_000
    assert payment.going_back == 0
    assert verify_ledger() is None


def test_more_than_the_books_hold_is_for_a_person(
    sandbox: Sandbox, pay: Pay, loan: Loan, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = receive(pay)
    refund_id = made_there(sandbox, payment, amount=20_000)
    settle(object_type=REFUND, object_id=refund_id, now=now())
    told = gateway.fetch_refund(refund_id)
    facts = type(told)(**{**vars(told), "id": "re_beyond", "amount": 40_000})
    monkeypatch.setattr(gateway, "fetch_refund", lambda _id: facts)

    settle(object_type=REFUND, object_id="re_beyond", now=now())

    payment.refresh_from_db()
    assert money_of(loan) == [50_000, -20_000, -30_000]
    assert payment.needs_review
    assert payment.going_back == 50_000
    assert verify_ledger() is None
