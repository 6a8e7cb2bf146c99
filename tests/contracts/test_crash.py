"""A round of `tests.contracts.crash` at each boundary; a hundred at will, see there."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from repayments.contracts import failpoints
from tests.contracts.crash import BOUNDARIES
from tests.restore import LAID_ROWS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, django_db_setup: None) -> dict[str, Any]:
    """Rounds on the engine of this test run, and two with a fault; each worker is a process."""
    folder = tmp_path_factory.mktemp("crash")
    url, in_place = os.environ.get("DATABASE_URL", ""), []
    if not settings.ON_POSTGRESQL:
        # A copy of this run's migrated rows: to migrate anew takes longer than all the rounds.
        url, in_place = f"sqlite:///{folder / 'book.sqlite3'}", ["--in-place"]
        shutil.copyfile(Path(settings.VAR_DIR) / LAID_ROWS, folder / "book.sqlite3")
    environment = {**os.environ, "VAR_DIR": str(folder), "DATABASE_URL": url, "DEBUG": "0"}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    rounds = ["--rounds", str(len(BOUNDARIES)), "--planted", "2"]
    done = subprocess.run(  # noqa: S603 - our own interpreter and module
        [sys.executable, "-m", "tests.contracts.crash", *rounds, *in_place],
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
def test_case_18_workers_killed_at_each_boundary_seal_each_contract_once(
    played: dict[str, Any],
) -> None:
    assert played["faults"] == []
    assert played["rounds"] == len(BOUNDARIES)
    assert set(played["kills_by_boundary"]) == set(BOUNDARIES)


@pytest.mark.usefixtures("db")
def test_case_18_a_claim_without_its_condition_is_found(played: dict[str, Any]) -> None:
    assert played["planted_faults"]


def test_nothing_is_put_at_the_failpoints_of_the_product() -> None:
    code = "import repayments.contracts.failpoints as f; f.reached('claimed'); print(f._ACTIONS)"
    said = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert said.strip() == "{}"
    assert not failpoints._ACTIONS
    product = [*(ROOT / "repayments").rglob("*.py"), *(ROOT / "portal").rglob("*.py")]
    assert not [path for path in product if "failpoints.put" in path.read_text()]
