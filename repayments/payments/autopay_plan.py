"""Which charges a mandate leads to: for each coming due date the day and the amount.

The page and the nightly announcement both ask here, so what is shown is what is announced. Nothing
is written. Amounts are minor units of the loan's currency.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from repayments.contacts.facts import get_profile
from repayments.contacts.profiles import holiday_dates
from repayments.loans.models import Loan
from repayments.loans.queries import make_position
from repayments.loans.reckoning import Snapshot
from repayments.payments.autopay_rules import NoticeRule, last_allowed_day, notice_rule
from repayments.payments.card_limits import why_not_charged
from repayments.payments.models import AutopayCharge, Mandate


@dataclass(frozen=True)
class PlannedCharge:
    """What would be taken for one due date, and until when its notice has to go out."""

    due_date: date
    charge_on: date
    amount: int
    notice: NoticeRule
    # Some amounts are too small for a card, or too fine: those are the borrower's to pay.
    is_chargeable: bool = True

    def can_be_announced(self, as_of: date) -> bool:
        """Whether it can be charged, and notice sent this day is in time."""
        return self.is_chargeable and as_of <= self.charge_on - timedelta(
            days=self.notice.least_days
        )

    def is_to_be_announced(self, as_of: date) -> bool:
        """Whether the day of the notice has come, and is not past."""
        usual = self.charge_on - timedelta(days=self.notice.usual_days)
        return usual <= as_of and self.can_be_announced(as_of)


def days_off_of(jurisdiction: str, as_of: date) -> Callable[[date], bool]:
    """Give the test for days on which the conduct profile lets nobody be charged."""
    profile = get_profile(jurisdiction, as_of)
    if profile is None or not profile.days_off.blocks:
        return lambda day: False
    off = profile.days_off

    def is_day_off(day: date) -> bool:
        is_holiday = bool(off.calendar) and day in holiday_dates(off.calendar, day.year)
        return day.weekday() in off.weekdays or is_holiday

    return is_day_off


def due_amount(loan: Loan, state: Snapshot, due_date: date) -> int:
    """All that is due on a day and unpaid, less money that waits to be applied on it."""
    return max(make_position(loan, state, due_date).past_due_amount - state.unapplied, 0)


def is_moved(state: Snapshot, due_date: date) -> bool:
    """Whether the schedule in force knows no such due date any more, but others to come."""
    return all(row.due_date != due_date for row in state.rows) and any(
        row.unpaid for row in state.rows
    )


def last_amount(mandate: Mandate | None, before: date) -> int | None:
    """The amount of the mandate's charge before a due date; None if there was none."""
    if mandate is None:
        return None
    charges = AutopayCharge.objects.filter(
        mandate__loan_id=mandate.loan_id, due_date__lt=before, payment__isnull=False
    )
    found = charges.order_by("-due_date", "-attempt").values_list("payment__amount", flat=True)
    return found.first()


def plan_charges(
    *,
    loan: Loan,
    state: Snapshot,
    as_of: date,
    through: date,
    before: int | None,
    announced: Mapping[date, int],
) -> list[PlannedCharge]:
    """List what would be taken for the due dates after a day, as far as another one.

    After the last due date, what is still unpaid (a fee, a remainder) gets a charge of its own.

    Args:
        loan: with its borrower.
        through: the last due date looked at, inclusive.
        before: the amount of the charge before, None if there was none.
        announced: amounts by due date that are announced and not taken yet; they count as paid.
    """
    jurisdiction = loan.borrower.jurisdiction
    is_day_off = days_off_of(jurisdiction, as_of)
    days = sorted({row.due_date for row in state.rows if row.unpaid and as_of < row.due_date})
    if not days:
        usual = notice_rule(jurisdiction, varies=True).usual_days
        days = [as_of + timedelta(days=usual)]
        through = days[0]
    planned: list[PlannedCharge] = []
    taken = {day: amount for day, amount in announced.items() if day <= as_of}
    for day in days:
        if day > through:
            break
        amount = due_amount(loan, state, day) - sum(taken.values())
        taken[day] = announced.get(day, max(amount, 0))
        if amount <= 0:
            continue
        rule = notice_rule(jurisdiction, varies=amount != before)
        charge_on = last_allowed_day(day, is_day_off)
        is_chargeable = not why_not_charged(amount, loan.currency)
        planned.append(PlannedCharge(day, charge_on, amount, rule, is_chargeable))
        before = taken[day]
    return planned
