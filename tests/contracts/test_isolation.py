"""Children that read files from outside: how many at a time, and what ends them."""

import io
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client

from repayments.contracts import isolation
from repayments.contracts.inspecting import Report, Trust

NOBODY = Trust([], [])
FILE = b"%PDF-1.7\nnonsense"


@pytest.fixture(autouse=True)
def own_places(settings: Any, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path


@pytest.fixture
def full() -> Any:
    """All places are taken, as by other workers of this machine."""
    with ExitStack() as taken:
        for _ in range(isolation.MAX_CHILDREN):
            taken.enter_context(isolation._slot())
        yield taken


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def wait_for_end(pid: int, seconds: float = 10) -> bool:
    until = time.monotonic() + seconds
    while is_running(pid) and time.monotonic() < until:
        time.sleep(0.05)
    return not is_running(pid)


def test_no_child_is_started_when_all_places_are_taken(
    full: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "run", lambda *a, **k: pytest.fail("a child was started"))
        with pytest.raises(isolation.Busy):
            isolation.inspect_in_child(FILE, NOBODY)

    full.close()
    assert isolation.inspect_in_child(FILE, NOBODY) == Report("unreadable")


def test_places_are_those_of_the_machine_and_a_killed_holder_gives_his_back(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The holder is another process, and it is killed with no chance to tidy up."""
    monkeypatch.setattr(isolation, "MAX_CHILDREN", 1)
    code = (
        f"from django.conf import settings; settings.configure(VAR_DIR={str(settings.VAR_DIR)!r})\n"
        "from repayments.contracts import isolation\n"
        "with isolation._slot(): print('held', flush=True); input()"
    )
    holder = subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(isolation.Busy), isolation._slot():
            pass

        holder.kill()
        holder.wait()

    with isolation._slot():
        pass


def test_a_child_is_killed_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """It sleeps, so the limit of the processor's time would never end it."""
    ran: list[int] = []
    original = subprocess.Popen.__init__

    def noted(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        ran.append(self.pid)

    monkeypatch.setattr(subprocess.Popen, "__init__", noted)
    monkeypatch.setattr(isolation, "COMMAND", [sys.executable, "-c", "import time; time.sleep(60)"])
    monkeypatch.setattr(isolation, "WALL_SECONDS", 0.2)

    assert isolation.inspect_in_child(FILE, NOBODY) == Report("limits_exceeded")

    assert len(ran) == 1
    assert not is_running(ran[0])


PARENT = """
import subprocess, sys
child = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
child.wait()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's promise is Linux's")
def test_a_child_dies_with_who_asked() -> None:
    """The test holds the pipe it reads from, so nothing but the death of its parent can end it."""
    with subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", PARENT, *isolation.COMMAND],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=isolation.ENVIRONMENT,
        cwd="/",
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        # Half a request: it has begun to read, and limits itself before that.
        wait_until_limited(child)
        parent.kill()
        parent.wait()

        assert wait_for_end(child)


def wait_until_limited(pid: int) -> None:
    until = time.monotonic() + 30
    limits = Path(f"/proc/{pid}/limits")
    wanted = str(isolation.MEMORY_BYTES)
    while wanted not in limits.read_text() and time.monotonic() < until:
        time.sleep(0.05)
    assert wanted in limits.read_text()


def test_a_child_ends_by_itself_when_nobody_ends_it(tmp_path: Path) -> None:
    code = (
        "from repayments.contracts import isolation\n"
        "isolation.WALL_SECONDS = 1\n"
        "isolation._limit_this_process()\n"
        "input()"
    )
    with subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], stdin=subprocess.PIPE, env=isolation.ENVIRONMENT
    ) as child:
        assert child.wait(timeout=60) == -signal.SIGALRM


def test_a_child_has_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "seen")
    monkeypatch.setattr(
        isolation,
        "COMMAND",
        [
            sys.executable,
            "-c",
            "import json, os; print(json.dumps({'fault': ' '.join(os.environ), 'signatures': []}))",
        ],
    )

    names = set(isolation.inspect_in_child(FILE, NOBODY).fault.split())

    # The interpreter names its own locale.
    assert names <= {*isolation.ENVIRONMENT, "LC_CTYPE"}
    assert "SECRET_KEY" in os.environ


@pytest.mark.usefixtures("room", "full")
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_a_visitor_above_the_limit_is_told_kindly(language: str, settings: Any) -> None:
    cache.clear()
    visitor = Client()
    visitor.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    file = io.BytesIO(FILE)
    file.name = "contract.pdf"

    answer = visitor.post("/verify/", {"document": file, "code": ""})

    assert answer.status_code == 503
    assert answer["Retry-After"] == "60"
    wanted = {
        "en": "Please choose the file again in a minute.",
        "zh-hans": "请一分钟后重新选择文件",
    }
    assert wanted[language] in answer.content.decode()
    # A code needs no child.
    assert visitor.post("/verify/", {"code": "AAAA-BBBB-CCCC"}).status_code == 200


@pytest.mark.usefixtures("room", "full")
def test_the_command_says_that_it_could_not_look(tmp_path: Path) -> None:
    (tmp_path / "c.pdf").write_bytes(FILE)

    with pytest.raises(CommandError) as error:
        call_command("verify_contract", str(tmp_path / "c.pdf"))

    assert error.value.returncode == 2
