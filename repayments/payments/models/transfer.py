"""Money by bank transfer, as the lender's bank statement tells it."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from repayments.fields import MoneyField
from repayments.loans.models import Loan
from repayments.payments.models.payment import Payment
from repayments.payments.models.suspense import Suspense


class BankLine(models.Model):
    """One credit on the lender's bank statement; the same line imported twice is one row."""

    line_key = models.CharField(_("line"), max_length=80, unique=True)
    booked_on = models.DateField(_("booked on"))
    amount = MoneyField(_("amount"))
    currency = models.CharField(_("currency"), max_length=3)
    payer = models.CharField(_("payer"), max_length=200, blank=True)
    text = models.CharField(_("text"), max_length=500, blank=True)
    loan = models.ForeignKey(
        Loan,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="bank_lines",
        verbose_name=_("loan"),
    )
    payment = models.OneToOneField(
        Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="bank_line"
    )
    suspense = models.OneToOneField(
        Suspense, on_delete=models.PROTECT, null=True, blank=True, related_name="bank_line"
    )
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("recorded by"),
    )
    recorded_at = models.DateTimeField(_("recorded at"))

    class Meta:
        verbose_name = _("bank statement line")
        verbose_name_plural = _("bank statement lines")
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="payments_bankline_positive")
        ]

    def __str__(self) -> str:
        return f"{self.booked_on} {self.currency} {self.amount}"
