"""Quote what settles a loan; a quote is honored to the cent if the money arrives in time."""

from datetime import date, datetime, time, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from repayments.audit.services import record_event
from repayments.clock import lender_zone
from repayments.loans.models import Component, Loan, PayoffQuote
from repayments.loans.reckoning import Snapshot
from repayments.loans.services.schedules import LoanNotActive
from repayments.loans.services.work import Work

MOST_QUOTE_DAYS = 30


class QuoteDayRefused(Exception):
    """No quote is given for this day; nothing was stored."""


class QuoteInThePast(QuoteDayRefused):
    """The day has passed."""


class QuoteTooFarAhead(QuoteDayRefused):
    """The day is further ahead than a quote can be good for."""


def check_quote_day(*, good_through: date, today: date) -> None:
    """Refuse a day before today, or more than ``MOST_QUOTE_DAYS`` after it.

    Raises: QuoteInThePast; QuoteTooFarAhead.
    """
    if good_through < today:
        raise QuoteInThePast(_("Please choose today or a later day."))
    if good_through > last_quote_day(today):
        raise QuoteTooFarAhead(
            _("Please choose a day within the next %(days)s days.") % {"days": MOST_QUOTE_DAYS}
        )


def last_quote_day(today: date) -> date:
    return today + timedelta(days=MOST_QUOTE_DAYS)


@transaction.atomic
def quote_payoff(
    *, loan_id: int, good_through: date, actor: User | None, now: datetime
) -> PayoffQuote:
    """Store what settles the loan up to a day, inclusive, in the lender's zone.

    Its lines add up to the total: the parts of the debt, and money that waits as a deduction. The
    interest of days that are paid for and not needed goes back into ``unapplied``.

    Args:
        good_through: today or one of the ``MOST_QUOTE_DAYS`` days after it.
    Raises: LoanNotActive; QuoteInThePast; QuoteTooFarAhead.
    """
    work = Work(loan_id=loan_id, actor=actor, now=now)
    if work.loan.status != Loan.Status.ACTIVE:
        raise LoanNotActive(_("There is nothing to pay off on this loan."))
    check_quote_day(good_through=good_through, today=work.today)
    lines = list_quote_lines(work.state, good_through, as_of=work.today)
    zone = lender_zone()
    midnight = datetime.combine(good_through + timedelta(days=1), time.min, tzinfo=zone)
    quote = PayoffQuote.objects.create(
        loan=work.loan,
        good_through=good_through,
        lines=lines,
        per_diem=work.state.per_diem(good_through),
        total=max(sum(line["amount"] for line in lines), 0),
        expires_at=midnight,
        created_at=now,
    )
    record_event(
        stream=work.loan.stream,
        action="loans.payoff_quoted",
        actor=actor,
        at=now,
        payload={"quote": quote.pk, "total": quote.total, "good_through": good_through.isoformat()},
    )
    return quote


def list_quote_lines(state: Snapshot, on: date, *, as_of: date) -> list[dict]:
    """Itemize a payoff; ``working`` holds the inputs each amount is worked out from."""
    owed = state.payoff(on)
    lines: list[dict] = [
        {
            "component": Component.PRINCIPAL.value,
            "amount": owed.principal,
            "working": {"outstanding_principal": owed.principal},
        }
    ]
    past_due = sum(row.interest_unpaid for row in state.due_rows(as_of))
    lines.append(
        {
            "component": Component.INTEREST.value,
            "amount": owed.interest,
            "working": {
                "past_due": past_due,
                "accrued": owed.interest - past_due,
                "through": on.isoformat(),
                "annual_rate": str(state.annual_rate),
            },
        }
    )
    if owed.fees:
        lines.append({"component": Component.FEES.value, "amount": owed.fees, "working": {}})
    if owed.penalty:
        unposted = state.unposted_penalty(on)
        lines.append(
            {
                "component": Component.PENALTY.value,
                "amount": owed.penalty,
                "working": {
                    "posted": owed.penalty - unposted,
                    "since": unposted,
                    "through": on.isoformat(),
                    "annual_rate": str(state.penalty_rate),
                },
            }
        )
    if state.unapplied:
        lines.append({"component": "unapplied", "amount": -state.unapplied, "working": {}})
    return lines
