"""Sends webhooks from a thread of its own: at least once, signed afresh each try, with back-off.

One thread claims due deliveries and records results; a pool does the waiting on sockets, so a
slow receiver holds up nobody and several deliveries may be in flight at once. On the way it
does what has become due on the sandbox's clock. Knows nothing of what an event means.
"""

import http.client
import logging
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection, transaction

from . import elapse, webhooks
from .faults import FAULTS
from .models import Delivery

logger = logging.getLogger(__name__)

POOL_SIZE = 32
TICK_SECONDS = 0.2
EXPIRY_EVERY_SECONDS = 1.0
# Signatures older than this are refused by Stripe's own libraries (300 s).
SKEW_SECONDS = 900


@dataclass(frozen=True)
class Result:
    """What the endpoint answered; `error` if it did not."""

    status_code: int | None
    error: str = ""

    @property
    def delivered(self) -> bool:
        return self.status_code is not None and 200 <= self.status_code < 300


def post(delivery: Delivery) -> Result:
    """One try: build, sign and send. Touches no database."""
    body = delivery.event.body.encode()
    secrets, timestamp = list(settings.WEBHOOK_SECRETS), int(time.time())
    if delivery.tampering == "wrong_secret":
        secrets = ["whsec_not_the_right_one"]
    elif delivery.tampering == "stale_timestamp":
        timestamp -= SKEW_SECONDS
    elif delivery.tampering == "future_timestamp":
        timestamp += SKEW_SECONDS
    elif delivery.tampering == "thin_body":
        body = webhooks.thin_body(delivery.event)
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Stripe-Signature": webhooks.signature_header(body, secrets, timestamp=timestamp),
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
    }
    parts = urlsplit(delivery.url)
    secure = parts.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    client = kind(parts.hostname or "", parts.port, timeout=settings.WEBHOOK_TIMEOUT_SECONDS)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        client.request("POST", target, body, headers)
        answer = client.getresponse()
        answer.read(65_536)
        return Result(answer.status)
    except (OSError, http.client.HTTPException) as error:
        return Result(None, f"{type(error).__name__}: {error}")
    finally:
        client.close()


def record(delivery: Delivery, result: Result) -> None:
    """Keep the outcome of a try and, where it failed, set the time of the next."""
    attempts = [
        *delivery.attempts,
        {"at": time.time(), "status_code": result.status_code, "error": result.error},
    ]
    waits = settings.WEBHOOK_RETRY_SECONDS
    due_at = delivery.due_at
    if result.delivered:
        status = Delivery.Status.DELIVERED
    elif len(attempts) > len(waits):
        status = Delivery.Status.FAILED
    else:
        status = Delivery.Status.PENDING
        due_at = time.time() + waits[len(attempts) - 1]
    Delivery.objects.filter(pk=delivery.pk).update(attempts=attempts, status=status, due_at=due_at)


def take_due(limit: int) -> list[Delivery]:
    """Claim deliveries whose time has come, oldest first."""
    if FAULTS.paused or limit < 1:
        return []
    pending = Delivery.objects.filter(status=Delivery.Status.PENDING, due_at__lte=time.time())
    return _claim(list(pending.order_by("due_at", "pk").values_list("pk", flat=True)[:limit]))


def _claim(ids: list[int]) -> list[Delivery]:
    if not ids:
        return []
    with transaction.atomic():
        free = Delivery.objects.filter(pk__in=ids).exclude(status=Delivery.Status.SENDING)
        claimed = list(free.select_related("event").order_by("due_at", "pk"))
        free.update(status=Delivery.Status.SENDING)
    return claimed


def send_now(deliveries: list[Delivery], *, concurrent: bool) -> list[Result]:
    """Send these at once and wait for the answers; for test controls.

    Args:
        concurrent: all in flight together, else one after the other in the given order.
    """
    claimed = {row.pk: row for row in _claim([row.pk for row in deliveries])}
    rows = [claimed[row.pk] for row in deliveries if row.pk in claimed]
    with ThreadPoolExecutor(max_workers=max(1, len(rows)) if concurrent else 1) as pool:
        results = list(pool.map(post, rows))
    for row, result in zip(rows, results, strict=True):
        record(row, result)
    return results


class Dispatcher(threading.Thread):
    """The thread; `stop` ends it after the tries in flight."""

    def __init__(self) -> None:
        super().__init__(name="webhook-dispatcher", daemon=True)
        self._stopping = threading.Event()
        self._in_flight: dict[Future[Result], Delivery] = {}
        self._next_expiry = 0.0

    def stop(self, timeout: float = 3.0) -> None:
        self._stopping.set()
        webhooks.news.set()
        self.join(timeout)

    def run(self) -> None:
        # What was in flight when the process ended is sent again: at least once.
        Delivery.objects.filter(status=Delivery.Status.SENDING).update(
            status=Delivery.Status.PENDING
        )
        pool = ThreadPoolExecutor(max_workers=POOL_SIZE, thread_name_prefix="webhook")
        while not self._stopping.is_set():
            webhooks.news.wait(TICK_SECONDS)
            webhooks.news.clear()
            try:
                self._tick(pool)
            except Exception:
                logger.exception("Webhook dispatcher stumbled; it goes on.")
                self._stopping.wait(TICK_SECONDS)
        pool.shutdown(wait=True, cancel_futures=True)
        self._record_finished()
        connection.close()

    def _tick(self, pool: ThreadPoolExecutor) -> None:
        self._record_finished()
        if time.monotonic() >= self._next_expiry:
            self._next_expiry = time.monotonic() + EXPIRY_EVERY_SECONDS
            elapse.catch_up()
        for delivery in take_due(POOL_SIZE - len(self._in_flight)):
            future = pool.submit(post, delivery)
            self._in_flight[future] = delivery
            future.add_done_callback(lambda _: webhooks.news.set())

    def _record_finished(self) -> None:
        for future in [future for future in self._in_flight if future.done()]:
            delivery = self._in_flight.pop(future)
            if future.cancelled():
                continue
            failure = future.exception()
            record(delivery, Result(None, repr(failure)) if failure else future.result())
