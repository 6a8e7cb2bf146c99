"""Starts the product as it runs: web, worker, beat and sandbox, each a real process.

with running_stack(laid) as stack:
    stack.move_to("2026-12-01T09:30")
    stack.manage("import_loans", "tape.csv")
    stack.wait_until(lambda: stack.outbox(purpose="invitation"))
    page.goto(stack.url)
    stack.kill("worker"); stack.start("worker")
"""

import json
import os
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import psycopg
import redis
from playwright.sync_api import Page
from psycopg.rows import dict_row

from tests.sandbox_server import Sandbox, running_sandbox

ROOT = Path(__file__).resolve().parent.parent.parent
WEBHOOK_SECRET = "whsec_live_tests"
START_SECONDS = 40
STOP_SECONDS = 20
# Loans' day, hours and reminders are told from this file; see repayments.clock.
DAY_FILE = "business-date"
# A Tuesday morning: inside the hours of contact, far from holidays.
DEMO_MOMENT = "2026-12-01T10:00"

Result = TypeVar("Result")


@dataclass(frozen=True)
class Laid:
    """A migrated database, keys and empty folders, which each stack copies instead of making."""

    folder: Path
    database: str  # URL of PostgreSQL, empty: a file in the folder


@dataclass
class Stack:
    """The running processes, and what a test does to them from outside."""

    folder: Path
    port: int
    environment: dict[str, str]
    sandbox: Sandbox
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    console: "subprocess.Popen[str] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def move_to(self, day: str) -> None:
        """Set the day ("2026-12-01") or stop the clock at a moment of the lender's zone."""
        path = self.folder / DAY_FILE
        fresh = path.with_suffix(".new")
        fresh.write_text(day)
        fresh.replace(path)

    def manage(self, *arguments: str, given: str | None = None, check: bool = True) -> str:
        """Run a command beside the processes; its output. Raises: AssertionError if it fails."""
        return run_manage(self.environment, *arguments, given=given, check=check)

    def shell(self, code: str) -> Any:
        """Run Python inside the product; what it puts in `result` comes back as JSON would.

        Raises: AssertionError with the traceback where it fails.
        """
        if self.console is None:
            with (self.folder / "console.log").open("ab") as errors:
                self.console = subprocess.Popen(
                    [sys.executable, "-m", "tests.live.console"],
                    cwd=ROOT,
                    env=self.environment,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    text=True,
                )
        self.console.stdin.write(json.dumps(code) + "\n")
        self.console.stdin.flush()
        line = self.console.stdout.readline()
        answer = json.loads(line) if line else {"error": self.log("console")}
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def session_of(self, email: str, *, second_factor: bool = False) -> str:
        """A session for this person, as the value of the cookie `sessionid`.

        For tests of what comes after sign-in; journeys sign in as people do.
        """
        return str(
            self.shell(
                f"""
import time
from importlib import import_module
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from accounts.models import User
user = User.objects.get(email={email!r})
session = import_module(settings.SESSION_ENGINE).SessionStore()
session[SESSION_KEY] = str(user.pk)
session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
session[HASH_SESSION_KEY] = user.get_session_auth_hash()
methods = ["code"] + ["mfa"] * {second_factor!r}
session["account_authentication_methods"] = [
    dict(method=method, at=time.time()) for method in methods
]
session["account_authentication_methods_user"] = str(user.pk)
session.create()
result = session.session_key
"""
            )
        )

    def sign_in(self, page: Page, email: str, *, second_factor: bool = False) -> None:
        """Give the browser of this page a session of this person's."""
        key = self.session_of(email, second_factor=second_factor)
        page.context.add_cookies([{"name": "sessionid", "value": key, "url": self.url}])

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        """Read the database; a place for a value is written %s."""
        url = self.environment["DATABASE_URL"]
        if url.startswith("sqlite"):
            path = url.removeprefix("sqlite:///")
            with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20) as connection:
                connection.row_factory = sqlite3.Row
                found = connection.execute(sql.replace("%s", "?"), values).fetchall()
            connection.close()
            return [dict(row) for row in found]
        with psycopg.connect(url, row_factory=dict_row) as server:
            return server.execute(sql, values).fetchall()

    def outbox(self, **columns: object) -> list[dict[str, Any]]:
        """Messages with these columns, oldest first: outbox(purpose=..., status="sent")."""
        where = " AND ".join(f"{name} = %s" for name in columns) or "1 = 1"
        sql = f"SELECT * FROM contacts_message WHERE {where} ORDER BY id"  # noqa: S608 - our names
        return self.rows(sql, *columns.values())

    def wait_until(self, happens: Callable[[], Result], seconds: float = 30) -> Result:
        """Ask until the answer is true, and give it. Raises: AssertionError when time is up."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if answer := happens():
                return answer
            time.sleep(0.2)
        raise AssertionError(f"not within {seconds} s; the logs end with:\n{self.last_lines()}")

    def log(self, name: str) -> str:
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def last_lines(self) -> str:
        lines = []
        for name in sorted(self.processes):
            lines += [f"--- {name}", *(line[:300] for line in self.log(name).splitlines()[-8:])]
        return "\n".join(lines)

    def start(self, name: str) -> None:
        """Start one process by name: web, worker or beat."""
        commands = {
            "web": ["gunicorn", "portal.wsgi", "--workers", "2", "--no-control-socket"]
            + ["--bind", f"127.0.0.1:{self.port}", "--log-level", "warning"],
            "worker": ["celery", "-A", "portal", "worker", "-c", "2", "--loglevel", "info"],
            "beat": ["celery", "-A", "portal", "beat", "--loglevel", "info", "--pidfile="],
        }
        program, *arguments = commands[name]
        with (self.folder / f"{name}.log").open("ab") as output:
            self.processes[name] = subprocess.Popen(  # noqa: S603 - our own programs
                [Path(sys.executable).parent / program, *arguments],
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def stop(self, name: str) -> None:
        """Ask a process and its children to end, as a deploy does."""
        process = self.processes.pop(name)
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
        self._kill_group(process)

    def kill(self, name: str) -> None:
        """SIGKILL a process and its children, as a power cut does."""
        self._kill_group(self.processes.pop(name))

    @staticmethod
    def _kill_group(process: "subprocess.Popen[bytes]") -> None:
        # The group is the process's own: it was started as the leader of a session.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def wait_until_up(self) -> None:
        def answers() -> bool:
            dead = [name for name, process in self.processes.items() if process.poll() is not None]
            assert not dead, f"{dead} ended at once:\n{self.last_lines()}"
            try:
                urllib.request.urlopen(self.url, timeout=5).close()  # noqa: S310 - our address
            except urllib.error.HTTPError as answer:
                answer.close()
            except OSError:
                return False
            return " ready" in self.log("worker")

        self.wait_until(answers, START_SECONDS)


def run_manage(
    environment: dict[str, str], *arguments: str, given: str | None = None, check: bool = True
) -> str:
    finished = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        input=given,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not check or finished.returncode == 0, finished.stderr + finished.stdout
    return finished.stdout


def environment_of(folder: Path, database: str, **more: str) -> dict[str, str]:
    """What every process is given: nothing of the test run's own settings reaches it."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        # Development, because that alone may move the clock.
        "DEBUG": "1",
        "PYTHONUNBUFFERED": "1",
        "VAR_DIR": str(folder),
        "BLOB_ROOT": str(folder / "blobs"),
        "SEALING_KEYS_DIR": str(folder / "keys"),
        "DATABASE_URL": database or f"sqlite:///{folder / 'portal.sqlite3'}",
        "BUSINESS_DATE_FILE": str(folder / DAY_FILE),
        "SWEEP_SECONDS": "1",
        "LOG_LEVEL": "INFO",
        **more,
    }


@contextmanager
def laid_database(server: str = "") -> Iterator[Laid]:
    """Migrate once for all stacks of a run.

    Args:
        server: URL of a PostgreSQL database (its name is not used); empty for SQLite.
    """
    with tempfile.TemporaryDirectory(prefix="portal-laid-") as name, _database(server) as database:
        folder = Path(name)
        environment = environment_of(folder, database)
        run_manage(environment, "migrate", "--verbosity", "0", "--no-input")
        run_manage(environment, "createcachetable")
        if "create_dev_ca" in run_manage(environment, "help", "--commands"):
            run_manage(environment, "create_dev_ca")
        yield Laid(folder, database)


@contextmanager
def demo_laid(laid: Laid, moment: str = DEMO_MOMENT) -> Iterator[Laid]:
    """Seed the demo at a moment, before any process runs: a sweep would end what began long ago."""
    with tempfile.TemporaryDirectory(prefix="portal-demo-") as name:
        folder = Path(name)
        shutil.copytree(laid.folder, folder, dirs_exist_ok=True)
        (folder / DAY_FILE).write_text(moment)
        environment = environment_of(folder, "")
        if laid.database:
            run_manage(environment, "migrate", "--verbosity", "0", "--no-input")
            run_manage(environment, "createcachetable")
        run_manage(environment, "seed_demo")
        yield Laid(folder, "")


@contextmanager
def running_stack(laid: Laid, redis_url: str = "", **environment: str) -> Iterator[Stack]:
    """Start the four processes on a copy of the laid database; stop them on the way out.

    Args:
        redis_url: broker and cache there, under a prefix of this stack's own; empty: in the folder.
        environment: more variables for web, worker and beat.
    """
    prefix = f"live-{secrets.token_hex(6)}:"
    if redis_url:
        environment |= {"REDIS_URL": redis_url, "REDIS_KEY_PREFIX": prefix}
    port, sandbox_port = _free_port(), _free_port()
    with (
        tempfile.TemporaryDirectory(prefix="portal-live-", ignore_cleanup_errors=True) as name,
        _database(laid.database, copy=True) as database,
    ):
        folder = Path(name)
        shutil.copytree(laid.folder, folder, dirs_exist_ok=True)
        # These carry the address of the copied folder.
        stack_environment = environment_of(
            folder,
            database,
            SITE_URL=f"http://127.0.0.1:{port}",
            STRIPE_API_BASE=f"http://127.0.0.1:{sandbox_port}",
            STRIPE_SECRET_KEY="sk_test_sandbox",
            STRIPE_WEBHOOK_SECRETS=WEBHOOK_SECRET,
            **environment,
        )
        sandbox = Sandbox("", folder, None)
        stack = Stack(folder, port, stack_environment, sandbox)
        try:
            for process in ("web", "worker", "beat"):
                stack.start(process)
            with running_sandbox(
                webhook_url=f"{stack.url}/payments/webhook/",
                secrets=[WEBHOOK_SECRET],
                port=sandbox_port,
            ) as stack.sandbox:
                stack.wait_until_up()
                yield stack
        finally:
            # Nothing of theirs is wanted any more; a worker takes seconds to end in good order.
            for process in list(stack.processes):
                stack.kill(process)
            if stack.console is not None:
                with stack.console as console:
                    console.kill()
            if redis_url:
                _forget(redis_url, prefix)


@contextmanager
def _database(url: str, copy: bool = False) -> Iterator[str]:
    """A PostgreSQL database for the time of a block, named after the given one, or none."""
    if not url:
        yield ""
        return
    parts = urlsplit(url)
    source = parts.path.lstrip("/")
    name = f"{source}_{secrets.token_hex(3)}"
    server = parts._replace(path="/postgres").geturl()
    template = f' TEMPLATE "{source}"' if copy else ""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"{template}')
        try:
            yield parts._replace(path=f"/{name}").geturl()
        finally:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _forget(redis_url: str, prefix: str) -> None:
    """Delete the keys that this stack made, and no others."""
    with redis.Redis.from_url(redis_url) as client:
        for pattern in (f"{prefix}*", f":1:{prefix}*"):
            if keys := list(client.scan_iter(pattern, count=1000)):
                client.delete(*keys)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
