"""The conduct rules of one jurisdiction, read from a ``ContactProfile`` row into typed values.

Shape and meaning are those of rules.md 9: absent keys take the defaults written here, and each rule
may carry ``rule``, the id that refusals and decisions name. A profile that cannot be read is an
error, never a profile without rules. The module refuses to know persons and messages.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import holidays

ALL = "all"
PERSON, FIXED, INTERSECTION = "person", "fixed", "intersection"
BLOCK, WARN, NONE = "block", "warn", "none"
# What a class of messages can be exempt from.
EXEMPTIONS = frozenset({"quiet_hours", "days_off", "caps", "opt_out", "min_gap"})
# A person who asked for a code or a receipt just now gets it; what the law requires is not capped.
DEFAULT_EXEMPT = {
    "account": ["quiet_hours", "days_off", "caps", "opt_out", "min_gap"],
    "statutory": ["caps", "opt_out", "min_gap"],
}
WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
CALENDARS: dict[str, tuple[str, str | None]] = {
    "CN": ("CN", None),
    "US-federal": ("US", None),
    "UK-bank": ("GB", "ENG"),
}


class ProfileInvalid(Exception):
    """The stored rules do not say what a profile must say."""


@dataclass(frozen=True)
class QuietHours:
    """Nothing goes out from ``start`` to just before ``end``; over midnight if start > end."""

    start: time
    end: time
    channels: frozenset[str] | None
    tz_rule: str
    rule: str

    def covers(self, wall: time) -> bool:
        """Tell whether this wall-clock time is quiet."""
        if self.start < self.end:
            return self.start <= wall < self.end
        return wall >= self.start or wall < self.end


@dataclass(frozen=True)
class DaysOff:
    """Days without contact; ``blocks`` is false where they only matter to counting."""

    weekdays: frozenset[int] = frozenset()
    calendar: str = ""
    blocks: bool = False
    rule: str = ""


@dataclass(frozen=True)
class Cap:
    """At most ``limit`` contacts in ``days`` local days, today included."""

    channels: frozenset[str]
    unit: str
    limit: int
    days: int
    key: str
    warns: bool
    rule: str


@dataclass(frozen=True)
class MinGap:
    days: int
    key: str
    warns: bool
    rule: str


@dataclass(frozen=True)
class HoldRule:
    """What a hold stops. ``allowed`` are the classes, or template keys, that still go out."""

    name: str
    blocks: frozenset[str]
    allowed: frozenset[str]
    days: int | None
    rule: str


# Holds of the portal's own making, the same wherever a person lives; a profile may say otherwise.
# While a bank questions a payment nobody is pressed for what that payment covered (PC-6).
PRODUCT_HOLDS = {
    "payment_dispute": HoldRule(
        "payment_dispute", frozenset({"call", "placement", "legal"}), frozenset(), None, "PC-6"
    )
}


@dataclass(frozen=True)
class Profile:
    """One version of one jurisdiction's rules; ``name`` is what decisions keep."""

    name: str
    quiet_hours: QuietHours
    zone: str
    days_off: DaysOff = DaysOff()
    caps: tuple[Cap, ...] = ()
    min_gap: MinGap | None = None
    after_conversation_block_days: int = 0
    after_conversation_rule: str = ""
    opt_out_scope: str = "medium"
    opt_out_rule: str = ""
    holds: Mapping[str, HoldRule] = field(default_factory=dict)
    exempt: Mapping[str, frozenset[str]] = field(default_factory=dict)
    must_include: frozenset[str] = frozenset()

    def is_exempt(self, message_class: str, kind: str) -> bool:
        """Tell whether messages of a class are free of one kind of rule."""
        return kind in self.exempt.get(message_class, frozenset())


def parse_profile(name: str, rules: Mapping[str, Any]) -> Profile:
    """Read stored rules.

    Args:
        name: jurisdiction and version, "CN v1".
        rules: the JSON of ``ContactProfile.rules``.
    Raises: ProfileInvalid, naming what is wrong.
    """
    try:
        return _parse(name, rules)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ProfileInvalid(f"{name}: {error!r}") from error


def _parse(name: str, rules: Mapping[str, Any]) -> Profile:
    quiet = _quiet_hours(rules["quiet_hours"])
    zone = rules.get("zone", "")
    if quiet.tz_rule == FIXED:
        ZoneInfo(zone)
    opt_out = rules.get("opt_out", {})
    gap = rules.get("min_gap_days")
    exempt = {**DEFAULT_EXEMPT, **rules.get("exempt", {})}
    for kinds in exempt.values():
        _among(kinds, EXEMPTIONS)
    return Profile(
        name=name,
        quiet_hours=quiet,
        zone=zone,
        days_off=_days_off(rules.get("days_off", {})),
        caps=tuple(_cap(row) for row in rules.get("caps", [])),
        min_gap=MinGap(
            days=_whole(gap["days"]),
            key=gap.get("key", "product"),
            warns=_mode(gap) == WARN,
            rule=gap.get("rule", ""),
        )
        if gap
        else None,
        after_conversation_block_days=_whole(rules.get("after_conversation_block_days", 0)),
        after_conversation_rule=rules.get("after_conversation_rule", ""),
        opt_out_scope=_one_of(opt_out.get("scope", "medium"), {"medium", "address"}),
        opt_out_rule=opt_out.get("rule", ""),
        holds={key: _hold(key, row) for key, row in rules.get("holds", {}).items()},
        exempt={key: frozenset(kinds) for key, kinds in exempt.items()},
        must_include=frozenset(rules.get("identity", {}).get("must_include", [])),
    )


def _quiet_hours(row: Mapping[str, Any]) -> QuietHours:
    start, end = time.fromisoformat(row["start"]), time.fromisoformat(row["end"])
    if start == end:
        raise ValueError("quiet hours start when they end: no time would be left, or none quiet")
    return QuietHours(
        start=start,
        end=end,
        channels=_channels(row.get("channels", ALL)),
        tz_rule=_one_of(row.get("tz_rule", PERSON), {PERSON, FIXED, INTERSECTION}),
        rule=row.get("rule", ""),
    )


def _days_off(row: Mapping[str, Any]) -> DaysOff:
    calendar = row.get("holidays", "")
    if calendar:
        _one_of(calendar, set(CALENDARS))
    return DaysOff(
        weekdays=frozenset(WEEKDAYS.index(day) for day in row.get("weekdays", [])),
        calendar=calendar,
        blocks=_one_of(row.get("mode", NONE), {BLOCK, NONE}) == BLOCK,
        rule=row.get("rule", ""),
    )


def _cap(row: Mapping[str, Any]) -> Cap:
    channels = _channels(row["channel"])
    if channels is None:
        raise ValueError("a cap names its channels")
    return Cap(
        channels=channels,
        unit=_one_of(row["unit"], {"attempt", "connected", "message"}),
        limit=_whole(row["max"]),
        days=_window_days(row["window"]),
        key=_one_of(row["key"], {"debtor", "number", "person+debt", "product"}),
        warns=_mode(row) == WARN,
        rule=row.get("rule", ""),
    )


def _hold(name: str, row: Mapping[str, Any]) -> HoldRule:
    kinds = {"contact", "call", "sms", "placement", "fees", "interest", "legal"}
    _among(row["blocks"], kinds)
    return HoldRule(
        name=name,
        blocks=frozenset(row["blocks"]),
        allowed=frozenset(row.get("allow_templates", [])),
        # "treatment+30" and its like are a person's to count.
        days=row["days"] if isinstance(row.get("days"), int) else None,
        rule=row.get("rule", ""),
    )


def _window_days(text: str) -> int:
    if text == "day":
        return 1
    match = re.fullmatch(r"rolling_days\((\d+)\)", text)
    if not match or int(match[1]) < 1:
        raise ValueError(f"unknown window {text!r}")
    return int(match[1])


def _channels(value: str | list[str]) -> frozenset[str] | None:
    if value == ALL:
        return None
    return frozenset([value] if isinstance(value, str) else value)


def _mode(row: Mapping[str, Any]) -> str:
    return _one_of(row.get("mode", BLOCK), {BLOCK, WARN})


def _one_of(value: str, allowed: set[str]) -> str:
    if value not in allowed:
        raise ValueError(f"{value!r} is none of {sorted(allowed)}")
    return value


def _among(values: Iterable[str], allowed: Iterable[str]) -> None:
    unknown = set(values) - set(allowed)
    if unknown:
        raise ValueError(f"unknown: {sorted(unknown)}")


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is not a whole number")
    return value


@lru_cache(maxsize=64)
def holiday_dates(calendar: str, year: int) -> frozenset[date]:
    """List the holidays of one year of a calendar that profiles may name."""
    country, part = CALENDARS[calendar]
    return frozenset(holidays.country_holidays(country, subdiv=part, years=year))
