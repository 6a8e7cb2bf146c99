"""Writing plans and their rows, as worked out by ``amounts``. Callers hold the transaction."""

from datetime import datetime, time, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from repayments.clock import lender_zone
from repayments.contacts.services import queue_message
from repayments.loans.models import Loan
from repayments.plans.amounts import PlanAmounts
from repayments.plans.models import InstallmentPlan, PlanPolicy, PlanRow
from repayments.plans.queries import newest_entry, rounded_cost
from repayments.plans.services.states import PlanAlreadyOpen


def create_plan(
    *, loan: Loan, amounts: PlanAmounts, source: str, now: datetime, **fields: Any
) -> InstallmentPlan:
    """Store a proposal and its rows; the loan is locked.

    Raises: PlanAlreadyOpen where the loan has one on its way.
    """
    plan = InstallmentPlan(
        loan=loan,
        status=InstallmentPlan.Status.PROPOSED,
        source=source,
        created_at=now,
        **_figures(loan, amounts),
        **fields,
    )
    try:
        with transaction.atomic():
            plan.save(force_insert=True)
    except IntegrityError as error:
        if InstallmentPlan.objects.filter(loan=loan).open().exists():
            raise PlanAlreadyOpen from error
        raise
    _store_rows(plan, amounts)
    return plan


def put_amounts(
    plan: InstallmentPlan, amounts: PlanAmounts, *, after_seq: int | None = None
) -> None:
    """Replace the figures of a plan that does not bind yet.

    Args:
        after_seq: newest entry of the books the amounts rest on, where they were worked out before
            the loan was locked.
    """
    figures = _figures(plan.loan, amounts)
    if after_seq is not None:
        figures["after_seq"] = after_seq
    InstallmentPlan.objects.filter(pk=plan.pk).update(**figures)
    for name, value in figures.items():
        setattr(plan, name, value)
    plan.rows.all().delete()
    _store_rows(plan, amounts)


def offer_ends_at(policy: PlanPolicy, amounts: PlanAmounts, now: datetime) -> datetime:
    """Until when an offer stands: the policy's days, but never past the first payment's day."""
    day_after_first = amounts.first_due + timedelta(days=1)
    first_is_past = datetime.combine(day_after_first, time.min, tzinfo=lender_zone())
    return min(now + timedelta(days=policy.offer_valid_days), first_is_past)


def tell_borrower(plan: InstallmentPlan, template_key: str, *, now: datetime) -> None:
    """Put a message about an answer into the outbox; who cannot sign in yet gets none."""
    borrower = plan.loan.borrower
    if borrower.user_id is None:
        return
    queue_message(
        borrower=borrower,
        template_key=template_key,
        purpose=template_key,
        subject=plan.loan.stream,
        business_key=f"{template_key}:{plan.public_id}",
        context={"link": plan.get_absolute_url()},
        now=now,
    )


def _figures(loan: Loan, amounts: PlanAmounts) -> dict[str, Any]:
    return {
        "total": amounts.total,
        "total_interest": amounts.total_interest,
        "annual_cost": rounded_cost(amounts),
        "amounts_on": amounts.debt.as_of,
        "after_seq": newest_entry(loan=loan),
    }


def _store_rows(plan: InstallmentPlan, amounts: PlanAmounts) -> None:
    PlanRow.objects.bulk_create(
        PlanRow(
            plan=plan,
            number=row.number,
            due_date=row.due_date,
            amount=row.amount,
            principal=row.principal,
            interest=row.interest,
            fee=row.fee,
        )
        for row in amounts.rows
    )
