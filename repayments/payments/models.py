"""Money coming in: attempts to pay, what the gateway told, and what could not be matched.

A ``Payment`` is one attempt. Gateway money is posted by ``settle`` alone, once: ``PostingKey`` is
unique over provider, object and kind across all books. ``GatewayEvent`` is only an inbox. Card data
never comes near this room; it refuses to know plans and cases.
"""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import Language
from repayments.fields import MoneyField
from repayments.ledger.models import JournalEntry
from repayments.loans.models import Loan, PayoffQuote
from repayments.payments.querysets import GatewayEventQuerySet, PaymentQuerySet


class Provider(models.TextChoices):
    STRIPE = "stripe", "Stripe"
    BANK = "bank", _("bank transfer")


class Payment(models.Model):
    class Status(models.TextChoices):
        CREATED = "created", _("begun")
        UNKNOWN = "unknown", _("not known yet")
        REDIRECTED = "redirected", _("at the gateway")
        ACTION_REQUIRED = "action_required", _("waiting for confirmation")
        PROCESSING = "processing", _("on its way")
        SUCCEEDED = "succeeded", _("received")
        FAILED = "failed", _("did not go through")
        CANCELED = "canceled", _("canceled")
        EXPIRED = "expired", _("expired")

    _UNDER_WAY: ClassVar[list[str]] = [
        Status.CREATED,
        Status.UNKNOWN,
        Status.REDIRECTED,
        Status.ACTION_REQUIRED,
        Status.PROCESSING,
    ]
    TRANSITIONS: ClassVar[dict[str, list[str]]] = {
        Status.CREATED: [],
        Status.UNKNOWN: [Status.CREATED],
        # A declined or abandoned confirmation leads back: the payer may try another card there.
        Status.REDIRECTED: [Status.CREATED, Status.UNKNOWN, Status.ACTION_REQUIRED],
        Status.ACTION_REQUIRED: [Status.CREATED, Status.UNKNOWN, Status.REDIRECTED],
        Status.PROCESSING: [
            Status.CREATED,
            Status.UNKNOWN,
            Status.REDIRECTED,
            Status.ACTION_REQUIRED,
        ],
        # Late money is real money: a success wins over every ending but another success.
        Status.SUCCEEDED: [*_UNDER_WAY, Status.FAILED, Status.CANCELED, Status.EXPIRED],
        Status.FAILED: _UNDER_WAY,
        Status.CANCELED: _UNDER_WAY,
        Status.EXPIRED: [
            Status.CREATED,
            Status.UNKNOWN,
            Status.REDIRECTED,
            Status.ACTION_REQUIRED,
        ],
    }

    class Purpose(models.TextChoices):
        PAST_DUE = "past_due", _("what is due")
        NEXT = "next", _("next installment")
        OTHER = "other", _("another amount")
        PAYOFF = "payoff", _("pay off")

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    loan = models.ForeignKey(
        Loan, on_delete=models.PROTECT, related_name="payments", verbose_name=_("loan")
    )
    provider = models.CharField(
        _("provider"), max_length=10, choices=Provider.choices, default=Provider.STRIPE
    )
    purpose = models.CharField(
        _("purpose"), max_length=10, choices=Purpose.choices, default=Purpose.OTHER
    )
    amount = MoneyField(_("amount asked for"))
    currency = models.CharField(_("currency"), max_length=3)
    status = models.CharField(
        _("status"), max_length=20, choices=Status.choices, default=Status.CREATED
    )
    amount_received = MoneyField(_("amount received"), null=True, blank=True)
    payoff_quote = models.ForeignKey(
        PayoffQuote, on_delete=models.PROTECT, null=True, blank=True, related_name="payments"
    )
    session_id = models.CharField(_("session"), max_length=255, blank=True)
    intent_id = models.CharField(_("intent"), max_length=255, blank=True)
    checkout_url = models.TextField(_("gateway's page"), blank=True)
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    error_code = models.CharField(_("error"), max_length=60, blank=True)
    decline_code = models.CharField(_("decline"), max_length=60, blank=True)
    advice_code = models.CharField(_("advice"), max_length=60, blank=True)
    language = models.CharField(
        _("language"), max_length=10, choices=Language.choices, default=Language.CHINESE
    )
    needs_review = models.BooleanField(_("to be looked at"), default=False)
    entry = models.OneToOneField(
        JournalEntry, on_delete=models.PROTECT, null=True, blank=True, related_name="payment"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("changed at"))
    succeeded_at = models.DateTimeField(_("received at"), null=True, blank=True)

    objects = PaymentQuerySet.as_manager()

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="payments_payment_positive"),
            models.UniqueConstraint(
                fields=["session_id"],
                condition=~Q(session_id=""),
                name="payments_payment_session_unique",
            ),
            models.UniqueConstraint(
                fields=["intent_id"],
                condition=~Q(intent_id=""),
                name="payments_payment_intent_unique",
            ),
            models.UniqueConstraint(
                fields=["loan"],
                condition=Q(status__in=["created", "unknown", "redirected", "action_required"]),
                name="payments_payment_one_open",
            ),
        ]
        indexes = [
            models.Index(
                fields=["updated_at"],
                condition=Q(
                    status__in=["created", "unknown", "redirected", "action_required", "processing"]
                ),
                name="payments_payment_under_way",
            )
        ]

    def __str__(self) -> str:
        return f"{self.public_id} {self.status}"

    def get_absolute_url(self) -> str:
        return reverse("payments:receipt", args=[self.public_id])

    @property
    def idempotency_key(self) -> str:
        """The key of the call that opens the session; a new attempt is a new row, a new key."""
        return f"session:{self.public_id}"


class PostingKey(models.Model):
    """One row a gateway object and kind of entry: the proof that money is posted once."""

    class EntryKind(models.TextChoices):
        PAYMENT = "payment", _("payment")

    provider = models.CharField(max_length=10, choices=Provider.choices)
    object_id = models.CharField(max_length=255)
    entry_kind = models.CharField(max_length=20, choices=EntryKind.choices)
    entry = models.OneToOneField(
        JournalEntry, on_delete=models.PROTECT, null=True, blank=True, related_name="posting_key"
    )
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = _("posting key")
        verbose_name_plural = _("posting keys")
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "object_id", "entry_kind"], name="payments_postingkey_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.object_id} {self.entry_kind}"


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


class Suspense(models.Model):
    """Money whose facts are not ours: it rests here, owned by somebody, until staff place it."""

    class Cause(models.TextChoices):
        AMOUNT = "amount", _("another amount or currency")
        UNKNOWN_LOAN = "unknown_loan", _("no loan of ours")
        SECOND = "second", _("a second charge of one payment")
        NO_PAYMENTS = "no_payments", _("a loan that takes no payments")

    provider = models.CharField(max_length=10, choices=Provider.choices)
    object_id = models.CharField(_("object"), max_length=255)
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="suspense"
    )
    amount = MoneyField(_("amount"))
    currency = models.CharField(_("currency"), max_length=3)
    cause = models.CharField(_("cause"), max_length=20, choices=Cause.choices)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    opened_at = models.DateTimeField(_("opened at"))
    resolved_at = models.DateTimeField(_("resolved at"), null=True, blank=True)

    class Meta:
        verbose_name = _("unmatched money")
        verbose_name_plural = _("unmatched money")
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "object_id"], name="payments_suspense_object_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.object_id} {self.currency} {self.amount}"


class Watermark(models.Model):
    """Up to when the reconciler has seen everything the gateway holds."""

    provider = models.CharField(max_length=10, choices=Provider.choices, primary_key=True)
    seen_until = models.DateTimeField(_("seen until"))

    class Meta:
        verbose_name = _("watermark")
        verbose_name_plural = _("watermarks")

    def __str__(self) -> str:
        return f"{self.provider} {self.seen_until}"
