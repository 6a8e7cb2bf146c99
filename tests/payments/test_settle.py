"""Gateway money into the books: once, whatever arrives, and only where it belongs."""

from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from itertools import permutations
from typing import Any
from unittest.mock import Mock

import pytest

from repayments.audit.models import Event
from repayments.clock import lender_zone, now, today
from repayments.contacts.models import Message
from repayments.contacts.services import UnknownTemplate
from repayments.ledger.models import Account, JournalEntry, Posting
from repayments.ledger.services import verify_ledger
from repayments.loans.models import Allocation, Loan
from repayments.loans.queries import get_position
from repayments.loans.services import charge_fee, quote_payoff
from repayments.payments import gateway
from repayments.payments.gateway import GatewayMissing
from repayments.payments.models import GatewayEvent, Payment, PostingKey, Suspense
from repayments.payments.services import PaymentAlreadyMade, resolve_payment, settle
from repayments.payments.services.settle import INTENT, SESSION
from repayments.payments.signals import payment_exception, payment_settled
from tests.card_data import find_in_bytes
from tests.factories.payments import make_payment
from tests.payments.conftest import Deliver, Pay, events_of, session_request
from tests.sandbox_server import Sandbox

pytestmark = pytest.mark.django_db

Status = Payment.Status


def entries(loan: Loan) -> int:
    return JournalEntry.objects.filter(book=loan.book, kind=JournalEntry.Kind.PAYMENT).count()


def status(payment: Payment) -> str:
    payment.refresh_from_db()
    return payment.status


def test_money_is_posted_to_its_loan(sandbox: Sandbox, pay: Pay, loan: Loan) -> None:
    before = get_position(loan=loan, as_of=today())
    payment = pay(50_000)

    settled = resolve_payment(payment_id=payment.pk, now=now())

    assert settled.status == Status.SUCCEEDED
    assert settled.amount_received == 50_000
    assert settled.entry.kind == JournalEntry.Kind.PAYMENT
    assert not settled.needs_review
    clearing = Posting.objects.get(entry=settled.entry, account=Account.CLEARING)
    assert clearing.amount == 50_000
    assert sum(Allocation.objects.values_list("amount", flat=True)) == 50_000
    after = get_position(loan=loan, as_of=today())
    assert before.past_due_amount - after.past_due_amount == 50_000
    assert verify_ledger() is None


def test_the_borrower_is_told_once_and_the_act_is_on_record(
    sandbox: Sandbox, pay: Pay, loan: Loan
) -> None:
    payment = pay(50_000)
    for _ in range(3):
        resolve_payment(payment_id=payment.pk, now=now())

    message = Message.objects.get(business_key=f"payment_received:{payment.public_id}")
    assert message.borrower == loan.borrower
    events = Event.objects.filter(stream=loan.stream, action="payments.succeeded")
    assert events.count() == 1
    assert events.get().payload["before"] == "redirected"


def test_news_goes_out_after_the_commit(
    sandbox: Sandbox, pay: Pay, django_capture_on_commit_callbacks: Any
) -> None:
    payment = pay(50_000)
    heard = Mock()
    payment_settled.connect(heard)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            resolve_payment(payment_id=payment.pk, now=now())
            assert heard.call_count == 0
        resolve_payment(payment_id=payment.pk, now=now())
    finally:
        payment_settled.disconnect(heard)

    assert heard.call_count == 1
    assert heard.call_args.kwargs["payment_id"] == payment.pk


def test_a_receipt_that_cannot_be_worded_does_not_hold_up_money(
    sandbox: Sandbox, pay: Pay, loan: Loan, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = pay(50_000)
    monkeypatch.setattr(
        import_module("repayments.payments.services.received"),
        "queue_message",
        Mock(side_effect=UnknownTemplate("payment_received")),
    )

    resolve_payment(payment_id=payment.pk, now=now())

    assert status(payment) == Status.SUCCEEDED
    assert entries(loan) == 1


ORDERS = list(permutations(["checkout.session.completed", "payment_intent.succeeded"]))


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: order[0])
def test_fault_3_f2_two_kinds_of_event_in_either_order_post_once(
    sandbox: Sandbox, pay: Pay, loan: Loan, deliver: Deliver, order: tuple[str, ...]
) -> None:
    payment = pay(50_000)
    intent = gateway.fetch_session(payment.session_id).intent
    told = {
        event["type"]: event
        for object_id in (payment.session_id, intent.id)
        for event in events_of(sandbox, object_id)
    }

    for kind in order:
        assert deliver(told[kind]).status_code == 200

    assert entries(loan) == 1
    assert status(payment) == Status.SUCCEEDED


def test_fault_41_news_of_a_decline_after_the_success_is_ignored(
    sandbox: Sandbox, pay: Pay, loan: Loan, deliver: Deliver
) -> None:
    payment = pay(50_000, card="0002")
    sandbox.control(f"sessions/{payment.session_id}/pay", card="4242")
    intent = gateway.fetch_session(payment.session_id).intent
    told = {event["type"]: event for event in events_of(sandbox, intent.id)}
    deliver(told["payment_intent.succeeded"])
    assert status(payment) == Status.SUCCEEDED

    deliver(told["payment_intent.payment_failed"])

    assert status(payment) == Status.SUCCEEDED
    assert entries(loan) == 1
    payment.refresh_from_db()
    assert payment.error_code == ""


def test_f3_every_order_of_a_declined_then_paid_session_ends_the_same(
    sandbox: Sandbox, pay: Pay, loan: Loan, deliver: Deliver
) -> None:
    payment = pay(50_000, card="0002")
    sandbox.control(f"sessions/{payment.session_id}/pay", card="4242")
    intent = gateway.fetch_session(payment.session_id).intent
    told = events_of(sandbox, intent.id) + events_of(sandbox, payment.session_id)
    kinds = {"payment_intent.payment_failed", "payment_intent.succeeded"}
    told = [one for one in told if one["type"] in kinds | {"checkout.session.completed"}]
    assert len(told) == 3

    for order in permutations(told):
        GatewayEvent.objects.all().delete()
        for event in order:
            deliver(event)
        # Fault 41: failed after succeeded is old news.
        assert status(payment) == Status.SUCCEEDED
        assert entries(loan) == 1


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_a_declined_try_is_on_record_once_whatever_was_worked_first(
    sandbox: Sandbox, pay: Pay, loan: Loan, deliver: Deliver, order: tuple[int, ...]
) -> None:
    payment = pay(50_000, card="0002")
    told = events_of(sandbox, gateway.fetch_session(payment.session_id).intent.id)
    failed = next(one for one in told if one["type"] == "payment_intent.payment_failed")
    is_told_at_once = order[0] == 0
    if is_told_at_once:
        deliver(failed)
    sandbox.control(f"sessions/{payment.session_id}/pay", card="4242")
    intent = gateway.fetch_session(payment.session_id).intent
    told = [failed, *events_of(sandbox, intent.id), *events_of(sandbox, payment.session_id)]
    kinds = ["payment_intent.payment_failed", "payment_intent.succeeded"]
    kinds.append("checkout.session.completed")

    for place in order:
        deliver(next(one for one in told if one["type"] == kinds[place]))
    GatewayEvent.objects.all().delete()
    deliver(failed)

    assert status(payment) == Status.SUCCEEDED
    (declined,) = Event.objects.filter(stream=loan.stream, action="payments.declined")
    assert declined.payload["payment"] == str(payment.public_id)
    assert (declined.payload["code"], declined.payload["decline_code"]) == (
        "card_declined",
        "generic_decline",
    )


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_f3_every_order_of_an_expiry_ends_the_same(
    sandbox: Sandbox, pay: Pay, loan: Loan, deliver: Deliver, order: tuple[int, ...]
) -> None:
    payment = pay(50_000, card="9995")
    intent = gateway.fetch_session(payment.session_id).intent
    sandbox.control(f"sessions/{payment.session_id}/expire")
    told = events_of(sandbox, intent.id) + events_of(sandbox, payment.session_id)
    kinds = (
        "payment_intent.payment_failed",
        "payment_intent.canceled",
        "checkout.session.expired",
    )
    events = [next(one for one in told if one["type"] == kind) for kind in kinds]

    for position in order:
        deliver(events[position])

    assert status(payment) == Status.EXPIRED
    assert entries(loan) == 0


@pytest.mark.parametrize(
    ("card", "code", "decline_code"),
    [
        ("0002", "card_declined", "generic_decline"),
        ("9995", "card_declined", "insufficient_funds"),
        ("0069", "expired_card", ""),
        ("0127", "incorrect_cvc", ""),
    ],
)
def test_fault_17_a_declined_card_moves_nothing_and_may_be_tried_again(
    sandbox: Sandbox, pay: Pay, loan: Loan, card: str, code: str, decline_code: str
) -> None:
    payment = pay(50_000, card=card)

    resolve_payment(payment_id=payment.pk, now=now())

    assert status(payment) == Status.REDIRECTED
    assert payment.error_code == code
    assert payment.decline_code in (decline_code, code)
    assert entries(loan) == 0
    assert Event.objects.filter(stream=loan.stream, action="payments.declined").count() == 1

    sandbox.control(f"sessions/{payment.session_id}/pay", card="4242")
    resolve_payment(payment_id=payment.pk, now=now())
    assert status(payment) == Status.SUCCEEDED
    assert entries(loan) == 1


def test_fault_18_a_confirmed_card_posts_once(sandbox: Sandbox, pay: Pay, loan: Loan) -> None:
    payment = pay(50_000, card="3155")
    resolve_payment(payment_id=payment.pk, now=now())
    assert status(payment) == Status.ACTION_REQUIRED

    sandbox.control(f"sessions/{payment.session_id}/pay", card="3155", three_d_secure="pass")
    resolve_payment(payment_id=payment.pk, now=now())

    assert status(payment) == Status.SUCCEEDED
    assert entries(loan) == 1


def test_fault_18_a_confirmation_that_fails_can_be_tried_again_or_expires(
    sandbox: Sandbox, pay: Pay, loan: Loan
) -> None:
    payment = pay(50_000, card="3155")
    resolve_payment(payment_id=payment.pk, now=now())
    sandbox.control(f"sessions/{payment.session_id}/pay", card="3155", three_d_secure="fail")
    resolve_payment(payment_id=payment.pk, now=now())
    assert status(payment) == Status.REDIRECTED
    assert payment.error_code == "payment_intent_authentication_failure"

    sandbox.control(f"sessions/{payment.session_id}/expire")
    resolve_payment(payment_id=payment.pk, now=now())
    assert status(payment) == Status.EXPIRED
    assert entries(loan) == 0


@pytest.mark.parametrize("late", ["the expiry", "the money"])
def test_fault_29_a_page_that_expires_while_it_is_paid_is_paid(
    sandbox: Sandbox, start: Pay, loan: Loan, monkeypatch: pytest.MonkeyPatch, late: str
) -> None:
    payment = start(50_000)
    real = gateway.fetch_session
    expired = replace(real(payment.session_id), status="expired")
    sandbox.control(f"sessions/{payment.session_id}/pay", card="4242")
    copies = [expired, real(payment.session_id)]

    for copy in copies if late == "the money" else reversed(copies):
        monkeypatch.setattr(gateway, "fetch_session", lambda _id, copy=copy: copy)
        settle(object_type=SESSION, object_id=payment.session_id, now=now())

    assert status(payment) == Status.SUCCEEDED
    assert entries(loan) == 1
    # What had been told as ended is looked at by a person; old news of the end changes nothing.
    assert payment.needs_review is (late == "the money")


def test_fault_42_a_page_we_give_up_while_it_is_paid_is_paid(
    sandbox: Sandbox, start: Pay, loan: Loan, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = start(50_000)
    real = gateway.expire_session

    def paid_at_that_moment(session_id: str, **asked: Any) -> Any:
        sandbox.control(f"sessions/{session_id}/pay", card="4242")
        return real(session_id, **asked)

    monkeypatch.setattr(gateway, "expire_session", paid_at_that_moment)
    # Another amount gives the first page up.
    with pytest.raises(PaymentAlreadyMade):
        start(60_000)

    assert status(first) == Status.SUCCEEDED
    assert entries(loan) == 1
    assert Payment.objects.filter(loan=loan).count() == 1


@pytest.mark.parametrize("ending", [Status.EXPIRED, Status.FAILED, Status.CANCELED])
def test_fault_42_money_that_comes_after_we_ended_it_is_money(
    sandbox: Sandbox,
    pay: Pay,
    loan: Loan,
    ending: str,
    django_capture_on_commit_callbacks: Any,
) -> None:
    payment = pay(50_000)
    Payment.objects.filter(pk=payment.pk).update(status=ending)
    heard = Mock()
    payment_exception.connect(heard)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            resolve_payment(payment_id=payment.pk, now=now())
    finally:
        payment_exception.disconnect(heard)

    assert status(payment) == Status.SUCCEEDED
    assert payment.needs_review
    assert entries(loan) == 1
    assert heard.call_args.kwargs["payment_id"] == payment.pk


@pytest.mark.parametrize(
    ("columns", "cause"),
    [
        ({"amount": 49_999}, Suspense.Cause.AMOUNT),
        ({"currency": "USD"}, Suspense.Cause.AMOUNT),
        ({"public_id": "00000000-0000-4000-8000-000000000001"}, Suspense.Cause.UNKNOWN_LOAN),
    ],
    ids=["amount", "currency", "metadata"],
)
def test_fault_30_f7_money_unlike_what_was_asked_rests_in_suspense(
    sandbox: Sandbox,
    pay: Pay,
    loan: Loan,
    columns: dict[str, Any],
    cause: str,
    django_capture_on_commit_callbacks: Any,
) -> None:
    payment = pay(50_000)
    Payment.objects.filter(pk=payment.pk).update(**columns)
    heard = Mock()
    payment_exception.connect(heard)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            for _ in range(3):
                settle(object_type=SESSION, object_id=payment.session_id, now=now())
    finally:
        payment_exception.disconnect(heard)

    suspense = Suspense.objects.get()
    assert (suspense.amount, suspense.currency, suspense.cause) == (50_000, "CNY", cause)
    assert suspense.payment_id == payment.pk
    assert entries(loan) == 0
    assert not Allocation.objects.exists()
    assert not PostingKey.objects.exists()
    assert status(payment) == Status.PROCESSING
    assert payment.needs_review
    assert heard.call_count == 1


def test_fault_30_money_for_another_loan_than_the_rows_rests_in_suspense(
    sandbox: Sandbox, pay: Pay, loan: Loan, other_loan: Loan
) -> None:
    payment = pay(50_000)
    Payment.objects.filter(pk=payment.pk).update(loan=other_loan)

    resolve_payment(payment_id=payment.pk, now=now())

    assert Suspense.objects.get().cause == Suspense.Cause.UNKNOWN_LOAN
    assert entries(loan) == entries(other_loan) == 0


@pytest.mark.parametrize("closed", [Loan.Status.PENDING_SIGNATURE, Loan.Status.CLOSED])
def test_money_for_a_loan_that_takes_none_rests_in_suspense(
    sandbox: Sandbox, pay: Pay, loan: Loan, closed: str
) -> None:
    payment = pay(50_000)
    Loan.objects.filter(pk=loan.pk).update(status=closed)

    resolve_payment(payment_id=payment.pk, now=now())

    assert Suspense.objects.get().cause == Suspense.Cause.NO_PAYMENTS
    assert entries(loan) == 0


def test_fault_30_money_of_nobody_rests_in_suspense(sandbox: Sandbox, loan: Loan) -> None:
    foreign = gateway.open_session(
        session_request(amount=4_200, currency="USD"), key="somebody else's"
    )
    sandbox.control(f"sessions/{foreign.id}/pay", card="4242")
    intent = gateway.fetch_session(foreign.id).intent

    for _ in range(2):
        settle(object_type=INTENT, object_id=intent.id, now=now())

    suspense = Suspense.objects.get()
    assert (suspense.payment_id, suspense.amount, suspense.currency) == (None, 4_200, "USD")


def test_a_second_charge_of_one_payment_rests_in_suspense(
    sandbox: Sandbox, pay: Pay, loan: Loan
) -> None:
    payment = pay(50_000)
    resolve_payment(payment_id=payment.pk, now=now())
    intent = gateway.fetch_session(payment.session_id).intent
    Payment.objects.filter(pk=payment.pk).update(intent_id="pi_another")
    PostingKey.objects.filter(object_id=intent.id).update(object_id="pi_another")

    settle(object_type=INTENT, object_id=intent.id, now=now())

    assert Suspense.objects.get().cause == Suspense.Cause.SECOND
    assert entries(loan) == 1
    assert status(payment) == Status.SUCCEEDED


def test_news_of_money_that_is_in_the_books_costs_no_call(sandbox: Sandbox, pay: Pay) -> None:
    payment = pay(50_000)
    resolve_payment(payment_id=payment.pk, now=now())
    payment.refresh_from_db()
    calls = len(sandbox.control("requests")["requests"])

    settle(object_type=SESSION, object_id=payment.session_id, now=now())
    settle(object_type=INTENT, object_id=payment.intent_id, now=now())

    assert len(sandbox.control("requests")["requests"]) == calls


def test_an_object_the_gateway_does_not_know_changes_nothing(sandbox: Sandbox, loan: Loan) -> None:
    payment = make_payment(loan, now=now())

    with pytest.raises(GatewayMissing):
        settle(object_type=SESSION, object_id=payment.session_id, now=now())
    assert status(payment) == Status.REDIRECTED


def test_the_day_of_the_charge_counts_not_of_its_news(
    sandbox: Sandbox, pay: Pay, loan: Loan
) -> None:
    payment = pay(50_000)
    charged = now()

    resolve_payment(payment_id=payment.pk, now=charged + timedelta(days=3))

    payment.refresh_from_db()
    assert payment.entry.effective_date == charged.astimezone(lender_zone()).date()


def test_a_portal_whose_clock_was_moved_ahead_posts_on_its_own_day(
    sandbox: Sandbox, pay: Pay, loan: Loan
) -> None:
    ahead = now() + timedelta(days=10)
    payment = pay(50_000, at=ahead)

    resolve_payment(payment_id=payment.pk, now=ahead + timedelta(minutes=1))

    payment.refresh_from_db()
    assert payment.entry.effective_date == ahead.astimezone(lender_zone()).date()


def test_fault_26_a_payoff_that_changed_meanwhile_is_posted_as_received(
    sandbox: Sandbox, pay: Pay, loan: Loan
) -> None:
    at = now()
    day = at.astimezone(lender_zone()).date()
    payoff = get_position(loan=loan, as_of=day).payoff_amount
    payment = pay(payoff, purpose=Payment.Purpose.PAYOFF)
    charge_fee(loan_id=loan.pk, amount=5_000, reason="late", charged_on=day, actor=None, now=at)

    resolve_payment(payment_id=payment.pk, now=at)

    loan.refresh_from_db()
    assert loan.status == Loan.Status.ACTIVE
    assert entries(loan) == 1
    assert get_position(loan=loan, as_of=day).payoff_amount >= 5_000
    assert verify_ledger() is None


def test_fault_26_a_good_quote_is_honored_to_the_cent(
    sandbox: Sandbox, pay: Pay, loan: Loan
) -> None:
    at = now()
    day = at.astimezone(lender_zone()).date()
    quote = quote_payoff(loan_id=loan.pk, good_through=day, actor=None, now=at)
    payment = pay(quote.total, purpose=Payment.Purpose.PAYOFF, quote=quote)
    charge_fee(loan_id=loan.pk, amount=5_000, reason="late", charged_on=day, actor=None, now=at)

    resolve_payment(payment_id=payment.pk, now=at)

    loan.refresh_from_db()
    assert loan.status == Loan.Status.PAID_OFF


def test_fault_25_when_two_pages_are_paid_both_are_posted_and_the_surplus_waits(
    sandbox: Sandbox, pay: Pay, loan: Loan
) -> None:
    day = now().astimezone(lender_zone()).date()
    payoff = get_position(loan=loan, as_of=day).payoff_amount
    first = pay(payoff)
    # The first page was given up here, yet it is paid at the gateway.
    Payment.objects.filter(pk=first.pk).update(status=Status.EXPIRED)
    second = pay(30_000)

    for payment in (second, first):
        resolve_payment(payment_id=payment.pk, now=now())

    loan.refresh_from_db()
    assert loan.status == Loan.Status.PAID_OFF
    assert get_position(loan=loan, as_of=day).unapplied == 30_000
    assert entries(loan) == 2
    assert verify_ledger() is None


def test_fault_48_no_card_number_or_code_is_kept(
    sandbox: Sandbox, pay: Pay, loan: Loan, deliver: Deliver, caplog: pytest.LogCaptureFixture
) -> None:
    payment = pay(50_000)
    intent = gateway.fetch_session(payment.session_id).intent
    for event in events_of(sandbox, intent.id) + events_of(sandbox, payment.session_id):
        deliver(event)

    kept = b"\n".join(bytes(row.body) for row in GatewayEvent.objects.all())
    payment.refresh_from_db()
    kept += repr(vars(payment)).encode() + caplog.text.encode()
    assert find_in_bytes(kept) == []
    assert find_in_bytes(kept + b" 4242 4242 4242 4242") != []
    assert b"client_secret" not in repr(vars(payment)).encode()
