"""A few rounds of `tests.contracts.crash` at each boundary; a hundred at will, see there."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from repayments.contracts import failpoints
from tests.contracts.crash import BOUNDARIES

ROOT = Path(__file__).resolve().parents[2]


def run(folder: Path, *arguments: str) -> dict[str, Any]:
    """Play rounds on the engine of this test run; each worker is a process of its own."""
    url = f"sqlite:///{folder / 'named.sqlite3'}"
    if settings.ON_POSTGRESQL:
        url = os.environ["DATABASE_URL"]
    environment = {**os.environ, "VAR_DIR": str(folder), "DATABASE_URL": url, "DEBUG": "0"}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    done = subprocess.run(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "tests.contracts.crash", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr[-2000:]
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


@pytest.mark.usefixtures("db")
def test_case_18_workers_killed_at_each_boundary_seal_each_contract_once(tmp_path: Path) -> None:
    result = run(tmp_path, "--rounds", str(len(BOUNDARIES)))

    assert result["faults"] == []
    assert result["rounds"] == len(BOUNDARIES)
    assert set(result["kills_by_boundary"]) == set(BOUNDARIES)


@pytest.mark.usefixtures("db")
def test_case_18_a_claim_without_its_condition_is_found(tmp_path: Path) -> None:
    assert run(tmp_path, "--rounds", "2", "--plant", "claim")["faults"]


def test_nothing_is_put_at_the_failpoints_of_the_product() -> None:
    code = "import repayments.contracts.failpoints as f; f.reached('claimed'); print(f._ACTIONS)"
    said = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert said.strip() == "{}"
    assert not failpoints._ACTIONS
    product = [*(ROOT / "repayments").rglob("*.py"), *(ROOT / "portal").rglob("*.py")]
    assert not [path for path in product if "failpoints.put" in path.read_text()]
