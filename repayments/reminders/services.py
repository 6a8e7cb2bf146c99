"""Creating the reminders of a day: which installment, which kind, from when on."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Max, Min

from repayments.clock import lender_zone
from repayments.reminders import statements
from repayments.reminders.models import ReminderPolicy

SEND_FROM = time(9)


@transaction.atomic
def create_due_reminders(*, as_of: date, now: datetime) -> int:
    """Create the reminders of a day and put their messages into the outbox.

    For each open installment of an active loan, the newest policy whose day has come and is not
    longer than ``statements.CATCH_UP_DAYS`` ago; kinds that fall within the loan's grace days are
    left out. A policy whose template has no published words creates nothing. Running it again, or
    twice at once, writes nothing more.

    Args:
        as_of: the day, in the lender's zone; messages wait for nine in the morning of it in the
            borrower's zone. Holds, hours and caps are asked when they are sent.
    Returns: the number of reminders written.
    """
    span = ReminderPolicy.objects.filter(is_active=True).aggregate(
        smallest=Min("offset_days"), largest=Max("offset_days")
    )
    if span["smallest"] is None:
        return 0
    offsets = (span["smallest"], span["largest"])
    zones = statements.list_zones(as_of=as_of, offsets=offsets)
    if not zones:
        return 0
    statements.insert_messages(
        as_of=as_of,
        offsets=offsets,
        not_before={zone: _morning(as_of, known) for zone in zones if (known := _zone(zone))},
        # In a zone nobody knows the gate decides, by the profile.
        otherwise=_morning(as_of, lender_zone()),
        now=now,
    )
    return statements.insert_reminders(as_of=as_of, offsets=offsets, now=now)


def _morning(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, SEND_FROM, tzinfo=zone)


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        return None
