"""Which contracts: chainable answers, no writing."""

from typing import Any

from django.db import models

from repayments.loans.models import Loan

SETTLED = (Loan.Status.PAID_OFF, Loan.Status.CLOSED)


class ContractQuerySet(models.QuerySet[Any]):
    def for_borrower(self, user: Any) -> "ContractQuerySet":
        """Keep the contracts of this signed-in user that were ever shown to them."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(loan__borrower__user=user).exclude(status__in=["draft", "frozen"])

    def to_sign(self) -> "ContractQuerySet":
        """Keep contracts that wait for the borrower."""
        return self.filter(status__in=["sent", "viewed", "consented"])


class SettlementLetterQuerySet(models.QuerySet[Any]):
    def for_borrower(self, user: Any) -> "SettlementLetterQuerySet":
        """Keep the letters of this signed-in user, void ones too."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(loan__borrower__user=user)

    def in_force(self) -> "SettlementLetterQuerySet":
        """Keep letters that are true: sealed or not, of a loan that is settled.

        Asked of the loan too, so that no letter outlives a settlement until a sweep comes by.
        """
        return self.exclude(status="voided").filter(loan__status__in=SETTLED)
