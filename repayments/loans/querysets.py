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

    def with_money_to_apply(self, day: date) -> "LoanQuerySet":
        """Keep running loans with money that waits while something is due by a day."""
        due = models.Q(
            installments__is_current=True,
            installments__unpaid__gt=0,
            installments__due_date__lte=day,
        )
        charged = models.Q(
            charges__charged_on__lte=day,
            charges__amount__gt=models.F("charges__paid")
            + models.F("charges__waived")
            + models.F("charges__withdrawn"),
        )
        waiting = self.model.objects.filter(
            book__balances__account="unapplied", book__balances__amount__lt=0
        )
        return self.filter(due | charged, status="active", pk__in=waiting.values("pk")).distinct()


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
