"""Which cases: chainable answers, no writing."""

from datetime import datetime
from typing import Any

from django.db import models


class CaseQuerySet(models.QuerySet[Any]):
    def for_borrower(self, user: Any) -> "CaseQuerySet":
        """Keep the cases of this signed-in user's loans."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(borrower__user=user)

    def open(self) -> "CaseQuerySet":
        """Keep cases with something left to do."""
        return self.exclude(status="closed")

    def held_by(self, user: Any) -> "CaseQuerySet":
        return self.open().filter(assignee=user)

    def unassigned(self) -> "CaseQuerySet":
        return self.open().filter(assignee__isnull=True)

    def due_before(self, moment: datetime) -> "CaseQuerySet":
        """Keep open cases whose next step is due before a moment."""
        return self.open().filter(due_at__lt=moment)
