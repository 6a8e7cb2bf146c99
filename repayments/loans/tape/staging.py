"""What an import must remember of rows it has read, in temporary tables of the database.

The tables live on disk and in this connection alone, so memory does not grow with the tape. The
whole import happens in one transaction, which they do not outlive.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

from django.db import connection

from repayments.inserting import insert_rows
from repayments.loans.tape.checking import AMOUNT_COLUMNS, UncountedRow

_TABLES = {
    "tape_loan": "number text PRIMARY KEY, line integer, is_custom integer, loan_id bigint",
    "tape_borrower": "reference text PRIMARY KEY, line integer, facts text",
    "tape_email": "email text PRIMARY KEY, line integer, reference text",
    "tape_row": "loan_number text, line integer, number integer, due_date text, "
    + ", ".join(f"{column} text" for column in AMOUNT_COLUMNS),
}
_FIND = "SELECT {key}, {columns} FROM {table} WHERE {key} IN ({marks})"
_GIVEN = (
    "SELECT loan_number, line, number, due_date, {amounts} FROM tape_row "
    "WHERE loan_number IN ({marks}) ORDER BY loan_number, number, line"
)
_BATCH = 500


def create() -> None:
    drop()
    with connection.cursor() as cursor:
        for table, columns in _TABLES.items():
            cursor.execute(f"CREATE TEMPORARY TABLE {table} ({columns})")


def drop() -> None:
    with connection.cursor() as cursor:
        for table in _TABLES:
            cursor.execute(f"DROP TABLE IF EXISTS {_temporary(table)}")


def add_loans(rows: Sequence[tuple[str, int, int, int | None]]) -> None:
    """Remember loans of the tape: number, line, whether custom, key if it was written."""
    insert_rows("tape_loan", ("number", "line", "is_custom", "loan_id"), rows)


def add_borrowers(rows: Sequence[tuple[str, int, str]]) -> None:
    """Remember people: reference, line, what the tape says of them."""
    insert_rows("tape_borrower", ("reference", "line", "facts"), rows)


def add_emails(rows: Sequence[tuple[str, int, str]]) -> None:
    insert_rows("tape_email", ("email", "line", "reference"), rows)


def add_given_rows(rows: Iterable[UncountedRow]) -> None:
    columns = ("loan_number", "line", "number", "due_date", *AMOUNT_COLUMNS)
    insert_rows(
        "tape_row",
        columns,
        [
            (
                row.loan_number,
                row.line,
                row.number,
                row.due_date.isoformat(),
                *(row.amounts[column] for column in AMOUNT_COLUMNS),
            )
            for row in rows
        ],
    )


def find_loans(numbers: Sequence[str]) -> dict[str, tuple[int]]:
    return _find("tape_loan", "number", numbers, "line")


def find_borrowers(references: Sequence[str]) -> dict[str, tuple[int, str]]:
    return _find("tape_borrower", "reference", references, "line, facts")


def find_emails(emails: Sequence[str]) -> dict[str, tuple[int, str]]:
    return _find("tape_email", "email", emails, "line, reference")


def _find(table: str, key: str, values: Sequence[str], columns: str) -> dict[str, Any]:
    """Read what is known of some keys: the key to the columns asked for."""
    found: dict[str, Any] = {}
    with connection.cursor() as cursor:
        for start in range(0, len(values), _BATCH):
            part = values[start : start + _BATCH]
            marks = ", ".join(["%s"] * len(part))
            cursor.execute(_FIND.format(key=key, columns=columns, table=table, marks=marks), part)
            found |= {row[0]: row[1:] for row in cursor.fetchall()}
    return found


def index_given_rows() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE INDEX tape_row_loan ON tape_row (loan_number)"
            if connection.vendor == "postgresql"
            else "CREATE INDEX temp.tape_row_loan ON tape_row (loan_number)"
        )


def given_rows(loan_numbers: Sequence[str]) -> dict[str, list[UncountedRow]]:
    """Read the rows of some custom loans, in the order of their numbers."""
    found: dict[str, list[UncountedRow]] = {}
    with connection.cursor() as cursor:
        for start in range(0, len(loan_numbers), _BATCH):
            part = loan_numbers[start : start + _BATCH]
            marks = ", ".join(["%s"] * len(part))
            cursor.execute(_GIVEN.format(amounts=", ".join(AMOUNT_COLUMNS), marks=marks), part)
            for loan_number, line, number, due_date, *texts in cursor.fetchall():
                row = UncountedRow(
                    line,
                    loan_number,
                    number,
                    date.fromisoformat(due_date),
                    dict(zip(AMOUNT_COLUMNS, texts, strict=True)),
                )
                found.setdefault(loan_number, []).append(row)
    return found


def stray_rows() -> Iterator[tuple[int, str]]:
    """Give the first row of each loan that the tape does not have as a custom one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT MIN(r.line), r.loan_number FROM tape_row r "
            "LEFT JOIN tape_loan l ON l.number = r.loan_number AND l.is_custom = 1 "
            "WHERE l.number IS NULL GROUP BY r.loan_number ORDER BY 1"
        )
        yield from cursor


def emails_of_others() -> Iterator[tuple[int, str]]:
    """Give the tape's addresses that another borrower or another sign-in has here."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT MIN(line), email FROM (
                SELECT e.line, e.email FROM accounts_borrower b
                JOIN tape_email e ON e.email = LOWER(b.email) AND e.reference <> b.reference
                LEFT JOIN tape_borrower own ON own.reference = b.reference
                WHERE own.reference IS NULL -- the tape gives that borrower another address
                UNION ALL
                SELECT e.line, e.email FROM accounts_user u
                JOIN tape_email e ON e.email = LOWER(u.email)
                LEFT JOIN accounts_borrower b ON b.user_id = u.id
                WHERE b.reference IS NULL OR b.reference <> e.reference
            ) AS taken GROUP BY email ORDER BY 1
            """
        )
        yield from cursor


def written_loans() -> Iterator[list[int]]:
    """Give the loans created or changed, some hundreds at a time."""
    last = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT loan_id FROM tape_loan WHERE loan_id > %s ORDER BY loan_id LIMIT %s",
                [last, _BATCH],
            )
            part = [row[0] for row in cursor.fetchall()]
        if not part:
            return
        last = part[-1]
        yield part


def uninvited_borrowers(batch: int = _BATCH) -> Iterator[list[int]]:
    """Give the tape's borrowers who have neither a sign-in nor ever had an invitation."""
    last = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                """
                SELECT b.id FROM accounts_borrower b
                JOIN tape_borrower t ON t.reference = b.reference
                WHERE b.id > %s AND b.user_id IS NULL AND NOT EXISTS (
                    SELECT 1 FROM accounts_invitation i WHERE i.borrower_id = b.id
                ) ORDER BY b.id LIMIT %s
                """,
                [last, batch],
            )
            part = [row[0] for row in cursor.fetchall()]
        if not part:
            return
        last = part[-1]
        yield part


def _temporary(table: str) -> str:
    return f"pg_temp.{table}" if connection.vendor == "postgresql" else f"temp.{table}"
