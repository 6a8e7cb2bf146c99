"""The process: it starts on an empty or an old database, stops when told, and forgets nothing."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stripe_sandbox.retries import schedule
from tests.sandbox_server import ROOT, running_sandbox
from tests.stripe_sandbox.calls import session_params
from tests.stripe_sandbox.conftest import Receiver


def test_it_stops_cleanly_on_sigterm() -> None:
    with running_sandbox() as sandbox:
        sandbox.client().v1.customers.create({})
        started = time.monotonic()
        sandbox.process.terminate()

        assert sandbox.process.wait(10) == 0
        assert time.monotonic() - started < 5


def test_what_was_made_is_there_after_a_restart(tmp_path: Path) -> None:
    database = tmp_path / "deep" / "sandbox.sqlite3"
    with running_sandbox(database=database) as sandbox:
        made = sandbox.client().v1.checkout.sessions.create(session_params())
    with running_sandbox(database=database) as sandbox:
        again = sandbox.client().v1.checkout.sessions.retrieve(made.id)

    assert again.amount_total == 12345


def test_a_webhook_undelivered_at_a_crash_is_sent_after_the_restart(
    tmp_path: Path, endpoint: Receiver
) -> None:
    database = tmp_path / "sandbox.sqlite3"
    nobody = "http://127.0.0.1:9/"
    with running_sandbox(database=database, webhook_url=[nobody, endpoint.url]) as sandbox:
        sandbox.control("webhooks/pause")
        customer = sandbox.client().v1.customers.create({})
        sandbox.process.kill()
        sandbox.process.wait()
    endpoint.clear()

    with running_sandbox(database=database, webhook_url=endpoint.url, secrets=["whsec_old"]):
        endpoint.wait_for(1)

    assert endpoint.events()[0].data.object.id == customer.id
    endpoint.clear()


def test_without_a_webhook_url_nothing_is_sent() -> None:
    with running_sandbox() as sandbox:
        client = sandbox.client()
        client.v1.customers.create({})

        assert sandbox.control("webhooks/deliveries")["deliveries"] == []
        assert len(client.v1.events.list().data) == 1


def test_it_imports_nothing_of_the_portal() -> None:
    code = (
        "import os, sys; os.environ['DJANGO_SETTINGS_MODULE'] = 'stripe_sandbox.settings';"
        "import django; django.setup(); import stripe_sandbox.urls, stripe_sandbox.server;"
        "own = {'portal', 'accounts', 'repayments', 'stripe'};"
        "sys.exit(','.join(own & {name.split('.')[0] for name in sys.modules}) or 0)"
    )

    finished = subprocess.run(  # noqa: S603 - our own interpreter, our own text
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (finished.returncode, finished.stderr) == (0, "")


def test_its_migrations_are_complete() -> None:
    command = [sys.executable, "-m", "django", "makemigrations", "--check", "--dry-run"]

    finished = subprocess.run(  # noqa: S603 - our own interpreter, our own arguments
        [*command, "--settings", "stripe_sandbox.settings"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_a_taken_port_is_an_error_and_not_a_hang() -> None:
    with running_sandbox() as sandbox:
        port = int(sandbox.base_url.rsplit(":", 1)[1])
        with pytest.raises(RuntimeError, match="already in use"), running_sandbox(port=port):
            pytest.fail("a second sandbox started on the same port")


@pytest.mark.parametrize(("text", "waits"), [("", 11), ("0.5,2", 2)])
def test_the_retry_schedule_is_read(text: str, waits: int) -> None:
    assert len(schedule(text)) == waits
    assert list(schedule(text)) == sorted(schedule(text))


def test_permissions_of_restricted_keys_are_read_from_the_environment() -> None:
    code = (
        "from stripe_sandbox.settings import KEY_PERMISSIONS as held; print(sorted(held.items()))"
    )
    told = "rk_test_reader=event_read,rk_test_other=refund_write"

    finished = subprocess.run(  # noqa: S603 - our own interpreter, our own text
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "SANDBOX_KEY_PERMISSIONS": told},
        capture_output=True,
        text=True,
        check=True,
    )

    assert finished.stdout.strip() == (
        "[('rk_test_other', frozenset({'refund_write'})), "
        "('rk_test_reader', frozenset({'event_read'}))]"
    )
