"""One attempt to pay, by whatever way, and the key that lets its money be posted once."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import Language
from repayments.fields import MoneyField
from repayments.ledger.models import JournalEntry
from repayments.loans.models import Loan, PayoffQuote
from repayments.payments.querysets import PaymentQuerySet


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
        NEEDS_BORROWER = "needs_borrower", _("waiting for the borrower")
        RETRY_SCHEDULED = "retry_scheduled", _("will be tried again")
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
        Status.SUCCEEDED: [
            *_UNDER_WAY,
            Status.NEEDS_BORROWER,
            Status.RETRY_SCHEDULED,
            Status.FAILED,
            Status.CANCELED,
            Status.EXPIRED,
        ],
        # The two endings of an automatic try that something follows: the next try is a new row.
        Status.NEEDS_BORROWER: [Status.CREATED, Status.UNKNOWN],
        Status.RETRY_SCHEDULED: [Status.CREATED, Status.UNKNOWN],
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

    class Channel(models.TextChoices):
        """By which way the money comes."""

        CHECKOUT = "checkout", _("the gateway's page")
        AUTOPAY = "autopay", _("automatic payment")
        TRANSFER = "transfer", _("bank transfer")

    class Method(models.TextChoices):
        """With what it was paid; empty until the provider says so."""

        CARD = "card", _("card")
        ALIPAY = "alipay", _("Alipay")
        WECHAT_PAY = "wechat_pay", _("WeChat Pay")
        BANK = "bank", _("bank transfer")

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
    channel = models.CharField(
        _("way"), max_length=10, choices=Channel.choices, default=Channel.CHECKOUT
    )
    method = models.CharField(_("paid with"), max_length=20, choices=Method.choices, blank=True)
    # Part of the first call's parameters, so it stands in the row: asked again, they are the same.
    offered = models.CharField(
        _("offered"), max_length=60, default="card", help_text=_("Separated by commas.")
    )
    saves_card = models.BooleanField(_("saves the card"), default=False)
    amount = MoneyField(_("amount asked for"))
    currency = models.CharField(_("currency"), max_length=3)
    status = models.CharField(
        _("status"), max_length=20, choices=Status.choices, default=Status.CREATED
    )
    amount_received = MoneyField(_("amount received"), null=True, blank=True)
    # Refunds in any state but a failed one, and money a payer's bank took back: what may still be
    # refunded is held apart by a conditional update of this.
    going_back = MoneyField(_("refunded, or being refunded"), default=0)
    payoff_quote = models.ForeignKey(
        PayoffQuote, on_delete=models.PROTECT, null=True, blank=True, related_name="payments"
    )
    session_id = models.CharField(_("session"), max_length=255, blank=True)
    intent_id = models.CharField(_("intent"), max_length=255, blank=True)
    charge_id = models.CharField(_("charge"), max_length=255, blank=True)
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
            models.CheckConstraint(
                condition=Q(going_back=0)
                | Q(going_back__gt=0, going_back__lte=F("amount_received")),
                name="payments_payment_going_back",
            ),
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
            ),
            models.Index(
                fields=["created_at"],
                condition=Q(needs_review=True),
                name="payments_payment_to_review",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.public_id} {self.get_status_display()}"

    def get_absolute_url(self) -> str:
        return reverse("payments:receipt", args=[self.public_id])

    @property
    def idempotency_key(self) -> str:
        """The key of the call behind this row; a new attempt is a new row, a new key."""
        kind = "charge" if self.channel == self.Channel.AUTOPAY else "session"
        return f"{kind}:{self.public_id}"

    @property
    def refundable(self) -> int:
        """What of it may still go back, in minor units."""
        return (self.amount_received or 0) - self.going_back if self.entry_id else 0


class PostingKey(models.Model):
    """One row a gateway object and kind of entry: the proof that money is posted once."""

    class EntryKind(models.TextChoices):
        PAYMENT = "payment", _("payment")
        REFUND = "refund", _("refund")
        REFUND_REVERSAL = "refund_reversal", _("refund undone")
        CHARGEBACK = "chargeback", _("chargeback")
        CHARGEBACK_REVERSAL = "chargeback_reversal", _("chargeback undone")

    provider = models.CharField(max_length=10, choices=Provider.choices)
    object_id = models.CharField(max_length=255)
    entry_kind = models.CharField(max_length=20, choices=EntryKind.choices)
    entry = models.OneToOneField(
        JournalEntry, on_delete=models.PROTECT, null=True, blank=True, related_name="posting_key"
    )
    created_at = models.DateTimeField()
    # Of money that went back: when it moved at the gateway, for what can be posted only later.
    moved_at = models.DateTimeField(null=True, blank=True)

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
