"""Which installment gets which message on which day. Sending, hours and caps are ``contacts``'."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from repayments.contacts.models import Channel, Message
from repayments.loans.models import Installment


class ReminderPolicy(models.Model):
    """One kind of reminder, counted in days from the due date; rows that staff edit."""

    kind = models.SlugField(_("kind"), max_length=40, unique=True)
    offset_days = models.SmallIntegerField(
        _("days from the due date"), help_text=_("-3: three days before; 7: a week late.")
    )
    channel = models.CharField(
        _("channel"), max_length=10, choices=Channel.choices, default=Channel.EMAIL
    )
    template_key = models.SlugField(_("template"), max_length=60)
    is_active = models.BooleanField(_("in use"), default=True)

    class Meta:
        verbose_name = _("reminder policy")
        verbose_name_plural = _("reminder policies")
        constraints = [
            models.UniqueConstraint(
                fields=["offset_days", "channel"], name="reminders_policy_day_channel_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} ({self.offset_days:+d})"


class Reminder(models.Model):
    installment = models.ForeignKey(Installment, on_delete=models.PROTECT, related_name="reminders")
    policy = models.ForeignKey(ReminderPolicy, on_delete=models.PROTECT, related_name="reminders")
    kind = models.SlugField(_("kind"), max_length=40)
    date = models.DateField(_("for the day"))
    message = models.OneToOneField(
        Message, on_delete=models.PROTECT, null=True, blank=True, related_name="reminder"
    )
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("reminder")
        verbose_name_plural = _("reminders")
        constraints = [
            models.UniqueConstraint(
                fields=["installment", "kind", "date"], name="reminders_reminder_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.installment_id} {self.kind} {self.date}"
