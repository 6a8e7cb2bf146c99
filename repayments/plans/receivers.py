"""News from lower rooms, heard on commit; each only hastens what ``sweep_plans`` does anyway."""

from typing import Any

from repayments.plans import tasks
from repayments.plans.models import InstallmentPlan
from repayments.plans.services import list_unsigned


def hear_payment(*, loan_id: int, **kwargs: Any) -> None:
    """Money moved: an unsigned agreement needs new figures."""
    for plan_id in list_unsigned(loan_id=loan_id):
        tasks.renew_agreement.delay_on_commit(plan_id=plan_id)


def hear_settled(*, loan_id: int, **kwargs: Any) -> None:
    """Nothing is left to pay: plans of the loan are kept, or no longer needed."""
    tasks.close_settled_plans.delay_on_commit(loan_id=loan_id)


def hear_contract_ended(*, contract_id: int, **kwargs: Any) -> None:
    """An agreement was declined, ran out or is void: its plan ends with it."""
    plans = InstallmentPlan.objects.filter(
        contract_id=contract_id, status=InstallmentPlan.Status.AWAITING_SIGNATURE
    )
    for plan_id in plans.values_list("pk", flat=True):
        tasks.renew_agreement.delay_on_commit(plan_id=plan_id)
