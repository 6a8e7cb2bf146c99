"""Reminders to sign: three days and one day before the last day, once each, by one statement a day.

The key of a message names contract, distance and last day. A day that staff move therefore has
reminders of its own, and those of the day before it are found unwanted when they would be sent
(``receivers.is_sign_reminder_still_wanted``). Hours, caps, holds and stops are the gate's, asked at
sending: a reminder to sign is a ``due_notice`` there and not an answer somebody asked for.
"""

from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import connection

from repayments.clock import lender_zone
from repayments.contracts.deadlines import end_of, last_day, start_of
from repayments.contracts.models import Contract

PURPOSE = "sign_reminder"
DAYS_BEFORE = (3, 1)
# Missed by an outage, it is made up for on the day after and no later.
CATCH_UP_DAYS = 1
SEND_FROM = time(9)
LIMIT = 1000

_SQLITE = {
    "new_uuid": "lower(hex(randomblob(16)))",
    "json": "json_object",
    "moment": "%s",
    "text": "%s",
}
_POSTGRESQL = {
    "new_uuid": "gen_random_uuid()",
    "json": "jsonb_build_object",
    "moment": "%s::timestamptz",
    "text": "%s::text",
}
_HEX = (
    "substr({0}, 1, 8) || '-' || substr({0}, 9, 4) || '-' || substr({0}, 13, 4) || '-' || "
    "substr({0}, 17, 4) || '-' || substr({0}, 21)"
)
# Only who can sign in is reminded, and never of a contract sent on the reminder's own day or later.
_INSERT = """
    INSERT INTO contacts_message (
        public_id, borrower_id, subject, purpose, business_key, channel, address, language,
        template_version_id, context, secret, not_before, expires_at, status, attempts,
        provider_reference, error, created_at
    )
    SELECT {new_uuid}, b.id, 'loan:' || {loan_uuid}, 'sign_reminder',
        'sign_reminder:' || {contract_uuid} || {text}, 'email',
        COALESCE(NULLIF(u.email, ''), b.email), u.language, v.id,
        {json}('until', {text}, 'link', '/contracts/' || {contract_uuid} || '/'),
        '', {moment}, c.expires_at, 'due', 0, '', '', {moment}
    FROM contracts_contract c
    JOIN loans_loan l ON l.id = c.loan_id
    JOIN accounts_borrower b ON b.id = l.borrower_id
    JOIN accounts_user u ON u.id = b.user_id AND u.is_active
    JOIN contacts_messagetemplate t ON t.key = 'sign_reminder' AND t.channel = 'email'
    JOIN contacts_messagetemplateversion v ON v.template_id = t.id AND v.status = 'published'
    WHERE c.status IN ('sent', 'viewed', 'consented')
        AND c.expires_at > {moment} AND c.expires_at <= {moment} AND c.expires_at > {moment}
        AND c.created_at < {moment}
        AND NOT EXISTS (
            SELECT 1 FROM contacts_message m
            WHERE m.business_key = 'sign_reminder:' || {contract_uuid} || {text}
        )
    ORDER BY c.id
    LIMIT %s
    ON CONFLICT (business_key) DO NOTHING
"""


def queue_sign_reminders(*, now: datetime, limit: int = LIMIT) -> int:
    """Put the reminders into the outbox whose day has come; again, or twice at once, nothing more.

    They wait for nine in the morning of the lender's day.

    Returns: how many were written.
    """
    today = now.astimezone(lender_zone()).date()
    return sum(
        _queue(days_before, today - timedelta(days=late), today, now, limit)
        for days_before in DAYS_BEFORE
        for late in range(CATCH_UP_DAYS + 1)
    )


def is_reminder_for(key: str, contract: Contract) -> bool:
    """Tell whether the key of a reminder names the last day its contract has now."""
    named = key.rpartition(":")[2]
    return contract.expires_at is not None and last_day(contract.expires_at).isoformat() == named


def _queue(days_before: int, reminder_day: date, today: date, now: datetime, limit: int) -> int:
    last = reminder_day + timedelta(days=days_before)
    named = f":{days_before}:{last.isoformat()}"
    morning = datetime.combine(today, SEND_FROM, tzinfo=lender_zone())
    values: list[Any] = [
        named,
        last.isoformat(),
        _moment(max(morning, now)),
        _moment(now),
        _moment(start_of(last)),
        _moment(end_of(last)),
        _moment(now),
        _moment(start_of(reminder_day)),
        named,
        limit,
    ]
    with connection.cursor() as cursor:
        cursor.execute(_written(), values)
        return cursor.rowcount


def _written() -> str:
    if connection.vendor == "postgresql":
        uuids = {"loan_uuid": "l.public_id::text", "contract_uuid": "c.public_id::text"}
        return _INSERT.format(**_POSTGRESQL, **uuids)
    return _INSERT.format(
        **_SQLITE,
        loan_uuid=_HEX.format("l.public_id"),
        contract_uuid=_HEX.format("c.public_id"),
    )


def _moment(value: datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(value)
