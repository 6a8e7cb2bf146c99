"""The folder broker gives out whole messages only; Kombu's own, its twin, can give out halves."""

from json import JSONDecodeError
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from kombu import Connection
from kombu.transport import filesystem

from portal import broker

FOLDERS = ("in", "control")


def channel(scheme: str, folder: Path) -> Any:
    for name in FOLDERS:
        (folder / name).mkdir(exist_ok=True)
    options = {
        "data_folder_in": str(folder / "in"),
        "data_folder_out": str(folder / "in"),
        "control_folder": str(folder / "control"),
    }
    return Connection(f"{scheme}://", transport_options=options).channel()


def look_when_locked(monkeypatch: pytest.MonkeyPatch, reader: Any) -> list[Any]:
    """Let a worker look into the queue at the moment when a file is open and still empty."""
    seen: list[Any] = []
    lock = filesystem.lock

    def look(file: Any, flags: int) -> None:
        lock(file, flags)
        try:
            seen.append(reader._get("celery"))
        except (Empty, JSONDecodeError) as error:
            seen.append(type(error))

    monkeypatch.setattr(filesystem, "lock", look)
    return seen


def test_a_message_comes_out_as_it_was_put_in(tmp_path: Path) -> None:
    writer, reader = channel("folder", tmp_path), channel("folder", tmp_path)

    writer._put("celery", {"number": 1})
    writer._put("other", {"number": 2})

    assert reader._get("celery") == {"number": 1}
    with pytest.raises(Empty):
        reader._get("celery")


def test_a_message_that_is_being_written_is_not_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, reader = channel("folder", tmp_path), channel("folder", tmp_path)
    replace = broker.os.replace
    seen: list[type[BaseException]] = []

    def look_then_replace(part: Path, whole: Path) -> None:
        with pytest.raises(Empty) as nothing:
            reader._get("celery")
        seen.append(nothing.type)
        replace(part, whole)

    monkeypatch.setattr(broker.os, "replace", look_then_replace)
    writer._put("celery", {"number": 1})

    assert seen == [Empty]
    assert reader._get("celery") == {"number": 1}


def test_the_twin_without_the_rename_gives_out_an_empty_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, reader = channel("filesystem", tmp_path), channel("filesystem", tmp_path)
    seen = look_when_locked(monkeypatch, reader)

    writer._put("celery", {"number": 1})

    assert seen == [JSONDecodeError]
