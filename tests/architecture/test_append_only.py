"""What is append-only stays so by every road: plain SQL, upserts, and Django's own ways."""

# ruff: noqa: S608 - statements of our own tables' names

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, models, transaction

from repayments.append_only import PROTECTED_TABLES, REFUSED_CHANGES
from repayments.audit.models import Event
from repayments.contacts.models import ContactAttempt, Decision, MessageTemplateVersion
from repayments.contracts.models import DailyHead, HeadLeaf, HeadStamp, TemplateVersion
from repayments.ledger.models import JournalEntry, Posting
from repayments.loans.models import Allocation
from tests.factories.cases import make_case, make_colleague
from tests.factories.contacts import MORNING, make_borrower, queue_reminder
from tests.factories.loans import make_overdue_loan, pay


@pytest.fixture
def kept(db: None) -> None:
    """At least one row of every table: a loan with a payment, a call on it, a decision, a head."""
    pay(make_overdue_loan(as_of=MORNING.date()), 50_000, MORNING.date())
    case, colleague = make_case(), make_colleague("collector")
    borrower = make_borrower()
    decision = Decision.objects.create(
        borrower=borrower,
        channel="voice",
        address="+8613800000000",
        message_class="call",
        verdict="allow",
        profile_version="CN-1",
        actor=colleague,
        at=MORNING,
    )
    ContactAttempt.objects.create(
        borrower=borrower,
        channel="voice",
        address="+8613800000000",
        outcome="no_answer",
        decision=decision,
        actor=colleague,
        at=MORNING,
    )
    head = DailyHead.objects.create(
        day=MORNING.date(), text="roots", sha256="a" * 64, previous="0" * 64, made_at=MORNING
    )
    HeadLeaf.objects.create(head=head, position=0, stream="contract:1", seq=1, hash="b" * 64)
    HeadStamp.objects.create(head=head, token=b"token", tsa_time=MORNING, created_at=MORNING)
    assert case.pk
    assert queue_reminder(borrower).pk


def model_of(table: str) -> type[models.Model]:
    (model,) = (each for each in apps.get_models() if each._meta.db_table == table)
    return model


def refuse(sql: str, *values: object) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        run(sql, values)


def run(sql: str, values: tuple[object, ...]) -> None:
    with connection.cursor() as cursor:
        # What is deferred would keep PostgreSQL from emptying a table, whatever its triggers say.
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(sql, values)


def columns_of(table: str) -> list[str]:
    return [str(each.column) for each in model_of(table)._meta.concrete_fields]


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("table", PROTECTED_TABLES)
def test_no_statement_changes_a_kept_row(table: str) -> None:
    rows = model_of(table)._base_manager.order_by("pk")
    before = list(rows.values())
    assert before, "no row to try it on"
    key, names = before[0]["id"], ", ".join(columns_of(table))

    for column in columns_of(table):
        refuse(f"UPDATE {table} SET {column} = {column} WHERE id = %s", key)
    refuse(f"DELETE FROM {table} WHERE id = %s", key)
    again = f"INTO {table} ({names}) SELECT {names} FROM {table} WHERE id = %s"
    refuse(f"INSERT {again} ON CONFLICT (id) DO UPDATE SET id = excluded.id", key)
    if connection.vendor == "sqlite":
        # What a REPLACE puts out of its way is deleted, and by default no trigger sees it.
        refuse(f"REPLACE {again}", key)
    else:
        refuse(f"TRUNCATE {table} CASCADE")

    assert list(rows.values()) == before


@pytest.mark.postgresql
@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    "parent",
    ["ledger_book", "loans_loan", "accounts_borrower", "contacts_messagetemplate", "accounts_user"],
)
def test_nor_does_emptying_what_it_hangs_on(parent: str) -> None:
    refuse(f"TRUNCATE {parent} CASCADE")


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("model", [Event, JournalEntry, Posting, Allocation, Decision])
def test_nor_do_the_ways_of_django(model: type[models.Model]) -> None:
    row = model._base_manager.order_by("pk").first()
    assert row is not None
    name = next(each.name for each in model._meta.concrete_fields if not each.primary_key)

    for act in (
        lambda: row.save(force_update=True),
        lambda: model._base_manager.bulk_update([row], [name]),
        lambda: model._base_manager.bulk_create(
            [row], update_conflicts=True, update_fields=[name], unique_fields=["id"]
        ),
        lambda: model._base_manager.filter(pk=row.pk)._raw_delete("default"),
    ):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            act()


# --- Words that may be retired, and nothing else --------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("model", "column"),
    [
        (model, column.column)
        for model in (MessageTemplateVersion, TemplateVersion)
        for column in model._meta.concrete_fields
        if column.name != "status"
    ],
)
def test_words_are_retired_as_they_were_published(model: type[models.Model], column: str) -> None:
    table = model._meta.db_table
    assert table in REFUSED_CHANGES
    version = model._base_manager.filter(status="published").order_by("pk").first()
    assert version is not None
    field = next(each for each in model._meta.concrete_fields if each.column == column)
    other = "987654"
    if isinstance(field, models.JSONField):
        other = '["other"]'
    if isinstance(field, models.DateTimeField):
        other = "2001-01-01 00:00:00+00:00"

    change = f"UPDATE {table} SET status = 'retired', {column} = %s WHERE id = %s"

    refuse(change, other, version.pk)
    if getattr(version, column) is not None and field.null:
        refuse(change, None, version.pk)


@pytest.mark.django_db
@pytest.mark.parametrize("model", [MessageTemplateVersion, TemplateVersion])
def test_published_words_can_be_retired(model: type[models.Model]) -> None:
    rows = model._base_manager.filter(status="published")

    assert rows.update(status="retired")
