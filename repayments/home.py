"""What the borrower's home shows: the answer first, then what happens next, then what can be done.

The one page that joins all rooms. It reads and never writes; figures come from
``loans.queries.get_position`` and dates from the very rows the nightly close acts on.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import OuterRef, Q, Subquery
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from repayments.cases.models import CasePolicy
from repayments.clock import lender_zone
from repayments.contracts.deadlines import last_day
from repayments.contracts.models import Contract
from repayments.contracts.services import is_to_be_issued
from repayments.loans.activity import ActivityLine, list_activity
from repayments.loans.models import Loan
from repayments.loans.queries import (
    InstallmentRow,
    Position,
    WorkingRow,
    get_position,
    list_installment_rows,
    working_of_due,
    working_of_remaining,
)
from repayments.payments.models import AutopayCharge, Mandate, Payment, PromiseToPay
from repayments.payments.money_back import get_credit_offer
from repayments.plans.models import InstallmentPlan
from repayments.reminders.queries import UpcomingReminder, list_upcoming
from repayments.templatetags.amounts import day as day_text
from repayments.templatetags.amounts import day_list, money_text

ROWS_SHOWN = 4
ACTIVITY_SHOWN = 3
REMINDER_LINES = 2
UNDER_WAY = ["unknown", "processing"]


@dataclass(frozen=True)
class TimelineItem:
    """One dated line of "What happens next"; ``state`` is now or next."""

    date: date
    text: str
    detail: str = ""
    state: str = "next"


@dataclass(frozen=True)
class TodoItem:
    url: str
    text: str
    detail: str = ""


@dataclass(frozen=True)
class ActivityItem:
    date: date
    text: str
    amount: int
    url: str


@dataclass(frozen=True)
class Home:
    """Everything the page shows of one loan, and the other loans as a list.

    Attributes:
        contract_to_sign: the shown loan's own contract or agreement that waits for a signature.
        is_contract_on_its_way: there is none yet, and the worker makes it within minutes.
        autopay: words on the next automatic charge; empty without automatic payment.
    """

    loan: Loan
    position: Position
    headline: str
    amount: int
    sub: str
    tone: str
    pay_purpose: str
    due_working: list[WorkingRow]
    remaining_working: list[WorkingRow]
    timeline: list[TimelineItem]
    autopay: str
    stops_if: str
    todo: list[TodoItem]
    rows: list[InstallmentRow]
    first_rows: list[InstallmentRow]
    activity: list[ActivityItem]
    payment_under_way: Payment | None
    others: list[Loan]
    contract_to_sign: Contract | None
    is_contract_on_its_way: bool


def get_home(*, user: User, as_of: date, now: datetime) -> Home | None:
    """Gather the home of a borrower; None for somebody without a loan.

    The loan that needs attention first is shown in full: one to sign, then the latest, then the
    one that falls due next.
    """
    loans = sorted(
        Loan.objects.for_borrower(user).select_related("borrower", "product", "book", "stage"),
        key=_urgency,
    )
    if not loans:
        return None
    loan, *others = loans
    position = get_position(loan=loan, as_of=as_of)
    rows = list_installment_rows(loan=loan, as_of=as_of, position=position)
    headline, amount, sub, tone, purpose = _answer(loan, position, as_of)
    activity = list_activity(loan=loan, limit=ACTIVITY_SHOWN)
    payments = (
        Payment.objects.filter(
            Q(entry__in=[line.entry_id for line in activity]) | Q(status__in=UNDER_WAY), loan=loan
        )
        .with_way_back()
        .order_by("-created_at")
    )
    receipts = {one.entry_id: one for one in payments if one.entry_id}
    under_way = next((one for one in payments if one.entry_id is None), None)
    contracts = list(Contract.objects.for_borrower(user).to_sign().order_by("created_at"))
    to_sign = next((one for one in contracts if one.loan_id == loan.pk), None)
    return Home(
        loan=loan,
        position=position,
        headline=headline,
        amount=amount,
        sub=sub,
        tone=tone,
        pay_purpose=purpose,
        due_working=working_of_due(loan=loan, position=position, as_of=as_of),
        remaining_working=working_of_remaining(loan=loan, position=position, as_of=as_of),
        timeline=_timeline(loan, position, as_of),
        autopay=_describe_autopay(loan),
        stops_if=_("It stops as soon as you pay or agree a plan.")
        if position.past_due_amount
        else "",
        todo=[*_todo(user, contracts), *_credit_todo(loan, position)],
        rows=rows,
        first_rows=_rows_around_today(rows),
        activity=[_activity_item(line, receipts.get(line.entry_id)) for line in activity],
        payment_under_way=under_way,
        others=others,
        contract_to_sign=to_sign,
        is_contract_on_its_way=to_sign is None and is_to_be_issued(loan=loan, now=now),
    )


def _activity_item(line: ActivityLine, payment: Payment | None) -> ActivityItem:
    if payment is None:
        return ActivityItem(line.date, line.text, line.amount, "")
    text = line.text
    if payment.is_questioned:  # type: ignore[attr-defined]
        text = _("Your payment, questioned by your bank")
    elif payment.is_going_back:  # type: ignore[attr-defined]
        text = _("Your payment, being sent back")
    return ActivityItem(line.date, text, line.amount, payment.get_absolute_url())


def _credit_todo(loan: Loan, position: Position) -> list[TodoItem]:
    """Ask what to do with money left over, once."""
    offer = get_credit_offer(loan=loan, position=position)
    if offer is None:
        return []
    text = _("%(amount)s is left over") % {"amount": money_text(offer.amount, offer.currency)}
    detail = _("Keep it here or have it sent back") if offer.can_keep else _("Have it sent back")
    return [TodoItem(reverse("payments:left_over", args=[loan.public_id]), text, detail)]


def _urgency(loan: Loan) -> tuple[int, int, date]:
    order = {
        Loan.Status.ACTIVE: 1 if loan.days_past_due else 2,
        Loan.Status.PENDING_SIGNATURE: 0,
    }
    return (
        order.get(Loan.Status(loan.status), 3),
        -loan.days_past_due,
        loan.next_due_date or date.max,
    )


def _answer(loan: Loan, position: Position, as_of: date) -> tuple[str, int, str, str, str]:
    """Give label, amount, what it means, tone, and what the main button pays."""
    if loan.status == Loan.Status.PENDING_SIGNATURE:
        return _("Your new loan"), loan.principal, _("waits for your signature"), "soon", ""
    if loan.status == Loan.Status.WRITTEN_OFF:
        words = _("Please talk to us about how to settle this.")
        return _("Still to repay"), position.payoff_amount, words, "soon", ""
    if loan.status != Loan.Status.ACTIVE:
        return _("Still to repay"), 0, _("Paid off. Nothing is left to pay."), "fine", ""
    if position.past_due_amount and position.days_past_due and position.past_due_since:
        late = ngettext("%(days)s day late", "%(days)s days late", position.days_past_due) % {
            "days": position.days_past_due
        }
        since = _("since %(day)s") % {"day": day_text(position.past_due_since)}
        return _("Due now"), position.past_due_amount, f"{late} · {since}", "late", "past_due"
    if position.past_due_amount:
        return (
            _("Due today"),
            position.past_due_amount,
            _("on time if paid today"),
            "soon",
            "past_due",
        )
    if position.next_due_date is None:
        return _("Still to repay"), position.remaining_total, "", "fine", "payoff"
    days = (position.next_due_date - as_of).days
    due = day_text(position.next_due_date)
    words = ngettext("due in %(days)s day, on %(day)s", "due in %(days)s days, on %(day)s", days)
    tone = "soon" if days <= 3 else "fine"
    return (
        _("Next payment"),
        position.next_due_amount,
        words % {"days": days, "day": due},
        tone,
        "next",
    )


def _timeline(loan: Loan, position: Position, as_of: date) -> list[TimelineItem]:
    if loan.status != Loan.Status.ACTIVE:
        return []
    items = [
        TimelineItem(as_of, _("nothing changes"), _penalty_words(loan, position), state="now"),
        *_reminder_items(list_upcoming(loan=loan, as_of=as_of), as_of),
        *_promise_items(loan, as_of),
    ]
    since = position.past_due_since
    if since:
        from_day = (
            CasePolicy.objects.filter(kind="collections")
            .values_list("from_days_late", flat=True)
            .first()
        )
        takes_over = since + timedelta(days=from_day) if from_day else None
        if takes_over and takes_over > as_of:
            items.append(
                TimelineItem(
                    takes_over,
                    _("a person takes over"),
                    _("Someone from our team looks for a way with you."),
                )
            )
    elif position.next_due_date:
        amount = money_text(position.next_due_amount, loan.currency)
        items.append(
            TimelineItem(position.next_due_date, _("%(amount)s is due") % {"amount": amount})
        )
    return sorted(items, key=lambda item: (item.state != "now", item.date))


def _describe_autopay(loan: Loan) -> str:
    """Say what the saved card is charged next; one query."""
    if loan.status != Loan.Status.ACTIVE:
        return ""
    charges = AutopayCharge.objects.filter(
        mandate=OuterRef("pk"), status=AutopayCharge.Status.ANNOUNCED
    ).order_by("charge_on", "pk")
    mandate = (
        Mandate.objects.filter(loan=loan, status=Mandate.Status.ACTIVE)
        .annotate(
            charge_on=Subquery(charges.values("charge_on")[:1]),
            amount=Subquery(charges.values("announced_amount")[:1]),
        )
        .values("charge_on", "amount")
        .first()
    )
    if mandate is None:
        return ""
    if mandate["charge_on"] is None:
        return _("Automatic payment is on. We write to you before each charge.")
    return _("Your card is charged %(amount)s on %(day)s.") % {
        "amount": money_text(mandate["amount"], loan.currency),
        "day": day_text(mandate["charge_on"]),
    }


def _promise_items(loan: Loan, as_of: date) -> list[TimelineItem]:
    made = PromiseToPay.objects.filter(loan=loan, status="open", promised_for__gte=as_of).first()
    if made is None:
        return []
    words = _("you pay %(amount)s, as you promised") % {
        "amount": money_text(made.amount, loan.currency)
    }
    until = _("Until then we send no reminders about what is late.")
    return [TimelineItem(made.promised_for, words, until)]


def _reminder_items(reminders: list[UpcomingReminder], as_of: date) -> list[TimelineItem]:
    """Make a line of all reminders that say the same: of what is late now, before a payment falls
    due, or after it if it stays unpaid. The first lines are given, each with all of its days.
    """
    groups: dict[tuple[date, bool], list[UpcomingReminder]] = {}
    for reminder in reminders:
        is_after = reminder.date > reminder.due_date
        # Of what is late already one line is enough, however many payments it is.
        due = max(reminder.due_date, as_of - timedelta(days=1))
        groups.setdefault((due, is_after), []).append(reminder)
    lines = [_reminder_item(group, as_of) for group in groups.values()]
    return lines[:REMINDER_LINES]


def _reminder_item(group: list[UpcomingReminder], as_of: date) -> TimelineItem:
    first = group[0]
    words = {
        "email": _("a reminder by e-mail"),
        "sms": _("a reminder by text"),
        "push": _("a reminder in the app"),
    }
    channels = {one.channel for one in group}
    text = words.get(first.channel) if len(channels) == 1 else None
    details = []
    if first.date <= first.due_date:
        details.append(_("of the payment due on %(day)s") % {"day": day_text(first.due_date)})
    elif first.due_date >= as_of:
        details.append(
            _("if the payment due on %(day)s is still open") % {"day": day_text(first.due_date)}
        )
    again = sorted({one.date for one in group} - {first.date})
    if again:
        details.append(_("again on %(days)s") % {"days": day_list(again)})
    return TimelineItem(first.date, text or _("a reminder"), " · ".join(details))


def _penalty_words(loan: Loan, position: Position) -> str:
    if not position.principal_past_due or not loan.penalty_rate:
        return ""
    return _("Penalty interest of %(rate)s %% a year runs on the overdue principal.") % {
        "rate": f"{loan.penalty_rate.normalize():f}"
    }


def _todo(user: User, contracts: list[Contract]) -> list[TodoItem]:
    items = []
    for contract in contracts:
        text = (
            _("Sign your plan agreement")
            if contract.kind == "plan"
            else _("Sign your loan contract")
        )
        detail = _("about 3 minutes")
        if contract.expires_at is not None:
            last = last_day(contract.expires_at)
            detail = _("about 3 minutes, up to %(day)s") % {"day": day_text(last)}
        items.append(TodoItem(contract.get_absolute_url(), text, detail))
    waiting = InstallmentPlan.objects.for_borrower(user).filter(status="proposed")
    for plan in waiting.order_by("created_at"):
        if plan.source == InstallmentPlan.Source.BORROWER:
            detail = (
                _("a person answers by %(day)s") % {"day": day_text(_local_day(plan.answer_due_at))}
                if plan.answer_due_at
                else ""
            )
            items.append(
                TodoItem(plan.get_absolute_url(), _("Your plan is being looked at"), detail)
            )
        else:
            detail = (
                _("stands until %(day)s") % {"day": day_text(_local_day(plan.expires_at))}
                if plan.expires_at
                else ""
            )
            items.append(TodoItem(plan.get_absolute_url(), _("Answer our offer"), detail))
    return items


def _local_day(moment: datetime) -> date:
    return moment.astimezone(lender_zone()).date()


def _rows_around_today(rows: list[InstallmentRow]) -> list[InstallmentRow]:
    """Give the few rows around the first that is not paid."""
    first_open = next((at for at, row in enumerate(rows) if row.state != "paid"), 0)
    start = max(0, min(first_open - 1, len(rows) - ROWS_SHOWN))
    return rows[start : start + ROWS_SHOWN]


def pay_url(loan: Loan, purpose: str) -> str:
    """Give the pay page with a choice already made."""
    url = reverse("payments:pay", args=[loan.public_id])
    return f"{url}?purpose={purpose}" if purpose else url
