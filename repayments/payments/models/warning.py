"""What a payer's bank reports as fraud before it asks for the money back."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from repayments.payments.models.payment import Payment


class FraudWarning(models.Model):
    """An early fraud warning, as far as our key may read it: a hint for a person, never money."""

    warning_id = models.CharField(_("warning at the gateway"), max_length=255, unique=True)
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="fraud_warnings"
    )
    fraud_type = models.CharField(_("kind of fraud"), max_length=60, blank=True)
    is_read = models.BooleanField(
        _("read"), default=False, help_text=_("Whether our key was allowed to read what it says.")
    )
    seen_at = models.DateTimeField(_("seen at"))

    class Meta:
        verbose_name = _("fraud warning")
        verbose_name_plural = _("fraud warnings")

    def __str__(self) -> str:
        return self.warning_id
