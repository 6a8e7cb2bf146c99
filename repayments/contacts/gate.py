"""The one gate: may this person be contacted, by this channel, at this moment?

Pure decision over facts (rules.md 9): no database, no clock. Quiet hours and days off defer;
everything else refuses. What must hold:

- ``start`` of quiet hours is blocked, ``end`` allowed; windows are local wall time.
- A deferral's ``until`` is itself allowed: the other rules are asked as of that moment.
- Under a hold nothing is written to the person but what the hold lets through. Messages of class
  ``account`` pass a hold unless it stops all contact; a way to sign in passes always.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from repayments.contacts.profiles import FIXED, PERSON, PRODUCT_HOLDS, Cap, HoldRule, Profile

ALLOW, DEFER, REFUSE = "allow", "defer", "refuse"
SPOKEN = frozenset({"voice", "visit"})
# Asked for at a closed door by whoever may open it; tells nothing of the debt.
SIGN_IN_TEMPLATES = frozenset({"sign_in_code", "password_reset"})
# Contacts that ask for money that is late; the gap between them is what CN-4 counts.
COLLECTING_CLASSES = frozenset({"reminder", "call"})
FARTHEST_DAYS = 400


@dataclass(frozen=True)
class Inquiry:
    """What someone wants to send or dial.

    ``message_class`` is that of the template, or "call" for what is spoken.
    """

    channel: str
    address: str
    subject: str
    message_class: str
    template_key: str = ""


@dataclass(frozen=True)
class Touch:
    """An earlier contact, or one under way, that fills a slot of each unit it names."""

    at: datetime
    channel: str
    address: str
    subject: str
    units: frozenset[str]
    collects: bool = False


@dataclass(frozen=True)
class OpenHold:
    name: str
    ends_at: datetime | None = None


@dataclass(frozen=True)
class Facts:
    """What is known of the person: zones, holds, stopped addresses of the channel, past contacts.

    ``is_day_off`` knows the profile's holidays.
    """

    zones: tuple[str, ...]
    holds: tuple[OpenHold, ...] = ()
    stopped_addresses: frozenset[str] = frozenset()
    touches: tuple[Touch, ...] = ()
    is_day_off: Callable[[date], bool] = lambda day: False


@dataclass(frozen=True)
class Answer:
    """``until`` is set for a deferral alone; an allow may carry the code of a warning."""

    verdict: str
    code: str = ""
    rule_id: str = ""
    until: datetime | None = None


def decide(inquiry: Inquiry, facts: Facts, profile: Profile, now: datetime) -> Answer:
    """Answer whether the contact may happen at ``now``, later, or not at all."""
    zones = _zones(inquiry, facts, profile)
    if zones is None:
        return Answer(REFUSE, "unknown_zone", profile.quiet_hours.rule)
    moment, reason = _next_open(inquiry, facts, profile, zones, now)
    if moment is None:
        return Answer(REFUSE, "no_time_left", reason.rule_id)
    refusal = (
        _refused_by_hold(inquiry, facts, profile, moment)
        or _refused_by_person(inquiry, facts, profile)
        or _refused_after_conversation(inquiry, facts, profile, zones, moment)
    )
    if refusal:
        return refusal
    warning = Answer(ALLOW)
    for answer in _over_caps(inquiry, facts, profile, zones, moment):
        if answer.verdict == REFUSE:
            return answer
        warning = answer
    gap = _gap(inquiry, facts, profile, zones, moment)
    if gap and gap.verdict == REFUSE:
        return gap
    if moment > now:
        return Answer(DEFER, reason.code, reason.rule_id, until=moment.astimezone(UTC))
    return gap or warning


def _zones(inquiry: Inquiry, facts: Facts, profile: Profile) -> tuple[ZoneInfo, ...] | None:
    """Give the zones whose walls count; None where one is unknown and hours matter."""
    rule = profile.quiet_hours.tz_rule
    names = (profile.zone,) if rule == FIXED else facts.zones
    if rule == PERSON:
        names = names[:1]
    zones = []
    for name in names:
        try:
            zones.append(ZoneInfo(name))
        except (KeyError, OSError, ValueError):
            if profile.is_exempt(inquiry.message_class, "quiet_hours"):
                return (ZoneInfo("UTC"),)
            return None
    return tuple(zones) or None


# --- When ---------------------------------------------------------------------------------------
def _next_open(
    inquiry: Inquiry,
    facts: Facts,
    profile: Profile,
    zones: tuple[ZoneInfo, ...],
    start: datetime,
) -> tuple[datetime | None, Answer]:
    """Find the first moment from ``start`` on that is neither quiet nor a day off in any zone."""
    moment, reason = start, Answer(ALLOW)
    last = start + timedelta(days=FARTHEST_DAYS)
    while moment < last:
        blocks = [_blocked(inquiry, facts, profile, zone, moment) for zone in zones]
        found = [block for block in blocks if block]
        if not found:
            return moment, reason
        moment = max(until for until, _why in found)
        if reason.verdict == ALLOW:
            reason = found[0][1]
    return None, reason


def _blocked(
    inquiry: Inquiry, facts: Facts, profile: Profile, zone: ZoneInfo, moment: datetime
) -> tuple[datetime, Answer] | None:
    """Say until when this zone's wall clock blocks, and why; None when it does not."""
    local = moment.astimezone(zone)
    if (
        profile.days_off.blocks
        and not profile.is_exempt(inquiry.message_class, "days_off")
        and (local.weekday() in profile.days_off.weekdays or facts.is_day_off(local.date()))
    ):
        return _next_wall(zone, moment, time(0)), Answer(DEFER, "day_off", profile.days_off.rule)
    quiet = profile.quiet_hours
    if (
        (quiet.channels is None or inquiry.channel in quiet.channels)
        and not profile.is_exempt(inquiry.message_class, "quiet_hours")
        and quiet.covers(local.time())
    ):
        return _next_wall(zone, moment, quiet.end), Answer(DEFER, "quiet_hours", quiet.rule)
    return None


def _next_wall(zone: ZoneInfo, after: datetime, wall: time) -> datetime:
    """Find the next moment, later than ``after``, at which a clock in this zone shows ``wall``.

    An hour that comes twice gives two moments, and one that is skipped two stand-ins around the
    gap; the caller asks again at each, so none of them is trusted unseen.
    """
    day = after.astimezone(zone).date()
    moments = [
        datetime.combine(day + timedelta(days=step), wall, tzinfo=zone)
        .replace(fold=fold)
        .astimezone(UTC)
        for step in (-1, 0, 1, 2)
        for fold in (0, 1)
    ]
    return min(moment for moment in moments if moment > after)


# --- Whether ------------------------------------------------------------------------------------
def _refused_by_hold(
    inquiry: Inquiry, facts: Facts, profile: Profile, moment: datetime
) -> Answer | None:
    for hold in facts.holds:
        if hold.ends_at and hold.ends_at <= moment:
            continue
        rule = profile.holds.get(hold.name) or PRODUCT_HOLDS.get(hold.name)
        # A hold that nobody knows stops everything: fail closed.
        rule = rule or HoldRule(hold.name, frozenset({"contact"}), frozenset(), None, "")
        if _stops(rule, inquiry):
            return Answer(REFUSE, f"hold_{hold.name}"[:40], rule.rule or "hold")
    return None


def _stops(rule: HoldRule, inquiry: Inquiry) -> bool:
    if inquiry.template_key in SIGN_IN_TEMPLATES and inquiry.message_class == "account":
        return False
    if {inquiry.message_class, inquiry.template_key} & rule.allowed:
        return False
    if "contact" in rule.blocks:
        return True
    if inquiry.channel in SPOKEN:
        return "call" in rule.blocks
    return inquiry.message_class != "account"


def _refused_by_person(inquiry: Inquiry, facts: Facts, profile: Profile) -> Answer | None:
    if profile.is_exempt(inquiry.message_class, "opt_out"):
        return None
    stopped = (
        inquiry.address in facts.stopped_addresses
        if profile.opt_out_scope == "address"
        else bool(facts.stopped_addresses)
    )
    return Answer(REFUSE, "opted_out", profile.opt_out_rule) if stopped else None


def _refused_after_conversation(
    inquiry: Inquiry,
    facts: Facts,
    profile: Profile,
    zones: tuple[ZoneInfo, ...],
    moment: datetime,
) -> Answer | None:
    """Refuse calls for n days after a conversation, whose own day is the first (US-2)."""
    days = profile.after_conversation_block_days
    if not days or inquiry.channel != "voice":
        return None
    if profile.is_exempt(inquiry.message_class, "caps"):
        return None
    for touch in facts.touches:
        if (
            touch.channel == "voice"
            and "connected" in touch.units
            and touch.subject == inquiry.subject
            and any(_days_between(touch.at, moment, zone) < days for zone in zones)
        ):
            return Answer(REFUSE, "after_conversation", profile.after_conversation_rule)
    return None


def _over_caps(
    inquiry: Inquiry,
    facts: Facts,
    profile: Profile,
    zones: tuple[ZoneInfo, ...],
    moment: datetime,
) -> list[Answer]:
    if profile.is_exempt(inquiry.message_class, "caps"):
        return []
    return [
        Answer(ALLOW if cap.warns else REFUSE, "cap", cap.rule)
        for cap in profile.caps
        if inquiry.channel in cap.channels
        and max(_count(cap, inquiry, facts, zone, moment) for zone in zones) >= cap.limit
    ]


def _count(cap: Cap, inquiry: Inquiry, facts: Facts, zone: ZoneInfo, moment: datetime) -> int:
    return sum(
        1
        for touch in facts.touches
        if touch.channel == inquiry.channel
        and cap.unit in touch.units
        and (cap.key != "number" or touch.address == inquiry.address)
        and (cap.key not in {"person+debt", "product"} or touch.subject == inquiry.subject)
        and _days_between(touch.at, moment, zone) < cap.days
    )


def _gap(
    inquiry: Inquiry,
    facts: Facts,
    profile: Profile,
    zones: tuple[ZoneInfo, ...],
    moment: datetime,
) -> Answer | None:
    """Tell of a collecting contact on the same debt too few days ago (CN-4)."""
    gap = profile.min_gap
    if (
        gap is None
        or inquiry.message_class not in COLLECTING_CLASSES
        or profile.is_exempt(inquiry.message_class, "min_gap")
    ):
        return None
    for touch in facts.touches:
        if (
            touch.collects
            and (gap.key != "product" or touch.subject == inquiry.subject)
            and any(_days_between(touch.at, moment, zone) < gap.days for zone in zones)
        ):
            return Answer(ALLOW if gap.warns else REFUSE, "min_gap", gap.rule)
    return None


def _days_between(earlier: datetime, later: datetime, zone: ZoneInfo) -> int:
    """Count local calendar days from one moment to another; 0 on the same day."""
    return (later.astimezone(zone).date() - earlier.astimezone(zone).date()).days
