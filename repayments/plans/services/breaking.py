"""How plans end by themselves: kept, broken, not answered in time, not signed. Run by sweeps and by
the close of the day; running again changes nothing."""

import logging
from datetime import date, datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Min

from repayments.loans.models import Installment, Loan
from repayments.plans.models import InstallmentPlan, PlanPolicy
from repayments.plans.services.activate import lift_plan_hold
from repayments.plans.services.agree import end_contract
from repayments.plans.services.states import PlanMovedOn, Status, lock, move, record
from repayments.plans.signals import plan_broken

logger = logging.getLogger(__name__)

BATCH = 500


def break_overdue_plans(*, as_of: date, now: datetime) -> int:
    """End the plans with a payment late past the policy's grace.

    Read set-based; each plan then ends in a transaction of its own. The schedule stays in force as
    it is: what is owed, and since when, does not change.

    Returns: how many were broken.
    """
    policies = list(PlanPolicy.objects.all())
    least_grace = min((policy.break_grace_days for policy in policies), default=0)
    late = (
        Installment.objects.open()
        .filter(
            due_date__lt=as_of - timedelta(days=least_grace),
            loan__plans__status=Status.ACTIVE,
        )
        .order_by()
        .values("loan__plans", "loan__product_id", "loan__currency")
        # The join repeats the status: another plan of the loan is not meant.
        .filter(loan__plans__status=Status.ACTIVE)
        .annotate(oldest=Min("due_date"))
    )
    broken = 0
    for row in list(late):
        grace = _grace(policies, row["loan__product_id"], row["loan__currency"])
        if row["oldest"] < as_of - timedelta(days=grace):
            broken += _break(row["loan__plans"], oldest=row["oldest"], as_of=as_of, now=now)
    return broken


def close_settled_plans(*, now: datetime, loan_id: int | None = None) -> int:
    """End the plans of loans with nothing left to pay: kept, or no longer needed.

    Args:
        loan_id: look at this loan only.
    Returns: how many ended.
    """
    lively = [*InstallmentPlan.OPEN, Status.ACTIVE]
    plans = InstallmentPlan.objects.filter(status__in=lively).exclude(
        loan__status__in=[Loan.Status.ACTIVE, Loan.Status.PENDING_SIGNATURE]
    )
    if loan_id is not None:
        plans = plans.filter(loan_id=loan_id)
    return sum(
        _close_settled(plan_id, now) for plan_id in plans.values_list("pk", flat=True)[:BATCH]
    )


def expire_plans(*, now: datetime) -> int:
    """End the offers nobody took in time; return how many."""
    over = InstallmentPlan.objects.filter(status=Status.PROPOSED, expires_at__lte=now)
    expired = 0
    for plan_id in over.values_list("pk", flat=True)[:BATCH]:
        with transaction.atomic():
            plan = lock(plan_id)
            try:
                move(plan, Status.EXPIRED, ended_at=now)
            except PlanMovedOn:
                # Answered a moment ago.
                continue
            record(plan, "expired", actor=None, at=now)
            expired += 1
    return expired


def list_to_issue(*, now: datetime) -> list[int]:
    """Accepted plans whose agreement should long be there."""
    waiting = InstallmentPlan.objects.filter(
        status=Status.ACCEPTED, decided_at__lt=now - timedelta(minutes=1)
    )
    return list(waiting.order_by("pk").values_list("pk", flat=True)[:BATCH])


def list_unsigned(*, loan_id: int | None = None) -> list[int]:
    """Plans that wait for a signature."""
    waiting = InstallmentPlan.objects.filter(status=Status.AWAITING_SIGNATURE)
    if loan_id is not None:
        waiting = waiting.filter(loan_id=loan_id)
    return list(waiting.order_by("pk").values_list("pk", flat=True)[:BATCH])


def _grace(policies: list[PlanPolicy], product_id: int, currency: str) -> int:
    matching = [
        policy
        for policy in policies
        if policy.currency == currency and policy.product_id in (product_id, None)
    ]
    policy = min(matching, key=lambda one: one.product_id is None, default=None)
    return (policy or PlanPolicy()).break_grace_days


def _break(plan_id: int, *, oldest: date, as_of: date, now: datetime) -> int:
    with transaction.atomic():
        plan = lock(plan_id)
        # A payment may have come in while the lock was waited for.
        still_late = Installment.objects.open().filter(loan_id=plan.loan_id, due_date=oldest)
        if not still_late.exists():
            return 0
        try:
            move(plan, Status.BROKEN, ended_at=now, reason_code="not_kept")
        except PlanMovedOn:
            return 0
        lift_plan_hold(plan, actor=None, now=now)
        payload = {"due_date": oldest.isoformat(), "as_of": as_of.isoformat()}
        record(plan, "broken", actor=None, at=now, payload=payload)
        transaction.on_commit(
            partial(plan_broken.send_robust, sender=InstallmentPlan, plan_id=plan.pk)
        )
    return 1


def _close_settled(plan_id: int, now: datetime) -> int:
    with transaction.atomic():
        plan = lock(plan_id)
        if plan.loan.status in (Loan.Status.ACTIVE, Loan.Status.PENDING_SIGNATURE):
            return 0
        try:
            if plan.status == Status.ACTIVE:
                move(plan, Status.KEPT, ended_at=now)
                lift_plan_hold(plan, actor=None, now=now)
                record(plan, "kept", actor=None, at=now)
            elif plan.status == Status.PROPOSED:
                move(plan, Status.EXPIRED, ended_at=now, reason_code="nothing_left")
                record(plan, "expired", actor=None, at=now, payload={"why": "nothing_left"})
            else:
                end_contract(plan, reason="nothing_left", actor=None, now=now)
                move(plan, Status.CANCELED, ended_at=now, reason_code="nothing_left")
                record(plan, "canceled", actor=None, at=now, payload={"why": "nothing_left"})
        except PlanMovedOn:
            return 0
    return 1
