"""The record: chained, dense, and every meddling is found and named."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from repayments.append_only import lifted
from repayments.audit.models import Event, Head, first_hash
from repayments.audit.services import compute_hash, record_event, verify_audit

pytestmark = pytest.mark.django_db

AT = datetime(2026, 3, 1, 4, 5, 6, 789, tzinfo=UTC)


@pytest.fixture
def chain() -> Any:
    return [
        record_event(
            stream="loan:1", action="loans.payment", actor=None, at=AT, payload={"n": number}
        )
        for number in range(3)
    ]


def tamper(statement: str, *values: object) -> None:
    with lifted(), connection.cursor() as cursor:
        cursor.execute(statement, values)


def test_each_event_names_the_one_before(chain: list[Event]) -> None:
    first, second, third = chain
    assert first.prev == first_hash("loan:1")
    assert (second.prev, third.prev) == (first.hash, second.hash)
    assert [event.seq for event in chain] == [1, 2, 3]
    assert verify_audit() is None


def test_streams_have_chains_of_their_own(chain: list[Event]) -> None:
    other = record_event(stream="loan:2", action="loans.payment", actor=None, at=AT)
    assert (other.seq, other.prev) == (1, first_hash("loan:2"))
    assert verify_audit() is None


def test_what_is_read_back_hashes_to_what_was_written(chain: list[Event]) -> None:
    assert all(compute_hash(event) == event.hash for event in Event.objects.all())


def test_a_changed_event_is_named(chain: list[Event]) -> None:
    tamper("UPDATE audit_event SET action = 'loans.other' WHERE id = %s", chain[1].pk)
    fault = verify_audit()
    assert (fault.stream, fault.seq, fault.reason) == ("loan:1", 2, "content changed")


def test_an_event_taken_out_is_named(chain: list[Event]) -> None:
    tamper("DELETE FROM audit_event WHERE id = %s", chain[1].pk)
    assert (verify_audit().seq, verify_audit().reason) == (2, "missing")


def test_an_end_cut_off_is_named(chain: list[Event]) -> None:
    tamper("DELETE FROM audit_event WHERE id = %s", chain[2].pk)
    assert (verify_audit().seq, verify_audit().reason) == (3, "the end was cut off")


def test_an_event_slipped_in_behind_the_head_is_named(chain: list[Event]) -> None:
    event = Event(
        stream="loan:1", seq=4, at=AT, action="loans.other", payload={}, prev=chain[2].hash
    )
    event.hash = compute_hash(event)
    event.save(force_insert=True)
    assert (verify_audit().seq, verify_audit().reason) == (4, "beyond the head")


def test_a_chain_written_anew_does_not_fit_its_head(chain: list[Event]) -> None:
    event = Event.objects.get(pk=chain[2].pk)
    event.action = "loans.other"
    tamper(
        "UPDATE audit_event SET action = %s, hash = %s WHERE id = %s",
        event.action,
        compute_hash(event),
        event.pk,
    )
    assert verify_audit().reason == "the head names another event"


def test_a_stream_without_a_head_is_named(chain: list[Event]) -> None:
    Head.objects.filter(stream="loan:1").delete()
    assert verify_audit().reason == "beyond the head"


def test_f29_the_database_refuses_to_change_the_record(chain: list[Event]) -> None:
    for statement in ("UPDATE audit_event SET action = 'x'", "DELETE FROM audit_event"):
        refused = pytest.raises(DatabaseError, match="append-only")
        with refused, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_the_command_fails_and_names_the_row(
    chain: list[Event], capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("verify_audit")
    assert capsys.readouterr().out == "The record is whole.\n"
    tamper("DELETE FROM audit_event WHERE id = %s", chain[0].pk)
    with pytest.raises(SystemExit) as exit_code:
        call_command("verify_audit", "--json")
    assert exit_code.value.code == 1
    assert json.loads(capsys.readouterr().out)["fault"] == {
        "stream": "loan:1",
        "seq": 1,
        "reason": "missing",
    }
