"""What the portal's own kind of contract, the loan contract, brings about."""

from datetime import date, datetime

from accounts.models import User
from repayments.contracts.models import Contract


def activate_signed_loan(
    *, contract: Contract, actor: User | None, now: datetime, as_of: date
) -> None:
    """Make the loan active in the transaction of its signature."""
    from repayments.loans.services import activate_loan

    activate_loan(loan_id=contract.loan_id, actor=actor, now=now, as_of=as_of)
