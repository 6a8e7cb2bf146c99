"""What the gate must know of a person, read from the rows; one function, a fixed number of queries.

It is called inside the decision's transaction, with the person's row locked, so that two decisions
cannot both see the last free slot. Contacts of the lender and of agencies count alike.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from django.db.models import Q
from django.db.models.functions import Coalesce

from accounts.models import Borrower
from repayments.contacts.gate import COLLECTING_CLASSES, SPOKEN, Facts, OpenHold, Touch
from repayments.contacts.models import (
    Channel,
    ContactAttempt,
    ContactPoint,
    ContactProfile,
    Decision,
    Hold,
    Message,
)
from repayments.contacts.profiles import Profile, holiday_dates, parse_profile

# A call that was allowed and is not yet logged counts as connected for this long.
CALL_UNDER_WAY = timedelta(hours=2)
MESSAGE_CHANNELS = frozenset({Channel.EMAIL, Channel.SMS, Channel.PUSH, Channel.POST})


def get_profile(jurisdiction: str, day: date) -> Profile | None:
    """Read the version in force on a day; None where there is none."""
    row = (
        ContactProfile.objects.filter(jurisdiction=jurisdiction, effective_from__lte=day)
        .order_by("-version")
        .first()
    )
    return parse_profile(f"{jurisdiction} v{row.version}", row.rules) if row else None


def collect_facts(
    *,
    borrower: Borrower,
    channel: str,
    subject: str,
    profile: Profile,
    now: datetime,
    message_id: int | None,
) -> Facts:
    """Gather holds, stopped addresses and earlier contacts.

    Args:
        message_id: the message being decided on, which takes no slot from itself.
    """
    days = max([cap.days for cap in profile.caps], default=1)
    if profile.min_gap:
        days = max(days, profile.min_gap.days)
    days = max(days, profile.after_conversation_block_days)
    # A local day may start up to a day before the UTC one.
    since = now - timedelta(days=days + 1)
    return Facts(
        zones=(borrower.time_zone,),
        holds=tuple(
            OpenHold(hold.name, hold.ends_at) for hold in open_holds(borrower, subject, now)
        ),
        stopped_addresses=frozenset(
            ContactPoint.objects.filter(
                borrower=borrower, channel=channel, opted_out_at__isnull=False
            ).values_list("address", flat=True)
        ),
        touches=(
            *_messages(borrower, profile, since, message_id),
            *_attempts(borrower, since),
            *_calls_under_way(borrower, since, now),
        ),
        is_day_off=lambda day: (
            bool(profile.days_off.calendar)
            and day in holiday_dates(profile.days_off.calendar, day.year)
        ),
    )


def open_holds(borrower: Borrower, subject: str, now: datetime) -> list[Hold]:
    """List the holds in force on a person, or on this subject of theirs, oldest first."""
    return list(
        Hold.objects.filter(
            Q(ends_at__isnull=True) | Q(ends_at__gt=now),
            borrower=borrower,
            subject__in={"", subject},
            lifted_at__isnull=True,
            starts_at__lte=now,
        ).order_by("pk")
    )


def _messages(
    borrower: Borrower, profile: Profile, since: datetime, message_id: int | None
) -> Iterator[Touch]:
    """What was sent, and what is being sent and may arrive."""
    rows = (
        Message.objects.filter(
            Q(status=Message.Status.SENT, sent_at__gte=since)
            | Q(status=Message.Status.SENDING, claimed_at__gte=since),
            borrower=borrower,
        )
        .exclude(pk=message_id or 0)
        .annotate(at=Coalesce("sent_at", "claimed_at"))
        .values_list(
            "at", "channel", "address", "subject", "template_version__template__message_class"
        )
    )
    for at, channel, address, subject, message_class in rows:
        if not profile.is_exempt(message_class, "caps"):
            yield Touch(
                at,
                channel,
                address,
                subject,
                frozenset({"message"}),
                collects=message_class in COLLECTING_CLASSES,
            )


def _attempts(borrower: Borrower, since: datetime) -> Iterator[Touch]:
    """Calls, visits and messages that people of the lender or of an agency logged."""
    rows = ContactAttempt.objects.filter(borrower=borrower, at__gte=since).select_related(
        "decision"
    )
    for row in rows:
        units = {"message"} if row.channel in MESSAGE_CHANNELS else {"attempt"}
        if row.outcome == ContactAttempt.Outcome.CONNECTED:
            units.add("connected")
        yield Touch(
            row.at,
            row.channel,
            row.address,
            row.subject,
            frozenset(units),
            collects=row.decision.message_class in COLLECTING_CLASSES,
        )


def _calls_under_way(borrower: Borrower, since: datetime, now: datetime) -> Iterator[Touch]:
    """Calls and visits that were allowed and not logged: a dial placed, perhaps still talking."""
    rows = Decision.objects.filter(
        borrower=borrower,
        channel__in=SPOKEN,
        verdict=Decision.Verdict.ALLOW,
        at__gte=since,
        attempt__isnull=True,
    )
    for row in rows:
        units = {"attempt", "connected"} if row.at > now - CALL_UNDER_WAY else {"attempt"}
        yield Touch(
            row.at,
            row.channel,
            row.address,
            row.subject,
            frozenset(units),
            collects=row.message_class in COLLECTING_CLASSES,
        )
