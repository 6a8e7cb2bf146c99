"""Starts the payment sandbox as a real process of its own, for tests of any room.

with running_sandbox(webhook_url=receiver.url, secrets=["whsec_test"]) as sandbox:
    client = sandbox.client()
    sandbox.control("webhooks/drop", count=1)
    sandbox.control(f"sessions/{session.id}/pay", card="4242")
"""

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import stripe

ROOT = Path(__file__).resolve().parent.parent
API_VERSION = "2026-10-28.endive"
START_SECONDS = 30
STOP_SECONDS = 10


class ControlRefused(Exception):
    """A test control answered with an error."""


@dataclass
class Sandbox:
    """A running sandbox: where it listens, and its test controls."""

    base_url: str
    database: Path
    process: "subprocess.Popen[bytes]"

    def control(self, path: str, /, **asked: Any) -> Any:
        """POST to /_test/<path>; returns the JSON answer. Raises: ControlRefused."""
        parts = urlsplit(self.base_url)
        client = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        try:
            headers = {"Content-Type": "application/json"}
            client.request("POST", f"/_test/{path}", json.dumps(asked), headers)
            answer = client.getresponse()
            body = answer.read()
        finally:
            client.close()
        if answer.status != 200:
            raise ControlRefused(f"{answer.status}: {body.decode()}")
        return json.loads(body)

    def client(self, key: str = "sk_test_sandbox", **options: Any) -> stripe.StripeClient:
        """Stripe's own client, pointed at the sandbox; it does not retry unless told to."""
        options.setdefault("max_network_retries", 0)
        return stripe.StripeClient(
            key,
            stripe_version=API_VERSION,
            base_addresses={"api": self.base_url},
            **options,
        )

    def wait_until_idle(self, seconds: float = 10) -> None:
        """Send every waiting webhook now; return when none is on its way."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            self.control("webhooks/deliver")
            rows = self.control("webhooks/deliveries")["deliveries"]
            if not {"held", "pending", "sending"} & {row["status"] for row in rows}:
                return
            time.sleep(0.05)
        raise AssertionError(f"webhooks are still on their way after {seconds} s")

    def wait_for(self, event_type: str, status: str = "delivered", seconds: float = 10) -> Any:
        """The first delivery of this type in this status. Raises: AssertionError if none comes."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for delivery in self.control("webhooks/deliveries")["deliveries"]:
                if delivery["type"] == event_type and delivery["status"] == status:
                    return delivery
            time.sleep(0.05)
        raise AssertionError(f"no {event_type} became {status} within {seconds} s")


@contextmanager
def running_sandbox(
    *,
    webhook_url: str | Sequence[str] = "",
    secrets: Sequence[str] = ("whsec_test",),
    retry_seconds: str = "0.2,0.2,0.2,0.2,0.2",
    port: int | None = None,
    database: Path | None = None,
) -> Iterator[Sandbox]:
    """Start on a free port with an empty database; stop on the way out.

    Args:
        webhook_url: one endpoint, or several; none and no webhook is sent.
        retry_seconds: waits between tries of a webhook.
        database: an existing file to go on with, instead of a temporary one.
    """
    port = port or _free_port()
    urls = [webhook_url] if isinstance(webhook_url, str) else list(webhook_url)
    with tempfile.TemporaryDirectory(prefix="stripe-sandbox-") as folder:
        path = database or Path(folder) / "sandbox.sqlite3"
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("SANDBOX_", "DJANGO_", "GUNICORN_"))
        }
        environment.update(
            SANDBOX_WEBHOOK_URL=",".join(filter(None, urls)),
            SANDBOX_WEBHOOK_SECRETS=",".join(secrets),
            SANDBOX_RETRY_SECONDS=retry_seconds,
        )
        log = Path(folder) / "sandbox.log"
        command = [sys.executable, "-m", "stripe_sandbox", "--port", str(port)]
        command += ["--database", str(path)]
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our own module, our own arguments
                command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
            )
            sandbox = Sandbox(f"http://127.0.0.1:{port}", path, process)
            try:
                _wait_until_up(sandbox, log)
                yield sandbox
            finally:
                process.terminate()
                try:
                    process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_until_up(sandbox: Sandbox, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if sandbox.process.poll() is not None:
            break
        try:
            answer = sandbox.control("health")
        except (OSError, http.client.HTTPException):
            answer = {}
        # Another sandbox on the same port would answer too, from its own database.
        if answer.get("database") == str(sandbox.database):
            return
        time.sleep(0.05)
    raise RuntimeError(f"the sandbox did not start:\n{log.read_text()}")
