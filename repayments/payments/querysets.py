"""Which payments and events: chainable answers, no writing."""

from datetime import datetime
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import Exists, OuterRef, Q

OPEN = ("created", "unknown", "redirected", "action_required")
UNDER_WAY = (*OPEN, "processing")


class PaymentQuerySet(models.QuerySet[Any]):
    def for_borrower(self, user: Any) -> "PaymentQuerySet":
        """Keep the payments for loans of this signed-in user."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(loan__borrower__user=user)

    def under_way(self) -> "PaymentQuerySet":
        """Keep attempts whose end is not known."""
        return self.filter(status__in=UNDER_WAY)

    def with_way_back(self) -> "PaymentQuerySet":
        """Add ``is_going_back`` (a refund is allowed or on its way) and ``is_questioned`` (the
        payer's bank has not decided yet)."""
        refunds = apps.get_model("payments", "Refund").objects.filter(
            payment=OuterRef("pk"), status__in=["approved", "unknown", "pending"]
        )
        disputes = apps.get_model("payments", "Dispute").objects.filter(
            payment=OuterRef("pk"), closed_at__isnull=True
        )
        return self.annotate(is_going_back=Exists(refunds), is_questioned=Exists(disputes))

    def open(self) -> "PaymentQuerySet":
        """Keep attempts that can still be paid at the gateway; at most one a loan."""
        return self.filter(status__in=OPEN)


class GatewayEventQuerySet(models.QuerySet[Any]):
    def unprocessed(self) -> "GatewayEventQuerySet":
        """Keep what has not been worked to its end."""
        return self.filter(processed_at__isnull=True)

    def claimable(self, *, stale_before: datetime, attempts_below: int) -> "GatewayEventQuerySet":
        """Keep what nobody works on: never claimed, or claimed so long ago that it was lost."""
        free = Q(claimed_at__isnull=True) | Q(claimed_at__lt=stale_before)
        return self.unprocessed().filter(free, attempts__lt=attempts_below)
