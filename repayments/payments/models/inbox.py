"""What the gateway told, byte for byte, how far it has been read, and calls that failed."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from repayments.fields import MoneyField
from repayments.payments.models.payment import Payment, Provider
from repayments.payments.querysets import GatewayEventQuerySet


class GatewayEvent(models.Model):
    """The inbox: what the gateway sent, byte for byte, and whether it was worked."""

    provider = models.CharField(max_length=10, choices=Provider.choices, default=Provider.STRIPE)
    event_id = models.CharField(_("event"), max_length=255, unique=True)
    type = models.CharField(_("type"), max_length=100)
    object_type = models.CharField(_("object type"), max_length=60, blank=True)
    object_id = models.CharField(_("object"), max_length=255, blank=True)
    body = models.BinaryField(_("body"))
    received_at = models.DateTimeField(_("received at"))
    claimed_at = models.DateTimeField(_("claimed at"), null=True, blank=True)
    processed_at = models.DateTimeField(_("worked at"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("tries"), default=0)
    error = models.CharField(_("error"), max_length=500, blank=True)

    objects = GatewayEventQuerySet.as_manager()

    class Meta:
        verbose_name = _("gateway event")
        verbose_name_plural = _("gateway events")
        indexes = [
            models.Index(
                fields=["received_at"],
                condition=Q(processed_at__isnull=True),
                name="payments_event_unprocessed",
            )
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"


class Watermark(models.Model):
    """Up to when the reconciler has seen everything the gateway holds."""

    provider = models.CharField(max_length=10, choices=Provider.choices, primary_key=True)
    seen_until = models.DateTimeField(_("seen until"))

    class Meta:
        verbose_name = _("watermark")
        verbose_name_plural = _("watermarks")

    def __str__(self) -> str:
        return f"{self.provider} {self.seen_until}"


class FailedCall(models.Model):
    """A call to the gateway that brought no answer or a refusal: what its support asks for."""

    at = models.DateTimeField(_("at"))
    what = models.CharField(_("call"), max_length=60)
    kind = models.CharField(_("kind"), max_length=40)
    code = models.CharField(_("code"), max_length=60, blank=True)
    request_id = models.CharField(_("request"), max_length=60, blank=True)
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="failed_calls"
    )

    class Meta:
        verbose_name = _("failed call")
        verbose_name_plural = _("failed calls")
        indexes = [models.Index(fields=["-at"], name="payments_failedcall_at")]

    def __str__(self) -> str:
        return f"{self.what} {self.kind} {self.request_id}"


class ClearingCheck(models.Model):
    """A day's comparison of the gateway's movements with the books. It never posts anything."""

    date = models.DateField(_("day"))
    provider = models.CharField(_("provider"), max_length=10, choices=Provider.choices)
    currency = models.CharField(_("currency"), max_length=3)
    gateway_total = MoneyField(_("at the gateway"))
    books_total = MoneyField(_("in the books"))
    # Object ids and amounts that one side has and the other has not.
    differences = models.JSONField(_("differences"), default=list)
    checked_at = models.DateTimeField(_("checked at"))

    class Meta:
        verbose_name = _("clearing check")
        verbose_name_plural = _("clearing checks")
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "date", "currency"], name="payments_clearingcheck_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.date} {self.currency} {self.gateway_total - self.books_total}"
