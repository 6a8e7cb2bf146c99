"""The gateway's webhook: what is kept, what is refused, and that keeping is not working."""

import json
import logging
import time
from typing import Any
from unittest.mock import Mock

import pytest
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client

from repayments.payments import tasks
from repayments.payments.models import GatewayEvent
from repayments.payments.services import inbox
from tests.payments.conftest import SECRET, Deliver, signed

pytestmark = pytest.mark.django_db

URL = "/payments/webhook/"


def event(**changes: Any) -> dict[str, Any]:
    return {
        "id": "evt_1",
        "object": "event",
        "type": "payment_intent.succeeded",
        "livemode": False,
        "data": {"object": {"id": "pi_1", "object": "payment_intent"}},
        **changes,
    }


def post(client: Client, body: bytes, header: str = "", **headers: str) -> HttpResponse:
    sent = {"Stripe-Signature": header, **headers} if header else headers
    return client.post(URL, body, content_type="application/json", headers=sent)


def post_signed(client: Client, body: bytes, **changes: Any) -> HttpResponse:
    return post(client, body, signed(body, **changes))


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Stands where the work would begin."""
    mock = Mock()
    monkeypatch.setattr(inbox, "settle", mock)
    return mock


@pytest.fixture
def refused(caplog: pytest.LogCaptureFixture) -> Any:
    """The lines of the security log."""
    caplog.set_level(logging.WARNING, logger="repayments.security")
    return lambda: [row for row in caplog.records if row.name == "repayments.security"]


def test_an_event_is_kept_byte_for_byte(client: Client, settled: Mock) -> None:
    body = json.dumps(event(), indent=3).encode() + b"\n"

    assert post_signed(client, body).status_code == 200

    row = GatewayEvent.objects.get()
    assert bytes(row.body) == body
    assert (row.event_id, row.object_type, row.object_id) == ("evt_1", "payment_intent", "pi_1")


def test_fault_1_the_same_event_ten_times_is_kept_once(deliver: Deliver, settled: Mock) -> None:
    answers = [deliver(event()).status_code for _ in range(10)]

    assert answers == [200] * 10
    assert GatewayEvent.objects.count() == 1
    assert settled.call_count == 1


def test_fault_5_an_event_whose_work_was_lost_is_worked_by_the_sweep(
    client: Client, settled: Mock, django_capture_on_commit_callbacks: Any
) -> None:
    # Nothing runs on commit here: the process ended after keeping the event.
    assert post_signed(client, json.dumps(event()).encode()).status_code == 200
    assert settled.call_count == 0

    with django_capture_on_commit_callbacks(execute=True):
        tasks.sweep_gateway_events()

    assert settled.call_count == 1
    assert GatewayEvent.objects.get().processed_at is not None


def test_fault_6_a_redelivery_after_the_work_does_nothing(deliver: Deliver, settled: Mock) -> None:
    deliver(event())
    before = GatewayEvent.objects.get()

    assert deliver(event()).status_code == 200
    assert GatewayEvent.objects.get().processed_at == before.processed_at
    assert settled.call_count == 1


def test_fault_7_with_the_database_down_the_gateway_is_told_to_come_back(
    client: Client, monkeypatch: pytest.MonkeyPatch, settled: Mock
) -> None:
    body = json.dumps(event()).encode()
    with monkeypatch.context() as patch:
        patch.setattr(inbox, "insert_new", Mock(side_effect=OperationalError("gone")))
        answer = post_signed(client, body)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]

    assert post_signed(client, body).status_code == 200
    assert GatewayEvent.objects.count() == 1


def test_a_broker_that_is_down_costs_only_time(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        tasks.process_gateway_event, "delay_on_commit", Mock(side_effect=ConnectionError)
    )

    assert post_signed(client, json.dumps(event()).encode()).status_code == 200
    assert inbox.list_waiting_events(now=GatewayEvent.objects.get().received_at) == ["evt_1"]


@pytest.mark.parametrize(
    ("sent_ago", "accepted"), [(0, True), (290, True), (310, False), (-290, True), (-310, False)]
)
def test_fault_11_a_time_out_of_reach_is_refused(
    client: Client, settled: Mock, refused: Any, sent_ago: int, accepted: bool
) -> None:
    body = json.dumps(event()).encode()

    answer = post_signed(client, body, sent_at=int(time.time()) - sent_ago)

    assert answer.status_code == (200 if accepted else 400)
    assert GatewayEvent.objects.exists() == accepted
    assert len(refused()) == (0 if accepted else 1)


@pytest.mark.parametrize(
    "forge",
    [
        lambda body: (body, ""),
        lambda body: (body, "rubbish"),
        lambda body: (body, "t=1,v1="),
        lambda body: (body, "t=x,v1=abc"),
        lambda body: (body, signed(body, secret="whsec_other")),
        lambda body: (body.replace(b"pi_1", b"pi_2"), signed(body)),
        lambda body: (json.dumps(json.loads(body), indent=1).encode(), signed(body)),
        lambda body: (b"\xff\xfe" + body, signed(body)),
        lambda body: (body, signed(body).replace("v1=", "v0=")),
    ],
    ids=[
        "no header",
        "no pairs",
        "empty",
        "no time",
        "other secret",
        "altered",
        "written anew",
        "not text",
        "other scheme",
    ],
)
def test_fault_11_what_is_not_provably_the_gateways_is_refused(
    client: Client, refused: Any, forge: Any
) -> None:
    body, header = forge(json.dumps(event()).encode())

    assert post(client, body, header).status_code == 400
    assert not GatewayEvent.objects.exists()
    assert len(refused()) == 1


def test_either_of_two_signatures_may_match(client: Client, settled: Mock) -> None:
    body = json.dumps(event()).encode()
    wrong = signed(body, secret="whsec_rolled")

    answer = post(client, body, wrong + "," + signed(body).split(",")[1])

    assert answer.status_code == 200


@pytest.mark.parametrize("secret", ["whsec_old", "whsec_new"])
def test_fault_12_during_a_rotation_both_secrets_are_accepted(
    client: Client, settings: Any, settled: Mock, secret: str
) -> None:
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_new", "whsec_old"]

    assert post_signed(client, json.dumps(event()).encode(), secret=secret).status_code == 200


def test_fault_12_a_removed_secret_is_refused(client: Client, settings: Any) -> None:
    settings.STRIPE_WEBHOOK_SECRETS = ["whsec_new"]

    body = json.dumps(event()).encode()
    assert post_signed(client, body, secret="whsec_old").status_code == 400


@pytest.mark.parametrize("secrets", [[], [""]])
def test_without_a_secret_every_webhook_is_refused(
    client: Client, settings: Any, secrets: list[str]
) -> None:
    settings.STRIPE_WEBHOOK_SECRETS = secrets

    assert post_signed(client, json.dumps(event()).encode(), secret="").status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {"object": "v2.core.event", "id": "evt_1", "type": "v1.payment_intent.succeeded"},
        {"object": "event"},
        {"object": "event", "id": 1, "type": "x", "data": {"object": {}}, "livemode": False},
        {"object": "event", "id": "e" * 300, "type": "x", "data": {"object": {}}},
        {"object": "event", "id": "evt_1", "type": "x", "data": None},
        {"object": "event", "id": "evt_1", "type": "x", "data": {"object": []}},
        [],
        None,
        "event",
        7,
    ],
    ids=str,
)
def test_fault_13_a_body_that_is_no_snapshot_event_is_refused(client: Client, body: Any) -> None:
    assert post_signed(client, json.dumps(body).encode()).status_code == 400
    assert not GatewayEvent.objects.exists()


@pytest.mark.parametrize("body", [b"", b"{", b"id=evt_1", b'{"a":' * 5000])
def test_fault_16_a_body_that_is_not_json_is_refused(client: Client, body: bytes) -> None:
    assert post_signed(client, body).status_code == 400


@pytest.mark.parametrize("livemode", [True, None, "false"])
def test_fault_14_an_event_of_the_other_mode_is_refused_with_an_alert(
    client: Client, caplog: pytest.LogCaptureFixture, livemode: Any
) -> None:
    body = json.dumps(event(livemode=livemode)).encode()

    assert post_signed(client, body).status_code == 400
    assert not GatewayEvent.objects.exists()
    assert [row.levelname for row in caplog.records if row.name.endswith("views.webhook")] == [
        "ERROR"
    ]


@pytest.mark.parametrize("kind", ["charge.succeeded", "charge.refunded", "no.such.event"])
def test_fault_15_an_unknown_type_rests_in_the_inbox(
    deliver: Deliver, settled: Mock, kind: str
) -> None:
    assert deliver(event(type=kind)).status_code == 200

    assert GatewayEvent.objects.get().processed_at is not None
    assert settled.call_count == 0


@pytest.mark.parametrize(("size", "answer"), [(999_000, 200), (1_000_001, 400), (3_000_000, 400)])
def test_fault_16_a_body_over_a_megabyte_is_refused(
    client: Client, settled: Mock, size: int, answer: int
) -> None:
    body = json.dumps(event(padding="x" * (size - 300))).encode().ljust(size)

    assert post_signed(client, body).status_code == answer


def test_a_wrong_method_is_refused(client: Client) -> None:
    assert client.get(URL).status_code == 405


def test_it_asks_for_no_token_of_a_page(settled: Mock) -> None:
    strict = Client(enforce_csrf_checks=True)

    assert post_signed(strict, json.dumps(event()).encode(), secret=SECRET).status_code == 200


def test_work_that_fails_is_noted_and_done_later(deliver: Deliver, settled: Mock) -> None:
    from repayments.payments.gateway import GatewayTimeout

    settled.side_effect = GatewayTimeout("no answer")
    assert deliver(event()).status_code == 200
    row = GatewayEvent.objects.get()
    assert row.processed_at is None
    assert "GatewayTimeout" in row.error

    settled.side_effect = None
    inbox.release_event(event_id=row.event_id)
    tasks.process_gateway_event(event_id=row.event_id)
    tasks.process_gateway_event(event_id=row.event_id)
    row.refresh_from_db()
    assert row.processed_at is not None
    assert row.error == ""
    assert settled.call_count == 2
