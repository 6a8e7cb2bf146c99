"""Triggers that let rows be inserted and never changed, on SQLite and PostgreSQL.

Migrations install them by ``protect(table)``. They refuse to know what a row means. Whoever owns a
table can drop its trigger, so this is one layer of four; the others are an application role with
SELECT and INSERT alone, the audit chain, and its head kept outside.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations import RunPython

PROTECTED_TABLES: list[str] = [
    "audit_event",
    "ledger_journalentry",
    "ledger_posting",
    "loans_allocation",
    "contacts_contactattempt",
    "contacts_decision",
    "contacts_messagetemplateversion",
    "contracts_templateversion",
]
# Tables of which some rows may change in one way. By table, in SQL: which UPDATE (over OLD and NEW)
# and which DELETE (over OLD) is refused.
REFUSED_CHANGES: dict[str, tuple[str, str]] = {
    # Published words never change; they can only be retired.
    "contacts_messagetemplateversion": (
        "OLD.status <> 'draft' AND NOT (OLD.status = 'published' AND NEW.status = 'retired' "
        "AND OLD.template_id = NEW.template_id AND OLD.number = NEW.number "
        "AND OLD.subject_zh = NEW.subject_zh AND OLD.subject_en = NEW.subject_en "
        "AND OLD.text_zh = NEW.text_zh AND OLD.text_en = NEW.text_en "
        "AND COALESCE(OLD.author_id, 0) = COALESCE(NEW.author_id, 0) "
        "AND COALESCE(OLD.approved_by_id, 0) = COALESCE(NEW.approved_by_id, 0) "
        "AND OLD.published_at = NEW.published_at)",
        "OLD.status <> 'draft'",
    ),
    # So do the clauses of a contract.
    "contracts_templateversion": (
        "OLD.status <> 'draft' AND NOT (OLD.status = 'published' AND NEW.status = 'retired' "
        "AND OLD.template_id = NEW.template_id AND OLD.number = NEW.number "
        "AND OLD.locale = NEW.locale AND OLD.title = NEW.title AND OLD.body = NEW.body "
        "AND OLD.body_sha256 = NEW.body_sha256 "
        "AND OLD.governing_language = NEW.governing_language "
        "AND COALESCE(OLD.author_id, 0) = COALESCE(NEW.author_id, 0) "
        "AND COALESCE(OLD.approved_by_id, 0) = COALESCE(NEW.approved_by_id, 0) "
        "AND OLD.published_at = NEW.published_at)",
        "OLD.status <> 'draft'",
    ),
}


def protect(table: str, *, when: str = "") -> RunPython:
    """Give the migration operation that makes a table append-only.

    Args:
        table: its name in the database.
        when: SQL over ``OLD``; only rows it holds for are protected. Empty: every row.
    """
    return RunPython(
        lambda apps, editor: install(editor.connection, table, when=when),
        lambda apps, editor: remove(editor.connection, table),
        elidable=False,
    )


def install(database: BaseDatabaseWrapper, table: str, *, when: str = "") -> None:
    with database.cursor() as cursor:
        for sql in _install_sql(database.vendor, table, when):
            cursor.execute(sql)


def remove(database: BaseDatabaseWrapper, table: str) -> None:
    with database.cursor() as cursor:
        for name in _names(table, database.vendor):
            suffix = f" ON {table}" if database.vendor == "postgresql" else ""
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}{suffix}")


@contextmanager
def lifted() -> Iterator[None]:
    """Take the triggers away for the time of a block: only for a test's flush."""
    present = set(connection.introspection.table_names())
    tables = [table for table in PROTECTED_TABLES if table in present]
    for table in tables:
        remove(connection, table)
    try:
        yield
    finally:
        for table in tables:
            install(connection, table)


def _names(table: str, vendor: str) -> list[str]:
    kinds = ["update", "delete"] + (["truncate"] if vendor == "postgresql" else [])
    return [f"{table}_no_{kind}" for kind in kinds]


def _install_sql(vendor: str, table: str, when: str) -> list[str]:
    refused = REFUSED_CHANGES.get(table, (when, when))
    conditions = [
        (kind, f" WHEN ({sql})" if sql else "")
        for kind, sql in zip(("update", "delete"), refused, strict=True)
    ]
    if vendor == "sqlite":
        return [
            f"CREATE TRIGGER {table}_no_{kind} BEFORE {kind.upper()} ON {table}{condition} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            for kind, condition in conditions
        ]
    function = (
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME "
        "USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    rows = [
        f"CREATE TRIGGER {table}_no_{kind} BEFORE {kind.upper()} ON {table} "
        f"FOR EACH ROW{condition} EXECUTE FUNCTION refuse_change()"
        for kind, condition in conditions
    ]
    truncate = (
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    return [function, *rows, truncate]
