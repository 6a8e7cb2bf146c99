"""What staff read of payments, and the one thing they may do: have it worked again."""

from typing import Any
from unittest.mock import Mock

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.contrib.messages.storage.fallback import FallbackStorage
from django.http import HttpRequest
from django.test import RequestFactory

from accounts.models import User
from repayments.clock import now
from repayments.loans.models import Loan
from repayments.payments import tasks
from repayments.payments.models import GatewayEvent, Payment, Suspense, Watermark
from tests.factories.payments import make_payment

pytestmark = pytest.mark.django_db

MODELS = [Payment, GatewayEvent, Suspense, Watermark]


@pytest.fixture
def staff() -> User:
    return User.objects.create_user("auditor@example.com", is_staff=True)


def allow(user: User, *codenames: str) -> User:
    user.user_permissions.add(*Permission.objects.filter(codename__in=codenames))
    return User.objects.get(pk=user.pk)


def asked(rf: RequestFactory, user: User, **data: Any) -> HttpRequest:
    request = rf.post("/", data) if data else rf.get("/")
    request.user = user
    request.session = {}  # type: ignore[assignment]
    request._messages = FallbackStorage(request)  # type: ignore[attr-defined]
    request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]
    return request


@pytest.fixture
def rows(loan: Loan) -> dict[type, Any]:
    payment = make_payment(loan, now=now(), error_code="card_declined")
    return {
        Payment: payment,
        GatewayEvent: GatewayEvent.objects.create(
            event_id="evt_1",
            type="payment_intent.succeeded",
            object_type="payment_intent",
            object_id="pi_1",
            body=b'{"payer": "somebody"}',
            received_at=now(),
            claimed_at=now(),
            attempts=20,
            error="GatewayTimeout: silent",
        ),
        Suspense: Suspense.objects.create(
            provider="stripe",
            object_id="pi_2",
            payment=payment,
            amount=5,
            currency="CNY",
            cause=Suspense.Cause.AMOUNT,
            opened_at=now(),
        ),
        Watermark: Watermark.objects.create(provider="stripe", seen_until=now()),
    }


@pytest.mark.parametrize("model", MODELS)
def test_lists_and_pages_are_read_only(
    rf: RequestFactory, staff: User, rows: dict[type, Any], model: type
) -> None:
    room = admin.site._registry[model]
    reader = allow(staff, f"view_{model.__name__.lower()}", f"change_{model.__name__.lower()}")

    listed = room.changelist_view(asked(rf, reader))
    listed.render()
    assert listed.status_code == 200
    page = room.change_view(asked(rf, reader), str(rows[model].pk))
    page.render()
    assert page.status_code == 200
    assert b'name="_save"' not in page.content
    assert b"somebody" not in page.content
    for may in (room.has_add_permission, room.has_change_permission, room.has_delete_permission):
        assert not may(asked(rf, reader))


@pytest.mark.parametrize("word", ["no", "error", "yes", ""])
def test_events_are_found_by_whether_they_were_worked(
    rf: RequestFactory, staff: User, rows: dict[type, Any], word: str
) -> None:
    room = admin.site._registry[GatewayEvent]
    request = rf.get("/", {"worked": word} if word else {})
    request.user = allow(staff, "view_gatewayevent")

    listed = room.changelist_view(request)

    assert listed.context_data["cl"].result_count == (0 if word == "yes" else 1)


@pytest.mark.parametrize(
    ("model", "task", "argument"),
    [
        (Payment, tasks.settle_payment, "payment_id"),
        (GatewayEvent, tasks.process_gateway_event, "event_id"),
    ],
)
def test_what_waits_can_be_worked_again(
    rf: RequestFactory,
    staff: User,
    rows: dict[type, Any],
    monkeypatch: pytest.MonkeyPatch,
    model: type,
    task: Any,
    argument: str,
) -> None:
    enqueued = Mock()
    monkeypatch.setattr(task, "delay_on_commit", enqueued)
    room = admin.site._registry[model]
    name = model.__name__.lower()
    request = asked(
        rf,
        allow(staff, f"view_{name}", f"change_{name}"),
        action="work_again",
        _selected_action=[str(rows[model].pk)],
    )

    room.changelist_view(request)

    assert list(enqueued.call_args.kwargs) == [argument]
    if model is GatewayEvent:
        event = GatewayEvent.objects.get()
        assert (event.attempts, event.claimed_at) == (0, None)


@pytest.mark.parametrize("model", [Payment, GatewayEvent])
def test_who_may_only_read_is_not_offered_the_act(
    rf: RequestFactory, staff: User, model: type
) -> None:
    room = admin.site._registry[model]
    reader = allow(staff, f"view_{model.__name__.lower()}")

    assert "work_again" not in room.get_actions(asked(rf, reader))
