"""Which reminders lie ahead, and is one still wanted: the same policy rows, read for pages."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from repayments.clock import lender_zone
from repayments.contacts.models import ContactPoint, Hold, Message
from repayments.loans.models import Installment, Loan
from repayments.payments.models import PromiseToPay
from repayments.reminders.models import Reminder, ReminderPolicy

# Holds all reminders of the next monthly payment, to the last one after its due date.
DAYS_AHEAD = 62
# A field below takes the name.
Day = date


@dataclass(frozen=True)
class UpcomingReminder:
    """A message that will go out on a day if nothing changes before."""

    date: Day
    kind: str
    channel: str
    due_date: Day


def list_upcoming(*, loan: Loan, as_of: date) -> list[UpcomingReminder]:
    """List the reminders of a loan in the ``DAYS_AHEAD`` after a day, soonest first.

    Nothing is promised that would not be sent: none for a loan that is not active, under a hold
    that stops reminders, or on a channel the person stopped. Two queries.
    """
    if loan.status != Loan.Status.ACTIVE:
        return []
    policies = [
        policy
        for policy in ReminderPolicy.objects.filter(is_active=True)
        if _is_outside_grace(policy.offset_days, loan.grace_days)
    ]
    if not policies:
        return []
    holds = Hold.objects.filter(
        borrower=OuterRef("loan__borrower_id"),
        subject__in=["", loan.stream],
        lifted_at__isnull=True,
    ).filter(Q(ends_at__isnull=True) | Q(ends_at__date__gt=as_of))
    stopped = ContactPoint.objects.filter(
        borrower=OuterRef("loan__borrower_id"), opted_out_at__isnull=False
    )
    last = as_of + timedelta(days=DAYS_AHEAD)
    rows = (
        Installment.objects.open()
        .filter(
            loan=loan,
            due_date__gt=as_of - timedelta(days=max(policy.offset_days for policy in policies)),
            due_date__lte=last - timedelta(days=min(policy.offset_days for policy in policies)),
        )
        .annotate(
            is_held=Exists(holds.exclude(name="plan_active")),
            has_plan=Exists(holds.filter(name="plan_active")),
            promised_for=Subquery(_open_promises(OuterRef("loan_id")).values("promised_for")[:1]),
            email_stopped=Exists(stopped.filter(channel="email")),
            sms_stopped=Exists(stopped.filter(channel="sms")),
        )
    )
    found = {
        UpcomingReminder(day, policy.kind, policy.channel, row.due_date)
        for row in rows
        for policy in policies
        if as_of < (day := row.due_date + timedelta(days=policy.offset_days)) <= last
        and not row.is_held
        and not (row.has_plan and policy.offset_days > 0)
        and not (row.promised_for and policy.offset_days > 0 and day <= row.promised_for)
        and not getattr(row, f"{policy.channel}_stopped", False)
    }
    return _one_a_day(sorted(found, key=lambda one: (one.date, one.channel, one.kind)))


def is_still_wanted(message: Message, now: datetime) -> bool:
    """Tell, as a reminder is sent, whether there is still something to remind of.

    Not for an installment that is paid or replaced, for a loan that is not active, or where the
    day of a newer kind has come: that one takes its place. Nor once staff took the kind out of use,
    nor about what is late before the day by which its borrower promised to pay.
    """
    reminder = (
        Reminder.objects.filter(message=message)
        .select_related("policy", "installment__loan")
        .first()
    )
    if reminder is None:
        return False
    installment, loan = reminder.installment, reminder.installment.loan
    if not installment.is_current or installment.unpaid <= 0 or loan.status != Loan.Status.ACTIVE:
        return False
    if not reminder.policy.is_active:
        return False
    today = now.astimezone(lender_zone()).date()
    if reminder.policy.offset_days > 0 and _open_promises(loan.pk).filter(promised_for__gte=today):
        return False
    late = (today - installment.due_date).days
    newer = ReminderPolicy.objects.filter(
        is_active=True, offset_days__gt=reminder.policy.offset_days, offset_days__lte=late
    ).values_list("offset_days", flat=True)
    return not any(_is_outside_grace(offset, loan.grace_days) for offset in newer)


def _open_promises(loan_id: Any) -> QuerySet[PromiseToPay]:
    return PromiseToPay.objects.filter(loan_id=loan_id, status=PromiseToPay.Status.OPEN)


def _is_outside_grace(offset_days: int, grace_days: int) -> bool:
    return offset_days <= 0 or offset_days > grace_days


def _one_a_day(reminders: list[UpcomingReminder]) -> list[UpcomingReminder]:
    """Keep one of a day and channel: more would meet the daily cap (CN-20)."""
    seen: set[tuple[date, str]] = set()
    kept = []
    for reminder in reminders:
        if (reminder.date, reminder.channel) not in seen:
            seen.add((reminder.date, reminder.channel))
            kept.append(reminder)
    return kept
