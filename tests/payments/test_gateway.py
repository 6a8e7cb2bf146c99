"""The door to the gateway: what is sent, what comes back, and which failures are told apart."""

import threading
import time
from datetime import timedelta
from typing import Any

import pytest

from repayments.payments import gateway
from repayments.payments.gateway import (
    GatewayBusy,
    GatewayMisconfigured,
    GatewayMissing,
    GatewayRefused,
    GatewayTimeout,
)
from tests.payments.conftest import close_gateway_connection, session_request
from tests.sandbox_server import Sandbox


def calls(sandbox: Sandbox, key: str) -> list[dict[str, Any]]:
    rows = sandbox.control("requests")["requests"]
    return [row for row in rows if row["idempotency_key"] == key]


def test_a_session_comes_back_as_facts(sandbox: Sandbox) -> None:
    session = gateway.open_session(session_request(), key="facts")

    assert session.status == "open"
    assert session.url.startswith(sandbox.base_url)
    assert session.intent is None
    assert session.metadata == {
        "payment": session_request().payment,
        "loan": session_request().loan,
    }


@pytest.mark.parametrize(
    ("amount", "currency"), [(105_000, "CNY"), (500, "JPY"), (1_500, "KWD"), (5_050, "USD")]
)
def test_fault_31_an_amount_makes_the_round_trip(
    sandbox: Sandbox, amount: int, currency: str
) -> None:
    opened = gateway.open_session(
        session_request(amount=amount, currency=currency), key=f"round-{currency}"
    )
    sandbox.control(f"sessions/{opened.id}/pay", card="4242")

    intent = gateway.fetch_session(opened.id).intent
    assert (intent.amount_received, intent.currency) == (amount, currency)
    assert intent.status == "succeeded"
    assert abs(intent.paid_at - gateway.clock()) < timedelta(minutes=1)


def test_the_intent_says_whose_it_is(sandbox: Sandbox) -> None:
    opened = gateway.open_session(session_request(), key="whose")
    sandbox.control(f"sessions/{opened.id}/pay", card="4242")

    intent = gateway.fetch_session(opened.id).intent
    assert gateway.fetch_intent(intent.id) == intent
    assert intent.metadata["payment"] == session_request().payment


@pytest.mark.parametrize("mode", ["close_after_commit", "close_before"])
def test_fault_22_an_answer_that_was_lost_is_asked_for_under_the_same_key(
    sandbox: Sandbox, mode: str
) -> None:
    sandbox.control("api/fail", mode=mode, path="/v1/checkout/sessions")
    asked = session_request()

    session = gateway.open_session(asked, key=f"lost-{mode}")

    assert len(calls(sandbox, f"lost-{mode}")) == 2
    assert gateway.open_session(asked, key=f"lost-{mode}").id == session.id


def test_fault_22_a_gateway_that_stays_silent_leaves_the_outcome_unknown(sandbox: Sandbox) -> None:
    sandbox.control("api/fail", mode="close_after_commit", path="/v1/checkout/sessions", count=9)

    with pytest.raises(GatewayTimeout):
        gateway.open_session(session_request(), key="silent")


def test_fault_23_the_same_key_with_another_amount_is_an_error(sandbox: Sandbox) -> None:
    asked = session_request()
    gateway.open_session(asked, key="changed")

    with pytest.raises(GatewayRefused) as refusal:
        gateway.open_session(session_request(amount=1, expires_at=asked.expires_at), key="changed")
    assert refusal.value.code == "idempotency_error"


def test_fault_24_too_many_calls_are_sent_again_with_the_same_key(sandbox: Sandbox) -> None:
    sandbox.control("api/fail", mode="rate_limited", path="/v1/checkout/sessions", count=2)

    assert gateway.open_session(session_request(), key="busy").status == "open"
    assert len(calls(sandbox, "busy")) == 3


def test_fault_24_a_key_in_flight_is_waited_for_and_gives_the_one_page(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway.client, "RETRY_WAITS_SECONDS", (0.2,) * 20)
    sandbox.control("api/fail", mode="hang", path="/v1/checkout/sessions", seconds=1)
    asked, opened = session_request(), []

    def send() -> None:
        opened.append(gateway.open_session(asked, key="in-flight").id)
        close_gateway_connection()

    first = threading.Thread(target=send)
    first.start()
    time.sleep(0.4)
    send()
    first.join(20)

    assert len(opened) == 2
    assert len(set(opened)) == 1
    # The first call, those that were answered 409, and the one that was given its answer.
    assert len(calls(sandbox, "in-flight")) > 2


def test_fault_24_a_gateway_that_stays_busy_is_told_apart(sandbox: Sandbox) -> None:
    sandbox.control("api/fail", mode="rate_limited", path="/v1/checkout/sessions", count=9)

    with pytest.raises(GatewayBusy):
        gateway.open_session(session_request(), key="too-busy")


def test_fault_24_its_own_failure_is_replayed_and_stays_unknown(sandbox: Sandbox) -> None:
    sandbox.control("api/fail", mode="error_after_commit", path="/v1/checkout/sessions")

    with pytest.raises(GatewayTimeout):
        gateway.open_session(session_request(), key="replayed")


def test_a_refusal_names_its_code_and_session_request(sandbox: Sandbox) -> None:
    with pytest.raises(GatewayRefused) as refusal:
        gateway.open_session(session_request(amount=399), key="small")

    assert refusal.value.code == "amount_too_small"
    assert refusal.value.request_id.startswith("req_")


def test_an_object_that_is_not_there_is_told_apart(sandbox: Sandbox) -> None:
    with pytest.raises(GatewayMissing):
        gateway.fetch_session("cs_test_nothing")


def test_fault_45_a_key_without_its_permission_is_an_operators_job(
    sandbox: Sandbox, settings: Any
) -> None:
    settings.STRIPE_SECRET_KEY = "rk_test_reader_only"
    sandbox.control("keys", key="rk_test_reader_only", permissions=["event_read"])

    with pytest.raises(GatewayMisconfigured):
        gateway.open_session(session_request(), key="denied")
    close_gateway_connection()


@pytest.mark.parametrize("key", ["sk_live_x", "rk_live_x"])
def test_fault_49_a_live_key_is_refused_at_another_address(
    sandbox: Sandbox, settings: Any, key: str
) -> None:
    test_key = settings.STRIPE_SECRET_KEY
    settings.STRIPE_SECRET_KEY = key

    with pytest.raises(GatewayMisconfigured):
        gateway.fetch_session("cs_test_nothing")
    settings.STRIPE_SECRET_KEY = test_key


def test_lists_are_read_to_the_last_page(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    since = gateway.clock()
    opened = [gateway.open_session(session_request(), key=f"page-{n}").id for n in range(5)]
    monkeypatch.setattr(gateway.client, "PAGE_SIZE", 2)

    listed = [row.id for row in gateway.list_sessions(since=since, until=gateway.clock())]

    assert [name for name in listed if name in opened] == opened[::-1]


def test_limits_are_exact_in_the_currency() -> None:
    assert gateway.amount_limits("CNY") == (400, 99_999_999)
    assert gateway.amount_limits("JPY") == (50, 99_999_999)
    assert gateway.amount_limits("KWD") == (160, 99_999_990)
