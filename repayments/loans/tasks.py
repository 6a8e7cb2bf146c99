"""Ways in for the worker: money that waits is applied when something falls due."""

from typing import Any

from celery import shared_task

from repayments import clock
from repayments.loans import services
from repayments.loans.models import Loan

SWEEP_SIZE = 500


@shared_task(name="repayments.loans.tasks.apply_unapplied")
def apply_unapplied(*, loan_id: int, **kwargs: Any) -> None:
    services.apply_unapplied(loan_id=loan_id, as_of=clock.today(), now=clock.now())


@shared_task(name="repayments.loans.tasks.sweep_unapplied")
def sweep_unapplied(**kwargs: Any) -> None:
    """Enqueue an id for each loan with money that waits and something due."""
    due = Loan.objects.with_money_to_apply(clock.today()).order_by("pk")
    for loan_id in due.values_list("pk", flat=True)[:SWEEP_SIZE]:
        apply_unapplied.delay_on_commit(loan_id=loan_id)
