"""Which loans and installments: chainable answers, no writing."""

from datetime import date
from typing import Any

from django.db import models


class LoanQuerySet(models.QuerySet[Any]):
    def for_borrower(self, user: Any) -> "LoanQuerySet":
        """Keep the loans that this signed-in user owes; nothing for anybody else."""
        if not user.is_authenticated:
            return self.none()
        return self.filter(borrower__user=user)

    def owing(self) -> "LoanQuerySet":
        """Keep loans whose schedule runs."""
        return self.filter(status="active")

    def late(self) -> "LoanQuerySet":
        return self.owing().filter(days_past_due__gt=0)


class InstallmentQuerySet(models.QuerySet[Any]):
    def current(self) -> "InstallmentQuerySet":
        """Keep the rows of the schedule in force."""
        return self.filter(is_current=True)

    def open(self) -> "InstallmentQuerySet":
        """Keep current rows with something left to pay, oldest first."""
        return self.current().filter(unpaid__gt=0).order_by("due_date", "number")

    def due_by(self, day: date) -> "InstallmentQuerySet":
        """Keep rows due on or before a day."""
        return self.filter(due_date__lte=day)
