"""The close of a day as somebody would write it by hand for one night: plain statements, no checks.

It does what ``repayments.close.close_day`` does on the benchmark's book and leaves the same rows,
but knows nothing of anything that book does not have: no fees, charges, credit, plans, grace days,
no lock against somebody paying meanwhile, one language, one zone. It is a floor, no substitute.
"""

import time
from datetime import date, datetime

from django.db import connection, transaction

_STATEMENTS = [
    # Billing
    """
    CREATE TEMPORARY TABLE floor_bill AS
    SELECT {next_entry} AS entry_id, i.id AS installment_id, l.book_id, i.due_date,
        i.interest_due - i.interest_billed AS amount, b.last_seq + 1 AS seq
    FROM loans_installment i
    JOIN loans_loan l ON l.id = i.loan_id AND l.status = 'active'
    JOIN ledger_book b ON b.id = l.book_id
    WHERE i.is_current AND i.unpaid > 0 AND i.due_date <= {day}
        AND i.interest_billed < i.interest_due
    """,
    """
    INSERT INTO ledger_journalentry (id, book_id, seq, kind, effective_date, posted_at, reference)
    SELECT entry_id, book_id, seq, 'interest', due_date, {now}, 'installment:' || installment_id
    FROM floor_bill
    """,
    """
    INSERT INTO ledger_posting (entry_id, account, amount)
    SELECT entry_id, 'interest_receivable', amount FROM floor_bill
    UNION ALL SELECT entry_id, 'interest_income', -amount FROM floor_bill
    """,
    """
    INSERT INTO ledger_balance (book_id, account, amount)
    SELECT book_id, account, amount FROM (
        SELECT book_id, 'interest_receivable' AS account, amount FROM floor_bill
        UNION ALL SELECT book_id, 'interest_income', -amount FROM floor_bill
    ) AS m WHERE true
    ON CONFLICT (book_id, account) DO UPDATE SET amount = ledger_balance.amount + excluded.amount
    """,
    """
    UPDATE ledger_book SET last_seq = f.seq FROM floor_bill f WHERE f.book_id = ledger_book.id
    """,
    """
    UPDATE loans_installment SET interest_billed = interest_due
    FROM floor_bill f WHERE f.installment_id = loans_installment.id
    """,
    # Figures
    """
    WITH c AS (
        SELECT id FROM loans_loan WHERE status = 'active'
            AND (days_past_due > 0 OR past_due_since IS NOT NULL OR next_due_date <= {day})
    ), a AS (
        SELECT i.loan_id, SUM(i.principal_due - i.principal_paid) AS principal,
            SUM(CASE WHEN i.due_date <= {day} THEN i.unpaid ELSE 0 END) AS due,
            SUM({penalty}) AS penalty,
            MIN(CASE WHEN i.due_date <= {day} THEN i.due_date END) AS since,
            MIN(CASE WHEN i.due_date > {day} THEN i.due_date END) AS next_date
        FROM c JOIN loans_installment i ON i.loan_id = c.id
        WHERE i.is_current AND i.unpaid > 0
        GROUP BY i.loan_id
    ), f AS (
        SELECT a.loan_id, a.principal, a.due + a.penalty AS due, a.since, a.next_date,
            COALESCE({late}, 0) AS late, COALESCE(n.unpaid, 0) AS next_amount,
            (
                SELECT s.id FROM loans_stage s WHERE s.from_day <= COALESCE({late}, 0)
                ORDER BY s.from_day DESC LIMIT 1
            ) AS stage
        FROM a LEFT JOIN loans_installment n
            ON n.loan_id = a.loan_id AND n.is_current AND n.due_date = a.next_date
    )
    UPDATE loans_loan SET outstanding_principal = f.principal, past_due_amount = f.due,
        past_due_since = f.since, days_past_due = f.late, stage_id = f.stage,
        next_due_date = f.next_date, next_due_amount = f.next_amount
    FROM f WHERE f.loan_id = loans_loan.id
        AND (loans_loan.past_due_amount <> f.due OR loans_loan.days_past_due <> f.late
            OR loans_loan.next_due_date IS DISTINCT FROM f.next_date)
    """,
    # Reminders
    """
    CREATE TEMPORARY TABLE floor_reminder AS
    SELECT i.id AS installment_id, i.due_date, p.id AS policy_id, p.kind, p.channel,
        p.template_key, {scheduled} AS day, b.id AS borrower_id, b.email, l.public_id,
        'reminder:' || i.id || ':' || p.kind || ':' || {scheduled} AS business_key
    FROM reminders_reminderpolicy p
    JOIN loans_installment i ON i.is_current AND i.unpaid > 0 AND {scheduled} = {day}
    JOIN loans_loan l ON l.id = i.loan_id AND l.status = 'active'
    JOIN accounts_borrower b ON b.id = l.borrower_id
    WHERE p.is_active
    """,
    """
    INSERT INTO contacts_message (public_id, borrower_id, subject, purpose, business_key, channel,
        address, language, template_version_id, context, secret, not_before, status, attempts,
        provider_reference, error, created_at)
    SELECT {uuid}, r.borrower_id, 'loan:' || {loan_uuid}, 'reminder', r.business_key, r.channel,
        r.email, 'zh-hans', v.id,
        {json}('date', CAST(r.due_date AS text), 'link', '/loans/' || {loan_uuid} || '/'), '',
        {now}, 'due', 0, '', '', {now}
    FROM floor_reminder r
    JOIN contacts_messagetemplate t ON t.key = r.template_key AND t.channel = r.channel
    JOIN contacts_messagetemplateversion v ON v.template_id = t.id AND v.status = 'published'
    ON CONFLICT (business_key) DO NOTHING
    """,
    """
    INSERT INTO reminders_reminder (installment_id, policy_id, kind, date, message_id, created_at)
    SELECT r.installment_id, r.policy_id, r.kind, r.day, m.id, {now}
    FROM floor_reminder r JOIN contacts_message m ON m.business_key = r.business_key
    WHERE true ON CONFLICT (installment_id, kind, date) DO NOTHING
    """,
    # Cases, each with its event in its own stream and in the loan's
    """
    CREATE TEMPORARY TABLE floor_case AS
    SELECT l.id AS loan_id, l.public_id AS loan_uuid, l.borrower_id, l.stage_id, l.days_past_due,
        l.past_due_amount, {uuid} AS public_id
    FROM loans_loan l JOIN cases_casepolicy p ON p.kind = 'collections'
    WHERE l.status = 'active' AND l.days_past_due >= p.from_days_late AND NOT EXISTS (
        SELECT 1 FROM cases_case c
        WHERE c.loan_id = l.id AND c.kind = 'collections' AND c.status <> 'closed'
    )
    """,
    """
    INSERT INTO cases_case ({case_columns})
    SELECT {case_values} FROM floor_case c
    """,
    """
    CREATE TEMPORARY TABLE floor_event AS
    SELECT e.stream, COALESCE(h.seq, 0) + 1 AS seq, COALESCE(h.hash, {sha_of_stream}) AS prev,
        {payload} AS payload
    FROM (
        SELECT 'case:' || {case_uuid} AS stream, c.* FROM floor_case c
        UNION ALL SELECT 'loan:' || {case_loan_uuid}, c.* FROM floor_case c
    ) AS e LEFT JOIN audit_head h ON h.stream = e.stream
    """,
    """
    INSERT INTO audit_event (stream, seq, at, action, payload, prev, hash)
    SELECT stream, seq, {now}, 'cases.opened', payload, prev, {sha_of_event} FROM floor_event
    """,
    """
    INSERT INTO audit_head (stream, seq, hash)
    SELECT e.stream, e.seq, e.hash FROM audit_event e
    JOIN floor_event f ON f.stream = e.stream AND f.seq = e.seq WHERE true
    ON CONFLICT (stream) DO UPDATE SET seq = excluded.seq, hash = excluded.hash
    """,
]
_TABLES = ("floor_bill", "floor_reminder", "floor_case", "floor_event")


def close_by_hand(*, day: date, now: datetime) -> float:
    """Close a day by the statements above; give the seconds it took."""
    words = _words(connection.vendor, day, now)
    statements = [statement.format(**words) for statement in _STATEMENTS]
    started = time.perf_counter()
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        for table in _TABLES:
            cursor.execute(f"DROP TABLE {table}")
    return time.perf_counter() - started


def _words(vendor: str, day: date, now: datetime) -> dict[str, str]:
    postgresql = vendor == "postgresql"
    dialect = _POSTGRESQL if postgresql else _SQLITE
    words = {
        "day": f"DATE '{day}'" if postgresql else f"'{day}'",
        "now": f"'{connection.ops.adapt_datetimefield_value(now)}'"
        + ("::timestamptz" if postgresql else ""),
        "penalty": (
            "CASE WHEN i.due_date < {day} THEN "
            "ROUND((i.principal_due - i.principal_paid) * 18 * {nights} / 36500.0) ELSE 0 END"
        ),
        "loan_uuid": _uuid_text("{row}.public_id", postgresql).replace("{row}", "r"),
        "case_uuid": _uuid_text("c.public_id", postgresql),
        "case_loan_uuid": _uuid_text("c.loan_uuid", postgresql),
        "case_columns": ", ".join(_CASE),
        "case_values": ", ".join(_CASE.values()),
        **dialect,
    }
    for _round in range(2):
        words = {
            name: _fill(text, words) if name in _NESTED else text for name, text in words.items()
        }
    return words


_NESTED = {
    "penalty", "late", "scheduled", "case_values", "payload", "sha_of_stream", "sha_of_event",
    "next_entry",
}  # fmt: skip
_CASE = {
    "public_id": "c.public_id",
    "kind": "'collections'",
    "loan_id": "c.loan_id",
    "borrower_id": "c.borrower_id",
    "stage_id": "c.stage_id",
    "status": "'open'",
    "priority": "5",
    "reason": "'late'",
    "reason_facts": "{facts}",
    "request": "''",
    "due_at": "{now}",
    "opened_at": "{now}",
    "close_reason": "''",
    "close_note": "''",
}
_FACTS = "'days_late', c.days_past_due, 'amount', c.past_due_amount, 'currency', 'CNY'"
_POSTGRESQL = {
    "next_entry": "nextval('ledger_journalentry_id_seq')",
    "nights": "({day} - i.due_date)",
    "late": "({day} - a.since)",
    "scheduled": "(i.due_date + p.offset_days)",
    "uuid": "gen_random_uuid()",
    "json": "jsonb_build_object",
    "facts": f"jsonb_build_object({_FACTS})",
    "payload": (
        "jsonb_build_object('kind', 'collections', 'reason', 'late', 'case', e.public_id, "
        "'facts', jsonb_build_object('days_late', e.days_past_due, 'amount', e.past_due_amount))"
    ),
    "sha_of_stream": "encode(sha256(convert_to('stream ' || e.stream, 'UTF8')), 'hex')",
    "sha_of_event": "encode(sha256(convert_to(prev || stream || payload::text, 'UTF8')), 'hex')",
}
# SQLite has no SHA-256: chance stands in for it, which costs no less.
_SQLITE = {
    "next_entry": (
        "ROW_NUMBER() OVER () + "
        "(SELECT seq FROM sqlite_sequence WHERE name = 'ledger_journalentry')"
    ),
    "nights": "CAST(julianday({day}) - julianday(i.due_date) AS INTEGER)",
    "late": "CAST(julianday({day}) - julianday(a.since) AS INTEGER)",
    "scheduled": "date(i.due_date, p.offset_days || ' days')",
    "uuid": "lower(hex(randomblob(16)))",
    "json": "json_object",
    "facts": f"json_object({_FACTS})",
    "payload": (
        "json_object('kind', 'collections', 'reason', 'late', 'case', e.public_id, "
        "'facts', json_object('days_late', e.days_past_due, 'amount', e.past_due_amount))"
    ),
    "sha_of_stream": "lower(hex(randomblob(32)))",
    "sha_of_event": "lower(hex(randomblob(32)))",
}


def _uuid_text(column: str, postgresql: bool) -> str:
    if postgresql:
        return f"{column}::text"
    cuts = [(1, 8), (9, 4), (13, 4), (17, 4), (21, 12)]
    return " || '-' || ".join(f"substr({column}, {start}, {length})" for start, length in cuts)


def _fill(text: str, words: dict[str, str]) -> str:
    for name, value in words.items():
        text = text.replace("{" + name + "}", value)
    return text
