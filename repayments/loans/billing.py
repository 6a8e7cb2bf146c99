"""Bill what falls due, for all loans at once: raw SQL, on SQLite and PostgreSQL.

What ``services.work`` does for one loan under its lock these statements do for a book of any size:
an entry of kind interest and one of kind fee for each installment due, with its postings, its
number in the book without gaps, the cached balances, and what is billed of the installment. Raw SQL
because the ORM knows no ``INSERT … SELECT``. A second run finds nothing to bill and writes nothing.
"""

from datetime import date, datetime
from typing import Any

from django.db import connection, transaction

from repayments.time_limits import lift_time_limit

# Numbers a row of a statement from 1 and takes the key of an entry to be.
_NEXT_ENTRY = {
    "postgresql": "nextval(pg_get_serial_sequence('ledger_journalentry', 'id'))",
    "sqlite": (
        "ROW_NUMBER() OVER () + COALESCE("
        "(SELECT seq FROM sqlite_sequence WHERE name = 'ledger_journalentry'), 0)"
    ),
}
_DAY = {"postgresql": "CAST(%(as_of)s AS date)", "sqlite": "%(as_of)s"}
_MOMENT = {"postgresql": "CAST(%(now)s AS timestamptz)", "sqlite": "%(now)s"}

# Unbilled rows are open rows, so the index of open installments answers. Looked for once, since
# what is late and billed long ago stands in the same part of that index.
_FOUND = """
    CREATE TEMPORARY TABLE billing_found AS
    SELECT i.id AS installment_id, i.loan_id
    FROM loans_installment i JOIN loans_loan l ON l.id = i.loan_id
    WHERE i.is_current AND i.unpaid > 0 AND i.due_date <= {day}
        AND (i.interest_billed < i.interest_due OR i.fee_billed < i.fee_due)
        AND l.status = 'active' {among}
"""

# Whoever pays waits here, or has paid by the time the next statement looks.
_LOCK = """
    SELECT COUNT(*) FROM (
        SELECT l.id FROM loans_loan l
        WHERE l.id IN (SELECT loan_id FROM billing_found) ORDER BY l.id FOR UPDATE
    ) AS locked
"""

# Asked again of each row found: a payment, or a new schedule, may have come before the lock.
_LINES = """
    CREATE TEMPORARY TABLE billing_line AS
    SELECT {next_entry} AS entry_id, n.* FROM (
        SELECT p.*, b.last_seq + ROW_NUMBER() OVER (
            PARTITION BY p.book_id ORDER BY p.due_date, p.installment_id, p.kind DESC
        ) AS seq
        FROM (
            SELECT i.id AS installment_id, l.book_id, i.due_date, k.kind,
                CASE k.kind
                    WHEN 'interest' THEN i.interest_due - i.interest_billed
                    ELSE i.fee_due - i.fee_billed
                END AS amount
            FROM billing_found f
            JOIN loans_installment i ON i.id = f.installment_id AND i.is_current
            JOIN loans_loan l ON l.id = i.loan_id AND l.status = 'active'
            CROSS JOIN (SELECT 'interest' AS kind UNION ALL SELECT 'fee') AS k
        ) AS p JOIN ledger_book b ON b.id = p.book_id
        WHERE p.amount > 0
    ) AS n
"""

# A row that was billed once and had it taken back needs a name of its own.
_ENTRIES = """
    INSERT INTO ledger_journalentry
        (id, book_id, seq, kind, effective_date, posted_at, reference)
    SELECT n.entry_id, n.book_id, n.seq, n.kind, n.due_date, {moment},
        'installment:' || n.installment_id || CASE WHEN EXISTS (
            SELECT 1 FROM ledger_journalentry e WHERE e.book_id = n.book_id AND e.kind = n.kind
                AND e.reference = 'installment:' || n.installment_id
        ) THEN ':again:' || n.seq ELSE '' END
    FROM billing_line n
"""

_POSTINGS = """
    INSERT INTO ledger_posting (entry_id, account, amount)
    SELECT entry_id, kind || '_receivable', amount FROM billing_line
    UNION ALL
    SELECT entry_id, kind || '_income', -amount FROM billing_line
"""

# "WHERE true" keeps SQLite from reading ON CONFLICT as a join.
_BALANCES = """
    INSERT INTO ledger_balance (book_id, account, amount)
    SELECT book_id, account, amount FROM (
        SELECT book_id, kind || '_receivable' AS account, SUM(amount) AS amount
        FROM billing_line GROUP BY book_id, kind
        UNION ALL
        SELECT book_id, kind || '_income', -SUM(amount) FROM billing_line GROUP BY book_id, kind
    ) AS moved WHERE true
    ON CONFLICT (book_id, account) DO UPDATE SET amount = ledger_balance.amount + excluded.amount
"""

_NUMBERS = """
    UPDATE ledger_book SET last_seq = last_seq + n.lines
    FROM (SELECT book_id, COUNT(*) AS lines FROM billing_line GROUP BY book_id) AS n
    WHERE n.book_id = ledger_book.id
"""

_INSTALLMENTS = """
    UPDATE loans_installment SET interest_billed = interest_due, fee_billed = fee_due
    WHERE id IN (SELECT installment_id FROM billing_line)
"""

_IMPORTED = "AND l.id IN (SELECT loan_id FROM tape_loan WHERE loan_id IS NOT NULL)"


@transaction.atomic
def bill_due(*, as_of: date, now: datetime) -> int:
    """Bill interest and fees of every running loan's installments due on or before a day.

    Args:
        as_of: the lender's day; entries are effective on the due dates.
    Returns: how many entries were posted; 0 when run again.
    Locks: the loans it bills.
    """
    return _bill("", as_of, now)


@transaction.atomic
def bill_imported(*, as_of: date, now: datetime) -> int:
    """Bill what is due of the loans a tape has just brought; see ``tape.staging``."""
    return _bill(_IMPORTED, as_of, now)


def _bill(among: str, as_of: date, now: datetime) -> int:
    vendor = connection.vendor
    values = {"as_of": as_of, "now": connection.ops.adapt_datetimefield_value(now)}

    def run(sql: str) -> int:
        written = sql.format(
            among=among,
            day=_DAY[vendor],
            moment=_MOMENT[vendor],
            next_entry=_NEXT_ENTRY[vendor],
        )
        used: dict[str, Any] = {name: values[name] for name in values if f"%({name})s" in written}
        cursor.execute(written, used or None)
        return int(cursor.rowcount)

    with connection.cursor() as cursor:
        for table in ("billing_found", "billing_line"):
            cursor.execute(f"DROP TABLE IF EXISTS {table}")
        lift_time_limit()
        run(_FOUND)
        if vendor == "postgresql":
            run(_LOCK)
        run(_LINES)
        billed = run(_ENTRIES)
        if billed:
            for statement in (_POSTINGS, _BALANCES, _NUMBERS, _INSTALLMENTS):
                run(statement)
        for table in ("billing_line", "billing_found"):
            cursor.execute(f"DROP TABLE {table}")
    return billed


_CREDIT_DUE = """
    SELECT l.id FROM ledger_balance b JOIN loans_loan l ON l.book_id = b.book_id
    WHERE b.account = 'unapplied' AND b.amount < 0 AND l.status IN ('active', 'written_off')
        AND (
            EXISTS (
                SELECT 1 FROM loans_installment i WHERE i.loan_id = l.id AND i.is_current
                    AND i.unpaid > 0 AND i.due_date <= {day}
            ) OR EXISTS (
                SELECT 1 FROM loans_charge h WHERE h.loan_id = l.id AND h.charged_on <= {day}
                    AND h.amount > h.paid + h.waived + h.withdrawn
            )
        )
    ORDER BY l.id
"""


def list_credit_due(*, as_of: date) -> list[int]:
    """List the loans that have money waiting and something due by a day to apply it to."""
    with connection.cursor() as cursor:
        cursor.execute(_CREDIT_DUE.format(day=_DAY[connection.vendor]), {"as_of": as_of})
        return [row[0] for row in cursor.fetchall()]
