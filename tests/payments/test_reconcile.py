"""What the reconciler brings in when the gateway's news did not arrive."""

import json
import time
from datetime import datetime, timedelta
from io import StringIO
from typing import Any
from unittest.mock import Mock

import pytest
from django.core.management import CommandError, call_command

from repayments.clock import now
from repayments.ledger.models import JournalEntry
from repayments.loans.models import Loan
from repayments.payments import gateway, tasks
from repayments.payments.gateway import GatewayTimeout
from repayments.payments.models import GatewayEvent, Payment, Watermark
from repayments.payments.services import PaymentNotKnown, reconcile
from tests.payments.conftest import Pay
from tests.sandbox_server import Sandbox

pytestmark = pytest.mark.django_db

Status = Payment.Status


@pytest.fixture(autouse=True)
def since(sandbox: Sandbox) -> datetime:
    """The sandbox remembers other tests: this one looks back to its own beginning only."""
    time.sleep(1 - time.time() % 1)
    began = gateway.clock()
    Watermark.objects.create(provider="stripe", seen_until=began + timedelta(hours=1))
    return began


def posted(loan: Loan) -> int:
    return JournalEntry.objects.filter(book=loan.book, kind=JournalEntry.Kind.PAYMENT).count()


def test_fault_8_f6_a_webhook_that_never_came_is_posted_in_one_run(
    sandbox: Sandbox, pay: Pay, loan: Loan
) -> None:
    payment = pay(50_000)
    assert posted(loan) == 0

    run = reconcile(now=now())

    payment.refresh_from_db()
    assert payment.status == Status.SUCCEEDED
    assert posted(loan) == 1
    assert run.errors == []
    assert run.events >= 2
    assert not GatewayEvent.objects.unprocessed().exists()


def test_a_second_run_changes_nothing(sandbox: Sandbox, pay: Pay, loan: Loan) -> None:
    pay(50_000)
    reconcile(now=now())
    before = list(Payment.objects.values())

    run = reconcile(now=now())

    assert (run.events, run.intents, run.payments) == (0, 0, 0)
    assert list(Payment.objects.values()) == before
    assert posted(loan) == 1


def test_fault_9_money_without_an_event_is_found_by_its_intent(
    sandbox: Sandbox, start: Pay, loan: Loan
) -> None:
    payment = start(50_000)
    sandbox.control("webhooks/skip", count=50)
    sandbox.control(f"sessions/{payment.session_id}/pay", card="4242")
    sandbox.control("reset")

    run = reconcile(now=now())

    assert run.events == 0
    assert run.intents == 1
    assert posted(loan) == 1


def test_fault_10_after_an_outage_longer_than_events_are_kept_money_is_found(
    sandbox: Sandbox, pay: Pay, loan: Loan, monkeypatch: pytest.MonkeyPatch
) -> None:
    pay(50_000)
    spans: list[timedelta] = []
    real = gateway.list_intents

    def list_ours(*, since: datetime, until: datetime) -> Any:
        spans.append(until - since)
        every = real(since=since, until=until)
        return (one for one in every if one.metadata.get("loan") == str(loan.public_id))

    monkeypatch.setattr(gateway, "list_events", lambda **span: iter([]))
    monkeypatch.setattr(gateway, "list_intents", list_ours)
    Watermark.objects.update(seen_until=gateway.clock() - timedelta(days=40))

    reconcile(now=now())

    assert spans[0] >= timedelta(days=40)
    assert posted(loan) == 1


def test_fault_10_where_no_run_was_ever_good_all_since_the_first_payment_is_looked_at(
    sandbox: Sandbox, pay: Pay, loan: Loan, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = pay(50_000)
    began = gateway.clock() - timedelta(days=50)
    Payment.objects.filter(pk=payment.pk).update(created_at=began)
    Watermark.objects.all().delete()
    spans: list[datetime] = []

    def list_refunds(*, since: datetime, until: datetime) -> Any:
        spans.append(since)
        return iter([])

    for listing in ("list_events", "list_intents", "list_disputes"):
        monkeypatch.setattr(gateway, listing, lambda **span: iter([]))
    monkeypatch.setattr(gateway, "list_refunds", list_refunds)

    reconcile(now=now())

    assert spans[0] < began


def test_an_attempt_that_ended_unheard_is_ended_here(sandbox: Sandbox, start: Pay) -> None:
    payment = start(50_000)
    sandbox.control("webhooks/skip", count=50)
    sandbox.control(f"sessions/{payment.session_id}/expire")
    sandbox.control("reset")

    reconcile(now=now())
    payment.refresh_from_db()
    assert payment.status == Status.REDIRECTED, "younger than 15 minutes: its news may still come"

    reconcile(now=now() + timedelta(minutes=16))
    payment.refresh_from_db()
    assert payment.status == Status.EXPIRED


def test_an_answer_that_is_missing_is_asked_for_soon(
    sandbox: Sandbox, start: Pay, loan: Loan
) -> None:
    sandbox.control("api/fail", mode="close_after_commit", path="/v1/checkout/sessions", count=4)
    with pytest.raises(PaymentNotKnown):
        start(50_000)

    reconcile(now=now() + timedelta(minutes=3))

    assert Payment.objects.get().status == Status.REDIRECTED


def test_the_watermark_moves_only_after_a_clean_run(
    sandbox: Sandbox, pay: Pay, loan: Loan, since: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    pay(50_000)
    before = since - timedelta(hours=5)
    Watermark.objects.update(seen_until=before)
    with monkeypatch.context() as patch:
        patch.setattr(gateway, "fetch_session", Mock(side_effect=GatewayTimeout("silent")))
        patch.setattr(gateway, "fetch_intent", Mock(side_effect=GatewayTimeout("silent")))
        run = reconcile(now=now(), since=since)
    assert run.errors
    assert Watermark.objects.get().seen_until == before
    assert posted(loan) == 0

    run = reconcile(now=now() + timedelta(minutes=10), since=since)
    assert run.errors == []
    assert Watermark.objects.get().seen_until > since
    assert posted(loan) == 1


def test_the_watermark_never_goes_back(sandbox: Sandbox, start: Pay) -> None:
    ahead = Watermark.objects.get().seen_until

    reconcile(now=now())

    assert Watermark.objects.get().seen_until == ahead


def test_the_first_run_looks_back_a_month(sandbox: Sandbox, loan: Loan) -> None:
    Watermark.objects.all().delete()
    foreign = Mock(return_value=iter([]))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gateway, "list_events", foreign)
        patch.setattr(gateway, "list_intents", foreign)
        run = reconcile(now=now())

    assert abs(gateway.clock() - timedelta(days=30) - run.since) < timedelta(minutes=1)


def test_the_task_survives_a_gateway_that_is_away(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(gateway, "list_events", Mock(side_effect=GatewayTimeout("silent")))

    tasks.reconcile_payments()

    assert "silent" in caplog.text


def test_each_task_runs_twice_to_the_same_end(sandbox: Sandbox, pay: Pay, loan: Loan) -> None:
    payment = pay(50_000)
    for _ in range(2):
        tasks.settle_payment(payment_id=payment.pk, unheard_of="later version")
        tasks.sweep_gateway_events()
        tasks.reconcile_payments()

    assert posted(loan) == 1


def test_the_command_reports_in_words_and_as_json(sandbox: Sandbox, pay: Pay) -> None:
    pay(50_000)
    out = StringIO()

    call_command("reconcile", "--json", stdout=out)
    report: dict[str, Any] = json.loads(out.getvalue())
    assert report["intents"] + report["events"] >= 2
    assert report["errors"] == []

    out = StringIO()
    call_command("reconcile", since=gateway.clock().isoformat(), stdout=out)
    assert "0 intents" in out.getvalue()


@pytest.mark.parametrize("since", ["yesterday", "2026-13-01"])
def test_the_command_refuses_a_moment_it_cannot_read(since: str) -> None:
    with pytest.raises(CommandError):
        call_command("reconcile", since=since)


def test_a_row_whose_page_is_gone_is_ended_and_does_not_hold_the_watermark(
    sandbox: Sandbox, start: Pay
) -> None:
    payment = start(50_000)
    Payment.objects.filter(pk=payment.pk).update(
        session_id="cs_test_of_another_account", updated_at=now() - timedelta(hours=1)
    )

    run = reconcile(now=now())

    assert run.errors == []
    payment.refresh_from_db()
    assert (payment.status, payment.needs_review) == (Payment.Status.CANCELED, True)
    assert Watermark.objects.exists()
