"""Cases that nobody asked for: a policy's day has come, or something needs a person.

Each source is one set-based read of what is true now (an anti-join with the cases there are), so
running it again writes nothing and a lost signal costs a minute. Rows and their events are written
in batches; the unique constraints decide between two runs at once.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from repayments.audit.services import NewEvent, record_events
from repayments.cases.models import Case, CaseKind, CasePolicy
from repayments.cases.services.files import (
    contracts_with_damage,
    damaged_contract_case,
    damaged_letter_case,
    letters_with_damage,
)
from repayments.cases.services.money import decided_refunds, money_sources
from repayments.cases.services.open import due_moments, get_policy
from repayments.cases.services.unmatched import (
    broken_promise_case,
    broken_promises,
    clearing_case,
    clearing_differences,
    money_placed,
    own_unmatched_money,
)
from repayments.clock import lender_zone
from repayments.contracts.models import Contract, SettlementLetter
from repayments.loans.models import Loan
from repayments.payments.models import (
    ClearingCheck,
    Dispute,
    FraudWarning,
    Payment,
    PromiseToPay,
    Refund,
    Suspense,
)
from repayments.plans.models import InstallmentPlan

BATCH = 2000
# So often the seal is tried again before a person looks.
SEAL_TRIES = 3
# What came in longer ago has been worked, or will not be found by a sweep.
LOOK_BACK = timedelta(days=30)


def open_due_cases(*, as_of: date, now: datetime) -> int:
    """Open what is due on a day and close what has settled itself; part of the nightly close.

    Opened: loans late past the policy's day, broken plans, and all of ``open_signaled_cases``.
    Closed: cases about late payment whose loan is current again, and plans that were answered.

    Returns: how many cases were opened or closed; 0 when run again.
    """
    return (
        close_settled_cases(now=now)
        + _open_in_batches(lambda: _late_loans(as_of), _late_case, now)
        + open_signaled_cases(now=now)
    )


def open_signaled_cases(*, now: datetime) -> int:
    """Open the cases that signals ask for, from the rows themselves; run each minute.

    Returns: how many cases were opened or closed.
    """
    since = now - LOOK_BACK
    return (
        own_unmatched_money(now=now)
        + _close_answered_plans(now)
        + _open_in_batches(lambda: _broken_plans(now), _broken_plan_case, now)
        + _open_in_batches(lambda: broken_promises(since), broken_promise_case, now)
        + _open_in_batches(_referred_plans, _plan_review_case, now)
        + _close_in_batches(decided_refunds(), Case.CloseReason.ANSWERED, now)
        + _close_in_batches(money_placed(), Case.CloseReason.ANSWERED, now)
        + sum(_open_in_batches(due, build, now) for due, build in money_sources(since))
        + _open_in_batches(lambda: clearing_differences(since), clearing_case, now)
        + _open_in_batches(_unsealed_contracts, _contract_case, now)
        + _open_in_batches(contracts_with_damage, damaged_contract_case, now)
        + _open_in_batches(letters_with_damage, damaged_letter_case, now)
    )


def close_settled_cases(*, now: datetime, loan_id: int | None = None) -> int:
    """Close cases about late payment whose loan owes nothing that is due.

    The reason is "a plan was agreed" where one became active after the case was opened, else
    "paid".

    Args:
        loan_id: look at this loan only.
    """
    settled = Case.objects.open().filter(kind=CaseKind.COLLECTIONS, loan__days_past_due=0)
    if loan_id is not None:
        settled = settled.filter(loan_id=loan_id)
    planned = InstallmentPlan.objects.filter(
        loan=OuterRef("loan"), status="active", activated_at__gte=OuterRef("opened_at")
    )
    return _close_in_batches(
        settled.filter(Exists(planned)), Case.CloseReason.PLAN_AGREED, now
    ) + _close_in_batches(settled.exclude(Exists(planned)), Case.CloseReason.PAID, now)


def _close_answered_plans(now: datetime) -> int:
    answered = Case.objects.open().filter(kind=CaseKind.PLAN_REVIEW, plan__isnull=False)
    answered = answered.exclude(plan__status=InstallmentPlan.Status.PROPOSED)
    return _close_in_batches(answered, Case.CloseReason.ANSWERED, now)


# --- What is due --------------------------------------------------------------------------------


def _late_loans(as_of: date) -> QuerySet[Any]:
    """Loans late past the policy's day, unless a case about it is open or was closed lately.

    "Lately" is the policy's days of rest, and only within the same spell of lateness.
    """
    policy = get_policy(CaseKind.COLLECTIONS)
    if policy.from_days_late is None:
        return Loan.objects.none()
    midnight = datetime.combine(as_of, time.min, tzinfo=lender_zone()).astimezone(UTC)
    cases = Case.objects.filter(loan=OuterRef("pk"), kind=CaseKind.COLLECTIONS)
    rested = cases.filter(
        closed_at__gt=midnight - timedelta(days=policy.rest_days),
        closed_at__date__gte=OuterRef("past_due_since"),
    )
    return (
        Loan.objects.late()
        .filter(days_past_due__gte=max(policy.from_days_late, 1))
        .exclude(Exists(cases.open()))
        .exclude(Exists(rested))
        .order_by("pk")
    )


def _late_case(loan: Loan) -> Case:
    return Case(
        kind=CaseKind.COLLECTIONS,
        loan=loan,
        reason="late",
        reason_facts={
            "days_late": loan.days_past_due,
            "amount": loan.past_due_amount,
            "currency": loan.currency,
        },
    )


def _broken_plans(now: datetime) -> QuerySet[Any]:
    """Plans that broke, unless a case about the loan's late payment is open or came after."""
    handled = Case.objects.filter(loan=OuterRef("loan"), kind=CaseKind.COLLECTIONS).filter(
        ~Q(status=Case.Status.CLOSED) | Q(closed_at__gte=OuterRef("ended_at"))
    )
    return (
        InstallmentPlan.objects.filter(
            status=InstallmentPlan.Status.BROKEN,
            ended_at__gte=now - LOOK_BACK,
            loan__status=Loan.Status.ACTIVE,
            loan__days_past_due__gt=0,
        )
        .exclude(Exists(handled))
        .order_by("pk")
    )


def _broken_plan_case(plan: InstallmentPlan) -> Case:
    ended = plan.ended_at.astimezone(lender_zone()).date().isoformat() if plan.ended_at else ""
    return Case(
        kind=CaseKind.COLLECTIONS,
        loan=plan.loan,
        plan=plan,
        reason="plan_broken",
        reason_facts={"ended_on": ended},
    )


def _referred_plans() -> QuerySet[Any]:
    """Proposals that a rule gave to a person."""
    cases = Case.objects.filter(plan=OuterRef("pk"), kind=CaseKind.PLAN_REVIEW)
    return (
        InstallmentPlan.objects.filter(
            status=InstallmentPlan.Status.PROPOSED, answer_due_at__isnull=False
        )
        .exclude(Exists(cases))
        .order_by("pk")
    )


def _plan_review_case(plan: InstallmentPlan) -> Case:
    case = Case(
        kind=CaseKind.PLAN_REVIEW,
        loan=plan.loan,
        plan=plan,
        reason="plan_referred",
        reason_facts={"rule": plan.reason_code},
        request=plan.note,
    )
    if plan.answer_due_at is not None:
        case.due_at = plan.answer_due_at
    return case


def _unsealed_contracts() -> QuerySet[Any]:
    cases = Case.objects.filter(contract=OuterRef("pk"), kind=CaseKind.CONTRACT_EXCEPTION)
    return (
        Contract.objects.filter(status=Contract.Status.SEAL_FAILED, seal_attempts__gte=SEAL_TRIES)
        .exclude(Exists(cases))
        .order_by("pk")
    )


def _contract_case(contract: Contract) -> Case:
    return Case(
        kind=CaseKind.CONTRACT_EXCEPTION,
        loan=contract.loan,
        contract=contract,
        reason="seal_failed",
        reason_facts={"reference": contract.reference},
    )


# --- Writing ------------------------------------------------------------------------------------

_JOINED = {
    Loan: ("borrower", "stage"),
    InstallmentPlan: ("loan__borrower", "loan__stage"),
    PromiseToPay: ("loan__borrower", "loan__stage"),
    Payment: ("loan__borrower", "loan__stage"),
    Dispute: ("payment__loan__borrower", "payment__loan__stage", "suspense"),
    FraudWarning: ("payment__loan__borrower", "payment__loan__stage"),
    Refund: ("payment__loan__borrower", "payment__loan__stage"),
    Suspense: ("payment__loan__borrower", "payment__loan__stage"),
    Contract: ("loan__borrower", "loan__stage"),
    SettlementLetter: ("loan__borrower", "loan__stage"),
    ClearingCheck: (),
}


def _open_in_batches(
    due: Callable[[], QuerySet[Any]], build: Callable[[Any], Case], now: datetime
) -> int:
    """Open a case for each row of a source, a batch a transaction, until none is left."""
    policies = {policy.kind: policy for policy in CasePolicy.objects.all()}
    opened, last = 0, 0
    while True:
        # The key is passed by: a row whose case could not be opened is not met again in this run.
        query = due().filter(pk__gt=last)
        joined = _JOINED[query.model]
        rows = list((query.select_related(*joined) if joined else query)[:BATCH])
        if not rows:
            return opened
        last = rows[-1].pk
        opened += _open_batch([build(row) for row in rows], policies, now)


@transaction.atomic
def _open_batch(cases: list[Case], policies: dict[str, CasePolicy], now: datetime) -> int:
    used = {
        kind: policies.get(kind) or CasePolicy(kind=kind) for kind in {one.kind for one in cases}
    }
    due = due_moments(policies=used.values(), now=now)
    for case in cases:
        policy = used[case.kind]
        case.borrower = case.loan.borrower if case.loan else None
        case.stage = case.loan.stage if case.loan else None
        case.priority = policy.priority
        case.opened_at = now
        case.due_at = case.due_at or due[case.kind]
    # Two of a kind for one loan, or another run at the same time: the first one stands.
    Case.objects.bulk_create(cases, ignore_conflicts=True, batch_size=500)
    written = _present([case.public_id for case in cases])
    events: list[NewEvent] = []
    count = 0
    for case in cases:
        if case.public_id in written:
            count += 1
            content = {
                "case": str(case.public_id),
                "kind": case.kind,
                "reason": case.reason,
                "facts": case.reason_facts,
            }
            events += _both_streams(case, "cases.opened", content)
    record_events(events, actor=None, at=now)
    return count


def _present(public_ids: list[Any]) -> set[Any]:
    found: set[Any] = set()
    for start in range(0, len(public_ids), 500):
        part = public_ids[start : start + 500]
        found |= set(Case.objects.filter(public_id__in=part).values_list("public_id", flat=True))
    return found


def _close_in_batches(cases: QuerySet[Any], reason: str, now: datetime) -> int:
    closed = 0
    while True:
        rows = list(cases.select_related("loan").order_by("pk")[:500])
        if not rows:
            return closed
        moved = _close_batch(rows, reason, now)
        closed += moved
        if moved == 0:
            return closed


@transaction.atomic
def _close_batch(cases: list[Case], reason: str, now: datetime) -> int:
    moved = 0
    events: list[NewEvent] = []
    ids = [case.pk for case in cases]
    locked = set(
        Case.objects.open().select_for_update().filter(pk__in=ids).values_list("pk", flat=True)
    )
    Case.objects.open().filter(pk__in=locked).update(
        status=Case.Status.CLOSED, closed_at=now, close_reason=reason
    )
    for case in cases:
        if case.pk in locked:
            moved += 1
            content = {"case": str(case.public_id), "kind": case.kind, "reason": reason}
            events += _both_streams(case, "cases.closed", content)
    record_events(events, actor=None, at=now)
    return moved


def _both_streams(case: Case, action: str, content: dict[str, Any]) -> Iterator[NewEvent]:
    yield NewEvent(stream=case.stream, action=action, payload=content)
    if case.loan is not None:
        yield NewEvent(stream=case.loan.stream, action=action, payload=content)
