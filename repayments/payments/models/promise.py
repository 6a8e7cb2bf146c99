"""What a borrower said they would pay by a day, and what they chose to do with money left over."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from repayments.fields import MoneyField
from repayments.loans.models import Loan


class PromiseToPay(models.Model):
    """An amount by a day; kept or broken by itself."""

    class Status(models.TextChoices):
        OPEN = "open", _("open")
        KEPT = "kept", _("kept")
        BROKEN = "broken", _("broken")
        WITHDRAWN = "withdrawn", _("withdrawn")

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    loan = models.ForeignKey(
        Loan, on_delete=models.PROTECT, related_name="promises", verbose_name=_("loan")
    )
    amount = MoneyField(_("amount"))
    promised_for = models.DateField(_("by"))
    status = models.CharField(
        _("status"), max_length=10, choices=Status.choices, default=Status.OPEN
    )
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    made_at = models.DateTimeField(_("made at"))
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)

    class Meta:
        verbose_name = _("promise to pay")
        verbose_name_plural = _("promises to pay")
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="payments_promise_positive"),
            models.UniqueConstraint(
                fields=["loan"], condition=Q(status="open"), name="payments_promise_one_open"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.promised_for} {self.status}"


class CreditChoice(models.Model):
    """What a borrower wants done with money beyond what was owed, as of one moment."""

    class Choice(models.TextChoices):
        KEEP = "keep", _("keep it for the next installment")
        REFUND = "refund", _("send it back")

    loan = models.ForeignKey(Loan, on_delete=models.PROTECT, related_name="credit_choices")
    amount = MoneyField(_("amount"))
    choice = models.CharField(_("choice"), max_length=10, choices=Choice.choices)
    made_at = models.DateTimeField(_("made at"))

    class Meta:
        verbose_name = _("choice about money left over")
        verbose_name_plural = _("choices about money left over")
        indexes = [models.Index(fields=["loan", "-made_at"], name="payments_creditchoice_latest")]

    def __str__(self) -> str:
        return f"{self.choice} {self.amount}"
