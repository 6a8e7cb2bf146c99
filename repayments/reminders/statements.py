"""The set-based statements of the nightly reminders, for SQLite and PostgreSQL.

One statement finds which installment gets which kind of message for a day, and the inserts are
built on it; keys of both tables make a second run write nothing. Amounts are never read: whether a
reminder is still wanted, and may go out, is asked when it is sent.
"""

from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection

# A reminder missed by an outage is made up for within these days, an installment's newest only.
CATCH_UP_DAYS = 3

_SQLITE = {
    "scheduled": "date(i.due_date, p.offset_days || ' days')",
    "newer_scheduled": "date(i.due_date, n.offset_days || ' days')",
    "loan_uuid": (
        "substr(l.public_id, 1, 8) || '-' || substr(l.public_id, 9, 4) || '-' || "
        "substr(l.public_id, 13, 4) || '-' || substr(l.public_id, 17, 4) || '-' || "
        "substr(l.public_id, 21)"
    ),
    "new_uuid": "lower(hex(randomblob(16)))",
    "json": "json_object",
    "moment": "%s",
    "day": "%s",
    "true": "1",
}
_POSTGRESQL = {
    "scheduled": "(i.due_date + p.offset_days)",
    "newer_scheduled": "(i.due_date + n.offset_days)",
    "loan_uuid": "l.public_id::text",
    "new_uuid": "gen_random_uuid()",
    "json": "jsonb_build_object",
    "moment": "%s::timestamptz",
    "day": "%s::date",
    "true": "TRUE",
}

# Which installment, by which policy, for which day. The range of due dates lets the index of open
# installments answer; grace days hold back what is late; of several days that are missed, or meet,
# only the newest counts.
_CANDIDATES = """
    FROM loans_installment i
    JOIN loans_loan l ON l.id = i.loan_id AND l.status = 'active'
    JOIN accounts_borrower b ON b.id = l.borrower_id
    JOIN reminders_reminderpolicy p ON p.is_active
        AND {scheduled} <= {day}
        AND {scheduled} > {day}
        AND (p.offset_days <= 0 OR p.offset_days > l.grace_days)
    WHERE i.is_current AND i.unpaid > 0
        AND i.due_date BETWEEN {day} AND {day}
        AND NOT EXISTS (
            SELECT 1 FROM reminders_reminderpolicy n
            WHERE n.is_active AND n.offset_days > p.offset_days AND {newer_scheduled} <= {day}
                AND (n.offset_days <= 0 OR n.offset_days > l.grace_days)
        )
        AND NOT EXISTS (
            SELECT 1 FROM reminders_reminder r
            WHERE r.installment_id = i.id AND r.kind = p.kind AND r.date = {scheduled}
        )
"""
_KEY = "'reminder:' || i.id || ':' || p.kind || ':' || {scheduled}"

_ZONES = "SELECT DISTINCT b.time_zone" + _CANDIDATES

_MESSAGES = (
    """
    INSERT INTO contacts_message (
        public_id, borrower_id, subject, purpose, business_key, channel, address, language,
        template_version_id, context, secret, not_before, status, attempts, provider_reference,
        error, created_at
    )
    SELECT {new_uuid}, b.id, 'loan:' || {loan_uuid}, 'reminder', """
    + _KEY
    + """, p.channel,
        CASE p.channel
            WHEN 'email' THEN COALESCE(NULLIF(u.email, ''), b.email)
            WHEN 'sms' THEN COALESCE(NULLIF(u.phone, ''), b.phone)
            ELSE ''
        END,
        COALESCE(u.language, b.language), v.id,
        {json}('date', CAST(i.due_date AS text), 'link', '/loans/' || {loan_uuid} || '/'),
        '', {not_before}, 'due', 0, '', '', {moment}
    """
    + _CANDIDATES.replace(
        "    WHERE i.is_current",
        """    JOIN contacts_messagetemplate t ON t.key = p.template_key AND t.channel = p.channel
    JOIN contacts_messagetemplateversion v ON v.template_id = t.id AND v.status = 'published'
    LEFT JOIN accounts_user u ON u.id = b.user_id
    WHERE i.is_current""",
    )
    + "    ON CONFLICT (business_key) DO NOTHING"
)

_REMINDERS = (
    """
    INSERT INTO reminders_reminder (installment_id, policy_id, kind, date, message_id, created_at)
    SELECT i.id, p.id, p.kind, {scheduled}, m.id, {moment}
    """
    + _CANDIDATES.replace(
        "    WHERE i.is_current",
        "    JOIN contacts_message m ON m.business_key = " + _KEY + "\n    WHERE i.is_current",
    )
    + "    ON CONFLICT (installment_id, kind, date) DO NOTHING"
)


def list_zones(*, as_of: date, offsets: tuple[int, int]) -> list[str]:
    """List the time zones of the people who get a reminder for a day.

    Args:
        offsets: the smallest and the largest offset of the policies in use.
    """
    with connection.cursor() as cursor:
        cursor.execute(_written(_ZONES), _candidate_values(as_of, offsets))
        return [zone for (zone,) in cursor.fetchall()]


def insert_messages(
    *,
    as_of: date,
    offsets: tuple[int, int],
    not_before: dict[str, datetime],
    otherwise: datetime,
    now: datetime,
) -> None:
    """Write the outbox rows of a day's reminders.

    Args:
        not_before: the earliest moment by time zone; ``otherwise`` for any other zone.
    """
    sql, values = "{moment}", [_moment(otherwise)]
    if not_before:
        whens = " ".join("WHEN %s THEN {moment}" for _zone in not_before)
        sql = f"CASE b.time_zone {whens} ELSE {{moment}} END"
        pairs = [(zone, _moment(moment)) for zone, moment in not_before.items()]
        values = [value for pair in pairs for value in pair] + values
    with connection.cursor() as cursor:
        cursor.execute(
            _written(_MESSAGES.replace("{not_before}", sql)),
            [*values, _moment(now), *_candidate_values(as_of, offsets)],
        )


def insert_reminders(*, as_of: date, offsets: tuple[int, int], now: datetime) -> int:
    """Write the reminders whose messages stand in the outbox; give the number of rows written."""
    with connection.cursor() as cursor:
        cursor.execute(_written(_REMINDERS), [_moment(now), *_candidate_values(as_of, offsets)])
        return cursor.rowcount


def _written(sql: str) -> str:
    return sql.format(**(_POSTGRESQL if connection.vendor == "postgresql" else _SQLITE))


def _candidate_values(as_of: date, offsets: tuple[int, int]) -> list[Any]:
    """Give the days in the order in which the statement asks for them."""
    oldest = as_of - timedelta(days=CATCH_UP_DAYS)
    smallest, largest = offsets
    return [
        as_of,
        oldest,
        oldest - timedelta(days=largest),
        as_of - timedelta(days=smallest),
        as_of,
    ]


def _moment(value: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(value)
