"""Money on its way back to its payer: by our choice, or by their bank's."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from repayments.fields import MoneyField
from repayments.ledger.models import JournalEntry
from repayments.payments.models.payment import Payment, Provider
from repayments.payments.models.suspense import Suspense


class RefundPolicy(models.Model):
    """From which amount a second person has to approve a refund; rows that staff edit."""

    currency = models.CharField(_("currency"), max_length=3, unique=True)
    approve_above = MoneyField(
        _("approve above"), default=0, help_text=_("Zero: every refund takes two people.")
    )

    class Meta:
        verbose_name = _("refund policy")
        verbose_name_plural = _("refund policies")

    def __str__(self) -> str:
        return f"{self.currency} {self.approve_above}"


class Refund(models.Model):
    """One refund: of a payment, or of money that rests in suspense."""

    class Status(models.TextChoices):
        PROPOSED = "proposed", _("waits for approval")
        APPROVED = "approved", _("approved")
        UNKNOWN = "unknown", _("not known yet")
        PENDING = "pending", _("on its way")
        SUCCEEDED = "succeeded", _("sent back")
        FAILED = "failed", _("failed")
        CANCELED = "canceled", _("canceled")
        DECLINED = "declined", _("declined")
        WITHDRAWN = "withdrawn", _("withdrawn")

    TRANSITIONS: ClassVar[dict[str, list[str]]] = {
        Status.APPROVED: [Status.PROPOSED],
        Status.DECLINED: [Status.PROPOSED],
        Status.WITHDRAWN: [Status.PROPOSED],
        Status.UNKNOWN: [Status.APPROVED],
        Status.PENDING: [Status.APPROVED, Status.UNKNOWN],
        Status.SUCCEEDED: [Status.APPROVED, Status.UNKNOWN, Status.PENDING],
        # A bank may return money days after it was sent.
        Status.FAILED: [Status.APPROVED, Status.UNKNOWN, Status.PENDING, Status.SUCCEEDED],
        Status.CANCELED: [Status.APPROVED, Status.UNKNOWN, Status.PENDING, Status.SUCCEEDED],
    }
    # Those that hold their amount back from being refunded again.
    LIVE: ClassVar[list[str]] = [
        Status.PROPOSED,
        Status.APPROVED,
        Status.UNKNOWN,
        Status.PENDING,
        Status.SUCCEEDED,
    ]

    class Origin(models.TextChoices):
        STAFF = "staff", _("staff")
        BORROWER = "borrower", _("borrower")
        GATEWAY = "gateway", _("the gateway's own pages")

    class Reason(models.TextChoices):
        OVERPAID = "overpaid", _("paid more than was owed")
        TWICE = "twice", _("paid twice")
        MISTAKE = "mistake", _("a mistake of ours")
        WITHDRAWN = "withdrawn", _("the borrower withdrew")
        OTHER = "other", _("another reason")

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="refunds"
    )
    suspense = models.ForeignKey(
        Suspense, on_delete=models.PROTECT, null=True, blank=True, related_name="refunds"
    )
    amount = MoneyField(_("amount"))
    currency = models.CharField(_("currency"), max_length=3)
    status = models.CharField(
        _("status"), max_length=10, choices=Status.choices, default=Status.PROPOSED
    )
    origin = models.CharField(_("asked for by"), max_length=10, choices=Origin.choices)
    reason = models.CharField(_("reason"), max_length=10, choices=Reason.choices)
    note = models.CharField(_("note"), max_length=500, blank=True)
    refund_id = models.CharField(_("refund at the gateway"), max_length=255, blank=True)
    needs_approval = models.BooleanField(_("takes two people"), default=True)
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("proposed by"),
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    decision_note = models.CharField(_("why so decided"), max_length=500, blank=True)
    failure = models.CharField(_("why it failed"), max_length=60, blank=True)
    entry = models.OneToOneField(
        JournalEntry, on_delete=models.PROTECT, null=True, blank=True, related_name="refund"
    )
    undo_entry = models.OneToOneField(
        JournalEntry, on_delete=models.PROTECT, null=True, blank=True, related_name="undone_refund"
    )
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("changed at"))

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="payments_refund_positive"),
            models.CheckConstraint(
                condition=Q(payment__isnull=False, suspense__isnull=True)
                | Q(payment__isnull=True, suspense__isnull=False),
                name="payments_refund_of_one_thing",
            ),
            # Four eyes: nobody approves what they proposed.
            models.CheckConstraint(
                condition=Q(needs_approval=False)
                | Q(decided_by__isnull=True)
                | ~Q(decided_by=F("proposed_by")),
                name="payments_refund_four_eyes",
            ),
            models.UniqueConstraint(
                fields=["refund_id"],
                condition=~Q(refund_id=""),
                name="payments_refund_gateway_unique",
            ),
        ]
        indexes = [
            models.Index(
                fields=["updated_at"],
                condition=Q(status__in=["proposed", "approved", "unknown", "pending"]),
                name="payments_refund_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.public_id} {self.get_status_display()}"

    @property
    def idempotency_key(self) -> str:
        return f"refund:{self.public_id}"

    @property
    def is_sent_by_hand(self) -> bool:
        """Whether a person sends it at the lender's bank, for it came by bank."""
        source = self.payment or self.suspense
        return source is not None and source.provider == Provider.BANK


class Dispute(models.Model):
    """A payer's bank questions a charge. Money moves only by its balance transactions."""

    # The gateway's words for one that has ended.
    ENDED: ClassVar[list[str]] = ["won", "lost", "warning_closed", "prevented"]
    # Those under which a charge can be refunded all the same.
    REFUNDABLE: ClassVar[list[str]] = [
        "won",
        "warning_needs_response",
        "warning_under_review",
        "warning_closed",
        "prevented",
    ]

    dispute_id = models.CharField(_("dispute at the gateway"), max_length=255, unique=True)
    payment = models.ForeignKey(
        Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="disputes"
    )
    # Where it is of money that fits nothing: what the bank holds of it is not there to be placed.
    suspense = models.ForeignKey(
        Suspense, on_delete=models.PROTECT, null=True, blank=True, related_name="disputes"
    )
    amount = MoneyField(_("amount"))
    currency = models.CharField(_("currency"), max_length=3)
    reason = models.CharField(_("reason"), max_length=60, blank=True)
    # The gateway's word: needs_response, under_review, won, lost, warning_needs_response...
    status = models.CharField(_("status"), max_length=40)
    respond_by = models.DateTimeField(_("answer by"), null=True, blank=True)
    withdrawn = MoneyField(
        _("taken by the bank"),
        default=0,
        db_default=0,
        help_text=_("What truly moved, also where the books could not show all of it yet."),
    )
    withdrawn_entry = models.OneToOneField(
        JournalEntry, on_delete=models.PROTECT, null=True, blank=True, related_name="dispute"
    )
    reinstated_entry = models.OneToOneField(
        JournalEntry,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="reinstated_dispute",
    )
    opened_at = models.DateTimeField(_("opened at"))
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    updated_at = models.DateTimeField(_("changed at"))

    class Meta:
        verbose_name = _("dispute")
        verbose_name_plural = _("disputes")

    def __str__(self) -> str:
        return f"{self.dispute_id} {self.status}"

    @property
    def is_inquiry(self) -> bool:
        """Whether the bank only asks, so far; no money moves and a refund still answers it."""
        return self.status.startswith("warning_")
