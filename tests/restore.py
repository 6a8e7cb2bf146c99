"""Brings a test database back to the rows that migrations laid, after a test that committed.

The laid rows stand beside the database, in a schema of their own on PostgreSQL and in a file on
SQLite, and come back by one INSERT a table, inside the engine. Tables are emptied by DELETE, which
on tables this small costs a fraction of TRUNCATE with its new files. It refuses to know what a row
means, and leaves sequences where they are.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.transaction import atomic

from repayments.append_only import lifted

# A whole database by itself, with its triggers.
LAID_ROWS = "laid-rows.sqlite3"


def keep_laid_rows(folder: Path) -> Callable[[], None]:
    """Copy what is in the database now; give the function that makes it so again.

    Args:
        folder: where SQLite's copy is put.
    """
    quoted = connection.ops.quote_name
    columns: dict[str, str] = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.django_table_names(
            only_existing=True, include_views=False
        ):
            cursor.execute(f"SELECT * FROM {quoted(table)} LIMIT 1")  # noqa: S608 - our names
            filled = cursor.fetchone() is not None
            # Named, because a test that migrates back and forth may leave them in another order.
            names = ", ".join(quoted(column[0]) for column in cursor.description)
            columns[table] = names if filled else ""
        copy = folder / LAID_ROWS
        if settings.ON_POSTGRESQL:
            cursor.execute("CREATE SCHEMA laid_rows")
            for table in filter(columns.get, columns):
                cursor.execute(f"CREATE TABLE laid_rows.{quoted(table)} AS TABLE {quoted(table)}")
        else:
            cursor.execute("VACUUM INTO %s", [str(copy)])

    def restore() -> None:
        # Foreign keys are deferred: one transaction may empty and fill in any order.
        with _attached(copy), atomic(), lifted(), connection.cursor() as cursor:
            for table, names in columns.items():
                cursor.execute(f"DELETE FROM {quoted(table)}")  # noqa: S608 - our names
                if names:
                    cursor.execute(
                        f"INSERT INTO {quoted(table)} ({names}) "  # noqa: S608 - our names
                        f"SELECT {names} FROM laid_rows.{quoted(table)}"
                    )
            # PostgreSQL gives a trigger back to a table only when its checks are done.
            connection.check_constraints()

    return restore


@contextmanager
def _attached(copy: Path) -> Iterator[None]:
    """Let SQLite reach its copy under the name that the schema has on PostgreSQL."""
    if settings.ON_POSTGRESQL:
        yield
        return
    with connection.cursor() as cursor:
        cursor.execute("ATTACH %s AS laid_rows", [str(copy)])
        try:
            yield
        finally:
            cursor.execute("DETACH laid_rows")
