"""A bank questions a payment: what is held, what moves, what is said."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from repayments.cases.models import Case
from repayments.clock import lender_zone, now, today
from repayments.contacts.models import Hold
from repayments.ledger.services import verify_ledger
from repayments.loans.models import Loan
from repayments.loans.queries import get_position
from repayments.payments import gateway
from repayments.payments.models import (
    Dispute,
    GatewayEvent,
    Payment,
    PostingKey,
    Suspense,
)
from repayments.payments.services import (
    resolve_suspense_to_loan,
    send_refund,
    settle,
)
from repayments.payments.services.settle import DISPUTE, REFUND
from tests.factories.accounts import make_user
from tests.payments.conftest import Deliver, Pay, events_of, session_request
from tests.payments.refunding import approve, money_of, propose, receive
from tests.sandbox_server import Sandbox

pytestmark = pytest.mark.django_db


def open_dispute(sandbox: Sandbox, payment: Payment, **asked: Any) -> str:
    made = sandbox.control(f"charges/{payment.charge_id}/dispute", **asked)
    return str(made["dispute"]["id"])


def look(dispute_id: str) -> Dispute:
    found: Dispute = settle(object_type=DISPUTE, object_id=dispute_id, now=now())
    return found


def is_held(loan: Loan) -> bool:
    return Hold.objects.filter(
        borrower=loan.borrower, name="payment_dispute", lifted_at__isnull=True
    ).exists()


def going_back(payment: Payment) -> int:
    payment.refresh_from_db()
    return payment.going_back


def test_fault_37_a_dispute_takes_and_gives_back_as_the_money_moves(
    sandbox: Sandbox, pay: Pay, loan: Loan
) -> None:
    day = today()
    without = get_position(loan=loan, as_of=day).past_due_amount
    payment = receive(pay)
    dispute_id = open_dispute(sandbox, payment, withdraw=False)
    assert look(dispute_id).status == "needs_response"
    assert money_of(loan) == [50_000]
    assert is_held(loan)

    sandbox.control(f"disputes/{dispute_id}/withdraw")
    look(dispute_id)
    assert money_of(loan) == [50_000, -50_000]
    assert get_position(loan=loan, as_of=day).past_due_amount == without
    assert going_back(payment) == 50_000

    sandbox.control(f"disputes/{dispute_id}/win")
    for _ in range(2):
        won = look(dispute_id)

    assert won.status == "won"
    assert won.closed_at is not None
    assert money_of(loan) == [50_000, -50_000, 50_000]
    assert get_position(loan=loan, as_of=day).past_due_amount == without - 50_000
    assert going_back(payment) == 0
    assert not is_held(loan)
    assert verify_ledger() is None
    keys = PostingKey.objects.filter(object_id=dispute_id)
    assert sorted(keys.values_list("entry_kind", flat=True)) == [
        "chargeback",
        "chargeback_reversal",
    ]


def test_fault_37_a_lost_dispute_takes_once(sandbox: Sandbox, pay: Pay, loan: Loan) -> None:
    payment = receive(pay)
    dispute_id = open_dispute(sandbox, payment)
    look(dispute_id)
    sandbox.control(f"disputes/{dispute_id}/lose")
    for _ in range(2):
        lost = look(dispute_id)

    assert lost.status == "lost"
    assert money_of(loan) == [50_000, -50_000]
    assert going_back(payment) == 50_000
    assert not is_held(loan)
    payment.refresh_from_db()
    # What became of it is told by the dispute; the payment itself stays what it was.
    assert payment.status == Payment.Status.SUCCEEDED


def test_fault_37_an_inquiry_moves_nothing(sandbox: Sandbox, pay: Pay, loan: Loan) -> None:
    payment = receive(pay)
    dispute_id = open_dispute(sandbox, payment, inquiry=True)
    assert look(dispute_id).is_inquiry
    assert is_held(loan)

    sandbox.control(f"disputes/{dispute_id}/close-inquiry")
    closed = look(dispute_id)

    assert closed.status == "warning_closed"
    assert money_of(loan) == [50_000]
    assert not is_held(loan)


def test_fault_37_an_inquiry_that_becomes_a_chargeback_takes_the_money(
    sandbox: Sandbox, pay: Pay, loan: Loan
) -> None:
    payment = receive(pay)
    dispute_id = open_dispute(sandbox, payment, inquiry=True)
    look(dispute_id)
    sandbox.control(f"disputes/{dispute_id}/withdraw")

    assert look(dispute_id).status == "needs_response"
    assert money_of(loan) == [50_000, -50_000]


@pytest.mark.parametrize("end", ["win", "lose"])
def test_fault_38_events_in_any_order_end_the_same(
    sandbox: Sandbox, pay: Pay, loan: Loan, deliver: Deliver, end: str
) -> None:
    payment = receive(pay)
    dispute_id = open_dispute(sandbox, payment)
    sandbox.control(f"disputes/{dispute_id}/{end}")
    told = [one for one in events_of(sandbox, dispute_id) if "dispute" in one["type"]]
    assert len(told) == (4 if end == "win" else 3)

    for order in [told[::-1], *list(permutations(told))[:6]]:
        GatewayEvent.objects.all().delete()
        for event in [*order, order[0]]:
            assert deliver(event).status_code == 200

    back = [50_000] if end == "win" else []
    assert money_of(loan) == [50_000, -50_000, *back]
    assert Dispute.objects.get().status == ("won" if end == "win" else "lost")
    assert not is_held(loan)
    assert verify_ledger() is None


def test_fault_38_each_copy_of_the_truth_in_reverse_ends_the_same(
    sandbox: Sandbox, pay: Pay, loan: Loan, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = receive(pay)
    dispute_id = open_dispute(sandbox, payment, withdraw=False)
    copies = [gateway.fetch_dispute(dispute_id)]
    for act in ("withdraw", "review", "win"):
        sandbox.control(f"disputes/{dispute_id}/{act}")
        copies.append(gateway.fetch_dispute(dispute_id))

    for copy in reversed(copies):
        monkeypatch.setattr(gateway, "fetch_dispute", lambda _id, copy=copy: copy)
        dispute = look(dispute_id)

    assert dispute.status == "won"
    assert money_of(loan) == [50_000, -50_000, 50_000]
    assert not is_held(loan)


def test_money_the_bank_took_later_than_it_asked_went_on_the_day_it_was_taken(
    sandbox: Sandbox, pay: Pay, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = receive(pay)
    at = now()
    Payment.objects.filter(pk=payment.pk).update(succeeded_at=at - timedelta(days=20))
    dispute_id = open_dispute(sandbox, payment)
    told = gateway.fetch_dispute(dispute_id)
    assert told.withdrawn_at is not None
    asked, taken = at - timedelta(days=10), at - timedelta(days=3)
    later = replace(told, created_at=asked, withdrawn_at=taken)
    monkeypatch.setattr(gateway, "fetch_dispute", lambda _id: later)

    entry = look(dispute_id).withdrawn_entry

    assert entry is not None
    assert entry.effective_date == taken.astimezone(lender_zone()).date()


def test_a_dispute_before_its_payment_settles_the_payment_first(
    sandbox: Sandbox, pay: Pay, loan: Loan
) -> None:
    payment = pay(50_000, card="0259")
    intent = gateway.fetch_session(payment.session_id).intent
    found = gateway.list_disputes(since=intent.paid_at, until=gateway.clock())
    dispute_id = next(one.id for one in found if one.intent_id == intent.id)

    look(dispute_id)

    payment.refresh_from_db()
    assert payment.status == Payment.Status.SUCCEEDED
    assert money_of(loan) == [50_000, -50_000]


@pytest.mark.parametrize("order", ["refund first", "dispute first"])
def test_fault_40_what_was_refunded_is_not_taken_a_second_time(
    sandbox: Sandbox, pay: Pay, loan: Loan, order: str
) -> None:
    payment = receive(pay)
    refund_id = sandbox.control(f"charges/{payment.charge_id}/refund", amount=20_000)["refund"][
        "id"
    ]
    # The bank takes all that was charged, refunded or not.
    dispute_id = open_dispute(sandbox, payment, amount=50_000)
    news = [(REFUND, refund_id), (DISPUTE, dispute_id)]
    for object_type, object_id in news if order == "refund first" else reversed(news):
        settle(object_type=object_type, object_id=object_id, now=now())

    assert sum(money_of(loan)) == 0
    payment.refresh_from_db()
    assert payment.needs_review
    assert payment.going_back == 50_000
    assert verify_ledger() is None


def test_fault_40_a_dispute_of_the_rest_needs_nobody(
    sandbox: Sandbox, pay: Pay, loan: Loan
) -> None:
    payment = receive(pay)
    send_refund(refund_id=approve(propose(payment, 20_000)).pk, now=now())
    dispute_id = open_dispute(sandbox, payment)
    look(dispute_id)

    assert money_of(loan) == [50_000, -20_000, -30_000]
    payment.refresh_from_db()
    assert not payment.needs_review


def test_what_the_bank_gives_back_in_part_is_for_a_person(
    sandbox: Sandbox, pay: Pay, loan: Loan, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = receive(pay)
    dispute_id = open_dispute(sandbox, payment)
    look(dispute_id)
    told = gateway.fetch_dispute(dispute_id)
    part = type(told)(**{**vars(told), "status": "won", "reinstated": 10_000})
    monkeypatch.setattr(gateway, "fetch_dispute", lambda _id: part)

    look(dispute_id)

    payment.refresh_from_db()
    assert payment.needs_review
    assert money_of(loan) == [50_000, -50_000]


def test_the_hold_stands_until_the_last_dispute_has_ended(
    sandbox: Sandbox, pay: Pay, loan: Loan
) -> None:
    disputes = [open_dispute(sandbox, receive(pay), withdraw=False) for _ in range(2)]
    for dispute_id in disputes:
        look(dispute_id)

    sandbox.control(f"disputes/{disputes[0]}/lose")
    look(disputes[0])
    assert is_held(loan)
    sandbox.control(f"disputes/{disputes[1]}/lose")
    look(disputes[1])
    assert not is_held(loan)


def test_a_dispute_of_unmatched_money_is_kept_and_touches_no_book(
    sandbox: Sandbox, loan: Loan
) -> None:
    foreign = gateway.open_session(session_request(amount=4_200, currency="USD"), key="questioned")
    sandbox.control(f"sessions/{foreign.id}/pay", card="0259")
    intent = gateway.fetch_session(foreign.id).intent
    found = gateway.list_disputes(since=intent.paid_at, until=gateway.clock())
    dispute_id = next(one.id for one in found if one.intent_id == intent.id)

    dispute = look(dispute_id)

    assert dispute.payment is None
    assert Suspense.objects.filter(object_id=intent.id).exists()
    assert not PostingKey.objects.exists()


def test_a_question_about_unmatched_money_follows_it_to_the_loan_it_was_put_on(
    sandbox: Sandbox, loan: Loan
) -> None:
    """Else the loan would be pressed for, and the payment sent back, while a bank has it."""
    foreign = gateway.open_session(session_request(currency="CNY"), key="questioned, then placed")
    sandbox.control(f"sessions/{foreign.id}/pay", card="4242")
    intent = gateway.fetch_session(foreign.id).intent
    assert intent is not None
    asked = sandbox.control(f"charges/{intent.charge_id}/dispute", withdraw=False)
    dispute_id = str(asked["dispute"]["id"])
    assert look(dispute_id).payment is None
    payment = resolve_suspense_to_loan(
        suspense_id=Suspense.objects.get(object_id=intent.id).pk,
        loan_id=loan.pk,
        reason="theirs",
        actor=make_user(),
        now=now(),
    )

    sandbox.control(f"disputes/{dispute_id}/withdraw")

    assert look(dispute_id).payment == payment
    assert money_of(loan) == [105_000, -105_000]
    assert is_held(loan)


def test_a_dispute_opens_a_case_through_the_signal(
    sandbox: Sandbox, pay: Pay, loan: Loan, django_capture_on_commit_callbacks: Any
) -> None:
    payment = receive(pay)
    with django_capture_on_commit_callbacks(execute=True):
        dispute_id = open_dispute(sandbox, payment)
        look(dispute_id)

    case = Case.objects.get(loan=loan, kind="payment_exception")
    assert (case.payment, case.reason) == (payment, "payment_disputed")
    assert case.reason_facts["amount"] == 50_000
