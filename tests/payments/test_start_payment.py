"""Beginning a payment: one page open a loan, and an answer that was lost is asked for again."""

from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from django.db import connection

from repayments.audit.models import Event
from repayments.clock import now, today
from repayments.ledger.models import JournalEntry
from repayments.loans.models import Loan, Product
from repayments.loans.queries import get_position
from repayments.payments import gateway
from repayments.payments.models import Payment
from repayments.payments.services import (
    AmountRefused,
    GatewayUnavailable,
    LoanNotPayable,
    PaymentAlreadyMade,
    PaymentNotKnown,
    resolve_payment,
    settle,
)
from tests.factories.payments import make_payment
from tests.payments.conftest import Pay
from tests.sandbox_server import Sandbox

pytestmark = pytest.mark.django_db

Status = Payment.Status
SESSIONS = "/v1/checkout/sessions"


def created(sandbox: Sandbox, payment: Payment) -> list[dict[str, Any]]:
    """The calls that asked for this attempt's page."""
    rows = sandbox.control("requests")["requests"]
    return [row for row in rows if row["idempotency_key"] == payment.idempotency_key]


def test_a_payment_begins_at_the_gateway(sandbox: Sandbox, start: Pay, loan: Loan) -> None:
    payment = start(50_000)

    assert payment.status == Status.REDIRECTED
    assert payment.checkout_url.startswith(sandbox.base_url)
    session = gateway.fetch_session(payment.session_id)
    assert session.metadata == {
        "payment": str(payment.public_id),
        "loan": str(loan.public_id),
    }
    assert session.expires_at == payment.expires_at
    assert Event.objects.filter(stream=loan.stream, action="payments.started").count() == 1


def test_the_row_and_its_key_are_committed_before_the_call_and_no_transaction_is_open(
    sandbox: Sandbox, start: Pay, monkeypatch: pytest.MonkeyPatch
) -> None:
    outer = len(connection.savepoint_ids)
    seen: list[tuple[int, str, str]] = []
    real = gateway.open_session

    def watch(request: Any, *, key: str) -> Any:
        row = Payment.objects.get()
        seen.append((len(connection.savepoint_ids), row.status, row.idempotency_key))
        assert key == row.idempotency_key
        return real(request, key=key)

    monkeypatch.setattr(gateway, "open_session", watch)
    payment = start(50_000)

    # The test's own transaction is the only one.
    assert seen == [(outer, Status.CREATED, payment.idempotency_key)]


def test_the_addresses_back_are_the_sites_own(sandbox: Sandbox, start: Pay, settings: Any) -> None:
    payment = start(50_000)

    session = sandbox.client().v1.checkout.sessions.retrieve(payment.session_id)
    back = f"{settings.SITE_URL}/payments/{payment.public_id}/return/"
    assert session.success_url == back + "?session_id={CHECKOUT_SESSION_ID}"
    assert session.cancel_url.startswith(f"{settings.SITE_URL}/loans/")


def test_fault_25_a_second_press_comes_to_the_same_page(
    sandbox: Sandbox, start: Pay, loan: Loan
) -> None:
    first, second = start(50_000), start(50_000)

    assert first == second
    assert Payment.objects.filter(loan=loan).count() == 1


def test_fault_25_another_amount_closes_the_older_page(
    sandbox: Sandbox, start: Pay, loan: Loan
) -> None:
    first, second = start(50_000), start(60_000)

    first.refresh_from_db()
    assert first.status == Status.EXPIRED
    assert gateway.fetch_session(first.session_id).status == "expired"
    assert second.amount == 60_000
    assert gateway.fetch_session(second.session_id).status == "open"


def test_a_page_that_expired_meanwhile_gives_way_to_a_new_one(sandbox: Sandbox, start: Pay) -> None:
    first = start(50_000)
    sandbox.control(f"sessions/{first.session_id}/expire")

    second = start(50_000)

    assert second != first
    first.refresh_from_db()
    assert first.status == Status.EXPIRED


@pytest.mark.parametrize("amount", [50_000, 60_000])
def test_fault_25_who_has_paid_meanwhile_is_told_and_not_asked_again(
    sandbox: Sandbox, start: Pay, pay: Pay, loan: Loan, amount: int
) -> None:
    paid = pay(50_000)

    with pytest.raises(PaymentAlreadyMade) as refusal:
        start(amount)

    assert refusal.value.payment == paid
    assert refusal.value.payment.status == Status.SUCCEEDED
    assert JournalEntry.objects.filter(book=loan.book, kind="payment").count() == 1


def test_fault_22_an_answer_that_was_lost_gives_the_same_page_and_one_charge(
    sandbox: Sandbox, pay: Pay, loan: Loan
) -> None:
    sandbox.control("api/fail", mode="close_after_commit", path=SESSIONS)

    payment = pay(50_000)
    resolve_payment(payment_id=payment.pk, now=now())

    assert len(created(sandbox, payment)) == 2
    assert JournalEntry.objects.filter(book=loan.book, kind="payment").count() == 1


@pytest.fixture
def unknown(sandbox: Sandbox, start: Pay) -> Payment:
    """An attempt whose first call was answered by silence, after the gateway had acted."""
    sandbox.control("api/fail", mode="close_after_commit", path=SESSIONS, count=4)
    with pytest.raises(PaymentNotKnown) as refusal:
        start(50_000)
    return refusal.value.payment


def test_fault_22_p8_with_an_answer_missing_nobody_is_asked_to_pay_again(
    sandbox: Sandbox, start: Pay, unknown: Payment
) -> None:
    assert unknown.status == Status.UNKNOWN

    with pytest.raises(PaymentNotKnown):
        start(60_000)
    assert Payment.objects.count() == 1


def test_fault_22_f5_what_was_not_known_is_found_by_its_name(
    sandbox: Sandbox, unknown: Payment
) -> None:
    found = resolve_payment(payment_id=unknown.pk, now=now())

    assert found.status == Status.REDIRECTED
    assert gateway.fetch_session(found.session_id).metadata["payment"] == str(unknown.public_id)


def test_fault_25_news_of_a_try_before_news_of_its_page_opens_no_second_page(
    sandbox: Sandbox, start: Pay, unknown: Payment
) -> None:
    """A page whose answer was lost is used: the attempt waits for it and is not begun anew."""
    until = gateway.clock()
    pages = gateway.list_sessions(since=until - timedelta(minutes=5), until=until)
    (page,) = (one for one in pages if one.metadata.get("payment") == str(unknown.public_id))
    sandbox.control(f"sessions/{page.id}/pay", card="0002")
    intent = gateway.fetch_session(page.id).intent
    assert intent is not None

    settle(object_type="payment_intent", object_id=intent.id, now=now())

    with pytest.raises(PaymentNotKnown):
        start(60_000)
    assert resolve_payment(payment_id=unknown.pk, now=now()).session_id == page.id
    assert Payment.objects.count() == 1


def test_what_never_arrived_is_given_up_but_not_at_once(
    sandbox: Sandbox, start: Pay, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.control("api/fail", mode="close_before", path=SESSIONS, count=4)
    with pytest.raises(PaymentNotKnown) as refusal:
        start(50_000)
    payment = refusal.value.payment

    assert resolve_payment(payment_id=payment.pk, now=now()).status == Status.UNKNOWN
    later = gateway.clock() + timedelta(minutes=5)
    monkeypatch.setattr(gateway, "clock", lambda: later)
    assert resolve_payment(payment_id=payment.pk, now=now()).status == Status.CANCELED
    assert start(50_000).status == Status.REDIRECTED


def test_an_answer_after_the_attempt_was_given_up_leads_to_no_page(
    sandbox: Sandbox, start: Pay, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = gateway.open_session

    def answer_late(request: Any, *, key: str) -> Any:
        session = real(request, key=key)
        Payment.objects.update(status=Status.CANCELED)
        return session

    monkeypatch.setattr(gateway, "open_session", answer_late)

    with pytest.raises(GatewayUnavailable):
        start(50_000)
    assert Payment.objects.get().checkout_url == ""


def test_more_than_one_page_of_one_attempt_is_for_a_person(
    sandbox: Sandbox, unknown: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    [only] = [
        session
        for session in gateway.list_sessions(
            since=gateway.clock() - timedelta(minutes=1), until=gateway.clock()
        )
        if session.metadata.get("payment") == str(unknown.public_id)
    ]
    monkeypatch.setattr(gateway, "list_sessions", lambda **span: iter([only, only]))

    for _ in range(2):
        left = resolve_payment(payment_id=unknown.pk, now=now())

    assert (left.status, left.needs_review) == (Status.UNKNOWN, True)
    assert Event.objects.filter(action="payments.ambiguous").count() == 1


def test_a_process_that_ended_before_its_answer_is_gone_on_with(
    sandbox: Sandbox, start: Pay, loan: Loan, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    with monkeypatch.context() as patch:
        patch.setattr(gateway, "open_session", Mock(side_effect=Killed))
        with pytest.raises(Killed):
            start(50_000)
    assert Payment.objects.get().status == Status.CREATED

    payment = start(50_000)

    assert payment == Payment.objects.get()
    assert payment.status == Status.REDIRECTED


def test_a_refusal_of_the_gateway_ends_the_attempt_and_says_so(
    sandbox: Sandbox, start: Pay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "amount_limits", lambda currency: (1, 10**9))

    with pytest.raises(GatewayUnavailable, match="too small"):
        start(399)

    payment = Payment.objects.get()
    assert (payment.status, payment.error_code) == (Status.FAILED, "amount_too_small")


@pytest.mark.parametrize("amount", [-1, 0, 399, 100_000_000])
def test_fault_31_an_amount_the_gateway_cannot_take_is_refused_before_the_call(
    sandbox: Sandbox, start: Pay, amount: int
) -> None:
    calls = len(sandbox.control("requests")["requests"])

    with pytest.raises(AmountRefused, match="¥"):
        start(amount)

    assert not Payment.objects.exists()
    assert len(sandbox.control("requests")["requests"]) == calls


def test_more_than_pays_off_the_loan_is_refused(sandbox: Sandbox, start: Pay, loan: Loan) -> None:
    payoff = get_position(loan=loan, as_of=today()).payoff_amount

    with pytest.raises(AmountRefused):
        start(payoff + 100_000)


def test_a_product_without_part_payments_takes_all_that_is_due(
    sandbox: Sandbox, start: Pay, loan: Loan
) -> None:
    Product.objects.update(partial_payments=False)
    due = get_position(loan=loan, as_of=today()).past_due_amount

    with pytest.raises(AmountRefused):
        start(due - 1)
    assert start(due).status == Status.REDIRECTED


@pytest.mark.parametrize(
    "status", [Loan.Status.PENDING_SIGNATURE, Loan.Status.PAID_OFF, Loan.Status.CLOSED]
)
def test_a_loan_that_is_not_running_takes_no_payment(
    sandbox: Sandbox, start: Pay, loan: Loan, status: str
) -> None:
    Loan.objects.update(status=status)

    with pytest.raises(LoanNotPayable):
        start(50_000)


def test_the_database_keeps_one_open_attempt_a_loan(
    loan: Loan, django_assert_num_queries: Any
) -> None:
    from django.db import IntegrityError, transaction

    make_payment(loan, now=now(), session_id="cs_1")
    with pytest.raises(IntegrityError), transaction.atomic():
        make_payment(loan, now=now(), session_id="cs_2")


def test_a_page_the_gateway_does_not_know_any_more_gives_way_to_a_new_one(
    sandbox: Sandbox, start: Pay
) -> None:
    gone = start(50_000)
    Payment.objects.filter(pk=gone.pk).update(session_id="cs_test_of_another_account")

    fresh = start(50_000)

    assert fresh.pk != gone.pk
    assert fresh.status == Status.REDIRECTED
    gone.refresh_from_db()
    assert (gone.status, gone.needs_review) == (Status.CANCELED, True)


def test_while_money_is_on_its_way_nobody_is_asked_to_pay_again(
    sandbox: Sandbox, loan: Loan, start: Pay
) -> None:
    on_its_way = make_payment(loan, now=now(), status=Status.PROCESSING)
    with pytest.raises(PaymentAlreadyMade) as refusal:
        start(50_000)
    assert refusal.value.payment == on_its_way
