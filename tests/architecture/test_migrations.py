"""Models and migrations agree, and the tables that must not change cannot."""

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction

from repayments.append_only import PROTECTED_TABLES
from repayments.audit.models import Event
from repayments.audit.services import record_event
from repayments.clock import now


@pytest.mark.django_db
def test_no_migration_is_missing() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def triggers() -> set[str]:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")
        else:
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        return {name for (name,) in cursor.fetchall()}


def missing_triggers() -> list[str]:
    kinds = ["update", "delete"] + (["truncate"] if connection.vendor == "postgresql" else [])
    present = triggers()
    names = [f"{table}_no_{kind}" for table in PROTECTED_TABLES for kind in kinds]
    return [name for name in names if name not in present]


@pytest.mark.django_db
def test_every_append_only_table_has_its_triggers() -> None:
    assert missing_triggers() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", ["first", "after a flush"])
def test_a_flush_gives_the_triggers_back(turn: str) -> None:
    assert missing_triggers() == []
    record_event(stream="test:flush", action="test.recorded", actor=None, at=now())
    assert Event.objects.count() == 1, f"{turn}: the test before left its rows"


@pytest.mark.django_db
def test_f29_a_kept_event_can_be_neither_changed_nor_deleted() -> None:
    event = record_event(stream="test:one", action="test.recorded", actor=None, at=now())
    rows = Event.objects.filter(pk=event.pk)

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        rows.update(action="test.changed")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        rows.delete()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE audit_event CASCADE")

    assert rows.get().action == "test.recorded"
