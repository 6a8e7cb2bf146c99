"""The demo is made beside running processes: what a sweep could see of it is finished."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from inspect import unwrap
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.db import connection

from repayments.contracts import certificates
from repayments.contracts.models import Contract
from repayments.management import demo

pytestmark = pytest.mark.django_db(transaction=True)

TODAY = date(2026, 12, 1)
NOW = datetime(2026, 12, 1, 2, tzinfo=UTC)
ENDED_BY_A_SWEEP = """
SELECT COUNT(*) FROM contracts_contract
WHERE expires_at < %s AND status NOT IN ('completed', 'declined', 'expired', 'voided', 'superseded')
"""


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch, settings: Any, tmp_path: Path) -> Iterator[list[int]]:
    """What a sweep, in a connection of its own, finds to end before and after each signature."""
    settings.SEALING_KEYS_DIR = tmp_path
    certificates.create_development_ca(tmp_path, now=NOW)
    found: list[int] = []
    other = connection.copy()
    real = demo.sign_and_seal

    def look() -> None:
        with other.cursor() as cursor:
            cursor.execute(ENDED_BY_A_SWEEP, [NOW])
            found.append(cursor.fetchone()[0])

    def sign_and_seal(contract: Any, *, now: datetime) -> Any:
        look()
        signed = real(contract, now=now)
        look()
        return signed

    monkeypatch.setattr(demo, "sign_and_seal", sign_and_seal)
    with time_machine.travel(NOW, tick=False):
        yield found
    other.close()


def make_signed_person() -> None:
    person = next(one for one in demo.PEOPLE if one.key == "xiaomei")
    demo._make_borrower_with_loan(person, TODAY)


def test_a_sweep_sees_a_person_finished_or_not_at_all(seen: list[int]) -> None:
    make_signed_person()

    assert seen == [0, 0]
    assert Contract.objects.get().status == Contract.Status.COMPLETED


def test_twin_without_the_transaction_a_sweep_finds_a_contract_to_end(
    seen: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "_make_borrower_with_loan", unwrap(demo._make_borrower_with_loan))

    # What a worker finds it works on at once: here the code is sent and wiped before it is read.
    with pytest.raises(KeyError, match="code"):
        make_signed_person()

    assert seen[0] == 1
