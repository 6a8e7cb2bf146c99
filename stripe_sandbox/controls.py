"""Test controls under /_test/: JSON in, JSON out, no key asked; loopback only by deployment.

They make the network misbehave and do what a payer would do in a browser. None of them changes
what the API means: a session paid here went through the same code as one paid on the page.
"""

import json
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from . import cards, checkout, clock, dispatcher, representations, webhooks, wire
from .errors import InvalidRequest, StripeError, no_such
from .faults import API_MODES, FAULTS, WEBHOOK_ACTIONS, Fault
from .models import Charge, CheckoutSession, Delivery, Event
from .payments import create_payment_method

Json = dict[str, Any]


def control(function: Callable[..., Json]) -> Callable[..., HttpResponse]:
    """A view of one control: reads a JSON object, answers with one."""

    def view(request: HttpRequest, **parts: str) -> HttpResponse:
        try:
            asked = json.loads(request.body) if request.body else {}
            if not isinstance(asked, dict):
                raise InvalidRequest("Send a JSON object.")
            return JsonResponse(function(asked, **parts), json_dumps_params={"indent": 2})
        except StripeError as error:
            return JsonResponse({"error": error.message}, status=error.status)
        except (ValueError, KeyError, TypeError) as error:
            return JsonResponse({"error": f"{type(error).__name__}: {error}"}, status=400)

    return csrf_exempt(view)


def health(asked: Json) -> Json:
    """Answers once the sandbox is up."""
    return {"ok": True, "now": clock.now(), "database": str(settings.DATABASE_PATH)}


def reset(asked: Json) -> Json:
    """Forget every fault, unpause, send what was held; objects and the clock stay."""
    FAULTS.reset()
    webhooks.release_reordered()
    webhooks.news.set()
    return {"ok": True}


def add_webhook_fault(asked: Json, action: str) -> Json:
    """The next `count` events (of `types`, after `skip` others) meet this fate.

    `seconds` for delay, `copies` for duplicate; reorder holds `count` events, then sends them
    newest first.
    """
    action = action.replace("-", "_")
    if action not in WEBHOOK_ACTIONS:
        raise InvalidRequest(f"Known actions: {', '.join(WEBHOOK_ACTIONS)}.", status=404)
    options: Json = {name: asked[name] for name in ("seconds", "copies") if name in asked}
    fault = Fault(
        action,
        count=int(asked.get("count", 1)),
        skip=int(asked.get("skip", 0)),
        types=tuple(asked.get("types", ())),
        options=options,
    )
    FAULTS.add_webhook(fault)
    return {"ok": True}


def pause(asked: Json) -> Json:
    """Send nothing until resumed."""
    FAULTS.paused = True
    return {"paused": True}


def resume(asked: Json) -> Json:
    FAULTS.paused = False
    webhooks.news.set()
    return {"paused": False}


def deliver(asked: Json) -> Json:
    """Send now and wait, paused or not: an `event`, some `events` in that order, or all pending.

    `copies` sends each that many times; `concurrent` has all in flight together. With an event
    named, it is sent again even if it was delivered, dropped or never due.
    """
    copies = int(asked.get("copies", 1))
    named = asked.get("events") or ([asked["event"]] if "event" in asked else [])
    if named:
        rows = [row for name in named for row in _fresh_deliveries(name, copies)]
    else:
        waiting = (Delivery.Status.PENDING, Delivery.Status.HELD)
        rows = list(Delivery.objects.filter(status__in=waiting).order_by("pk"))
    results = dispatcher.send_now(rows, concurrent=bool(asked.get("concurrent", False)))
    return {"results": [{"status_code": row.status_code, "error": row.error} for row in results]}


def _fresh_deliveries(event_id: str, copies: int) -> list[Delivery]:
    event = Event.objects.filter(stripe_id=event_id).first()
    if event is None:
        raise no_such("event", event_id)
    # What is still on its way is superseded by the copies sent now.
    event.deliveries.filter(status__in=[Delivery.Status.PENDING, Delivery.Status.HELD]).delete()
    urls = settings.WEBHOOK_URLS
    return [
        Delivery.objects.create(event=event, url=url, status=Delivery.Status.HELD, due_at=0)
        for _ in range(copies)
        for url in urls
    ]


def deliveries(asked: Json) -> Json:
    """Every delivery, oldest first, with its tries."""
    rows = Delivery.objects.select_related("event").order_by("pk")
    return {
        "deliveries": [
            {
                "id": row.pk,
                "event": row.event.stripe_id,
                "type": row.event.type,
                "url": row.url,
                "status": row.status,
                "tampering": row.tampering,
                "attempts": row.attempts,
            }
            for row in rows
        ]
    }


def add_api_fault(asked: Json) -> Json:
    """The next `count` API calls (by `method`, `path` prefix, after `skip` others) go wrong."""
    mode = asked.get("mode", "error_after_commit")
    if mode not in API_MODES:
        raise InvalidRequest(f"Known modes: {', '.join(API_MODES)}.")
    fault = Fault(
        mode,
        count=int(asked.get("count", 1)),
        skip=int(asked.get("skip", 0)),
        method=asked.get("method", "POST"),
        path=asked.get("path", "/v1/"),
        options={"seconds": asked.get("seconds", 1)},
    )
    FAULTS.add_api(fault)
    return {"ok": True}


def set_key_permissions(asked: Json) -> Json:
    """Give a restricted key its permissions, such as `checkout_session_write`."""
    FAULTS.permissions[asked["key"]] = frozenset(asked["permissions"])
    return {"ok": True}


def requests(asked: Json) -> Json:
    """The API requests served so far, as they came."""
    return {"requests": list(wire.recent_requests)}


def move_clock(asked: Json) -> Json:
    """Move the sandbox's clock by `seconds`; sessions past their time expire."""
    offset = clock.advance(int(asked["seconds"]))
    checkout.expire_due()
    return {"offset_seconds": offset, "now": clock.now()}


def pay_session(asked: Json, stripe_id: str) -> Json:
    """Pay as a payer would: `card` by its last four digits, `three_d_secure` pass or fail.

    Without `three_d_secure` a card that asks for it leaves the session waiting.
    """
    session = _session(stripe_id)
    card = cards.card_by_last4(str(asked.get("card", "4242"))[-4:])
    outcome = asked.get("three_d_secure")
    decline = None
    with transaction.atomic():
        if not (outcome and checkout.waits_for_authentication(session)):
            method = create_payment_method(
                card, holder_name=asked.get("name", "Test Payer"),
                email=asked.get("email", "payer@example.com"),
            )  # fmt: skip
            base_url = session.url.rpartition("/c/pay/")[0]
            decline = checkout.submit(session, method, base_url=base_url)
        if outcome and checkout.waits_for_authentication(session):
            checkout.authenticate(session, passed=outcome == "pass")
    session.refresh_from_db()
    answer = representations.checkout_session(session)
    done = session.status == CheckoutSession.Status.COMPLETE
    return {
        "session": answer,
        "decline": (decline.decline_code or decline.code) if decline else None,
        "waits_for_authentication": checkout.waits_for_authentication(session),
        "redirect_to": checkout.success_url(session) if done else None,
    }


def expire_session(asked: Json, stripe_id: str) -> Json:
    """Expire a session as if its time had come."""
    session = _session(stripe_id)
    checkout.expire(session)
    return {"session": representations.checkout_session(session)}


def set_disputed(asked: Json, stripe_id: str) -> Json:
    """Mark a charge as charged back, so that its refund is refused."""
    changed = Charge.objects.filter(stripe_id=stripe_id).update(
        disputed=bool(asked.get("disputed", True))
    )
    if not changed:
        raise no_such("charge", stripe_id)
    return {"ok": True}


def _session(stripe_id: str) -> CheckoutSession:
    session = CheckoutSession.objects.filter(stripe_id=stripe_id).first()
    if session is None:
        raise no_such("checkout.session", stripe_id)
    return session
