"""Until when a contract can be signed, as days of the lender's calendar.

``expires_at`` is the first moment at which signing is refused, so a contract that ends at midnight
names the day before as its last. Pure; whoever asks brings the moment.
"""

from datetime import date, datetime, time, timedelta

from repayments.clock import lender_zone


def last_day(expires_at: datetime) -> date:
    """Give the last day on which a contract can still be signed."""
    return (expires_at - datetime.resolution).astimezone(lender_zone()).date()


def end_of(day: date) -> datetime:
    """Give the moment a day is over, from which a contract with this last day is not signed."""
    return start_of(day + timedelta(days=1))


def start_of(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=lender_zone())
