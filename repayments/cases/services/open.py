"""Opening cases: one open case of a kind a loan and one of unmatched money, whoever asks."""

from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q

from accounts.models import Borrower, User
from repayments.audit.services import record_event
from repayments.cases.models import Case, CaseKind, CasePolicy
from repayments.clock import lender_zone
from repayments.contracts.models import Contract
from repayments.loans.calendar import add_each_workdays
from repayments.loans.models import Loan
from repayments.payments.models import Payment, Suspense
from repayments.plans.models import InstallmentPlan

# The hour, in the lender's zone, by which a day's work is done.
END_OF_WORK = time(17, 0)
# Calendar days, holidays or not, that no policy can stretch: CN-12.
LAWFUL_DAYS: dict[str, int] = {CaseKind.COMPLAINT: 15}


def get_policy(kind: str) -> CasePolicy:
    """Give the policy of a kind; the model's defaults where staff deleted the row."""
    return CasePolicy.objects.filter(kind=kind).first() or CasePolicy(kind=kind)


def due_moment(*, policy: CasePolicy, now: datetime) -> datetime:
    """Say by when a person acts; see ``due_moments``."""
    return due_moments(policies=[policy], now=now)[policy.kind]


def due_moments(*, policies: Iterable[CasePolicy], now: datetime) -> dict[str, datetime]:
    """Say by when a person acts on a case of each kind, with one look at the calendar.

    Returns: 17:00 in the lender's zone, so many workdays from now, by kind; never later than the
        law's own days allow.
    """
    policies = list(policies)
    today = now.astimezone(lender_zone()).date()
    days = add_each_workdays(today, {policy.act_within_days for policy in policies})
    moments = {}
    for policy in policies:
        day = days[policy.act_within_days]
        if policy.kind in LAWFUL_DAYS:
            day = min(day, today + timedelta(days=LAWFUL_DAYS[policy.kind]))
        moments[policy.kind] = datetime.combine(day, END_OF_WORK, tzinfo=lender_zone())
    return moments


@transaction.atomic
def open_case(
    *,
    kind: str,
    reason: str,
    actor: User | None,
    now: datetime,
    loan: Loan | None = None,
    borrower: Borrower | None = None,
    facts: Mapping[str, Any] | None = None,
    request: str = "",
    plan: InstallmentPlan | None = None,
    payment: Payment | None = None,
    suspense: Suspense | None = None,
    contract: Contract | None = None,
    due_at: datetime | None = None,
) -> Case:
    """Open a case, or give the one that is open already: of the money, or of the kind and loan.

    Args:
        kind: a ``CaseKind``.
        reason: code of ``cases.reasons``, with its facts as plain JSON values.
        borrower: the loan's, unless told; None with no loan for money that fits nobody.
        request: the borrower's own words.
        due_at: aware; the policy's day at 17:00 unless told.
    Returns: the case; unchanged when it was open before.
    """
    if loan is not None:
        Loan.objects.select_for_update().get(pk=loan.pk)
    already = _find_open(kind=kind, loan=loan, suspense=suspense)
    if already is not None:
        return already
    policy = get_policy(kind)
    case = Case(
        kind=kind,
        loan=loan,
        borrower=borrower or (loan.borrower if loan else None),
        stage=loan.stage if loan else None,
        plan=plan,
        payment=payment,
        suspense=suspense,
        contract=contract,
        priority=policy.priority,
        reason=reason,
        reason_facts=dict(facts or {}),
        request=request,
        due_at=due_at or due_moment(policy=policy, now=now),
        opened_at=now,
    )
    try:
        with transaction.atomic():
            case.save(force_insert=True)
    except IntegrityError:
        # The lock above does nothing on SQLite, and money without a loan has none: the unique
        # constraints are the guard.
        already = _find_open(kind=kind, loan=loan, suspense=suspense)
        if already is None:
            raise
        return already
    record_case_event(
        case=case,
        action="cases.opened",
        actor=actor,
        at=now,
        payload={"reason": reason, "facts": dict(facts or {})},
    )
    return case


def record_case_event(
    *,
    case: Case,
    action: str,
    actor: User | None,
    at: datetime,
    payload: Mapping[str, Any] | None = None,
) -> None:
    """Record what happened to a case in its own stream and in its loan's, in that order."""
    content = {"case": str(case.public_id), "kind": case.kind, **(payload or {})}
    record_event(stream=case.stream, action=action, actor=actor, at=at, payload=content)
    if case.loan is not None:
        record_event(stream=case.loan.stream, action=action, actor=actor, at=at, payload=content)


def _find_open(*, kind: str, loan: Loan | None, suspense: Suspense | None) -> Case | None:
    if suspense is not None:
        same = Q(suspense=suspense)
    elif loan is not None:
        same = Q(loan=loan, kind=kind, suspense__isnull=True)
    else:
        return None
    return Case.objects.open().filter(same).select_related("loan").first()


def is_opened_by_borrower(kind: str) -> bool:
    """Tell whether a borrower opens cases of this kind from the help page."""
    return kind in {CaseKind.HARDSHIP, CaseKind.DISPUTE, CaseKind.COMPLAINT, CaseKind.QUESTION}
