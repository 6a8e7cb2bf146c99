"""The gate as a pure decision: hours, days, caps, holds, and that a deferral leads somewhere."""

from datetime import UTC, date, datetime, time, timedelta
from importlib import import_module
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repayments.contacts.gate import (
    ALLOW,
    DEFER,
    REFUSE,
    Answer,
    Facts,
    Inquiry,
    OpenHold,
    Touch,
    decide,
)
from repayments.contacts.profiles import Profile, ProfileInvalid, parse_profile

SEEDS = import_module("repayments.contacts.migrations.0003_seed_conduct_profiles").PROFILES
CN, US, UK = (parse_profile(f"{key} v1", SEEDS[key]) for key in ("CN", "US", "UK"))
DEBT, OTHER_DEBT = "loan:one", "loan:two"
ZONES = {"CN": "Asia/Shanghai", "US": "America/New_York", "UK": "Europe/London"}


def wall(text: str, zone: str = "Asia/Shanghai", fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)


def ask(
    at: datetime,
    profile: Profile = CN,
    *,
    channel: str = "email",
    address: str = "lin@example.com",
    message_class: str = "reminder",
    template_key: str = "",
    **facts: object,
) -> Answer:
    facts.setdefault("zones", (ZONES[profile.name[:2]],))
    inquiry = Inquiry(channel, address, DEBT, message_class, template_key)
    return decide(inquiry, Facts(**facts), profile, at)


def touch(at: datetime, channel: str = "voice", *units: str, **fields: object) -> Touch:
    values = {"address": "1", "subject": DEBT, **fields}
    return Touch(at, channel, units=frozenset(units or ("attempt",)), **values)  # type: ignore[arg-type]


# --- Hours --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("at", "verdict", "until"),
    [
        ("2026-11-24 21:59:59", ALLOW, None),
        ("2026-11-24 22:00:00", DEFER, "2026-11-25 08:00:00"),
        ("2026-11-25 07:59:59", DEFER, "2026-11-25 08:00:00"),
        ("2026-11-25 08:00:00", ALLOW, None),
    ],
)
def test_cn_1_start_of_quiet_hours_is_blocked_and_their_end_allowed(
    at: str, verdict: str, until: str | None
) -> None:
    answer = ask(wall(at))

    assert answer.verdict == verdict
    assert answer.until == (wall(until) if until else None)
    if until:
        assert (answer.code, answer.rule_id) == ("quiet_hours", "CN-1")


@pytest.mark.parametrize("channel", ["email", "sms", "push", "voice", "visit"])
def test_cn_1_counts_for_every_channel(channel: str) -> None:
    assert ask(wall("2026-11-24 22:00:00"), channel=channel).verdict == DEFER


def test_cn_1_goes_by_shanghai_wherever_the_person_says_they_live() -> None:
    assert ask(wall("2026-11-24 22:00:00"), zones=("Europe/London",)).verdict == DEFER


def test_what_a_person_asked_for_just_now_goes_out_at_night_and_over_caps() -> None:
    night = wall("2026-11-24 23:00:00")
    full = (touch(night, "email", "message"),)

    assert ask(night, message_class="account", touches=full).verdict == ALLOW


@pytest.mark.parametrize(
    ("at", "fold", "until"),
    [
        # The night clocks go forward, and the night they go back.
        ("2027-03-13 21:00:00", 0, "2027-03-14 08:00:00"),
        ("2027-03-14 03:00:00", 0, "2027-03-14 08:00:00"),
        ("2027-11-06 21:00:00", 0, "2027-11-07 08:00:00"),
        ("2027-11-07 01:30:00", 1, "2027-11-07 08:00:00"),
    ],
)
def test_us_4_until_is_eight_by_the_wall_clock_across_a_clock_change(
    at: str, fold: int, until: str
) -> None:
    answer = ask(wall(at, "America/New_York", fold), US)

    assert answer.until == wall(until, "America/New_York")


@pytest.mark.parametrize(
    ("at", "until"),
    [
        ("2027-03-27 20:00:00", "2027-03-30 08:00:00"),  # to Sunday's change, then Easter Monday
        ("2027-10-30 20:00:00", "2027-11-01 08:00:00"),
    ],
)
def test_uk_1_until_skips_sunday_and_holidays_across_a_clock_change(at: str, until: str) -> None:
    easter_monday = date(2027, 3, 29)

    answer = ask(wall(at, "Europe/London"), UK, is_day_off=lambda day: day == easter_monday)

    assert answer.until == wall(until, "Europe/London")


def test_us_4_two_zones_leave_only_the_hours_they_share() -> None:
    zones = ("America/New_York", "America/Los_Angeles")

    early = ask(wall("2026-11-24 10:59:59", ZONES["US"]), US, zones=zones)

    assert early.until == wall("2026-11-24 11:00:00", ZONES["US"])
    assert ask(wall("2026-11-24 20:59:59", ZONES["US"]), US, zones=zones).verdict == ALLOW
    assert ask(wall("2026-11-24 21:00:00", ZONES["US"]), US, zones=zones).verdict == DEFER


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../etc/passwd"])
def test_a_person_in_an_unknown_zone_is_sent_nothing_but_what_they_asked_for(zone: str) -> None:
    noon = wall("2026-11-24 12:00:00")

    assert ask(noon, UK, zones=(zone,)).code == "unknown_zone"
    assert ask(noon, UK, zones=(zone,)).verdict == REFUSE
    assert ask(noon, UK, zones=(zone,), message_class="account").verdict == ALLOW


# --- Caps ---------------------------------------------------------------------------------------
@pytest.mark.parametrize("channel", ["sms", "email", "push"])
def test_cn_20_a_second_message_the_same_day_is_refused_by_channel(channel: str) -> None:
    morning = touch(wall("2026-11-24 09:00:00"), channel, "message", subject=OTHER_DEBT)

    same_day = ask(wall("2026-11-24 20:00:00"), channel=channel, touches=(morning,))
    next_day = ask(wall("2026-11-25 09:00:00"), channel=channel, touches=(morning,))
    other = {"sms": "email", "email": "push", "push": "sms"}[channel]
    other_channel = ask(wall("2026-11-24 20:00:00"), channel=other, touches=(morning,))

    assert (same_day.verdict, same_day.code, same_day.rule_id) == (REFUSE, "cap", "CN-20")
    assert next_day.verdict == ALLOW
    assert other_channel.verdict == ALLOW


def test_at_night_the_cap_is_asked_for_the_day_the_message_would_go() -> None:
    today = touch(wall("2026-11-24 09:00:00"), "email", "message")

    assert ask(wall("2026-11-24 23:00:00"), touches=(today,)).verdict == DEFER


def test_cn_2_the_fourth_conversation_of_a_day_is_refused_until_midnight() -> None:
    talks = tuple(
        touch(wall(f"2026-11-24 {hour}:00:00"), "voice", "attempt", "connected", address=str(hour))
        for hour in (10, 11, 12)
    )

    def call(at: str, touches: tuple[Touch, ...]) -> Answer:
        return ask(wall(at), channel="voice", message_class="call", touches=touches)

    assert call("2026-11-24 13:00:00", talks[:2]).verdict == ALLOW
    assert call("2026-11-24 13:00:00", talks).rule_id == "CN-2"
    assert call("2026-11-25 08:00:00", talks).verdict == ALLOW


def test_cn_3_the_seventh_dial_to_a_number_is_refused_and_another_number_counts_apart() -> None:
    dials = tuple(touch(wall(f"2026-11-24 {hour}:00:00")) for hour in range(10, 16))
    now = wall("2026-11-24 17:00:00")

    def call(number: str, touches: tuple[Touch, ...]) -> Answer:
        return ask(now, channel="voice", message_class="call", address=number, touches=touches)

    assert call("1", dials[:5]).verdict == ALLOW
    assert call("1", dials).rule_id == "CN-3"
    assert call("2", dials).verdict == ALLOW


@pytest.mark.parametrize(("day", "code"), [("2026-11-30", "min_gap"), ("2026-12-01", "")])
def test_cn_4_a_second_collection_within_seven_days_is_allowed_with_a_warning(
    day: str, code: str
) -> None:
    first = touch(wall("2026-11-24 09:00:00"), "email", "message", collects=True)

    answer = ask(wall(f"{day} 09:00:00"), touches=(first,))

    assert (answer.verdict, answer.code) == (ALLOW, code)


def test_us_1_the_eighth_call_in_seven_days_is_refused_and_the_first_frees_its_slot() -> None:
    calls = tuple(touch(wall(f"2027-04-0{day} 12:00:00", ZONES["US"])) for day in range(1, 8))

    def call(day: str) -> Answer:
        at = wall(f"{day} 15:00:00", ZONES["US"])
        return ask(at, US, channel="voice", message_class="call", touches=calls)

    assert call("2027-04-07").rule_id == "US-1"
    assert call("2027-04-08").verdict == ALLOW


def test_us_2_no_call_for_seven_days_from_a_conversation_which_is_day_one() -> None:
    talk = touch(wall("2027-03-01 12:00:00", ZONES["US"]), "voice", "attempt", "connected")

    def call(day: int) -> Answer:
        at = wall(f"2027-03-{day:02d} 12:00:00", ZONES["US"])
        return ask(at, US, channel="voice", message_class="call", touches=(talk,))

    assert {call(day).rule_id for day in range(1, 8)} == {"US-2"}
    assert call(8).verdict == ALLOW


# --- Holds and the person's word ----------------------------------------------------------------
@pytest.mark.parametrize(
    ("hold", "allowed"),
    [
        ("dispute", {"account"}),
        ("complaint", {"account"}),
        ("hardship", {"account"}),
        ("plan_active", {"account", "due_notice"}),
        ("deceased", set()),
        ("cease", {"account", "statutory"}),
        # PC-6: no profile names it, the portal itself does.
        ("payment_dispute", {"account"}),
        ("a_name_no_profile_knows", set()),
    ],
)
def test_under_a_hold_only_what_it_lets_through_is_written(hold: str, allowed: set[str]) -> None:
    classes = {"account", "due_notice", "reminder", "statutory"}

    answers = {
        one: ask(wall("2026-11-24 12:00:00"), message_class=one, holds=(OpenHold(hold),))
        for one in classes
    }

    assert {one for one, answer in answers.items() if answer.verdict == ALLOW} == allowed
    for one in classes - allowed:
        assert answers[one].verdict == REFUSE
        assert answers[one].code == f"hold_{hold}"


def test_a_way_to_sign_in_passes_every_hold() -> None:
    answer = ask(
        wall("2026-11-24 12:00:00"),
        message_class="account",
        template_key="sign_in_code",
        holds=(OpenHold("deceased"),),
    )

    assert answer.verdict == ALLOW


def test_cn_11_an_active_plan_stops_calls_and_reminders_but_not_due_notices() -> None:
    noon, holds = wall("2026-11-24 12:00:00"), (OpenHold("plan_active"),)

    assert ask(noon, channel="voice", message_class="call", holds=holds).rule_id == "CN-11"
    assert ask(noon, message_class="reminder", holds=holds).rule_id == "CN-11"
    assert ask(noon, message_class="due_notice", holds=holds).verdict == ALLOW


def test_us_6_after_cease_only_the_three_notices_go_out() -> None:
    noon, holds = wall("2026-11-24 12:00:00", ZONES["US"]), (OpenHold("cease"),)
    sent = {
        key
        for key in ("ending", "may_invoke", "will_invoke", "reminder_late_1")
        if ask(noon, US, template_key=key, holds=holds).verdict == ALLOW
    }

    assert sent == {"ending", "may_invoke", "will_invoke"}


def test_a_hold_that_has_run_out_stops_nothing() -> None:
    hold = OpenHold("dispute", ends_at=wall("2026-11-24 12:00:00"))

    assert ask(wall("2026-11-24 11:59:59"), holds=(hold,)).verdict == REFUSE
    assert ask(wall("2026-11-24 12:00:00"), holds=(hold,)).verdict == ALLOW


@pytest.mark.parametrize(
    ("profile", "stopped", "verdict"),
    [
        (CN, "other@example.com", REFUSE),  # the whole medium
        (US, "other@example.com", ALLOW),  # that address alone
        (US, "lin@example.com", REFUSE),
    ],
)
def test_who_stopped_a_channel_hears_no_more_of_it(
    profile: Profile, stopped: str, verdict: str
) -> None:
    noon = wall("2026-11-24 12:00:00", ZONES[profile.name[:2]])
    stopped_addresses = frozenset({stopped})

    assert ask(noon, profile, stopped_addresses=stopped_addresses).verdict == verdict
    for free in ("account", "statutory"):
        answer = ask(noon, profile, message_class=free, stopped_addresses=stopped_addresses)
        assert answer.verdict == ALLOW


# --- What must hold for any profile -------------------------------------------------------------
zone_names = st.sampled_from(
    [
        "Asia/Shanghai",
        "America/New_York",
        "America/Los_Angeles",
        "Europe/London",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "Pacific/Kiritimati",
        "Etc/GMT+12",
        "America/Sao_Paulo",
    ]
)
moments = st.one_of(
    st.datetimes(datetime(2010, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001 - made aware below
    # Around clock changes and the day that Samoa left out.
    st.sampled_from(
        [
            datetime(2011, 12, 29, 9, 0),  # noqa: DTZ001
            datetime(2027, 3, 14, 6, 30),  # noqa: DTZ001
            datetime(2027, 11, 7, 5, 30),  # noqa: DTZ001
            datetime(2027, 4, 3, 14, 45),  # noqa: DTZ001
        ]
    ),
).map(lambda moment: moment.replace(tzinfo=UTC))
walls = st.times().map(lambda one: one.replace(microsecond=0))


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    start, end = draw(walls), draw(walls)
    if start == end:
        end = time((start.hour + 1) % 24, start.minute)
    rules = {
        "quiet_hours": {
            "start": start.isoformat(),
            "end": end.isoformat(),
            "tz_rule": draw(st.sampled_from(["person", "fixed", "intersection"])),
        },
        "zone": draw(zone_names),
        "days_off": {
            "weekdays": draw(st.lists(st.sampled_from(["saturday", "sunday", "friday"]))),
            "mode": draw(st.sampled_from(["block", "none"])),
        },
        "caps": [
            {
                "channel": "email",
                "unit": "message",
                "max": draw(st.integers(0, 3)),
                "window": draw(st.sampled_from(["day", "rolling_days(3)"])),
                "key": draw(st.sampled_from(["debtor", "number"])),
            }
        ],
        "min_gap_days": {"days": 3, "mode": draw(st.sampled_from(["block", "warn"]))},
        "holds": {"dispute": {"blocks": ["call"]}},
    }
    return parse_profile("XX v1", rules)


@settings(max_examples=400, deadline=None)
@given(
    profile=profiles(),
    zones=st.lists(zone_names, min_size=1, max_size=2, unique=True),
    at=moments,
    hours_ago=st.lists(st.integers(0, 100), max_size=4),
    holds=st.sampled_from([(), (OpenHold("dispute"),)]),
)
def test_a_deferral_leads_to_a_moment_that_is_itself_allowed(
    profile: Profile,
    zones: list[str],
    at: datetime,
    hours_ago: list[int],
    holds: tuple[OpenHold, ...],
) -> None:
    touches = tuple(
        touch(at - timedelta(hours=hours), "email", "message", collects=True) for hours in hours_ago
    )
    inquiry = Inquiry("email", "1", DEBT, "reminder")
    facts = Facts(tuple(zones), holds=holds, touches=touches)

    answer = decide(inquiry, facts, profile, at)

    if answer.verdict == DEFER:
        assert answer.until is not None
        assert answer.until > at
        assert answer.until.tzinfo is not None
        assert decide(inquiry, facts, profile, answer.until).verdict == ALLOW


@settings(max_examples=200, deadline=None)
@given(profile=profiles(), zone=zone_names, at=moments)
def test_nothing_is_allowed_while_a_clock_that_counts_shows_a_quiet_hour(
    profile: Profile, zone: str, at: datetime
) -> None:
    answer = decide(Inquiry("email", "1", DEBT, "reminder"), Facts((zone,)), profile, at)
    counts = profile.zone if profile.quiet_hours.tz_rule == "fixed" else zone
    local = at.astimezone(ZoneInfo(counts)).time()

    assert answer.verdict != ALLOW or not profile.quiet_hours.covers(local)


# --- Profiles -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "change",
    [
        {"quiet_hours": {"start": "22:00", "end": "22:00"}},
        {"quiet_hours": {"start": "22:00", "end": "late"}},
        {"quiet_hours": {"start": "22:00", "end": "08:00", "tz_rule": "guess"}},
        {"quiet_hours": {"start": "22:00", "end": "08:00", "tz_rule": "fixed"}, "zone": "Mars/X"},
        {"caps": [{"channel": "email", "unit": "message", "max": -1, "window": "day", "key": "x"}]},
        {
            "caps": [
                {"channel": "email", "unit": "message", "max": 1, "window": "w", "key": "debtor"}
            ]
        },
        {"days_off": {"holidays": "Atlantis"}},
        {"holds": {"dispute": {"blocks": ["everything"]}}},
        {"exempt": {"reminder": ["holds"]}},
    ],
)
def test_a_profile_that_does_not_say_what_it_must_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(ProfileInvalid):
        parse_profile("CN v2", {**SEEDS["CN"], **change})


def test_a_profile_without_quiet_hours_is_refused() -> None:
    with pytest.raises(ProfileInvalid):
        parse_profile("CN v2", {})
