"""A development CA, and contracts frozen and sealed with it, made once a session."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from repayments.contracts import (
    certificates,
    codes,
    documents,
    failpoints,
    inspecting,
    sealing,
    services,
)
from repayments.contracts.models import Contract
from tests.contracts.samples import NOW, SealedContract, contract_data, seal
from tests.factories import contracts as factory
from tests.factories.contracts import consent, make_contract, make_signed, pass_code


@pytest.fixture(scope="session")
def keys_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("keys")
    certificates.create_development_ca(directory, now=NOW)
    return directory


@pytest.fixture(scope="session")
def kit(keys_dir: Path) -> sealing.SealingKit:
    return sealing.load_kit(now=NOW, directory=keys_dir, time_stamp_url="")


@pytest.fixture(scope="session")
def trust(keys_dir: Path) -> inspecting.Trust:
    return inspecting.load_trust(keys_dir)


@pytest.fixture(scope="session")
def frozen() -> bytes:
    return documents.render_contract(contract_data("zh-hans"), timestamp=NOW)


@pytest.fixture(scope="session")
def sealed(frozen: bytes, kit: sealing.SealingKit) -> SealedContract:
    return seal(frozen, kit)


@pytest.fixture
def time_machine_at() -> Iterator[Callable[[datetime], None]]:
    import time_machine

    travels: list[time_machine.travel] = []

    def move(moment: datetime) -> None:
        travels.append(time_machine.travel(moment, tick=False))
        travels[-1].start()

    yield move
    for travel in reversed(travels):
        travel.stop()


_rendered: dict[str, bytes] = {}


def _render_once(
    data: documents.ContractData,
    *,
    timestamp: datetime,
    render: Callable[..., bytes] = documents.render_contract,
) -> bytes:
    """The same inputs give the same bytes; a test of its own shows that."""
    key = json.dumps([data, timestamp.isoformat()], sort_keys=True)
    if key not in _rendered:
        _rendered[key] = render(data, timestamp=timestamp)
    return _rendered[key]


@pytest.fixture
def room(
    keys_dir: Path, tmp_path: Path, settings: Any, db: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """A database, a folder for files and a development CA.

    Numbers and codes start anew for each test, so that the same contract is rendered once a run.
    """
    numbers = count(1)
    monkeypatch.setattr(factory, "_numbers", count(1))
    monkeypatch.setattr(
        codes,
        "draw",
        lambda length: "".join("23456789ABCDEFGH"[d] for d in _digits(numbers, length)),
    )
    monkeypatch.setattr(documents, "render_contract", _render_once)
    settings.BLOB_ROOT = tmp_path / "blobs"
    settings.SEALING_KEYS_DIR = keys_dir
    yield
    failpoints.clear()


def _digits(numbers: "count[int]", length: int) -> list[int]:
    number = next(numbers)
    return [number // 16**place % 16 for place in reversed(range(length))]


@pytest.fixture
def sent(room: None) -> Contract:
    """A contract the borrower has not opened yet."""
    return make_contract()


@pytest.fixture
def ready(sent: Contract) -> Contract:
    """A contract whose borrower has agreed and entered the code rightly."""
    consent(sent)
    pass_code(sent)
    sent.refresh_from_db()
    return sent


@pytest.fixture
def signed(room: None) -> Contract:
    """A contract the borrower has signed and nobody has sealed."""
    return make_signed()


@pytest.fixture
def complete(signed: Contract) -> Contract:
    """A sealed contract whose evidence waits to be made."""
    assert services.seal_contract(contract_id=signed.pk, now=NOW)
    signed.refresh_from_db()
    return signed


@pytest.fixture
def evidenced(complete: Contract) -> Contract:
    assert services.make_evidence(contract_id=complete.pk, now=NOW)
    return complete
