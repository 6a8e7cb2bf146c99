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
]


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
    condition = f" WHEN ({when})" if when else ""
    if vendor == "sqlite":
        return [
            f"CREATE TRIGGER {table}_no_{kind} BEFORE {kind.upper()} ON {table}{condition} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            for kind in ("update", "delete")
        ]
    function = (
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME "
        "USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )
    rows = [
        f"CREATE TRIGGER {table}_no_{kind} BEFORE {kind.upper()} ON {table} "
        f"FOR EACH ROW{condition} EXECUTE FUNCTION refuse_change()"
        for kind in ("update", "delete")
    ]
    truncate = (
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    return [function, *rows, truncate]
