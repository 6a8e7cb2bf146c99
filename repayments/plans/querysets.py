"""Which plans: chainable answers, no writing."""

from typing import Any

from django.db import models


class InstallmentPlanQuerySet(models.QuerySet[Any]):
    def for_borrower(self, user: Any) -> "InstallmentPlanQuerySet":
        """Keep the plans for loans of this signed-in user."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(loan__borrower__user=user)

    def open(self) -> "InstallmentPlanQuerySet":
        """Keep plans on the way to a signature."""
        return self.filter(status__in=["proposed", "accepted", "awaiting_signature"])
