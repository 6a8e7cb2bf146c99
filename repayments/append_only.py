"""Triggers that let rows be inserted and never changed, on SQLite and PostgreSQL.

Migrations install them by ``protect(table)``. They refuse to know what a row means. Whoever owns a
table can drop its trigger, so this is one layer of four; the others are an application role with
SELECT and INSERT alone, the audit chain, and its head kept outside. On SQLite a REPLACE
deletes without a trigger unless the connection asks for them (``recursive_triggers`` in settings).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
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
    "contracts_dailyhead",
    "contracts_headleaf",
    "contracts_headstamp",
]


def _changes_but_retiring(*columns: str) -> tuple[str, str]:
    """Say in SQL what is refused where published words can only be retired.

    Args:
        columns: all of the table but ``status``; NULL equals NULL, and a change from or to it is
            one.
    """
    same = " AND ".join(
        f"(OLD.{name} = NEW.{name} OR (OLD.{name} IS NULL AND NEW.{name} IS NULL))"
        for name in columns
    )
    retired = f"OLD.status = 'published' AND NEW.status = 'retired' AND {same}"
    # A comparison with NULL is neither true nor false; here it counts as a change.
    return f"OLD.status <> 'draft' AND NOT COALESCE({retired}, FALSE)", "OLD.status <> 'draft'"


# Tables of which some rows may change in one way. By table, in SQL: which UPDATE (over OLD and NEW)
# and which DELETE (over OLD) is refused.
REFUSED_CHANGES: dict[str, tuple[str, str]] = {
    # Published words never change; they can only be retired.
    "contacts_messagetemplateversion": _changes_but_retiring(
        *("id", "template_id", "number", "subject_zh", "subject_en", "text_zh", "text_en"),
        *("author_id", "approved_by_id", "published_at"),
    ),
    # So do the clauses of a contract.
    "contracts_templateversion": _changes_but_retiring(
        *("id", "template_id", "number", "locale", "title", "body", "body_sha256"),
        *("font_set_sha256", "engine_version", "governing_language"),
        *("author_id", "approved_by_id", "published_at"),
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


def protect_anew(table: str) -> RunPython:
    """Give the migration operation for a table whose conditions above have been tightened."""

    def reinstall(apps: object, editor: BaseDatabaseSchemaEditor) -> None:
        remove(editor.connection, table)
        install(editor.connection, table)

    return RunPython(reinstall, RunPython.noop, elidable=False)


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
