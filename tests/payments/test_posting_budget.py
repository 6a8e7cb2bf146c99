"""What one posting costs: a burst drains as fast as its statements allow."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from repayments.clock import now, today
from repayments.inserting import insert_new
from repayments.ledger.services import verify_ledger
from repayments.loans.billing import bill_due
from repayments.payments import gateway
from repayments.payments.models import GatewayEvent, Payment, PostingKey
from repayments.payments.services import process_event
from repayments.payments.services.settle.posting import take_key
from tests.payments.conftest import Pay
from tests.sandbox_server import Sandbox

TAKERS = 8


def keep_news_of(payment: Payment) -> str:
    """Put the news that a payment succeeded into the inbox; gives the event's id."""
    session = gateway.fetch_session(payment.session_id)
    assert session.intent is not None
    event = GatewayEvent.objects.create(
        event_id="evt_1",
        type="payment_intent.succeeded",
        object_type="payment_intent",
        object_id=session.intent.id,
        body=b"{}",
        received_at=now(),
    )
    return event.event_id


@pytest.mark.django_db
def test_one_posting_stays_within_its_budget_of_statements(
    sandbox: Sandbox, pay: Pay, django_assert_num_queries: Any
) -> None:
    bill_due(as_of=today(), now=now())  # as the close of each night leaves it
    event_id = keep_news_of(pay(50_000))

    # 3, the inbox: claim, read, mark as worked. 3, whose it is: told this id?, and by two names.
    # 6, begin, the two locks, does it rest somewhere?, the claim, the key.
    # 12, the loan: savepoint and its end, lock, rows, charges, posted before?, barrier
    # (2), later money?, the row that is paid, allocations, figures.
    # 4, the entry: number, entry, postings, balances. 6, two events: lock, event, head.
    # 2, the entry's name on key and payment. 2, the receipt: words, message.
    # 2, commit, and the payment as it is stored.
    on_sqlite = connection.vendor == "sqlite"  # asks how many figures changed
    with django_assert_num_queries(40 + on_sqlite):
        process_event(event_id=event_id, now=now())

    assert Payment.objects.get().status == Payment.Status.SUCCEEDED
    assert verify_ledger() is None


@pytest.mark.django_db
def test_a_key_that_is_taken_leaves_the_transaction_whole() -> None:
    with transaction.atomic():
        assert take_key(object_id="pi_1", kind=PostingKey.EntryKind.PAYMENT, now=now())
        assert not take_key(object_id="pi_1", kind=PostingKey.EntryKind.PAYMENT, now=now())
        assert take_key(object_id="pi_1", kind=PostingKey.EntryKind.REFUND, now=now())

    assert PostingKey.objects.count() == 2


@pytest.mark.django_db
def test_only_the_named_key_is_forgiven() -> None:
    payment = Payment(amount=1, currency="CNY", created_at=now(), updated_at=now())

    with pytest.raises(IntegrityError), transaction.atomic():
        insert_new(payment, key=("public_id",))


def take_at_once(take: Callable[[], bool]) -> int:
    """Take one key in every thread, all starting together; gives how many got it."""
    start = Barrier(TAKERS)

    def work(_number: int) -> bool:
        try:
            start.wait(timeout=30)
            return take()
        finally:
            connection.close()

    with ThreadPoolExecutor(TAKERS) as pool:
        return sum(pool.map(work, range(TAKERS)))


@pytest.mark.django_db(transaction=True)
def test_of_many_who_take_a_key_at_once_one_gets_it() -> None:
    kind = PostingKey.EntryKind.PAYMENT

    assert take_at_once(lambda: take_key(object_id="pi_1", kind=kind, now=now())) == 1
    assert PostingKey.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_twin_that_looks_before_it_takes_gives_the_key_to_many() -> None:
    """The guard off: a look, then an insert whose outcome nobody asks for."""
    looked = Barrier(TAKERS)

    def take() -> bool:
        is_free = not PostingKey.objects.filter(object_id="pi_1").exists()
        looked.wait(timeout=30)
        key = PostingKey(
            object_id="pi_1", entry_kind=PostingKey.EntryKind.PAYMENT, created_at=now()
        )
        insert_new(key, key=("provider", "object_id", "entry_kind"))
        return is_free

    assert take_at_once(take) > 1
