"""The benchmark's promise to those who run it: its keys, a book of its own, nothing left behind."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(__file__).resolve().parents[2]


def run(folder: Path, module: str, *arguments: str) -> dict[str, float]:
    """Run a benchmark on the engine of this test run."""
    url = f"sqlite:///{folder / 'named.sqlite3'}"
    if settings.ON_POSTGRESQL:
        url = os.environ["DATABASE_URL"]
    environment = {**os.environ, "VAR_DIR": str(folder), "DATABASE_URL": url, "DEBUG": "0"}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    command = [sys.executable, "-m", module, *arguments, "--json"]
    done = subprocess.run(  # noqa: S603 - this project's own module
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, float] = json.loads(done.stdout)
    return result


def test_the_close_is_measured_against_its_floor_and_writes_nothing_twice(
    tmp_path: Path,
) -> None:
    result = run(tmp_path, "benchmarks.close_day", "--loans", "300", "--rounds", "1")

    assert set(result) == {
        "loans",
        "seconds",
        "floor_seconds",
        "ratio",
        "rows_written",
        "rows_written_again",
        "peak_memory_mb",
    }
    assert result["loans"] == 300
    assert result["rows_written"] > 0
    assert result["rows_written_again"] == 0
    assert not list(tmp_path.rglob("*.sqlite3*")), "a scratch database was left behind"


@pytest.mark.postgresql
def test_webhooks_are_measured_from_the_endpoint_to_the_posting(
    tmp_path: Path,
) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]

    result = run(tmp_path, "benchmarks.webhooks", "--events", "20", "--port", str(port))

    assert set(result) == {"events_per_second", "p50_ms", "p99_ms", "wrong"}
    assert result["wrong"] == 0


def test_a_contract_is_measured_against_the_bare_libraries(tmp_path: Path) -> None:
    result = run(tmp_path, "benchmarks.contracts", "--rounds", "1")

    for step in ("render", "borrower_seal", "countersign", "store", "verify", "contract"):
        assert result[f"{step}_ms"] > 0
        assert result[f"{step}_floor_ms"] > 0
    assert result["ratio"] > 0
    assert result["cores"] == os.cpu_count()
