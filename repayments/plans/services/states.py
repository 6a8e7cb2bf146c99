"""How a plan moves, what it refuses, and how each move is put on record."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.models import User
from repayments.audit.services import record_event
from repayments.loans.models import Loan
from repayments.plans.models import InstallmentPlan

Status = InstallmentPlan.Status


class PlanRefused(Exception):
    """A step with a plan that is not possible; nothing was changed. The message is for people."""

    message: Any = _("This is not possible now. Nothing was changed.")

    def __init__(self, message: Any = None) -> None:
        super().__init__(message or self.message)


class PlanMovedOn(PlanRefused):
    """The plan was answered, withdrawn or ended before this step."""

    message = _("This plan has changed since the page was opened. Please see how it stands now.")


class PlanAlreadyOpen(PlanRefused):
    """The loan has a proposal on its way already."""

    message = _("There is already a proposal for this loan. Please see its answer first.")


class PlanNotPossible(PlanRefused):
    """There is nothing a plan could repay, or the loan does not run."""

    message = _("No plan is needed: nothing is left to pay on this loan.")


class FiguresChanged(PlanRefused):
    """Money moved on the loan since the plan was worked out, or its first date has passed."""

    message = _(
        "A payment has changed what is left, so the amounts of this plan are worked out anew. "
        "Please look at them again."
    )


def lock(plan_id: int) -> InstallmentPlan:
    """Lock the loan, and return its plan as it stands now; the caller holds the transaction."""
    loan_id = InstallmentPlan.objects.values_list("loan_id", flat=True).get(pk=plan_id)
    loan = lock_loan(loan_id)
    plan: InstallmentPlan = InstallmentPlan.objects.select_related("counter_of", "contract").get(
        pk=plan_id
    )
    plan.loan = loan
    return plan


def lock_loan(loan_id: int) -> Loan:
    """Lock a loan and read it with what a plan needs of it."""
    loan: Loan = (
        Loan.objects.select_for_update(of=("self",))
        .select_related("borrower__user", "product", "book")
        .get(pk=loan_id)
    )
    return loan


def move(plan: InstallmentPlan, to: str, **fields: Any) -> None:
    """Change the state, only from where ``InstallmentPlan.TRANSITIONS`` allows it.

    Raises: PlanMovedOn when it is elsewhere.
    """
    changed = InstallmentPlan.objects.filter(
        pk=plan.pk, status__in=InstallmentPlan.TRANSITIONS[to]
    ).update(status=to, **fields)
    # SQLite knows no row locks: the row count is the real guard.
    if changed != 1:
        raise PlanMovedOn
    plan.status = to
    for name, value in fields.items():
        setattr(plan, name, value)


def record(
    plan: InstallmentPlan,
    action: str,
    *,
    actor: User | None,
    at: datetime,
    payload: Mapping[str, Any] | None = None,
) -> None:
    """Write an event into the loan's stream; the caller holds the transaction."""
    record_event(
        stream=plan.loan.stream,
        action=f"plans.{action}",
        actor=actor,
        at=at,
        payload={"plan": str(plan.public_id), **(payload or {})},
    )
