"""Test controls under /_test/: JSON in, JSON out, no key asked; loopback only by deployment.

They make the network misbehave and do what a payer, a bank or somebody in the Dashboard would do.
None of them changes what the API means: a session paid here went through the same code as one paid
on the page. POST a JSON object; a refusal is 400 or 404 with {"error": sentence}.

The network (this module):

| path | parameters | effect |
|---|---|---|
| health | | answers once the sandbox is up |
| reset | | no fault stands, nothing is paused, what was held is sent; objects and clock stay |
| clock | seconds | moves the clock; what is due happens: sessions, codes, delayed money, refunds |
| keys | key, permissions | what a restricted key may do, such as refund_write |
| requests | | the latest API requests as they came |
| api/fail | mode, count, skip, method, path, seconds | the next matching calls go wrong |
| webhooks/<action> | count, skip, types; seconds, copies | the next matching events go wrong |
| webhooks/pause, webhooks/resume | | nothing is sent in between |
| webhooks/deliver | event or events, copies, concurrent | sends now and waits for the answers |
| webhooks/deliveries | status (a list) | every delivery, or those, with their tries |
| webhooks/generation-failure | id, type | tells by a thin event of one that was never made |
| webhooks/secrets | secrets | signs with one secret, or with two during a roll |

Modes of api/fail: error_after_commit, close_after_commit, error_before, close_before, rate_limited,
hang. Actions on webhooks: skip (the event is never generated), drop, delay, duplicate, reorder,
wrong-secret, stale-timestamp, future-timestamp, thin-body.

Payer, issuer and Dashboard (`money_controls`):

| path | parameters | effect |
|---|---|---|
| sessions/<id>/pay | card, three_d_secure, name, email | pays as on the page; pass or fail |
| sessions/<id>/pay | method, outcome, email | wallet: approve fail expire later later_fail wait |
| sessions/<id>/expire | | the session's time has come |
| payment_intents/<id>/conclude | outcome: succeed or fail | ends what a wallet is processing |
| payment_methods/<id>/behavior | behavior | from now on a saved card acts like another test card |
| payment_methods/<id>/detach | | somebody removes it in the Dashboard |
| payment_methods/<id>/renew | exp_month, exp_year, last4 | the network updates a saved card |
| charges/<id>/refund | amount, reason, metadata, status | a refund made in the Dashboard |
| refunds/<id>/succeed | | a pending refund arrives |
| refunds/<id>/fail | reason | a refund comes back, pending or not |
| refunds/<id>/cancel | | a pending refund is called off |
| charges/<id>/dispute | inquiry, reason, amount, withdraw | a dispute opens; its money may wait |
| disputes/<id>/<action> | | withdraw review win lose close-inquiry |
| charges/<id>/early-fraud-warning | fraud_type | the issuer reports fraud |
"""

import json
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from . import clock, dispatcher, elapse, webhooks, wire
from .errors import InvalidRequest, StripeError, no_such
from .faults import API_MODES, FAULTS, WEBHOOK_ACTIONS, Fault
from .models import Delivery, Event

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
    """Every delivery, or those of a `status`, oldest first, with its tries."""
    rows = Delivery.objects.select_related("event").order_by("pk")
    if "status" in asked:
        rows = rows.filter(status__in=asked["status"])
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
    unknown = set(asked["permissions"]) - wire.known_permissions
    if unknown or not asked["key"].startswith("rk_test_"):
        known = ", ".join(sorted(wire.known_permissions))
        raise InvalidRequest(f"Give an rk_test_ key some of these permissions: {known}.")
    FAULTS.permissions[asked["key"]] = frozenset(asked["permissions"])
    return {"ok": True}


def set_webhook_secrets(asked: Json) -> Json:
    """From now on sign with these `secrets`: one of them, or two while one is being rolled."""
    secrets = [str(secret) for secret in asked["secrets"]]
    if not secrets or not all(secret.startswith("whsec_") for secret in secrets):
        raise InvalidRequest("Send at least one secret; each begins with whsec_.")
    settings.WEBHOOK_SECRETS = secrets
    return {"secrets": len(secrets)}


def announce_resolved_failure(asked: Json) -> Json:
    """Tell by a thin event that the event about object `id` could not be generated in time."""
    event = webhooks.emit_resolved_failure(str(asked["id"]), str(asked["type"]))
    return {"event": event.stripe_id}


def requests(asked: Json) -> Json:
    """The API requests served so far, as they came."""
    return {"requests": list(wire.recent_requests)}


def move_clock(asked: Json) -> Json:
    """Move the sandbox's clock by `seconds` and do all that has become due by then."""
    offset = clock.advance(int(asked["seconds"]))
    return {"offset_seconds": offset, "now": clock.now(), "done": elapse.catch_up()}
