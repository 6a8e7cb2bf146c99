"""Work on plans that waits for no page. Each task may run twice, late, or beside itself."""

import logging
from typing import Any

from celery import shared_task

from repayments.clock import now, today
from repayments.plans import services
from repayments.plans.services import AgreementNotMade

logger = logging.getLogger(__name__)


@shared_task
def issue_agreement(*, plan_id: int, **kwargs: Any) -> None:
    """Issue the agreement of an accepted plan."""
    try:
        services.issue_agreement(plan_id=plan_id, now=now(), as_of=today())
    except AgreementNotMade:
        # Said in the log where it was refused; the sweep tries again.
        logger.warning("plan %s has no agreement yet", plan_id)


@shared_task
def renew_agreement(*, plan_id: int, **kwargs: Any) -> None:
    """Bring an unsigned agreement up to date, or end a plan that cannot be signed any more."""
    try:
        if not services.cancel_unsigned(plan_id=plan_id, now=now()):
            services.renew_agreement(plan_id=plan_id, now=now(), as_of=today())
    except AgreementNotMade:
        logger.warning("plan %s keeps its old agreement, which cannot be signed", plan_id)


@shared_task
def close_settled_plans(*, loan_id: int, **kwargs: Any) -> None:
    """End the plans of a loan with nothing left to pay."""
    services.close_settled_plans(now=now(), loan_id=loan_id)


@shared_task
def sweep_plans(**kwargs: Any) -> None:
    """Make up for whatever was missed: offers that ran out, agreements, plans that ended."""
    moment, day = now(), today()
    services.expire_plans(now=moment)
    services.close_settled_plans(now=moment)
    services.break_overdue_plans(as_of=day, now=moment)
    for plan_id in services.list_to_issue(now=moment):
        issue_agreement.delay_on_commit(plan_id=plan_id)
    for plan_id in services.list_unsigned():
        renew_agreement.delay_on_commit(plan_id=plan_id)
