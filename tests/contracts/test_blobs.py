import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from repayments.contracts import blobs, tasks
from tests.contracts.samples import NOW

OLD = blobs.PART_MAX_AGE + timedelta(seconds=1)


@pytest.fixture(autouse=True)
def root(settings: Any, tmp_path: Path) -> Path:
    settings.BLOB_ROOT = tmp_path / "blobs"
    return tmp_path / "blobs"


class Killed(BaseException):
    """SIGKILL leaves no time to tidy up; here the tidying is taken away instead."""


def leave_part(monkeypatch: pytest.MonkeyPatch, root: Path, data: bytes, *, age: timedelta) -> Path:
    """Die in the middle of a file, as a killed worker does."""

    def die(descriptor: int) -> None:
        raise Killed

    before = set(root.rglob(".*"))
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", die)
        patch.setattr(Path, "unlink", lambda self, missing_ok=False: None)
        with pytest.raises(Killed):
            blobs.write_file(data)
    (part,) = set(root.rglob(".*")) - before
    moment = (NOW - age).timestamp()
    os.utime(part, (moment, moment))
    return part


def test_an_old_part_is_removed_and_a_young_one_is_not(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = leave_part(monkeypatch, root, b"one", age=OLD)
    young = leave_part(monkeypatch, root, b"two", age=blobs.PART_MAX_AGE)

    assert blobs.sweep_parts(now=NOW) == 1

    assert (old.exists(), young.exists()) == (False, True)


def test_no_file_with_a_name_is_removed_however_old(root: Path) -> None:
    sha256 = blobs.write_file(b"kept")
    os.utime(blobs.path_of(sha256), (0, 0))

    assert blobs.sweep_parts(now=NOW) == 0

    assert blobs.read(sha256) == b"kept"


def test_what_was_left_does_not_keep_the_file_from_being_written(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave_part(monkeypatch, root, b"one", age=OLD)

    assert blobs.read(blobs.write_file(b"one")) == b"one"
    assert blobs.sweep_parts(now=NOW) == 1
    assert blobs.read(blobs.write_file(b"one")) == b"one"


def test_a_sweep_is_bounded_and_the_next_one_goes_on(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blobs, "PARTS_A_SWEEP", 2)
    for number in range(3):
        leave_part(monkeypatch, root, b"%d" % number, age=OLD)

    assert [blobs.sweep_parts(now=NOW) for _ in range(3)] == [2, 1, 0]


def test_the_nightly_task_goes_by_the_clock_of_the_machine(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Demonstrations move the clock of the business years ahead; a part written now must stay."""
    old = leave_part(monkeypatch, root, b"one", age=OLD)
    os.utime(old, (0, 0))
    young = leave_part(monkeypatch, root, b"two", age=OLD)
    os.utime(young)
    monkeypatch.setattr(tasks, "now", lambda: datetime.now(UTC) + timedelta(days=3650))

    tasks.sweep_parts()

    assert (old.exists(), young.exists()) == (False, True)


def test_no_folder_yet_is_no_trouble(root: Path) -> None:
    assert blobs.sweep_parts(now=NOW) == 0
