"""A book of loans for measurements, made by statements of SQL: N loans of 12 installments.

Due dates are spread over thirty days, ages over ten months; of a hundred loans six are late, by one
to four installments. Books, rows and balances agree with each other, as ``verify_ledger`` says.
"""

from datetime import date, datetime
from typing import Any

from django.db import connection

# {n}: the loan's number from 0; {a}: how many of its rows fell due before the day; {late}: how many
# of them are unpaid.
_AGE = "((n.k / 30) % 10)"
# Multiplied by a prime, so that the late ones are of every age and every due date.
_LATE = (
    "(CASE WHEN (n.k * 37 + n.k / 300) % 100 < 6 THEN MIN_OF((n.k / 7) % 4 + 1, "
    + _AGE
    + ") ELSE 0 END)"
)

_BUILD = [
    "CREATE TABLE benchmark_n (k integer PRIMARY KEY)",
    "{numbers}",
    """
    INSERT INTO accounts_borrower (id, public_id, reference, kind, legal_name, email, phone,
        language, time_zone, jurisdiction, created_at)
    SELECT n.k + 1, {uuid}, 'B' || n.k, 'person', '王小' || n.k, 'b' || n.k || '@example.cn',
        '+8613800138000', 'zh-hans', 'Asia/Shanghai', 'CN', {now}
    FROM benchmark_n n
    """,
    "INSERT INTO ledger_book (id, currency, last_seq) SELECT n.k + 1, 'CNY', 1 FROM benchmark_n n",
    """
    INSERT INTO loans_loan (id, public_id, number, borrower_id, product_id, book_id, currency,
        status, principal, annual_rate, installments_count, every, unit, disbursed_on,
        first_due_on, amortization, interest_method, interest_period, day_count, principal_grace,
        rounding, installment_multiple, penalty_rate, grace_days, outstanding_principal,
        past_due_amount, days_past_due, next_due_amount, created_at)
    SELECT n.k + 1, {uuid}, 'L' || n.k, n.k + 1, (SELECT MIN(id) FROM loans_product), n.k + 1,
        'CNY', 'active', 1200000, 12, 12, 30, 'days', {disbursed}, {first_due}, 'equal_principal',
        'declining', 'per_installment', 'actual_365', 0, 'half_even', 1, 18, 0,
        1200000 - 100000 * ({age} - {late}), 0, 0, 0, {now}
    FROM benchmark_n n
    """,
    """
    INSERT INTO loans_schedule (id, loan_id, version, reason, effective_date, is_current, after_seq,
        created_at)
    SELECT n.k + 1, n.k + 1, 1, 'original', {disbursed}, {true}, 0, {now} FROM benchmark_n n
    """,
    """
    INSERT INTO loans_installment (schedule_id, loan_id, is_current, number, start_date, due_date,
        principal_due, interest_due, fee_due, interest_billed, interest_carried, fee_billed,
        principal_paid, interest_paid, fee_paid)
    SELECT n.k + 1, n.k + 1, {true}, m.k, {start}, {due}, 100000, 1000 * (13 - m.k), 0,
        CASE WHEN m.k <= {age} THEN 1000 * (13 - m.k) ELSE 0 END, 0, 0,
        CASE WHEN m.k <= {age} - {late} THEN 100000 ELSE 0 END,
        CASE WHEN m.k <= {age} - {late} THEN 1000 * (13 - m.k) ELSE 0 END, 0
    FROM benchmark_n n JOIN benchmark_n m ON m.k BETWEEN 1 AND 12
    """,
    """
    INSERT INTO ledger_balance (book_id, account, amount)
    SELECT loan_id, 'principal_receivable', SUM(principal_due - principal_paid)
    FROM loans_installment GROUP BY loan_id
    UNION ALL
    SELECT loan_id, 'interest_receivable', SUM(interest_billed - interest_paid)
    FROM loans_installment GROUP BY loan_id
    UNION ALL
    SELECT loan_id, 'opening',
        -SUM(principal_due - principal_paid) - SUM(interest_billed - interest_paid)
    FROM loans_installment GROUP BY loan_id
    """,
    """
    INSERT INTO ledger_journalentry (id, book_id, seq, kind, effective_date, posted_at, reference)
    SELECT n.k + 1, n.k + 1, 1, 'opening', {disbursed}, {now}, 'opening' FROM benchmark_n n
    """,
    """
    INSERT INTO ledger_posting (entry_id, account, amount)
    SELECT book_id, account, amount FROM ledger_balance WHERE amount <> 0
    """,
]
_SEQUENCED = [
    "accounts_borrower",
    "ledger_book",
    "ledger_journalentry",
    "loans_loan",
    "loans_schedule",
]


_SERIES = "INSERT INTO benchmark_n SELECT * FROM generate_series(0, {last})"
_RECURSION = (
    "INSERT INTO benchmark_n WITH RECURSIVE s(k) AS "
    "(SELECT 0 UNION ALL SELECT k + 1 FROM s WHERE k < {last}) SELECT k FROM s"
)


def build_book(*, loans: int, day: date, now: datetime) -> None:
    """Fill an empty, migrated database with loans as they stand at the start of a day.

    Args:
        loans: at least 13, since one table of numbers serves loans and installments.
    """
    words = _words(connection.vendor, loans, day, now)
    with connection.cursor() as cursor:
        _take_time(cursor)
        for statement in _BUILD:
            cursor.execute(statement.format(**words))
        cursor.execute("DROP TABLE benchmark_n")
        if connection.vendor == "postgresql":
            for table in _SEQUENCED:
                cursor.execute(
                    "SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", [table, loans]
                )


def settle_down() -> None:
    """Let the engine see the rows as it would by night: statistics fresh, nothing pending."""
    connection.close()
    with connection.cursor() as cursor:
        _take_time(cursor)
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
        if connection.vendor == "postgresql":
            cursor.execute("CHECKPOINT")
    # What is measured next begins with the settings of the product.
    connection.close()


def _take_time(cursor: Any) -> None:
    if connection.vendor == "postgresql":
        cursor.execute("SET statement_timeout = 0")


def _words(vendor: str, loans: int, day: date, now: datetime) -> dict[str, str]:
    late = _LATE.replace("MIN_OF", "LEAST" if vendor == "postgresql" else "MIN")

    def day_at(offset: str) -> str:
        if vendor == "postgresql":
            return f"(DATE '{day}' + ({offset}))"
        return f"date('{day}', ({offset}) || ' days')"

    first = f"n.k % 30 - 30 * {_AGE}"
    numbers = _SERIES if vendor == "postgresql" else _RECURSION
    return {
        "numbers": numbers.format(last=loans - 1),
        "uuid": "gen_random_uuid()" if vendor == "postgresql" else "lower(hex(randomblob(16)))",
        "now": f"'{connection.ops.adapt_datetimefield_value(now)}'"
        + ("::timestamptz" if vendor == "postgresql" else ""),
        "true": "true" if vendor == "postgresql" else "1",
        "age": _AGE,
        "late": late,
        "disbursed": day_at(f"{first} - 30"),
        "first_due": day_at(first),
        "start": day_at(f"{first} + 30 * (m.k - 2)"),
        "due": day_at(f"{first} + 30 * (m.k - 1)"),
    }
