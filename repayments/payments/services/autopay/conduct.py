"""May this charge be made now? Asked in the transaction that claims it, under the loan's lock.

Answers go, wait (another minute or day may do), skip (nothing is to be taken, nobody is at fault)
or refuse (a rule forbids it, the borrower is told). Nothing is written.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum

from django.db.models import Q

from repayments.clock import lender_zone
from repayments.contacts.models import Hold, Message
from repayments.loans.models import Loan
from repayments.loans.snapshots import load_snapshot
from repayments.payments.autopay_plan import days_off_of, due_amount, is_moved, last_amount
from repayments.payments.autopay_rules import (
    HOLDS_THAT_LET_PASS,
    LATEST_DAYS,
    most_tries,
    notice_rule,
)
from repayments.payments.models import AutopayCharge, Dispute, Mandate, Payment
from repayments.payments.querysets import UNDER_WAY
from repayments.payments.services.amounts import AmountRefused, check_limits
from repayments.payments.services.autopay.notices import notice_key


class Answer(Enum):
    GO = "go"
    WAIT = "wait"
    SKIP = "skip"
    REFUSE = "refuse"


@dataclass(frozen=True)
class Verdict:
    """What may be done with a charge. ``amount``: to be taken, in minor units, if it may go."""

    answer: Answer
    reason: str = ""
    amount: int = 0


def check_charge(charge: AutopayCharge, loan: Loan, *, today: date, now: datetime) -> Verdict:
    """Decide on a charge whose day has come.

    Args:
        charge: with its mandate.
        loan: locked, with borrower, product and book.
    """
    if charge.mandate.status != Mandate.Status.ACTIVE:
        return Verdict(Answer.SKIP, "ended")
    if loan.status != Loan.Status.ACTIVE:
        return Verdict(Answer.SKIP, "loan")
    state = load_snapshot(loan)
    if is_moved(state, charge.due_date):
        return Verdict(Answer.SKIP, "moved")
    due = due_amount(loan, state, max(today, charge.due_date))
    # What was announced is the most that is taken, whatever was added since (US-21, UK-7).
    amount = min(due, charge.announced_amount)
    if amount <= 0:
        return Verdict(Answer.SKIP, "nothing_due")
    reason = _find_refusal(charge, loan, amount, today, now)
    if reason:
        return Verdict(Answer.REFUSE, reason)
    if days_off_of(loan.borrower.jurisdiction, today)(today):
        return Verdict(Answer.WAIT, "day_off")
    if Payment.objects.filter(loan=loan, status__in=UNDER_WAY).exists():
        # The borrower is paying this moment, or money is on its way: never two at once.
        return Verdict(Answer.WAIT, "payment_under_way")
    return Verdict(Answer.GO, amount=amount)


def _find_refusal(
    charge: AutopayCharge, loan: Loan, amount: int, today: date, now: datetime
) -> str:
    if today > charge.charge_on + timedelta(days=LATEST_DAYS):
        return "too_late"
    tries, _rule = most_tries(loan.borrower.jurisdiction)
    if charge.attempt > tries:
        return "too_many_tries"
    if has_blocking_hold(loan, now):
        return "hold"
    if Dispute.objects.filter(payment__loan=loan, closed_at__isnull=True).exists():
        return "dispute"
    if not is_notice_given(charge, loan):
        return "notice_too_late"
    try:
        check_limits(amount, loan.currency)
    except AmountRefused:
        return "amount"
    return ""


def has_blocking_hold(loan: Loan, now: datetime) -> bool:
    """Whether a hold on the person or the loan keeps the card from being charged."""
    return (
        Hold.objects.filter(
            Q(ends_at__isnull=True) | Q(ends_at__gt=now),
            borrower_id=loan.borrower_id,
            subject__in=["", loan.stream],
            lifted_at__isnull=True,
            starts_at__lte=now,
        )
        .exclude(name__in=HOLDS_THAT_LET_PASS)
        .exists()
    )


def is_notice_given(charge: AutopayCharge, loan: Loan) -> bool:
    """Whether the notice of the first try was sent, and early enough (US-21).

    A message that waits in the outbox or could not be delivered is no notice. Later tries of the
    same amount are told with the failure of the one before.
    """
    first = charge
    if charge.attempt > 1:
        found = AutopayCharge.objects.filter(
            mandate__loan_id=loan.pk, due_date=charge.due_date, attempt=1
        )
        first = found.filter(payment__isnull=False).latest("pk")
    sent_at = (
        Message.objects.filter(
            business_key=notice_key(first.pk), status=Message.Status.SENT, sent_at__isnull=False
        )
        .values_list("sent_at", flat=True)
        .first()
    )
    if sent_at is None:
        return False
    before = last_amount(charge.mandate, charge.due_date)
    rule = notice_rule(loan.borrower.jurisdiction, varies=before != first.announced_amount)
    sent_on = sent_at.astimezone(lender_zone()).date()
    return (first.charge_on - sent_on).days >= rule.least_days
