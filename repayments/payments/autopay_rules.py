"""When a saved card may be charged by itself: notice, days, tries, and what a refusal means.

Pure: jurisdiction, dates and the gateway's codes in, answers out. Each limit names the rule it
comes from (rules.md); a limit marked D is the lender's own.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum

US, UK = "US", "UK"
# A charge that had to wait is not made any later than this after the day that was announced (D).
LATEST_DAYS = 3
# Stopping this many workdays before a charge is sure to take effect (US-21).
STOP_WORKDAYS = 3
# Days after the first try on which a soft decline is tried again (D).
RETRY_DAYS = (3, 7)
# Holds that are about contact alone, or that name a plan whose own payments are to be made. Any
# other hold, known or not, keeps the card from being charged (UK-3, UK-4, UK-6, US-15, US-19).
HOLDS_THAT_LET_PASS = frozenset(
    {"plan_active", "plan_in_progress", "cease", "validation", "attorney", "work_ban"}
)


@dataclass(frozen=True)
class NoticeRule:
    """How long before a charge its notice must be sent at least, and is sent usually, in days."""

    least_days: int
    usual_days: int
    rule: str


def notice_rule(jurisdiction: str, *, varies: bool) -> NoticeRule:
    """Say how early a charge is announced.

    Args:
        varies: its amount is not that of the charge before, or there was none.
    """
    if jurisdiction == US and varies:
        return NoticeRule(10, 14, "US-21")
    return NoticeRule(3, 7, "D")


LONGEST_NOTICE_DAYS = 14


def most_tries(jurisdiction: str) -> tuple[int, str]:
    """Say how often one due date may be tried in all, and by which rule."""
    return (2, "UK-7") if jurisdiction == UK else (len(RETRY_DAYS) + 1, "D")


def retry_day(first: date, attempt: int) -> date:
    """Give the day of the try after this one.

    Args:
        first: the day of the first try.
        attempt: the number of the try that failed; the last one has no day after it.
    """
    return first + timedelta(days=RETRY_DAYS[attempt - 1])


def last_allowed_day(day: date, is_day_off: Callable[[date], bool]) -> date:
    """Give the day itself, or the nearest one before it on which a card may be charged.

    Before and not after: what is due on a Sunday must not be late because of the Sunday.
    """
    while is_day_off(day):
        day -= timedelta(days=1)
    return day


class Refusal(Enum):
    """What a declined charge calls for."""

    CONFIRM = "confirm"  # its owner has to be there
    HARD = "hard"  # this card is not charged again
    SOFT = "soft"  # another day may do


_HARD = frozenset(
    {
        "card_not_supported",
        "currency_not_supported",
        "do_not_try_again",
        "expired_card",
        "fraudulent",
        "incorrect_number",
        "invalid_account",
        "invalid_number",
        "lost_card",
        "merchant_blacklist",
        "new_account_information_available",
        "no_action_taken",
        "not_permitted",
        "pickup_card",
        "restricted_card",
        "revocation_of_all_authorizations",
        "revocation_of_authorization",
        "security_violation",
        "service_not_allowed",
        "stolen_card",
        "stop_payment_order",
        "test_mode_live_card",
        "testmode_decline",
        "transaction_not_allowed",
    }
)
_HARD_ADVICE = frozenset({"do_not_try_again", "confirm_card_data"})


def read_refusal(error_code: str, decline_code: str, advice_code: str) -> Refusal:
    """Say what a decline calls for; the card network's advice goes before the bank's own code."""
    if "authentication_required" in (error_code, decline_code):
        return Refusal.CONFIRM
    if advice_code in _HARD_ADVICE or {error_code, decline_code} & _HARD:
        return Refusal.HARD
    return Refusal.SOFT
