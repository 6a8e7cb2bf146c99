"""A signed plan becomes the loan's schedule, in the transaction of its signature."""

from datetime import date, datetime
from functools import partial

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from repayments.contacts.models import Hold
from repayments.contacts.services import HoldNotOpen, lift_hold, place_hold
from repayments.contracts.models import Contract
from repayments.contracts.services import ContractMovedOn
from repayments.loans.models import Loan, Schedule
from repayments.loans.services import ScheduleDoesNotAddUp, replace_schedule
from repayments.plans.models import InstallmentPlan
from repayments.plans.queries import has_changed, stored_amounts
from repayments.plans.services.agree import as_schedule
from repayments.plans.services.states import PlanMovedOn, Status, lock, move, record
from repayments.plans.signals import plan_activated

HOLD = "plan_active"


class AgreementOutdated(ContractMovedOn):
    """The plan behind the document has changed, so it cannot be signed; a new one is on its way."""

    message = _(
        "A payment has changed what is left. Your agreement is being prepared anew with the right "
        "amounts. Nothing was signed."
    )


def activate_signed_plan(
    *, contract: Contract, actor: User | None, now: datetime, as_of: date
) -> None:
    """Put a plan in force as its agreement is signed; all of it or nothing.

    The plan counts from the day it was worked out for: its rows hold the interest from that day
    on, and penalty interest of the days between is waived.

    Locks: the loan. The caller holds the transaction of the signature.
    Raises: AgreementOutdated where money moved since, or the plan ended.
    """
    plan_id = InstallmentPlan.objects.filter(contract=contract).values_list("pk", flat=True).first()
    if plan_id is None:
        raise AgreementOutdated
    plan = lock(plan_id)
    if plan.status != Status.AWAITING_SIGNATURE or has_changed(plan):
        raise AgreementOutdated
    if plan.loan.status != Loan.Status.ACTIVE:
        raise AgreementOutdated(_("No plan is needed: nothing is left to pay on this loan."))
    _replace_older(plan, actor=actor, now=now)
    amounts = stored_amounts(plan)
    try:
        schedule = replace_schedule(
            loan_id=plan.loan_id,
            rows=as_schedule(amounts),
            reason=Schedule.Reason.PLAN,
            effective_date=amounts.debt.as_of,
            actor=actor,
            now=now,
        )
    except ScheduleDoesNotAddUp as error:
        raise AgreementOutdated from error
    try:
        move(plan, Status.ACTIVE, schedule=schedule, activated_at=now, expires_at=None)
    except PlanMovedOn as error:
        raise AgreementOutdated from error
    place_hold(
        borrower=plan.loan.borrower,
        name=HOLD,
        subject=plan.loan.stream,
        reason=f"plan {plan.public_id}",
        actor=actor,
        now=now,
    )
    record(plan, "activated", actor=actor, at=now, payload={"contract": contract.reference})
    transaction.on_commit(
        partial(plan_activated.send_robust, sender=InstallmentPlan, plan_id=plan.pk)
    )


def lift_plan_hold(plan: InstallmentPlan, *, actor: User | None, now: datetime) -> None:
    """Lift the hold an active plan gave; the caller holds the transaction."""
    holds = Hold.objects.filter(
        borrower_id=plan.loan.borrower_id,
        subject=plan.loan.stream,
        name=HOLD,
        lifted_at__isnull=True,
    )
    for hold_id in holds.values_list("pk", flat=True):
        try:
            lift_hold(hold_id=hold_id, actor=actor, now=now)
        except HoldNotOpen:
            # Staff lifted it just now, which is all that was wanted.
            continue


def _replace_older(plan: InstallmentPlan, *, actor: User | None, now: datetime) -> None:
    older = InstallmentPlan.objects.filter(loan_id=plan.loan_id, status=Status.ACTIVE).first()
    if older is None:
        return
    older.loan = plan.loan
    move(older, Status.REPLACED, ended_at=now)
    payload = {"by": str(plan.public_id)}
    record(older, "replaced", actor=actor, at=now, payload=payload)
