"""What an operator meets: news that never came, secrets rolled, keys without leave, a replay."""

import json
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Sum
from django.test import Client

from repayments.clock import now
from repayments.ledger.models import JournalEntry, Posting
from repayments.ledger.services import verify_ledger
from repayments.loans.models import Installment, Loan
from repayments.payments import gateway, tasks
from repayments.payments.gateway_page import get_gateway_page
from repayments.payments.models import (
    Dispute,
    FailedCall,
    GatewayEvent,
    Payment,
    PostingKey,
    Refund,
    Watermark,
)
from repayments.payments.services import EventBeingWorked, process_event, reconcile, resolve_payment
from repayments.payments.services.inbox import keep_events
from tests.payments.conftest import SECRET, Pay, close_gateway_connection, events_of, signed
from tests.payments.refunding import receive
from tests.sandbox_server import Sandbox

pytestmark = pytest.mark.django_db

RESTRICTED = "rk_test_operator"
EVERYTHING = [
    "charge_read",
    "checkout_session_write",
    "dispute_read",
    "event_read",
    "payment_intent_write",
    "refund_write",
    "balance_transaction_read",
]


@pytest.fixture(autouse=True)
def since(sandbox: Sandbox) -> datetime:
    """The sandbox remembers other tests: this one looks back to its own beginning only."""
    time.sleep(1 - time.time() % 1)
    began = gateway.clock()
    Watermark.objects.create(provider="stripe", seen_until=began + timedelta(hours=1))
    return began


@pytest.fixture
def without_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """No event was generated, or all of them are older than the gateway keeps."""
    monkeypatch.setattr(gateway, "list_events", lambda **span: iter([]))


def permit(sandbox: Sandbox, *missing: str) -> None:
    allowed = [one for one in EVERYTHING if one not in missing]
    sandbox.control("keys", key=RESTRICTED, permissions=allowed)


def posted(loan: Loan) -> int:
    return JournalEntry.objects.filter(book=loan.book, kind=JournalEntry.Kind.PAYMENT).count()


@pytest.mark.usefixtures("without_events")
def test_fault_9_a_refund_and_a_dispute_without_events_are_found_by_their_objects(
    sandbox: Sandbox, pay: Pay, loan: Loan, other_loan: Loan, since: datetime
) -> None:
    refunded, disputed = receive(pay), receive(pay, to=other_loan)
    sandbox.control(f"charges/{refunded.charge_id}/refund", amount=20_000)
    sandbox.control(f"charges/{disputed.charge_id}/dispute")

    run = reconcile(now=now())
    assert (run.refunds, run.disputes, run.errors) == (1, 1, [])
    refund, dispute = Refund.objects.get(), Dispute.objects.get()
    assert (refund.payment, refund.amount, refund.entry is None) == (refunded, 20_000, False)
    assert dispute.withdrawn_entry is not None

    again = reconcile(now=now())
    assert (again.refunds, again.disputes) == (0, 0)
    assert verify_ledger() is None


def test_fault_8_the_nightly_run_asks_about_disputes_that_go_on(
    sandbox: Sandbox, pay: Pay, loan: Loan, monkeypatch: pytest.MonkeyPatch, since: datetime
) -> None:
    payment = receive(pay)
    made = sandbox.control(f"charges/{payment.charge_id}/dispute", withdraw=False)
    reconcile(now=now())
    sandbox.control(f"disputes/{made['dispute']['id']}/lose")
    # Opened long ago: no listing of the last days has it.
    for listing in ("list_events", "list_intents", "list_refunds", "list_disputes"):
        monkeypatch.setattr(gateway, listing, lambda **span: iter([]))

    run = reconcile(now=now(), nightly=True)

    assert run.open_disputes == 1
    assert Dispute.objects.get().status == "lost"


def test_fault_10_the_nightly_run_looks_back_further_than_the_watermark(
    monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox
) -> None:
    for listing in ("list_events", "list_intents", "list_refunds", "list_disputes"):
        monkeypatch.setattr(gateway, listing, lambda **span: iter([]))

    run = reconcile(now=now(), nightly=True)

    assert gateway.clock() - run.since >= timedelta(days=3)


def deliver(event: dict[str, Any], *secrets: str) -> int:
    """Bring an event to the webhook as an endpoint with these secrets signs it."""
    body = json.dumps(event).encode()
    signatures = [signed(body, secret=secret, sent_at=int(time.time())) for secret in secrets]
    first, *others = signatures
    header = ",".join([first, *(one.split(",", 1)[1] for one in others)])
    answer = Client().post(
        "/payments/webhook/",
        body,
        content_type="application/json",
        headers={"Stripe-Signature": header},
    )
    return int(answer.status_code)


def test_fault_12_a_secret_is_rolled_without_losing_an_event(
    sandbox: Sandbox, pay: Pay, loan: Loan, settings: Any
) -> None:
    payment = pay(50_000)
    first, second, *_others = events_of(sandbox, payment.session_id) * 2
    other = {**second, "id": "evt_after_the_roll"}

    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_new", "whsec_old"]
    assert deliver(first, "whsec_old") == 200
    assert deliver(first, "whsec_old", "whsec_new") == 200
    assert deliver(other, "whsec_new") == 200
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_new"]
    assert deliver({**second, "id": "evt_late"}, "whsec_old") == 400

    assert set(GatewayEvent.objects.values_list("event_id", flat=True)) == {
        first["id"],
        "evt_after_the_roll",
    }
    for event_id in GatewayEvent.objects.values_list("event_id", flat=True):
        process_event(event_id=event_id, now=now())
    assert posted(loan) == 1


def test_fault_1_6_an_event_told_ten_times_and_again_after_its_work_is_one_entry(
    sandbox: Sandbox, pay: Pay, loan: Loan
) -> None:
    payment = pay(50_000)
    done = next(
        one
        for one in events_of(sandbox, payment.session_id)
        if one["type"] == "checkout.session.completed"
    )

    for _time in range(10):
        assert deliver(done, SECRET) == 200
        with suppress(EventBeingWorked):
            process_event(event_id=done["id"], now=now())

    assert posted(loan) == 1
    assert GatewayEvent.objects.count() == 1


@pytest.mark.parametrize("finder", ["the sweep", "the reconciler"])
def test_fault_5_money_whose_work_was_lost_after_its_event_was_kept_is_posted_once(
    sandbox: Sandbox,
    pay: Pay,
    loan: Loan,
    since: datetime,
    finder: str,
    django_capture_on_commit_callbacks: Any,
) -> None:
    payment = pay(50_000)
    for event in events_of(sandbox, payment.session_id):
        # Nothing runs on commit here: the process ended after keeping the event.
        assert deliver(event, SECRET) == 200
    assert posted(loan) == 0

    if finder == "the sweep":
        with django_capture_on_commit_callbacks(execute=True):
            tasks.sweep_gateway_events()
    else:
        reconcile(now=now(), since=since)

    assert posted(loan) == 1
    with django_capture_on_commit_callbacks(execute=True):
        tasks.sweep_gateway_events()
    reconcile(now=now(), since=since)
    assert posted(loan) == 1
    assert GatewayEvent.objects.unprocessed().count() == 0


def test_fault_44_two_endpoints_that_both_deliver_post_once(
    sandbox: Sandbox, pay: Pay, loan: Loan, settings: Any
) -> None:
    payment = pay(50_000)
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_first_endpoint", "whsec_second_endpoint"]
    for event in events_of(sandbox, payment.session_id):
        # Endpoints may be of two versions: the same event in two shapes.
        assert deliver({**event, "api_version": "2025-01-01"}, "whsec_first_endpoint") == 200
        assert deliver(event, "whsec_second_endpoint") == 200
        process_event(event_id=event["id"], now=now())

    assert posted(loan) == 1
    assert PostingKey.objects.count() == 1


def test_fault_45_without_a_permission_an_event_waits_and_the_operator_is_told(
    sandbox: Sandbox, pay: Pay, loan: Loan, settings: Any, client: Client
) -> None:
    payment = pay(50_000)
    keep_events(
        events=[one for one in gateway.list_events(since=payment.created_at - timedelta(minutes=1))
                if one.object_id == payment.session_id],
        now=now(),
    )  # fmt: skip
    permit(sandbox, "checkout_session_write", "payment_intent_write")
    settings.STRIPE_SECRET_KEY = RESTRICTED
    event = GatewayEvent.objects.filter(type="checkout.session.completed").get()

    at = now()
    for _try in range(25):
        at += timedelta(minutes=6)
        with pytest.raises(gateway.GatewayMisconfigured):
            process_event(event_id=event.event_id, now=at)

    event.refresh_from_db()
    assert event.processed_at is None, "kept, however often it was tried"
    assert "GatewayMisconfigured" in event.error
    call = FailedCall.objects.order_by("-at")[0]
    assert (call.kind, call.request_id.startswith("req_")) == ("GatewayMisconfigured", True)
    assert get_gateway_page(now=at).calls

    permit(sandbox)
    process_event(event_id=event.event_id, now=at + timedelta(minutes=6))
    assert posted(loan) == 1
    close_gateway_connection()


def test_fault_45_a_listing_that_is_refused_does_not_stop_the_others(
    sandbox: Sandbox, pay: Pay, loan: Loan, settings: Any, since: datetime
) -> None:
    pay(50_000)
    before = since - timedelta(hours=5)
    Watermark.objects.update(seen_until=before)
    permit(sandbox, "dispute_read")
    settings.STRIPE_SECRET_KEY = RESTRICTED

    run = reconcile(now=now(), since=since)

    assert posted(loan) == 1
    assert [one.split(":")[0] for one in run.errors] == ["listing disputes"]
    assert Watermark.objects.get().seen_until == before, "nothing is passed by"
    assert FailedCall.objects.get(what="listing disputes").kind == "GatewayMisconfigured"

    permit(sandbox)
    assert reconcile(now=now(), since=since).errors == []
    assert Watermark.objects.get().seen_until > since
    close_gateway_connection()


def test_a_call_that_fails_is_kept_with_its_request(
    sandbox: Sandbox, pay: Pay, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = pay(50_000)

    def silent(*args: Any, **options: Any) -> Any:
        raise gateway.GatewayTimeout("silent", request_id="req_7")

    monkeypatch.setattr(gateway, "fetch_session", silent)

    tasks.settle_payment(payment_id=payment.pk)

    call = FailedCall.objects.get()
    assert (call.payment, call.kind, call.request_id) == (payment, "GatewayTimeout", "req_7")


def balances(loans: list[Loan]) -> Any:
    """All that money has done to some loans, whatever the order of its news."""
    books = [loan.book_id for loan in loans]
    sums = Posting.objects.filter(entry__book__in=books).values_list("entry__book", "account")
    paid = Installment.objects.filter(loan__in=loans).values_list("loan", "number", "unpaid")
    payments = Payment.objects.order_by("pk").values_list("status", "amount_received", "going_back")
    return (
        sorted(sums.annotate(total=Sum("amount"))),
        sorted(paid),
        list(payments),
        sorted(PostingKey.objects.values_list("object_id", "entry_kind")),
        sorted(Refund.objects.values_list("refund_id", "status", "amount")),
        sorted(Dispute.objects.values_list("dispute_id", "status")),
    )


def test_fault_47_replayed_from_inbox_or_objects_the_balances_are_the_same(
    sandbox: Sandbox, pay: Pay, loan: Loan, other_loan: Loan, since: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    paid, disputed = pay(50_000), pay(30_000, to=other_loan)

    def then(replay: Callable[[], object]) -> Any:
        """Replay into books that know nothing yet, look at them, and forget it."""
        with transaction.atomic():
            replay()
            found = balances([loan, other_loan])
            assert verify_ledger() is None
            transaction.set_rollback(True)
        return found

    charges: list[str] = []

    def look_at_charges() -> None:
        for payment in (paid, disputed):
            charges.append(resolve_payment(payment_id=payment.pk, now=now()).charge_id)

    then(look_at_charges)
    sandbox.control(f"charges/{charges[0]}/refund", amount=20_000)
    sandbox.control(f"charges/{charges[1]}/dispute")
    told = list(gateway.list_events(since=since))

    def work(events: list[Any]) -> None:
        keep_events(events=events, now=now())
        for event in events:
            process_event(event_id=event.id, now=now())

    in_order = then(lambda: work(told[::-1]))
    backwards = then(lambda: work(told))
    shuffled = then(lambda: work(told[1::2] + told[0::2]))
    monkeypatch.setattr(gateway, "list_events", lambda **span: iter([]))
    from_objects = then(lambda: reconcile(now=now(), since=since))

    assert len(in_order[3]) == 4, "two payments, a refund and a chargeback"
    assert in_order == backwards == shuffled == from_objects
