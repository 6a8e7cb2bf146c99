"""Many writers at once leave one dense chain; without the guard they do not."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from repayments.audit.models import Event, Head, first_hash
from repayments.audit.services import record_event, verify_audit

AT = datetime(2026, 3, 1, tzinfo=UTC)
WRITERS, EACH = 8, 5


def in_threads(work: Callable[..., Any]) -> Any:
    """Run the same work in every writer, all starting together; give what each raised."""
    start = Barrier(WRITERS)

    def run(number: int) -> Any:
        try:
            start.wait(timeout=30)
            for turn in range(EACH):
                work(number, turn)
        except Exception as error:
            return error
        finally:
            connection.close()
        return None

    with ThreadPoolExecutor(WRITERS) as pool:
        return [error for error in pool.map(run, range(WRITERS)) if error is not None]


@pytest.mark.django_db(transaction=True)
def test_case_37_concurrent_writers_keep_the_chain_dense() -> None:
    def write(number: int, turn: int) -> None:
        record_event(
            stream="loan:hot", action="loans.hot", actor=None, at=AT, payload={"n": [number, turn]}
        )

    assert in_threads(write) == []
    seqs = Event.objects.filter(stream="loan:hot").order_by("seq").values_list("seq", flat=True)
    assert list(seqs) == list(range(1, WRITERS * EACH + 1))
    assert verify_audit() is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.postgresql
def test_twin_without_the_heads_lock_two_writers_take_the_same_place() -> None:
    """The guard off: read the head, then write. Only unique keys keep the chain from forking."""
    Head.objects.create(stream="loan:hot", seq=0, hash=first_hash("loan:hot"))
    together = Barrier(WRITERS)

    def write(number: int, turn: int) -> None:
        head = Head.objects.get(stream="loan:hot")
        if turn == 0:
            together.wait(timeout=30)
        Event.objects.create(
            stream="loan:hot",
            seq=head.seq + 1,
            at=AT,
            action="loans.hot",
            prev=head.hash,
            hash=f"{number:032d}{turn:032d}",
        )

    assert len(in_threads(write)) >= WRITERS - 1
