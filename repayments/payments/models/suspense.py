"""Money without a place, until somebody on staff gives it one."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from repayments.fields import MoneyField
from repayments.payments.models.payment import Payment, Provider


class Suspense(models.Model):
    """Money whose facts are not ours: it rests here, owned by somebody, until staff place it."""

    class Cause(models.TextChoices):
        AMOUNT = "amount", _("another amount or currency")
        UNKNOWN_LOAN = "unknown_loan", _("no loan of ours")
        SECOND = "second", _("a second charge of one payment")
        NO_PAYMENTS = "no_payments", _("a loan that takes no payments")

    class Resolution(models.TextChoices):
        POSTED = "posted", _("posted to a loan")
        REFUNDED = "refunded", _("sent back")
        TAKEN = "taken", _("taken back by the payer's bank")

    provider = models.CharField(max_length=10, choices=Provider.choices)
    object_id = models.CharField(_("object"), max_length=255)
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="suspense"
    )
    amount = MoneyField(_("amount"))
    currency = models.CharField(_("currency"), max_length=3)
    # Refunds in any state but a failed one, held apart by a conditional update of this; and what
    # the payer's bank took.
    going_back = MoneyField(_("refunded, or being refunded"), default=0)
    cause = models.CharField(_("cause"), max_length=20, choices=Cause.choices)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    opened_at = models.DateTimeField(_("opened at"))
    resolution = models.CharField(
        _("what was done"), max_length=10, choices=Resolution.choices, blank=True
    )
    note = models.CharField(_("why"), max_length=500, blank=True)
    resolved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    resolved_at = models.DateTimeField(_("resolved at"), null=True, blank=True)

    class Meta:
        verbose_name = _("unmatched money")
        verbose_name_plural = _("unmatched money")
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "object_id"], name="payments_suspense_object_unique"
            ),
            models.CheckConstraint(
                condition=Q(going_back__gte=0, going_back__lte=F("amount")),
                name="payments_suspense_going_back",
            ),
            models.CheckConstraint(
                condition=Q(resolved_at__isnull=True, resolution="")
                | (Q(resolved_at__isnull=False) & ~Q(resolution="")),
                name="payments_suspense_resolved_by_an_act",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.object_id} {self.currency} {self.amount}"

    @property
    def refundable(self) -> int:
        """What of it may still be sent back, in minor units."""
        return 0 if self.resolved_at else self.amount - self.going_back
