"""How staff answer a proposal: accept, offer something else, decline; each with a reason."""

from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from repayments.dates import add_months
from repayments.plans.amounts import Wish, work_out
from repayments.plans.evaluation import LONGEST_MONTHS
from repayments.plans.models import InstallmentPlan, PlanPolicy
from repayments.plans.queries import get_debt, get_policy, stored_amounts
from repayments.plans.services.propose import check_loan, check_stands, refresh_amounts
from repayments.plans.services.states import (
    PlanMovedOn,
    PlanRefused,
    Status,
    lock,
    move,
    record,
)
from repayments.plans.services.store import create_plan, offer_ends_at, tell_borrower

REASON_LENGTH = 500


class ReasonMissing(PlanRefused):
    """Every answer of a person has a reason."""

    message = _("Please write the reason in a few words.")


class LongerThanAllowed(PlanRefused):
    """CN-11: no plan runs longer than five years, whoever agrees."""

    message = _("A plan may run five years at most.")


def accept_plan(
    *, plan_id: int, reason: str, actor: User, now: datetime, as_of: date
) -> InstallmentPlan:
    """Accept a borrower's proposal; its agreement then waits for a signature.

    Raises: ReasonMissing, LongerThanAllowed, PlanMovedOn; FiguresChanged, after the proposal was
        worked out anew for staff to see.
    """
    words = _check_reason(reason)
    refresh_amounts(plan_id=plan_id, actor=actor, now=now, as_of=as_of)
    with transaction.atomic():
        plan = _lock_proposal(plan_id)
        check_stands(plan, now=now, as_of=as_of)
        _check_term(stored_amounts(plan).ends_on, as_of)
        move(
            plan,
            Status.ACCEPTED,
            decided_by=actor,
            decided_at=now,
            reason_code="by_person",
            reason_note=words,
        )
        record(plan, "accepted", actor=actor, at=now, payload={"by": "person", "reason": words})
        tell_borrower(plan, "plan_accepted", now=now)
        return plan


@transaction.atomic
def counter_plan(
    *, plan_id: int, wish: Wish, reason: str, actor: User, now: datetime, as_of: date
) -> InstallmentPlan:
    """Offer other dates or amounts instead of a borrower's proposal.

    Args:
        reason: shown to the borrower beside the offer.
    Returns: the offer.
    Raises: ReasonMissing, LongerThanAllowed, PlanMovedOn, AmountsRefused and its kinds.
    """
    words = _check_reason(reason)
    plan = _lock_proposal(plan_id)
    amounts = work_out(get_debt(loan=plan.loan, as_of=as_of), wish)
    _check_term(amounts.ends_on, as_of)
    move(
        plan,
        Status.COUNTERED,
        decided_by=actor,
        decided_at=now,
        reason_code="by_person",
        reason_note=words,
    )
    policy = get_policy(loan=plan.loan) or PlanPolicy(currency=plan.loan.currency)
    counter = create_plan(
        loan=plan.loan,
        amounts=amounts,
        source=InstallmentPlan.Source.STAFF,
        now=now,
        counter_of=plan,
        expires_at=offer_ends_at(policy, amounts, now),
    )
    payload = {"by": "person", "reason": words, "total": amounts.total}
    record(counter, "countered", actor=actor, at=now, payload=payload)
    tell_borrower(plan, "plan_countered", now=now)
    return counter


@transaction.atomic
def decline_plan(*, plan_id: int, reason: str, actor: User, now: datetime) -> InstallmentPlan:
    """Say no to a borrower's proposal, with a reason the borrower reads.

    Raises: ReasonMissing, PlanMovedOn.
    """
    words = _check_reason(reason)
    plan = _lock_proposal(plan_id, running=False)
    move(
        plan,
        Status.DECLINED,
        decided_by=actor,
        decided_at=now,
        ended_at=now,
        reason_code="by_person",
        reason_note=words,
    )
    record(plan, "declined", actor=actor, at=now, payload={"reason": words})
    tell_borrower(plan, "plan_declined", now=now)
    return plan


def _lock_proposal(plan_id: int, *, running: bool = True) -> InstallmentPlan:
    plan = lock(plan_id)
    if plan.is_offer:
        # The borrower answers an offer, nobody else.
        raise PlanMovedOn
    if running:
        check_loan(plan.loan)
    return plan


def _check_reason(reason: str) -> str:
    words = reason.strip()[:REASON_LENGTH]
    if not words:
        raise ReasonMissing
    return words


def _check_term(ends_on: date, as_of: date) -> None:
    if ends_on > add_months(as_of, LONGEST_MONTHS):
        raise LongerThanAllowed
