"""A development CA, and contracts frozen and sealed with it, made once a session."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from repayments.contracts import certificates, documents, sealing, verification
from tests.contracts.samples import NOW, SealedContract, contract_data, seal


@pytest.fixture(scope="session")
def keys_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("keys")
    certificates.create_development_ca(directory, now=NOW)
    return directory


@pytest.fixture(scope="session")
def kit(keys_dir: Path) -> sealing.SealingKit:
    return sealing.load_kit(now=NOW, directory=keys_dir, time_stamp_url="")


@pytest.fixture(scope="session")
def trust(keys_dir: Path) -> verification.Trust:
    return verification.load_trust(keys_dir)


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
