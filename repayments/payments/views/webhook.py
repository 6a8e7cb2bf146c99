"""Where the gateway reports: verify, keep, answer; the work is done elsewhere."""

import logging

from django.core.exceptions import RequestDataTooBig
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from repayments.clock import now
from repayments.payments import services, tasks
from repayments.payments.gateway import OtherMode, UnverifiedEvent

logger = logging.getLogger(__name__)
security_logger = logging.getLogger("repayments.security")

LARGEST_BODY = 1_000_000
RETRY_AFTER_SECONDS = 30


# The signature over the body stands in for the token: the gateway has no session here.
@csrf_exempt
@require_POST
def receive_webhook(request: HttpRequest) -> HttpResponse:
    """Keep an event of the gateway: 200 once it is kept, 400 for what is not its own.

    With the database down 503, so that the gateway comes back.
    """
    body = _read(request)
    if body is None:
        return _refuse("the body is too large")
    try:
        event = services.receive_event(
            body=body, signature=request.headers.get("Stripe-Signature", ""), now=now()
        )
    except OtherMode as error:
        logger.error("webhook of the other mode: %s", error)
        return _refuse(str(error))
    except UnverifiedEvent as error:
        return _refuse(str(error))
    except (DatabaseError, InterfaceError):
        logger.exception("webhook could not be kept")
        return HttpResponse(status=503, headers={"Retry-After": str(RETRY_AFTER_SECONDS)})
    if event.processed_at is None:
        _enqueue(event.event_id)
    return HttpResponse(status=200)


def _read(request: HttpRequest) -> bytes | None:
    """The raw body; None beyond the limit, told by its header before it is read."""
    try:
        if int(request.META.get("CONTENT_LENGTH") or 0) > LARGEST_BODY:
            return None
        body = request.body
    except (RequestDataTooBig, ValueError):
        return None
    return body if len(body) <= LARGEST_BODY else None


def _refuse(reason: str) -> HttpResponse:
    security_logger.warning("webhook refused: %s", reason)
    return HttpResponse(status=400)


def _enqueue(event_id: str) -> None:
    try:
        tasks.process_gateway_event.delay_on_commit(event_id=event_id)
    except Exception:
        # The event is kept: a broker that is down costs a minute, until the sweep.
        logger.exception("event %s could not be enqueued", event_id)
