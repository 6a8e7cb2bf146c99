"""The close of a day: what falls due is billed, figures are set right, reminders and cases made.

Each step is a service of its room, set-based, in a transaction of its own, and writes nothing that
is there already: a close that was cut off is simply run again. This module knows the order of the
steps and which days are closed, and nothing else.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Max

from repayments.cases.services import open_due_cases
from repayments.clock import lender_zone
from repayments.loans.billing import bill_due, list_credit_due
from repayments.loans.models import DayClose
from repayments.loans.services import apply_unapplied, refresh_figures
from repayments.payments.services import announce_charges, decide_promises
from repayments.plans.services import break_overdue_plans
from repayments.reminders.services import create_due_reminders
from repayments.time_limits import lift_time_limit

logger = logging.getLogger(__name__)

STALE_AFTER = timedelta(minutes=15)
"""Longer than a task may run: who began a close that long ago and has not ended it is dead."""


class DayIsPast(Exception):
    """A later day is closed, so an earlier one's figures would be wrong; nothing was written."""

    def __init__(self, day: date, latest: date) -> None:
        super().__init__(f"{day} cannot be closed: {latest} is closed already")
        self.latest = latest


class DayNotBegun(Exception):
    """Closed now, the day would shut out every day before it; nothing was written."""

    def __init__(self, day: date, today: date) -> None:
        super().__init__(f"{day} has not begun, so it cannot be closed: today is {today}")


@dataclass(frozen=True)
class Written:
    """Rows truly written: entries posted, loans changed, reminders created, cases moved."""

    billed: int
    loans: int
    reminders: int
    cases: int


@dataclass(frozen=True)
class CloseReport:
    date: date
    written: Written
    seconds: float


def close_day(*, as_of: date, now: datetime) -> CloseReport:
    """Close a day; the same day again writes nothing.

    Days missed before it need no close of their own: bills are posted on their due dates, and
    reminders look back as far as they may. They get a row that says which close made up for them.

    Args:
        as_of: the day that has begun in the lender's zone; what is due on it is billed.
    Raises: DayNotBegun, DayIsPast.
    """
    started = time.perf_counter()
    today = now.astimezone(lender_zone()).date()
    if as_of > today:
        raise DayNotBegun(as_of, today)
    latest = DayClose.objects.aggregate(latest=Max("date"))["latest"]
    if latest is not None and latest > as_of:
        raise DayIsPast(as_of, latest)
    row, _created = DayClose.objects.get_or_create(date=as_of, defaults={"started_at": now})
    billed = bill_due(as_of=as_of, now=now)
    _apply_credit(as_of, now)
    with _no_time_limit():
        loans = refresh_figures(loan_ids=None, as_of=as_of)
    announce_charges(as_of=as_of, now=now)
    with _no_time_limit():
        reminders = create_due_reminders(as_of=as_of, now=now)
    # Before the cases: a plan or a promise that broke tonight is worked tonight.
    break_overdue_plans(as_of=as_of, now=now)
    decide_promises(as_of=as_of, now=now)
    cases = open_due_cases(as_of=as_of, now=now)
    written = Written(billed, loans, reminders, cases)
    if row.finished_at is None:
        _finish(row, written, latest, now)
    return CloseReport(as_of, written, round(time.perf_counter() - started, 3))


def close_due_day(*, today: date, now: datetime) -> CloseReport | None:
    """Close today unless that is done, or being done by somebody who is alive.

    Returns: None when there was nothing to do.
    """
    latest = DayClose.objects.filter(finished_at__isnull=False).aggregate(latest=Max("date"))
    if latest["latest"] is not None and latest["latest"] >= today:
        if latest["latest"] > today:
            # The clock went back: until that day comes again nothing is closed by itself.
            logger.error("%s is closed already, so %s is not", latest["latest"], today)
        return None
    _row, created = DayClose.objects.get_or_create(date=today, defaults={"started_at": now})
    if not created:
        # The row count is the guard: of two that find it stale, one takes over.
        taken = DayClose.objects.filter(
            date=today, finished_at__isnull=True, started_at__lt=now - STALE_AFTER
        ).update(started_at=now)
        if taken != 1:
            return None
    return close_day(as_of=today, now=now)


def _apply_credit(as_of: date, now: datetime) -> None:
    """Apply waiting money to what has fallen due, loan by loan: there are few, each its own sum."""
    for loan_id in list_credit_due(as_of=as_of):
        try:
            apply_unapplied(loan_id=loan_id, as_of=as_of, now=now)
        except Exception:
            # One loan in disorder must not keep all others from being closed.
            logger.exception("money waiting on loan %s could not be applied", loan_id)


@transaction.atomic
def _finish(row: DayClose, written: Written, latest: date | None, now: datetime) -> None:
    if latest is not None:
        missed = [
            DayClose(
                date=latest + timedelta(days=gap),
                started_at=now,
                finished_at=now,
                written={"made_up_by": row.date.isoformat()},
            )
            for gap in range(1, (row.date - latest).days)
        ]
        DayClose.objects.bulk_create(missed, ignore_conflicts=True)
    DayClose.objects.filter(pk=row.pk, finished_at__isnull=True).update(
        finished_at=now, written=asdict(written)
    )


@contextmanager
def _no_time_limit() -> Iterator[None]:
    """One transaction whose statements may run as long as a large book needs."""
    with transaction.atomic():
        lift_time_limit()
        yield
