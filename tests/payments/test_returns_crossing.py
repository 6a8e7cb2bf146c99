"""Returns of one payment whose news cross: what could not be posted in full is, in the end.

A refund that failed at the gateway leaves room for another return there before it is known here.
"""

import threading
from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from itertools import permutations
from typing import Any

import pytest

from repayments.audit.models import Event
from repayments.clock import lender_zone, now
from repayments.ledger.models import Account, Posting
from repayments.ledger.services import verify_ledger
from repayments.loans.models import Loan
from repayments.loans.queries import get_position
from repayments.loans.services import returned_amount
from repayments.payments import gateway
from repayments.payments.models import Dispute, Payment, PostingKey, Refund
from repayments.payments.services import check_clearing, settle
from repayments.payments.services.settle import DISPUTE, REFUND
from tests.payments.conftest import Pay
from tests.payments.refunding import money_of, receive
from tests.payments.test_races import at_once
from tests.sandbox_server import Sandbox

pytestmark = pytest.mark.django_db

SETTLERS: list[Any] = [
    import_module(f"repayments.payments.services.settle.{name}") for name in ("refunds", "disputes")
]
RETURNS: Any = import_module("repayments.payments.services.settle.returns")


def send(sandbox: Sandbox, payment: Payment, amount: int, **asked: Any) -> str:
    made = sandbox.control(f"charges/{payment.charge_id}/refund", amount=amount, **asked)
    return str(made["refund"]["id"])


def dispute_all(sandbox: Sandbox, payment: Payment) -> str:
    made = sandbox.control(f"charges/{payment.charge_id}/dispute", amount=50_000)
    return str(made["dispute"]["id"])


def hear(object_type: str, object_id: str) -> Any:
    return settle(object_type=object_type, object_id=object_id, now=now())


def assert_books_are_as_the_gateway(payment: Payment, gone: int) -> None:
    """What went back is so much, each return that stands is whole, and the day's check is even."""
    payment.refresh_from_db()
    assert returned_amount(entry_id=payment.entry_id) == gone
    assert payment.going_back == gone
    assert sum(money_of(payment.loan)) == 50_000 - gone
    assert verify_ledger() is None
    standing = {
        one.refund_id: one.amount for one in Refund.objects.filter(status=Refund.Status.SUCCEEDED)
    }
    won = PostingKey.objects.filter(entry_kind="chargeback_reversal").values("object_id")
    lost = Dispute.objects.filter(withdrawn__gt=0).exclude(dispute_id__in=won)
    standing |= {one.dispute_id: one.withdrawn for one in lost}
    assert {
        key.object_id: -Posting.objects.get(entry=key.entry, account=Account.CLEARING).amount
        for key in PostingKey.objects.filter(object_id__in=standing)
    } == standing
    assert_clearing_is_even(payment, *standing)


def assert_clearing_is_even(payment: Payment, *object_ids: str) -> None:
    """No nightly check has anything to say of a payment and these returns of it."""
    today = now().astimezone(lender_zone()).date()
    ours = {payment.intent_id, *object_ids}
    for day in (today - timedelta(days=1), today):
        for check in check_clearing(day=day, now=now()):
            assert [row for row in check.differences if row["object"] in ours] == []


def test_a_refund_heard_of_before_an_earlier_one_failed_is_posted_in_full_in_the_end(
    sandbox: Sandbox, pay: Pay, loan: Loan
) -> None:
    payment = receive(pay)
    first = send(sandbox, payment, 20_000)
    hear(REFUND, first)
    sandbox.control(f"refunds/{first}/fail")
    second = send(sandbox, payment, 50_000)

    short = hear(REFUND, second)
    payment.refresh_from_db()
    assert (short.entry is not None, payment.needs_review) == (True, True)
    assert returned_amount(entry_id=payment.entry_id) == 50_000

    for _ in range(2):
        hear(REFUND, first)

    assert money_of(loan) == [50_000, -20_000, -30_000, 20_000, 30_000, -50_000]
    whole = Refund.objects.get(refund_id=second)
    assert whole.entry_id != short.entry_id
    assert whole.entry.effective_date == short.entry.effective_date
    event = Event.objects.get(action="payments.return_completed")
    assert event.payload["amount"] == 20_000
    assert_books_are_as_the_gateway(payment, 50_000)


def test_a_whole_entry_is_undone_like_any_other(sandbox: Sandbox, pay: Pay, loan: Loan) -> None:
    today = now().date()
    payment = receive(pay)
    before = get_position(loan=loan, as_of=today)
    first = send(sandbox, payment, 20_000)
    hear(REFUND, first)
    sandbox.control(f"refunds/{first}/fail")
    second = send(sandbox, payment, 50_000)
    hear(REFUND, second)
    hear(REFUND, first)
    sandbox.control(f"refunds/{second}/fail")

    hear(REFUND, second)

    assert get_position(loan=loan, as_of=today) == before
    assert_books_are_as_the_gateway(payment, 0)


def test_a_short_entry_that_fails_itself_is_undone_as_it_is(
    sandbox: Sandbox, pay: Pay, loan: Loan
) -> None:
    payment = receive(pay)
    first = send(sandbox, payment, 20_000)
    hear(REFUND, first)
    sandbox.control(f"refunds/{first}/fail")
    second = send(sandbox, payment, 50_000)
    hear(REFUND, second)
    sandbox.control(f"refunds/{second}/fail")

    hear(REFUND, second)
    hear(REFUND, first)

    assert sum(money_of(loan)) == 50_000
    assert_clearing_is_even(payment, first, second)
    payment.refresh_from_db()
    assert payment.going_back == 0


@pytest.mark.parametrize("ends", ["fail", "cancel", "not yet"])
def test_a_refund_on_its_way_is_no_difference_nor_is_one_that_came_again(
    sandbox: Sandbox, pay: Pay, ends: str
) -> None:
    payment = receive(pay)
    refund = send(sandbox, payment, 20_000, status="pending")
    hear(REFUND, refund)
    if ends != "not yet":
        sandbox.control(f"refunds/{refund}/{ends}")
        hear(REFUND, refund)

    assert_clearing_is_even(payment, refund)


def test_a_dispute_of_which_nothing_was_left_is_even_once_it_is_won(
    sandbox: Sandbox, pay: Pay
) -> None:
    payment = receive(pay)
    failing = send(sandbox, payment, 50_000)
    hear(REFUND, failing)
    sandbox.control(f"refunds/{failing}/fail")
    disputed = dispute_all(sandbox, payment)
    hear(DISPUTE, disputed)
    assert Dispute.objects.get().withdrawn_entry is None
    sandbox.control(f"disputes/{disputed}/win")
    hear(DISPUTE, disputed)
    hear(REFUND, failing)

    assert_books_are_as_the_gateway(payment, 0)
    assert_clearing_is_even(payment, failing, disputed)


def test_a_refund_that_could_not_be_posted_counts_from_the_day_it_went(
    sandbox: Sandbox, pay: Pay, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = now()
    payment = receive(pay)
    # As if the money had come, and one return of it was heard of, some days ago.
    Payment.objects.filter(pk=payment.pk).update(succeeded_at=at - timedelta(days=9))
    disputed = dispute_all(sandbox, payment)
    hear(DISPUTE, disputed)
    sandbox.control(f"disputes/{disputed}/win")
    refund = send(sandbox, payment, 50_000)
    went_at = at - timedelta(days=4)
    told = replace(gateway.fetch_refund(refund), created_at=went_at)
    monkeypatch.setattr(gateway, "fetch_refund", lambda _id: told)
    assert hear(REFUND, refund).entry is None

    hear(DISPUTE, disputed)

    posted = Refund.objects.get().entry
    assert posted is not None
    assert posted.effective_date == went_at.astimezone(lender_zone()).date()


def test_a_dispute_before_a_refund_is_known_to_have_failed_takes_all_in_the_end(
    sandbox: Sandbox, pay: Pay, loan: Loan
) -> None:
    payment = receive(pay)
    refund = send(sandbox, payment, 20_000)
    hear(REFUND, refund)
    sandbox.control(f"refunds/{refund}/fail")
    disputed = dispute_all(sandbox, payment)
    hear(DISPUTE, disputed)
    assert returned_amount(entry_id=payment.entry_id) == 50_000

    hear(REFUND, refund)

    assert_books_are_as_the_gateway(payment, 50_000)
    sandbox.control(f"disputes/{disputed}/win")
    hear(DISPUTE, disputed)
    assert_books_are_as_the_gateway(payment, 0)


def test_a_refund_of_which_nothing_was_left_is_posted_when_the_bank_gave_all_back(
    sandbox: Sandbox, pay: Pay, loan: Loan
) -> None:
    payment = receive(pay)
    disputed = dispute_all(sandbox, payment)
    hear(DISPUTE, disputed)
    sandbox.control(f"disputes/{disputed}/win")
    refund = send(sandbox, payment, 50_000)
    assert hear(REFUND, refund).entry is None

    hear(DISPUTE, disputed)

    assert Refund.objects.get().entry is not None
    assert_books_are_as_the_gateway(payment, 50_000)


def test_more_than_came_is_never_taken_out_and_stays_for_a_person(
    sandbox: Sandbox, pay: Pay, loan: Loan
) -> None:
    payment = receive(pay)
    kept, failing = send(sandbox, payment, 20_000), send(sandbox, payment, 10_000)
    disputed = dispute_all(sandbox, payment)
    for object_type, object_id in ((REFUND, kept), (REFUND, failing), (DISPUTE, disputed)):
        hear(object_type, object_id)
    sandbox.control(f"refunds/{failing}/fail")

    hear(REFUND, failing)

    # At the gateway 70,000 of 50,000 are gone: the dispute's entry stays at what was left.
    payment.refresh_from_db()
    assert payment.needs_review
    assert money_of(loan) == [50_000, -20_000, -10_000, -20_000, 10_000]


@pytest.mark.parametrize("order", list(permutations(range(4)))[::3])
def test_whatever_the_order_of_news_books_and_gateway_end_the_same(
    sandbox: Sandbox, pay: Pay, loan: Loan, order: tuple[int, ...]
) -> None:
    """Two refunds that fail once they are known, a third of all, then a dispute that is won."""
    payment = receive(pay)
    failing = [send(sandbox, payment, amount) for amount in (20_000, 25_000)]
    for refund in failing:
        hear(REFUND, refund)
        sandbox.control(f"refunds/{refund}/fail")
    disputed = dispute_all(sandbox, payment)
    if order[0] % 2:
        hear(DISPUTE, disputed)
    sandbox.control(f"disputes/{disputed}/win")
    last = send(sandbox, payment, 50_000)
    news = [*((REFUND, one) for one in failing), (DISPUTE, disputed), (REFUND, last)]

    for at in order:
        hear(*news[at])

    assert_books_are_as_the_gateway(payment, 50_000)


# --- The lock: who undoes one return and who posts another look at the same moment ---------------


@pytest.fixture
def crossing(sandbox: Sandbox, pay: Pay, monkeypatch: pytest.MonkeyPatch) -> Any:
    """One refund failed and another was made; whoever posts that waits for the other to finish."""
    payment = receive(pay)
    failed = send(sandbox, payment, 20_000)
    hear(REFUND, failed)
    sandbox.control(f"refunds/{failed}/fail")
    made = send(sandbox, payment, 50_000)
    is_posting = threading.local()
    looked, finished = threading.Event(), threading.Event()
    left_of = RETURNS._left_of

    def look(of: Payment) -> int:
        left: int = left_of(of)
        if getattr(is_posting, "yes", False):
            looked.set()
            finished.wait(2)
        return left

    def post() -> None:
        is_posting.yes = True
        hear(REFUND, made)

    def undo() -> None:
        looked.wait(10)
        hear(REFUND, failed)
        finished.set()

    monkeypatch.setattr(RETURNS, "_left_of", look)
    return lambda: (at_once(post, undo), returned_amount(entry_id=payment.entry_id), payment)


@pytest.mark.django_db(transaction=True)
def test_posting_one_while_another_is_undone_ends_at_the_gateways_cent(crossing: Any) -> None:
    results, gone, payment = crossing()
    assert results == [None, None]
    assert gone == 50_000
    assert_books_are_as_the_gateway(payment, 50_000)


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_twin_without_the_lock_the_refund_stays_short(
    crossing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for settler in SETTLERS:
        monkeypatch.setattr(
            settler, "lock_payment", lambda pk: Payment.objects.select_related("loan").get(pk=pk)
        )

    _results, gone, _payment = crossing()

    assert gone == 30_000
