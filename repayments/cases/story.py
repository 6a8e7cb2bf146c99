"""One case on one page: figures, whom to reach and how, what is allowed now. Writes nothing."""

from dataclasses import dataclass
from datetime import date, datetime

from django.contrib.auth.models import Group
from django.db.models import Q, QuerySet

from accounts.models import User
from repayments.cases.models import Case
from repayments.cases.reasons import gate_sentence, hold_name, reason_sentence
from repayments.cases.services import is_held_by_another
from repayments.contacts.models import Channel, ContactPoint, Decision, Hold
from repayments.loans.queries import Position, get_position
from repayments.plans.models import InstallmentPlan

Status = Case.Status
SHOWN_POINTS = 20


@dataclass(frozen=True)
class Reach:
    """One address or number of the person, and whether it may be used."""

    channel: str
    address: str
    is_stopped: bool


@dataclass(frozen=True)
class OpenHold:
    words: str
    since: datetime
    until: datetime | None


@dataclass(frozen=True)
class CallAnswer:
    """What the gate said to this colleague: the number if the call is allowed, else why not."""

    decision_id: int
    address: str
    is_allowed: bool
    words: str


@dataclass(frozen=True)
class Story:
    case: Case
    why: str
    position: Position | None
    reaches: list[Reach]
    holds: list[OpenHold]
    plan: InstallmentPlan | None
    others: list[Case]
    acts: frozenset[str]
    call_answer: CallAnswer | None


def get_story(
    *, case: Case, user: User, as_of: date, now: datetime, decision_id: str = ""
) -> Story:
    """Gather what a case's page shows beside its timeline.

    Args:
        case: read with its loan, borrower, assignee and plan.
        decision_id: of the gate's last answer to this user, from the address of the page.
    """
    return Story(
        case=case,
        why=reason_sentence(case.reason, case.reason_facts),
        position=get_position(loan=case.loan, as_of=as_of) if case.loan else None,
        reaches=list_reaches(case),
        holds=_open_holds(case, now),
        plan=_plan_to_show(case),
        others=_other_cases(case),
        acts=list_acts(case=case, user=user),
        call_answer=_call_answer(case, user, decision_id),
    )


def list_acts(*, case: Case, user: User) -> frozenset[str]:
    """Name the acts this user may do on the case as it stands."""
    acts: set[str] = set()
    works = user.has_perm("cases.work_case")
    supervises = user.has_perm("cases.reassign_case")
    is_open = case.status != Status.CLOSED
    free_to_touch = is_open and not is_held_by_another(case, user)
    if works:
        acts.add("note")
        if case.status == Status.OPEN or (
            case.status == Status.WAITING and case.assignee_id == user.pk
        ):
            acts.add("claim")
        if free_to_touch:
            acts.add("close")
            if case.status in (Status.CLAIMED, Status.WAITING):
                acts.add("release")
            if case.status == Status.CLAIMED:
                acts.add("wait")
        if not is_open:
            acts.add("reopen")
    if works and supervises and is_open:
        acts.add("reassign")
    if user.has_perm("cases.call_borrower") and free_to_touch and case.borrower_id:
        acts.add("call")
    return frozenset(acts)


def list_colleagues() -> QuerySet[User]:
    """Give the staff who may work on cases, by name."""
    grants = Q(permissions__codename="work_case", permissions__content_type__app_label="cases")
    groups = Group.objects.filter(grants)
    return (
        User.objects.filter(is_staff=True, is_active=True)
        .filter(
            Q(is_superuser=True)
            | Q(groups__in=groups)
            | Q(
                user_permissions__codename="work_case",
                user_permissions__content_type__app_label="cases",
            )
        )
        .distinct()
        .order_by("name", "email")
    )


def list_numbers(case: Case) -> list[str]:
    """Give the numbers of the person that may be dialed: in use and not stopped, record first."""
    spoken = {str(Channel.VOICE), str(Channel.SMS)}
    stopped = {reach.address for reach in list_reaches(case) if reach.is_stopped}
    numbers = [case.borrower.phone] if case.borrower and case.borrower.phone else []
    numbers += [reach.address for reach in list_reaches(case) if reach.channel in spoken]
    return [number for number in dict.fromkeys(numbers) if number not in stopped]


def list_reaches(case: Case) -> list[Reach]:
    """Give the person's addresses and numbers, those on the lender's record included."""
    if case.borrower is None:
        return []
    points = ContactPoint.objects.filter(borrower=case.borrower, is_active=True)
    found = [
        Reach(point.channel, point.address, point.opted_out_at is not None)
        for point in points.order_by("channel", "pk")[:SHOWN_POINTS]
    ]
    known = {(reach.channel, reach.address) for reach in found}
    record = [
        (str(Channel.EMAIL), case.borrower.email),
        (str(Channel.VOICE), case.borrower.phone),
    ]
    return found + [
        Reach(channel, address, False)
        for channel, address in record
        if address and (channel, address) not in known
    ]


def _open_holds(case: Case, now: datetime) -> list[OpenHold]:
    if case.borrower is None:
        return []
    holds = Hold.objects.filter(borrower=case.borrower, lifted_at__isnull=True).filter(
        Q(ends_at__isnull=True) | Q(ends_at__gt=now)
    )
    if case.loan is not None:
        holds = holds.filter(subject__in=["", case.loan.stream])
    return [
        OpenHold(hold_name(hold.name), hold.starts_at, hold.ends_at)
        for hold in holds.order_by("starts_at")
    ]


def _plan_to_show(case: Case) -> InstallmentPlan | None:
    """Give the plan the case is about, else the one on its way or in force."""
    if case.plan is not None:
        return case.plan
    if case.loan is None:
        return None
    lively = [*InstallmentPlan.OPEN, InstallmentPlan.Status.ACTIVE]
    plans = InstallmentPlan.objects.filter(loan=case.loan, status__in=lively)
    return plans.order_by("-created_at").first()


def _other_cases(case: Case) -> list[Case]:
    """Give the other open cases of the loan; one of a kind at most, so they are few."""
    if case.loan is None:
        return []
    others = Case.objects.open().filter(loan=case.loan).exclude(pk=case.pk)
    return list(others.select_related("assignee").order_by("priority", "pk"))


def _call_answer(case: Case, user: User, decision_id: str) -> CallAnswer | None:
    if not decision_id.isdecimal() or len(decision_id) > 18 or case.borrower is None:
        return None
    decision = Decision.objects.filter(
        pk=int(decision_id),
        borrower=case.borrower,
        subject=case.loan.stream if case.loan else "",
        channel=Channel.VOICE,
        actor=user,
        attempt__isnull=True,
    ).first()
    if decision is None:
        return None
    allowed = decision.verdict == Decision.Verdict.ALLOW
    words = ""
    if decision.code:
        words = gate_sentence(decision.code, until=decision.until, zone=case.borrower.time_zone)
    return CallAnswer(decision.pk, decision.address, allowed, words)
