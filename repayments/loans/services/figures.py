"""The day's figures of loans, set right in one statement from installments and charges.

The rules are those of ``reckoning``; a property test holds the two together. Only rows whose
figures differ are written, so running it again the same day writes nothing. Raw SQL because the ORM
cannot say ``UPDATE … FROM``.
"""

import json
from collections.abc import Collection
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import connection

from repayments.loans.accrual import penalty


def refresh_figures(*, loan_ids: Collection[int] | None, as_of: date) -> int:
    """Refresh outstanding principal, what is past due, stage and next due date.

    Args:
        loan_ids: which loans; None for every running loan whose figures a new day may change.
    Returns: how many loans truly changed.
    """
    if loan_ids is not None and not loan_ids:
        return 0
    vendor = connection.vendor
    if vendor == "sqlite":
        connection.ensure_connection()
        connection.connection.create_function("loan_penalty", 5, _penalty, deterministic=True)
    which, parameters = _which(loan_ids, as_of)
    sql = _STATEMENT.format(
        which=which,
        penalty=_PENALTY[vendor],
        late=_DAYS[vendor].format(start="t.since", end="%(as_of)s"),
        nights=_DAYS[vendor].format(start=_PENALTY_START, end="%(as_of)s"),
    ).replace("%(as_of)s", _AS_OF[vendor])
    with connection.cursor() as cursor:
        cursor.execute(sql, {"as_of": as_of, **parameters})
        if vendor == "sqlite":
            # Python's module counts no rows of a statement that begins by WITH.
            cursor.execute("SELECT changes()")
            return int(cursor.fetchone()[0])
        return int(cursor.rowcount)


def _which(loan_ids: Collection[int] | None, as_of: date) -> tuple[str, dict[str, Any]]:
    if loan_ids is None:
        # A running loan changes overnight only if something is late, or falls due.
        condition = (
            "l.status IN ('active', 'written_off') AND (l.past_due_amount <> 0"
            " OR l.days_past_due <> 0 OR l.past_due_since IS NOT NULL OR l.stage_id IS NOT NULL"
            " OR l.next_due_date IS NULL OR l.next_due_date <= %(as_of)s)"
        )
        return condition, {}
    if connection.vendor == "postgresql":
        return "l.id = ANY(%(ids)s)", {"ids": list(loan_ids)}
    return "l.id IN (SELECT value FROM json_each(%(ids)s))", {"ids": json.dumps(list(loan_ids))}


def _penalty(principal: int, rate: object, days: int, day_count: str, rounding: str) -> int:
    # SQLite keeps a decimal as a number; its text is the decimal that was stored.
    exact = Decimal(str(rate)).quantize(Decimal("0.000001"))
    return penalty(principal, exact, days, day_count=day_count, rounding=rounding)


_PENALTY = {
    "sqlite": """
        SELECT loan_id,
            loan_penalty(principal, penalty_rate, nights, day_count, rounding) AS amount
        FROM nights
    """,
    # Whole numbers of millionths, so that an exact half is seen as one.
    "postgresql": """
        SELECT loan_id, (
            div(n, d) + CASE
                WHEN rounding = 'up' THEN CASE WHEN mod(n, d) > 0 THEN 1 ELSE 0 END
                WHEN rounding = 'half_up' THEN CASE WHEN 2 * mod(n, d) >= d THEN 1 ELSE 0 END
                WHEN 2 * mod(n, d) > d OR (2 * mod(n, d) = d AND mod(div(n, d), 2) = 1) THEN 1
                ELSE 0
            END
        )::bigint AS amount
        FROM (
            SELECT loan_id, rounding,
                principal::numeric * (penalty_rate * 1000000)::numeric(24, 0) * nights AS n,
                (CASE WHEN day_count IN ('actual_360', 'thirty_360') THEN 360 ELSE 365 END)
                    * 100000000::numeric AS d
            FROM nights
        ) AS exact
    """,
}
_DAYS = {
    "sqlite": "CAST(julianday({end}) - julianday({start}) AS INTEGER)",
    "postgresql": "({end} - {start})",
}
_AS_OF = {"sqlite": "%(as_of)s", "postgresql": "CAST(%(as_of)s AS date)"}
_PENALTY_START = "CASE WHEN penalty_through > due_date THEN penalty_through ELSE due_date END"

_STATEMENT = """
WITH chosen AS (
    SELECT l.id, l.penalty_rate, l.penalty_through, l.day_count, l.rounding,
        l.status IN ('active', 'written_off') AS runs
    FROM loans_loan l WHERE {which}
), open_rows AS (
    SELECT i.loan_id, i.due_date, i.unpaid, i.principal_due - i.principal_paid AS principal,
        c.penalty_rate, c.penalty_through, c.day_count, c.rounding
    FROM chosen c JOIN loans_installment i ON i.loan_id = c.id
    WHERE c.runs AND i.is_current AND i.unpaid > 0
), totals AS (
    SELECT loan_id, SUM(principal) AS principal,
        SUM(CASE WHEN due_date <= %(as_of)s THEN unpaid ELSE 0 END) AS due,
        MIN(CASE WHEN due_date <= %(as_of)s THEN due_date END) AS since,
        MIN(CASE WHEN due_date > %(as_of)s THEN due_date END) AS next_date
    FROM open_rows GROUP BY loan_id
), coming AS (
    SELECT t.loan_id, SUM(r.unpaid) AS amount
    FROM totals t JOIN open_rows r ON r.loan_id = t.loan_id AND r.due_date = t.next_date
    GROUP BY t.loan_id
), nights AS (
    SELECT loan_id, principal, penalty_rate, day_count, rounding, {nights} AS nights
    FROM open_rows
    WHERE penalty_rate > 0 AND principal > 0 AND due_date < %(as_of)s
        AND (penalty_through IS NULL OR penalty_through < %(as_of)s)
), unposted AS (
    SELECT loan_id, SUM(amount) AS amount FROM ({penalty}) AS each_row GROUP BY loan_id
), charged AS (
    SELECT h.loan_id, SUM(h.amount - h.paid - h.waived - h.withdrawn) AS amount
    FROM chosen c JOIN loans_charge h ON h.loan_id = c.id
    WHERE c.runs AND h.amount > h.paid + h.waived + h.withdrawn AND h.charged_on <= %(as_of)s
    GROUP BY h.loan_id
), figures AS (
    SELECT c.id,
        COALESCE(t.principal, 0) AS principal,
        COALESCE(t.due, 0) + COALESCE(u.amount, 0) + COALESCE(h.amount, 0) AS past_due,
        t.since, t.next_date,
        COALESCE(n.amount, 0) AS next_amount,
        CASE WHEN t.since IS NULL THEN 0 ELSE {late} END AS late
    FROM chosen c
    LEFT JOIN totals t ON t.loan_id = c.id
    LEFT JOIN coming n ON n.loan_id = c.id
    LEFT JOIN unposted u ON u.loan_id = c.id
    LEFT JOIN charged h ON h.loan_id = c.id
), staged AS (
    SELECT f.*, (
        SELECT s.id FROM loans_stage s
        WHERE f.late > 0 AND s.from_day <= f.late ORDER BY s.from_day DESC LIMIT 1
    ) AS stage
    FROM figures f
)
UPDATE loans_loan SET
    outstanding_principal = f.principal,
    past_due_amount = f.past_due,
    past_due_since = f.since,
    days_past_due = f.late,
    stage_id = f.stage,
    next_due_date = f.next_date,
    next_due_amount = f.next_amount
FROM staged f
WHERE f.id = loans_loan.id AND (
    loans_loan.outstanding_principal <> f.principal
    OR loans_loan.past_due_amount <> f.past_due
    OR loans_loan.past_due_since IS DISTINCT FROM f.since
    OR loans_loan.days_past_due <> f.late
    OR loans_loan.stage_id IS DISTINCT FROM f.stage
    OR loans_loan.next_due_date IS DISTINCT FROM f.next_date
    OR loans_loan.next_due_amount <> f.next_amount
)
"""
