"""``python -m benchmarks.webhooks [--burst N] [--json]``: signed events up to the ledger's posting.

Real processes: gunicorn with two sync workers, a Celery worker and beat, PostgreSQL, and the
client, all on the same cores. Each event tells of another payment; of a tenth of the payments news
comes twice at once, as the same event or as another one. The client sends as fast as answers come
(``events_per_second``, latencies) while the worker posts, then waits until the inbox is worked.
``wrong`` counts postings lost, double or of another amount; a burst says each, and how long it took
from the first event to the last posting.
"""

import argparse
import http.client
import json
import os
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import redis

from benchmarks.gateway_stub import intent_id
from benchmarks.scratch import scratch_database

SECRET = f"whsec_{secrets.token_hex(16)}"
CONNECTIONS = 8
AMOUNT = 10_000
DRAIN_SECONDS = 900


def make_payments(events: int) -> list[str]:
    """Attempts that stand open at the gateway, one a loan; gives their intents' ids."""
    from benchmarks.book import build_book, settle_down
    from repayments.loans.models import Loan
    from repayments.payments.models import Payment

    at = datetime.now(UTC)
    build_book(loans=events, day=at.date(), now=at)
    rows = [
        Payment(
            loan_id=pk,
            amount=AMOUNT,
            currency="CNY",
            status=Payment.Status.REDIRECTED,
            session_id=f"cs_{pk}",
            created_at=at - timedelta(minutes=5),
            updated_at=at,
            intent_id="",
        )
        for pk in Loan.objects.order_by("pk").values_list("pk", flat=True)
    ]
    loans = dict(Loan.objects.values_list("pk", "public_id"))
    for row in rows:
        row.intent_id = intent_id(row.public_id, loans[row.loan_id], AMOUNT)
    Payment.objects.bulk_create(rows, batch_size=1000)
    settle_down()
    return [row.intent_id for row in rows]


def list_deliveries(names: list[str]) -> list[tuple[str, str]]:
    """Event and intent of each delivery, in order; copies come right behind, so that they meet."""
    deliveries = []
    for at, name in enumerate(names):
        deliveries.append((f"evt_{name}", name))
        if at % 20 == 0:
            deliveries.append((f"evt_{name}", name))
        elif at % 20 == 10:
            deliveries.append((f"evt_other_{name}", name))
    return deliveries


def body_of(event_id: str, name: str) -> bytes:
    event = {
        "id": event_id,
        "object": "event",
        "type": "payment_intent.succeeded",
        "api_version": "2026-10-28.endive",
        "created": int(time.time()),
        "livemode": False,
        "data": {"object": {"id": name, "object": "payment_intent"}},
    }
    return json.dumps(event).encode()


@contextmanager
def running(port: int, stub_port: int, database: str, folder: Path) -> Iterator[None]:
    """The portal's web and worker, and the stub, until the block ends."""
    broker = {"REDIS_URL": os.environ["REDIS_URL"]} if os.environ.get("REDIS_URL") else {}
    environment = {
        **os.environ,
        **broker,
        "REDIS_KEY_PREFIX": f"benchmark_{os.getpid()}_",
        "DATABASE_URL": database,
        "VAR_DIR": str(folder),
        "DEBUG": "0",
        "SECRET_KEY": secrets.token_hex(32),
        "ALLOWED_HOSTS": "127.0.0.1",
        "SITE_URL": f"http://127.0.0.1:{port}",
        "STRIPE_SECRET_KEY": f"sk_test_{secrets.token_hex(8)}",
        "STRIPE_API_BASE": f"http://127.0.0.1:{stub_port}",
        "STRIPE_WEBHOOK_SECRETS": SECRET,
        "LOG_LEVEL": "ERROR",
        "SECURE_SSL_REDIRECT": "0",
    }
    tools = Path(sys.executable).parent
    commands: list[list[str | Path]] = [
        [sys.executable, "-m", "benchmarks.gateway_stub", str(stub_port)],
        [
            tools / "gunicorn",
            "portal.wsgi",
            "--workers",
            "2",
            "--bind",
            f"127.0.0.1:{port}",
            "--log-level",
            "error",
            "--no-control-socket",
        ],
        [tools / "celery", "-A", "portal", "worker", "-c", "2", "--loglevel", "error"],
        [tools / "celery", "-A", "portal", "beat", "--loglevel", "error", "--pidfile="],
    ]
    with (folder / "processes.log").open("wb") as log:
        started = [
            subprocess.Popen(command, env=environment, stdout=log, stderr=log)  # noqa: S603 - ours
            for command in commands
        ]
        try:
            _wait_for(port)
            yield
        finally:
            for process in reversed(started):
                process.terminate()
            for process in started:
                process.wait(30)
            if broker:
                _forget_keys(broker["REDIS_URL"], environment["REDIS_KEY_PREFIX"])


def _forget_keys(url: str, prefix: str) -> None:
    """Leave nothing of this run in a store that others use: queues, their bindings, the cache."""
    with redis.Redis.from_url(url) as store:
        for key in store.scan_iter(match=f"*{prefix}*", count=1000):
            store.delete(key)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if _post(port, b"{}", "t=1,v1=none")[0] == 400:
                return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("The portal did not start.")


def _post(port: int, body: bytes, signature: str) -> tuple[int, float]:
    headers = {"Content-Type": "application/json", "Stripe-Signature": signature}
    started = time.perf_counter()
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    line.request("POST", "/payments/webhook/", body, headers)
    status = line.getresponse().status
    line.close()
    return status, time.perf_counter() - started


def send(port: int, deliveries: list[tuple[str, str]]) -> tuple[float, list[float], int]:
    """Deliver events as fast as answers come; gives seconds, latencies and refusals."""
    import stripe

    queue: SimpleQueue[bytes] = SimpleQueue()
    for event_id, name in deliveries:
        queue.put(body_of(event_id, name))
    latencies: list[float] = []
    refused = [0]

    def work() -> None:
        while True:
            try:
                body = queue.get_nowait()
            except Empty:
                return
            signature = stripe.WebhookSignature.generate_signature_header(body.decode(), SECRET)
            status, seconds = _post(port, body, signature)
            latencies.append(seconds)
            refused[0] += status != 200

    threads = [threading.Thread(target=work) for _ in range(CONNECTIONS)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - started, latencies, refused[0]


def count_faults(names: list[str]) -> dict[str, int]:
    """Hold the books against what was paid: each of the intents once, with exactly its amount.

    Returns: ``lost``; ``double``, which is posted more often, or under a name that nobody paid;
    ``altered``, of another amount.
    """
    from repayments.ledger.models import Account, JournalEntry, Posting

    received: dict[str, list[int]] = {}
    postings = Posting.objects.filter(
        entry__kind=JournalEntry.Kind.PAYMENT, account=Account.CLEARING
    )
    for reference, amount in postings.values_list("entry__reference", "amount"):
        received.setdefault(reference, []).append(amount)
    paid = [received.pop(name, []) for name in names]
    return {
        "lost": sum(not amounts for amounts in paid),
        "double": sum(len(amounts) > 1 for amounts in paid) + len(received),
        "altered": sum(len(amounts) == 1 and amounts != [AMOUNT] for amounts in paid),
    }


def drain(expected: int) -> None:
    """Wait until that many events are worked; what takes too long is counted as lost."""
    from repayments.payments.models import GatewayEvent

    worked = GatewayEvent.objects.filter(processed_at__isnull=False)
    deadline = time.monotonic() + DRAIN_SECONDS
    while worked.count() < expected and time.monotonic() < deadline:
        time.sleep(0.5)


def measure(database: str, *, events: int, port: int) -> dict[str, Any]:
    from repayments.ledger.services import verify_ledger
    from repayments.payments.models import GatewayEvent

    names = make_payments(events)
    deliveries = list_deliveries(names)
    with (
        tempfile.TemporaryDirectory() as folder,
        running(port, port + 1, database, Path(folder)),
    ):
        started = time.perf_counter()
        seconds, latencies, refused = send(port, deliveries)
        drain(len({event_id for event_id, _name in deliveries}))
        drained = time.perf_counter() - started
    latencies.sort()
    faults = count_faults(names)
    fault = verify_ledger()
    if fault is not None:
        raise SystemExit(f"The books do not hold: {fault}")
    return {
        "events": len(latencies),
        "events_per_second": round(len(latencies) / seconds, 1),
        "p50_ms": round(latencies[len(latencies) // 2] * 1000, 1),
        "p99_ms": round(latencies[len(latencies) * 99 // 100] * 1000, 1),
        "drained_seconds": round(drained, 1),
        "postings_per_second": round(events / drained, 1),
        "refused": refused,
        "worked_again": GatewayEvent.objects.filter(attempts__gt=1).count(),
        **faults,
        "wrong": sum(faults.values()),
    }


PROMISED = ("events_per_second", "p50_ms", "p99_ms", "wrong")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.webhooks", description=__doc__)
    parser.add_argument("--events", type=int, default=2_000, help="payments told of")
    parser.add_argument("--burst", type=int, help="that many instead, and how they drain")
    parser.add_argument("--port", type=int, default=18_700, help="and the one after it")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    options = parser.parse_args()
    with scratch_database() as scratch:
        if not scratch.is_postgresql:
            raise SystemExit("Give DATABASE_URL of a PostgreSQL server.")
        result = measure(scratch.url, events=options.burst or options.events, port=options.port)
    if not options.burst:
        result = {name: result[name] for name in PROMISED}
    if options.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:>20}  {value}")


if __name__ == "__main__":
    main()
