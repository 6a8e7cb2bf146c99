"""Rows into a table where the ORM's own way is slow: many at once, or one that may be there.

Many: COPY on PostgreSQL, one prepared statement on SQLite; three times as fast as model instances,
which a tape of ten thousand loans with their installments needs. Keys are taken from the table's
own sequence beforehand, so that rows can name each other. One: a single statement whose unique key
decides. It refuses to know what the rows mean; constraints and triggers see each of them.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Model

_COPY = "COPY {table} ({names}) FROM STDIN"
_INSERT = "INSERT INTO {table} ({names}) VALUES ({marks})"


def reserve_ids(model: type[Model], count: int) -> list[int]:
    """Take keys from a table's sequence; the caller holds the transaction that uses them."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)",
                [table, count],
            )
            return [row[0] for row in cursor.fetchall()]
        # Writers stand in line, so nobody takes these keys meanwhile.
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        row = cursor.fetchone()
        first = (row[0] if row else 0) + 1
        return list(range(first, first + count))


def insert_rows(
    table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], *, plain: bool = False
) -> None:
    """Insert rows; values are Python ones in the order of the columns, JSON as text.

    Args:
        table, columns: names from the code, never from input.
        plain: every value is a number, a text or None already (days as ISO text).
    """
    names = ", ".join(columns)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(_COPY.format(table=table, names=names)) as copy:
                for row in rows:
                    copy.write_row(row)
            return
        marks = ", ".join(["%s"] * len(columns))
        cursor.executemany(
            _INSERT.format(table=table, names=names, marks=marks),
            rows if plain else _for_sqlite(rows),
        )


def insert_new(row: Model, *, key: Sequence[str]) -> bool:
    """Insert one row unless its unique key is taken; False if it is, and nothing was written.

    A taken key raises nothing, so the transaction goes on without a savepoint: one statement, where
    ``get_or_create`` needs four. Of two writers at once the second waits for the first one's end.
    Any other constraint raises as ever. No ``save`` signals are sent.

    Args:
        key: the fields of a unique constraint of the table, all of them.
    """
    meta = row._meta
    fields = [field for field in meta.concrete_fields if field is not meta.auto_field]
    columns = {field.name: str(field.column) for field in fields}
    names = ", ".join(columns.values())
    marks = ", ".join(["%s"] * len(fields))
    unique = ", ".join(columns[name] for name in key)
    values = [field.get_db_prep_save(field.pre_save(row, add=True), connection) for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {meta.db_table} ({names}) VALUES ({marks}) "  # noqa: S608 - names of the code
            f"ON CONFLICT ({unique}) DO NOTHING RETURNING {meta.pk.column}",
            values,
        )
        written = cursor.fetchall()
    if not written:
        return False
    row.pk = written[0][0]
    row._state.adding = False
    row._state.db = connection.alias
    return True


@lru_cache(maxsize=256)
def _moment(value: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(value)


def _for_sqlite(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Turn values into what SQLite stores; a column holds values of one type, or None."""
    if not rows:
        return []
    # Only these columns are looked at, row for row.
    places = [
        place for place, value in enumerate(rows[0]) if value is None or type(value) in _ADAPTERS
    ]
    adapted = []
    for row in rows:
        values = list(row)
        for place in places:
            adapt = _ADAPTERS.get(type(values[place]))
            if adapt:
                values[place] = adapt(values[place])
        adapted.append(values)
    return adapted


_ADAPTERS: dict[type, Any] = {
    datetime: _moment,
    date: date.isoformat,
    Decimal: str,
    UUID: lambda value: value.hex,
}
