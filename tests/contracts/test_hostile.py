"""Hostile files, by the page and by the command: a clean answer, little cost, no trace."""

import io
import json
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from repayments.contracts import isolation
from repayments.contracts.inspecting import Report, Trust
from repayments.contracts.verification import MAX_BYTES
from tests.contracts.hostile import HOSTILE
from tests.contracts.samples import SealedContract

URL = "/verify/"
WRITTEN = re.compile(r'(?:INSERT INTO|UPDATE|DELETE FROM) "(\w+)"')
# Starts the child, and writes down what it cost: seconds of the processor, and kilobytes.
MEASURE = """
import json, os, sys
pid = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_pid, status, usage = os.wait4(pid, 0)
with open(sys.argv[1], "a") as file:
    print(json.dumps([usage.ru_utime + usage.ru_stime, usage.ru_maxrss]), file=file)
sys.exit(os.waitstatus_to_exitcode(status) != 0)
"""


@pytest.fixture
def costs(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """Measure each child; a file seen before is not read again for the second way in."""
    settings.VAR_DIR = tmp_path / "var"
    file = tmp_path / "costs"
    file.touch()
    command = [sys.executable, "-I", "-S", "-c", MEASURE, str(file), *isolation.COMMAND]
    monkeypatch.setattr(isolation, "COMMAND", command)
    original, seen = isolation.inspect_in_child, {}

    def once(pdf: bytes, trust: Trust) -> Report:
        if pdf not in seen:
            seen[pdf] = original(pdf, trust)
        return seen[pdf]

    monkeypatch.setattr(isolation, "inspect_in_child", once)
    return lambda: [json.loads(line) for line in file.read_text().splitlines()]


@pytest.fixture
def visitor(room: None, settings: Any) -> Client:
    cache.clear()
    client = Client(raise_request_exception=False)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    return client


def upload(client: Client, pdf: bytes, name: str = "contract.pdf") -> Any:
    file = io.BytesIO(pdf)
    file.name = name
    return client.post(URL, {"document": file, "code": ""})


@pytest.mark.parametrize("title", HOSTILE)
def test_case_30_a_hostile_file_gets_a_clean_answer_within_limits_and_leaves_nothing(
    title: str,
    sealed: SealedContract,
    visitor: Client,
    costs: Callable[[], Any],
    settings: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pdf = HOSTILE[title](sealed.final.pdf)
    assert len(pdf) <= MAX_BYTES
    (tmp_path / "c.pdf").write_bytes(pdf)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))

    with CaptureQueriesContext(connection) as queries:
        answer = upload(visitor, pdf)
        output = io.StringIO()
        call_command("verify_contract", str(tmp_path / "c.pdf"), "--json", stdout=output)

    verdict = answer.context["verdict"]
    assert (answer.status_code, verdict.verdict) == (200, "invalid")
    assert verdict.text in answer.content.decode()
    assert json.loads(output.getvalue())["reason"] == verdict.reason
    for seconds, kilobytes in costs():
        assert seconds <= isolation.CPU_SECONDS
        assert kilobytes * 1024 <= isolation.MEMORY_BYTES
    assert len(costs()) <= 1
    # The counter of checks by address is all that is written.
    assert {word for query in queries for word in WRITTEN.findall(query["sql"])} <= {"portal_cache"}
    assert not list(temporary.iterdir())
    assert not settings.BLOB_ROOT.exists()


class Unread:
    """A body that must not be asked for."""

    def read(self, *args: int) -> bytes:
        raise AssertionError("the upload was read")

    readline = read


def test_case_30_an_upload_of_200_mb_is_refused_without_being_read(visitor: Client) -> None:
    answer = visitor.request(
        REQUEST_METHOD="POST",
        PATH_INFO=URL,
        CONTENT_TYPE="multipart/form-data; boundary=x",
        CONTENT_LENGTH="200000000",
        **{"wsgi.input": Unread()},
    )

    assert answer.status_code == 413
    assert "The file is larger than 10 MB." in answer.content.decode()


@pytest.mark.parametrize("announced", ["", "-1", "many"])
def test_case_30_a_length_that_is_none_is_no_trouble(visitor: Client, announced: str) -> None:
    answer = visitor.post(URL, {"code": "AAAA-BBBB-CCCC"}, CONTENT_LENGTH=announced)

    assert answer.status_code in {200, 400, 422}


def test_case_30_the_command_reads_no_more_than_it_looks_at(
    visitor: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "c.pdf").open("wb") as file:
        file.write(b"%PDF-1.7\n")
        file.truncate(200_000_000)
    output = io.StringIO()

    call_command("verify_contract", str(tmp_path / "c.pdf"), "--json", stdout=output)

    assert json.loads(output.getvalue())["reason"] == "too_large"


@pytest.mark.parametrize("name", ["n" * 2_000_000, "../../etc/passwd", "\0", "\r\nX: y"])
def test_case_30_the_name_of_a_file_does_nothing(visitor: Client, name: str) -> None:
    answer = upload(visitor, b"nothing", name)

    assert answer.status_code in {200, 400, 422}
    assert b"Traceback" not in answer.content
