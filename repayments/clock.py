"""What day and what time it is, in the lender's zone; the one reader of ``BUSINESS_DATE``.

Read at the edge (views, admin, tasks, commands) and passed inward as ``as_of`` or ``now``; services
never call it. It refuses to know anybody else's zone: a borrower's hours belong to ``contacts``.

Demonstrations move the clock, development only: ``BUSINESS_DATE=2026-12-01`` is that day at the
real time of day; ``BUSINESS_DATE=2026-12-01T09:30`` stops the clock at that moment in the lender's
zone; ``BUSINESS_DATE_FILE`` names a file holding either, read again at each call, so that running
processes can be moved from day to day.
"""

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone


def lender_zone() -> ZoneInfo:
    return ZoneInfo(settings.LENDER_TIME_ZONE)


def now() -> datetime:
    """Return this moment, aware, in UTC."""
    setting = _setting()
    real = timezone.now()
    if not setting:
        return real
    zone = lender_zone()
    try:
        if len(setting) == len("2026-12-01"):
            day = date.fromisoformat(setting)
            moved = real.astimezone(zone).replace(year=day.year, month=day.month, day=day.day)
        else:
            moved = datetime.fromisoformat(setting)
            moved = moved if moved.tzinfo else moved.replace(tzinfo=zone)
    except ValueError as error:
        raise ImproperlyConfigured(
            f"BUSINESS_DATE is not an ISO date or time: {setting}"
        ) from error
    return moved.astimezone(UTC)


def today() -> date:
    """Return the lender's calendar day."""
    return now().astimezone(lender_zone()).date()


def _setting() -> str:
    if settings.BUSINESS_DATE_FILE:
        path = Path(settings.BUSINESS_DATE_FILE)
        return path.read_text().strip() if path.exists() else ""
    return str(settings.BUSINESS_DATE)
