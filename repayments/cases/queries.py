"""What the staff's queue and first page show: as few reads for a million cases as for ten."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from repayments.cases.models import Case, CaseKind
from repayments.cases.reasons import reason_sentence
from repayments.clock import lender_zone
from repayments.loans.models import Loan

PAGE_SIZE = 50
MINE, UNASSIGNED, TODAY, BREACHED, ALL = "mine", "unassigned", "today", "breached", "all"
TABS = {
    MINE: gettext_lazy("Mine"),
    UNASSIGNED: gettext_lazy("Unassigned"),
    TODAY: gettext_lazy("Due today"),
    BREACHED: gettext_lazy("Too late"),
    ALL: gettext_lazy("All"),
}
# First day late of each bar; the last one is open.
AGING_FROM = [1, 8, 31, 61, 91]


@dataclass(frozen=True)
class QueueRow:
    """One case: who, how much, how late, why, and the next step by when."""

    pk: int
    kind: str
    person: str
    loan_number: str
    amount: int | None
    currency: str
    days_late: int | None
    why: str
    due_at: datetime
    is_breached: bool
    status: str
    assignee: str
    can_claim: bool


@dataclass(frozen=True)
class QueuePage:
    """``next_cursor`` is empty on the last page."""

    tab: str
    rows: list[QueueRow]
    next_cursor: str


@dataclass(frozen=True)
class AgingBar:
    """How many loans are so late, and what they owe by currency in minor units."""

    label: str
    loans: int
    amounts: list[tuple[str, int]]
    x: str = "0"
    width: str = "0"


def count_queue(*, user: User, now: datetime) -> dict[str, int]:
    """Count the open cases of each tab, in one statement."""
    day_start, day_end = _day_of(now)
    return Case.objects.open().aggregate(
        **{
            MINE: Count("pk", filter=Q(assignee=user)),
            UNASSIGNED: Count("pk", filter=Q(assignee__isnull=True)),
            TODAY: Count("pk", filter=Q(due_at__gte=day_start, due_at__lt=day_end)),
            BREACHED: Count("pk", filter=Q(due_at__lt=now)),
            ALL: Count("pk"),
        }
    )


def list_queue(
    *,
    user: User,
    tab: str,
    now: datetime,
    kind: str = "",
    cursor: str = "",
    page_size: int = PAGE_SIZE,
) -> QueuePage:
    """Give one page of the queue: by priority, then by when it is due, then by amount.

    Args:
        kind: a ``CaseKind``; "" for all.
        cursor: ``next_cursor`` of the page before; one that cannot be read gives the first page.
    """
    cases = (
        _cases_of_tab(user, tab, now)
        .annotate(amount=Coalesce(F("loan__past_due_amount"), 0))
        .select_related("loan", "borrower", "assignee")
        .order_by("priority", "due_at", "-amount", "pk")
    )
    if kind in CaseKind.values:
        cases = cases.filter(kind=kind)
    place = _read_cursor(cursor)
    if place:
        cases = cases.filter(_after(*place))
    found = list(cases[: page_size + 1])
    shown = found[:page_size]
    return QueuePage(
        tab=tab,
        rows=[_row(case, user, now) for case in shown],
        next_cursor=_write_cursor(shown[-1]) if len(found) > page_size else "",
    )


def list_aging() -> list[AgingBar]:
    """Sum late loans by how late they are, from the day's figures; bars are placed in 0 to 100."""
    bounds = list(zip(AGING_FROM, [*AGING_FROM[1:], None], strict=True))
    filters = {
        f"bar_{index}": Q(days_past_due__gte=start) & (Q(days_past_due__lt=end) if end else Q())
        for index, (start, end) in enumerate(bounds)
    }
    rows = list(
        Loan.objects.late()
        .values("currency")
        .annotate(
            **{f"{name}_loans": Count("pk", filter=which) for name, which in filters.items()},
            **{
                f"{name}_amount": Coalesce(Sum("past_due_amount", filter=which), 0)
                for name, which in filters.items()
            },
        )
        .order_by("currency")
    )
    counts = [sum(row[f"{name}_loans"] for row in rows) for name in filters]
    most = max(counts, default=0) or 1
    return [
        AgingBar(
            label=_days(start, end),
            loans=count,
            amounts=[
                (row["currency"], row[f"{name}_amount"]) for row in rows if row[f"{name}_loans"]
            ],
            width=str(round(100 * count / most, 1)),
        )
        for (start, end), name, count in zip(bounds, filters, counts, strict=True)
    ]


def _days(start: int, end: int | None) -> str:
    if end is None:
        return _("%(start)s days and more") % {"start": start}
    return _("%(start)s to %(end)s days") % {"start": start, "end": end - 1}


def _cases_of_tab(user: User, tab: str, now: datetime) -> "QuerySet[Case]":
    cases = Case.objects
    day_start, day_end = _day_of(now)
    if tab == MINE:
        return cases.held_by(user)
    if tab == UNASSIGNED:
        return cases.unassigned()
    if tab == TODAY:
        return cases.open().filter(due_at__gte=day_start, due_at__lt=day_end)
    if tab == BREACHED:
        return cases.due_before(now)
    return cases.open()


def _day_of(now: datetime) -> tuple[datetime, datetime]:
    zone = lender_zone()
    start = datetime.combine(now.astimezone(zone).date(), time.min, tzinfo=zone)
    return start, datetime.combine(start.date() + timedelta(days=1), time.min, tzinfo=zone)


def _row(case: Case, user: User, now: datetime) -> QueueRow:
    return QueueRow(
        pk=case.pk,
        kind=case.get_kind_display(),
        person=case.borrower.legal_name if case.borrower else _("Nobody known"),
        loan_number=case.loan.number if case.loan else "",
        amount=case.loan.past_due_amount if case.loan else None,
        currency=case.loan.currency if case.loan else "",
        days_late=case.loan.days_past_due if case.loan else None,
        why=reason_sentence(case.reason, case.reason_facts),
        due_at=case.due_at,
        is_breached=case.due_at < now,
        status=case.get_status_display(),
        assignee=str(case.assignee or ""),
        can_claim=case.status == Case.Status.OPEN and case.assignee_id is None,
    )


# --- Keyset -------------------------------------------------------------------------------------


def _after(priority: int, due_at: datetime, amount: int, pk: int) -> Q:
    """Keep what stands behind this place in the order of the queue."""
    return (
        Q(priority__gt=priority)
        | Q(priority=priority, due_at__gt=due_at)
        | Q(priority=priority, due_at=due_at, amount__lt=amount)
        | Q(priority=priority, due_at=due_at, amount=amount, pk__gt=pk)
    )


def _write_cursor(case: Case) -> str:
    amount = case.loan.past_due_amount if case.loan else 0
    moment = case.due_at.astimezone(UTC).strftime("%Y%m%dT%H%M%S%f")
    return f"{case.priority}~{moment}~{amount}~{case.pk}"


def _read_cursor(cursor: str) -> tuple[int, datetime, int, int] | None:
    parts = cursor.split("~")
    try:
        priority, moment, amount, pk = parts
        due_at = datetime.strptime(moment, "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
        place = int(priority), due_at, int(amount), int(pk)
    except ValueError:
        return None
    # Larger numbers than the columns hold would be an error of the database.
    fits = abs(place[0]) < 2**15 and max(abs(place[2]), abs(place[3])) < 2**63
    return place if fits else None
