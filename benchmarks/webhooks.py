"""``python -m benchmarks.webhooks [--json]``: signed events up to the ledger's posting.

Real processes: gunicorn with two sync workers, a Celery worker and beat, PostgreSQL, and the
client, all on the same cores. Each event tells of another payment; a tenth of them is delivered
twice. The client sends them as fast as answers come (``events_per_second``, latencies), while the
worker posts; then it waits until all are posted (``posted_per_second`` over the whole time).
``wrong`` counts postings lost, double or of another amount.
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


def body_of(name: str) -> bytes:
    event = {
        "id": f"evt_{name}"[:250],
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


def send(port: int, names: list[str]) -> tuple[float, list[float], int]:
    """Send each event, a tenth of them twice; gives seconds, latencies and refusals."""
    import stripe

    queue: SimpleQueue[bytes] = SimpleQueue()
    for at, name in enumerate(names):
        for _copy in range(2 if at % 10 == 0 else 1):
            queue.put(body_of(name))
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


def count_wrong(names: list[str]) -> int:
    """Count payments that are not posted exactly once, with exactly their amount."""
    from repayments.ledger.models import Account, JournalEntry, Posting
    from repayments.payments.models import PostingKey

    received: dict[str, list[int]] = {}
    postings = Posting.objects.filter(
        entry__kind=JournalEntry.Kind.PAYMENT, account=Account.CLEARING
    )
    for reference, amount in postings.values_list("entry__reference", "amount"):
        received.setdefault(reference, []).append(amount)
    wrong = sum(received.pop(name, []) != [AMOUNT] for name in names)
    return wrong + len(received) + abs(PostingKey.objects.count() - len(names))


def drain(expected: int) -> None:
    from repayments.payments.models import PostingKey

    deadline = time.monotonic() + DRAIN_SECONDS
    while PostingKey.objects.count() < expected and time.monotonic() < deadline:
        time.sleep(0.5)


def measure(database: str, *, events: int, port: int) -> dict[str, Any]:
    from repayments.payments.models import GatewayEvent

    names = make_payments(events)
    with (
        tempfile.TemporaryDirectory() as folder,
        running(port, port + 1, database, Path(folder)),
    ):
        started = time.perf_counter()
        seconds, latencies, refused = send(port, names)
        drain(events)
        whole = time.perf_counter() - started
    latencies.sort()
    return {
        "events": len(latencies),
        "events_per_second": round(len(latencies) / seconds, 1),
        "p50_ms": round(latencies[len(latencies) // 2] * 1000, 1),
        "p99_ms": round(latencies[len(latencies) * 99 // 100] * 1000, 1),
        "posted_per_second": round(events / whole, 1),
        "refused": refused,
        "worked_again": GatewayEvent.objects.filter(attempts__gt=1).count(),
        "wrong": count_wrong(names),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.webhooks", description=__doc__)
    parser.add_argument("--events", type=int, default=2_000, help="5000 for a burst")
    parser.add_argument("--port", type=int, default=18_700, help="and the one after it")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    options = parser.parse_args()
    with scratch_database() as scratch:
        if not scratch.is_postgresql:
            raise SystemExit("Give DATABASE_URL of a PostgreSQL server.")
        result = measure(scratch.url, events=options.events, port=options.port)
    if options.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:>20}  {value}")


if __name__ == "__main__":
    main()
