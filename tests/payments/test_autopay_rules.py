"""How early a charge is announced, how often it is tried, and what a refusal calls for."""

from datetime import date

import pytest

from repayments.loans.calendar import workdays_before
from repayments.loans.models import Workday
from repayments.payments.autopay_rules import (
    HOLDS_THAT_LET_PASS,
    LONGEST_NOTICE_DAYS,
    NoticeRule,
    Refusal,
    last_allowed_day,
    most_tries,
    notice_rule,
    read_refusal,
    retry_day,
)
from stripe_sandbox import cards


@pytest.mark.parametrize(
    ("jurisdiction", "varies", "rule"),
    [
        ("US", True, NoticeRule(10, 14, "US-21")),
        ("US", False, NoticeRule(3, 7, "D")),
        ("CN", True, NoticeRule(3, 7, "D")),
        ("UK", True, NoticeRule(3, 7, "D")),
    ],
)
def test_us_21_an_amount_that_varies_is_announced_ten_days_before(
    jurisdiction: str, varies: bool, rule: NoticeRule
) -> None:
    assert notice_rule(jurisdiction, varies=varies) == rule
    assert rule.least_days < rule.usual_days <= LONGEST_NOTICE_DAYS


@pytest.mark.parametrize(("jurisdiction", "tries"), [("CN", 3), ("US", 3), ("UK", 2)])
def test_uk_7_two_tries_in_the_united_kingdom_three_elsewhere(
    jurisdiction: str, tries: int
) -> None:
    assert most_tries(jurisdiction)[0] == tries


def test_a_soft_decline_is_tried_again_three_and_seven_days_after_the_first_try() -> None:
    first = date(2026, 12, 30)

    assert [retry_day(first, attempt) for attempt in (1, 2)] == [date(2027, 1, 2), date(2027, 1, 6)]


@pytest.mark.parametrize(
    ("codes", "refusal"),
    [
        (("authentication_required", "", ""), Refusal.CONFIRM),
        (("card_declined", "authentication_required", "try_again_later"), Refusal.CONFIRM),
        (("card_declined", "stolen_card", "do_not_try_again"), Refusal.HARD),
        (("card_declined", "lost_card", ""), Refusal.HARD),
        (("expired_card", "", ""), Refusal.HARD),
        (("card_declined", "generic_decline", "do_not_try_again"), Refusal.HARD),
        (("incorrect_cvc", "", "confirm_card_data"), Refusal.HARD),
        (("card_declined", "insufficient_funds", "try_again_later"), Refusal.SOFT),
        (("card_declined", "generic_decline", ""), Refusal.SOFT),
        (("processing_error", "", ""), Refusal.SOFT),
        (("card_declined", "never_heard_of", ""), Refusal.SOFT),
    ],
)
def test_what_a_decline_calls_for(codes: tuple[str, str, str], refusal: Refusal) -> None:
    assert read_refusal(*codes) == refusal


def test_every_decline_of_the_sandbox_with_advice_is_read_as_its_advice_says() -> None:
    for decline in cards.DECLINES.values():
        read = read_refusal(decline.code, decline.decline_code, decline.advice_code)
        if decline.advice_code == "do_not_try_again":
            assert read == Refusal.HARD, decline


def test_a_day_without_charges_moves_the_charge_before_it_not_after() -> None:
    off = {date(2026, 12, 25), date(2026, 12, 26), date(2026, 12, 27)}

    assert last_allowed_day(date(2026, 12, 27), off.__contains__) == date(2026, 12, 24)
    assert last_allowed_day(date(2026, 12, 28), off.__contains__) == date(2026, 12, 28)


def test_holds_that_stop_money_are_not_among_those_that_let_it_pass() -> None:
    stopping = {"dispute", "payment_dispute", "hardship", "bankruptcy", "breathing_space"}

    assert not stopping & HOLDS_THAT_LET_PASS


@pytest.mark.django_db
def test_workdays_before_a_day_skip_weekends_and_holidays() -> None:
    Workday.objects.update_or_create(
        calendar="US", date=date(2026, 11, 26), defaults={"is_workday": False}
    )

    # Tuesday 1 December: Monday, Friday, then Wednesday before Thanksgiving.
    assert workdays_before(date(2026, 12, 1), 3, "US") == date(2026, 11, 25)
    assert workdays_before(date(2026, 12, 4), 3, "US") == date(2026, 12, 1)
    assert workdays_before(date(2026, 12, 4), 0, "US") == date(2026, 12, 4)
