"""The operator's page: what waits, in words, and buttons that are safe to press twice."""

from datetime import timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from django.test import Client

from accounts.models import User
from repayments.clock import now, today
from repayments.loans.models import Loan
from repayments.payments import gateway, tasks
from repayments.payments.models import (
    ClearingCheck,
    FailedCall,
    GatewayEvent,
    Payment,
    Refund,
    Suspense,
    Watermark,
)
from tests.factories.cases import make_colleague, sign_in_staff
from tests.factories.payments import make_payment
from tests.payments.conftest import make_loan

pytestmark = pytest.mark.django_db

PAGE = "/admin/payments/failedcall/gateway/"


@pytest.fixture
def supervisor(db: None) -> User:
    return make_colleague("supervisor")


@pytest.fixture
def desk(supervisor: User) -> Client:
    return sign_in_staff(supervisor)


def shown(client: Client) -> str:
    answer = client.get(PAGE, headers={"Accept-Language": "en"})
    assert answer.status_code == 200
    return answer.content.decode()


def make_rows(loan: Loan, name: str) -> None:
    ago = now() - timedelta(hours=2)
    GatewayEvent.objects.create(
        event_id=f"evt_{name}",
        type="payment_intent.succeeded",
        object_type="payment_intent",
        object_id=f"pi_{name}",
        body=b"{}",
        received_at=ago,
        claimed_at=ago,
        attempts=20,
        error="GatewayMissing: no such object",
    )
    payment = make_payment(
        loan, now=ago, status="unknown", session_id=f"cs_{name}", intent_id=f"pi_{name}"
    )
    Refund.objects.create(
        payment=payment,
        amount=700,
        currency="CNY",
        status="unknown",
        origin="staff",
        reason="twice",
        created_at=ago,
        updated_at=ago,
    )
    Suspense.objects.create(
        provider="stripe",
        object_id=f"pi_s_{name}",
        amount=4_200,
        currency="USD",
        cause="unknown_loan",
        opened_at=ago,
    )
    FailedCall.objects.create(
        at=ago, what="refund", kind="GatewayMisconfigured", request_id=f"req_{name}"
    )
    ClearingCheck.objects.create(
        date=today() - timedelta(days=1),
        provider="stripe",
        currency={"one": "CNY", "two": "USD"}[name],
        gateway_total=5_000,
        books_total=4_000,
        differences=[{"object": f"pi_{name}", "kind": "payment", "gateway": 5_000, "books": 4_000}],
        checked_at=ago,
    )


def test_it_shows_what_waits_and_what_it_means(desk: Client, loan: Loan, settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = "rk_test_very_secret"
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_old", "whsec_new"]
    make_rows(loan, "one")
    Watermark.objects.create(provider="stripe", seen_until=gateway.clock() - timedelta(hours=1))

    text = shown(desk)

    for words in (
        "pi_one",
        "GatewayMissing: no such object",
        loan.number,
        "$42.00",
        "nobody has it",
        "req_one",
        "lacks a permission",
        "¥50.00 at the gateway, ¥40.00 in the books",
        "test, restricted",
        "2 webhook secrets are accepted",
        "That is too long ago",
    ):
        assert words in text, words
    assert "very_secret" not in text
    assert "whsec" not in text


def test_with_nothing_waiting_it_says_so(desk: Client, settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = ""
    settings.STRIPE_WEBHOOK_SECRETS = []
    Watermark.objects.create(provider="stripe", seen_until=gateway.clock())

    text = shown(desk)

    assert text.count("Nothing waits here.") == 4
    assert "No key is set" in text
    assert "every webhook is refused" in text
    assert "too long ago" not in text


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("sk_live_x", "live, secret"),
        ("rk_live_x", "live, restricted"),
        ("sk_test_x", "test, secret"),
        ("nonsense", "of an unknown kind"),
    ],
)
def test_the_kind_of_key_is_named_and_never_the_key(
    desk: Client, settings: Any, key: str, words: str
) -> None:
    settings.STRIPE_SECRET_KEY = key

    text = shown(desk)

    assert words in text
    assert key not in text


def test_the_number_of_queries_does_not_grow(
    desk: Client, loan: Loan, other_loan: Loan, django_assert_max_num_queries: Any
) -> None:
    make_rows(loan, "one")
    make_rows(other_loan, "two")
    shown(desk)
    # Session, person, the session's own row, second factor and
    # permissions (2); then watermark, events, payments, refunds, unmatched money, checks and failed
    # calls, one each.
    with django_assert_max_num_queries(13):
        shown(desk)


def test_a_part_with_more_than_is_shown_says_so(desk: Client) -> None:
    for number in range(25):
        GatewayEvent.objects.create(
            event_id=f"evt_{number}", type="x", body=b"{}", received_at=now()
        )

    assert "20+" in shown(desk)


@pytest.mark.parametrize(
    ("act", "task"),
    [
        ("payments", "reconcile_payments"),
        ("refunds", "reconcile_payments"),
        ("reconcile", "reconcile_payments"),
        ("clearing", "check_clearing"),
    ],
)
def test_a_button_hands_the_work_to_the_worker(
    desk: Client, monkeypatch: pytest.MonkeyPatch, act: str, task: str
) -> None:
    enqueue = Mock()
    monkeypatch.setattr(getattr(tasks, task), "delay_on_commit", enqueue)

    answer = desk.post(f"{PAGE}{act}/")

    assert answer.headers["Location"] == PAGE
    enqueue.assert_called_once_with()


def test_events_given_up_are_worked_again_and_a_second_press_does_no_harm(
    desk: Client, loan: Loan, monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueue = Mock()
    monkeypatch.setattr(tasks.process_gateway_event, "delay_on_commit", enqueue)
    make_rows(loan, "one")

    desk.post(f"{PAGE}events/")
    desk.post(f"{PAGE}events/")

    event = GatewayEvent.objects.get()
    assert (event.attempts, event.claimed_at, event.processed_at) == (0, None, None)
    assert {call.kwargs["event_id"] for call in enqueue.call_args_list} == {"evt_one"}


def test_only_who_may_see_it_does_and_only_who_may_act_acts(loan: Loan) -> None:
    collector, auditor = make_colleague("collector"), make_colleague("auditor")

    assert sign_in_staff(collector).get(PAGE).status_code == 403
    reader = sign_in_staff(auditor)
    assert '<form method="post" action="/admin/payments' not in shown(reader)
    assert reader.post(f"{PAGE}events/").status_code == 403


def test_wrong_methods_and_unknown_acts_are_refused(desk: Client) -> None:
    assert desk.post(PAGE).status_code == 405
    assert desk.get(f"{PAGE}events/").status_code == 405
    assert desk.post(f"{PAGE}everything/").status_code == 404


def test_payments_with_an_end_are_not_shown(desk: Client, borrower: Any) -> None:
    loan = make_loan(borrower, "L-DONE")
    make_payment(loan, now=now() - timedelta(hours=2), status=Payment.Status.FAILED)

    assert "L-DONE" not in shown(desk)
