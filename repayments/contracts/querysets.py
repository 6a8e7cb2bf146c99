"""Which contracts: chainable answers, no writing."""

from typing import Any

from django.db import models


class ContractQuerySet(models.QuerySet[Any]):
    def for_borrower(self, user: Any) -> "ContractQuerySet":
        """Keep the contracts of this signed-in user that were ever shown to them."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(loan__borrower__user=user).exclude(status__in=["draft", "frozen"])

    def to_sign(self) -> "ContractQuerySet":
        """Keep contracts that wait for the borrower."""
        return self.filter(status__in=["sent", "viewed", "consented"])
