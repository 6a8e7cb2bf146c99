"""Which payments: chainable answers, no writing."""

from typing import Any

from django.db import models


class PaymentQuerySet(models.QuerySet[Any]):
    def for_borrower(self, user: Any) -> "PaymentQuerySet":
        """Keep the payments for loans of this signed-in user."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(loan__borrower__user=user)

    def under_way(self) -> "PaymentQuerySet":
        """Keep attempts whose end is not known."""
        return self.filter(
            status__in=["created", "unknown", "redirected", "action_required", "processing"]
        )
