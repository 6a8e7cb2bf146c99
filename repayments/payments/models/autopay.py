"""Saved cards, the borrower's consent to charge one by itself, and each day's charge."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Borrower, Language
from repayments.fields import MoneyField
from repayments.loans.models import Loan
from repayments.payments.models.payment import Payment, Provider


class GatewayCustomer(models.Model):
    """Under which id the gateway knows a borrower."""

    provider = models.CharField(max_length=10, choices=Provider.choices, default=Provider.STRIPE)
    borrower = models.ForeignKey(
        Borrower, on_delete=models.PROTECT, related_name="gateway_customers"
    )
    customer_id = models.CharField(_("customer at the gateway"), max_length=255, blank=True)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("gateway customer")
        verbose_name_plural = _("gateway customers")
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "borrower"], name="payments_customer_one_a_borrower"
            ),
            models.UniqueConstraint(
                fields=["provider", "customer_id"],
                condition=~Q(customer_id=""),
                name="payments_customer_unique",
            ),
        ]

    def __str__(self) -> str:
        return self.customer_id


class SavedCard(models.Model):
    """A card kept at the gateway; here only what lets its owner tell it from another."""

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    customer = models.ForeignKey(GatewayCustomer, on_delete=models.PROTECT, related_name="cards")
    method_id = models.CharField(_("card at the gateway"), max_length=255, unique=True)
    brand = models.CharField(_("brand"), max_length=20)
    last4 = models.CharField(_("last four digits"), max_length=4)
    exp_month = models.PositiveSmallIntegerField(_("month of expiry"))
    exp_year = models.PositiveSmallIntegerField(_("year of expiry"))
    saved_at = models.DateTimeField(_("saved at"))
    detached_at = models.DateTimeField(_("removed at"), null=True, blank=True)

    class Meta:
        verbose_name = _("saved card")
        verbose_name_plural = _("saved cards")

    def __str__(self) -> str:
        return f"{self.brand} …{self.last4}"


class Mandate(models.Model):
    """A borrower's leave to charge one saved card for what is due on one loan."""

    class Status(models.TextChoices):
        PENDING = "pending", _("card is being saved")
        ACTIVE = "active", _("active")
        ENDED = "ended", _("ended")

    TRANSITIONS: ClassVar[dict[str, list[str]]] = {
        Status.ACTIVE: [Status.PENDING],
        Status.ENDED: [Status.PENDING, Status.ACTIVE],
    }

    class EndReason(models.TextChoices):
        BORROWER = "borrower", _("stopped by the borrower")
        DETACHED = "detached", _("the card was removed")
        DECLINED = "declined", _("the card was refused for good")
        FAILED = "failed", _("too many tries failed")
        SETUP = "setup", _("no card was saved")
        LOAN = "loan", _("the loan has ended")
        STAFF = "staff", _("stopped by staff at the borrower's word")
        REPLACED = "replaced", _("another card took its place")

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    loan = models.ForeignKey(
        Loan, on_delete=models.PROTECT, related_name="mandates", verbose_name=_("loan")
    )
    customer = models.ForeignKey(GatewayCustomer, on_delete=models.PROTECT, related_name="mandates")
    card = models.ForeignKey(
        SavedCard,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="mandates",
        verbose_name=_("card"),
    )
    status = models.CharField(
        _("status"), max_length=10, choices=Status.choices, default=Status.PENDING
    )
    # Agreed to while paying: the card that this payment saves is the one.
    payment = models.OneToOneField(
        Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="mandate"
    )
    consent_version = models.CharField(_("words agreed to"), max_length=20)
    consent_sha256 = models.CharField(_("their hash"), max_length=64)
    language = models.CharField(_("language"), max_length=10, choices=Language.choices)
    agreed_at = models.DateTimeField(_("agreed at"))
    agreed_ip = models.GenericIPAddressField(_("from address"), null=True, blank=True)
    session_id = models.CharField(_("session"), max_length=255, blank=True)
    setup_id = models.CharField(_("set-up at the gateway"), max_length=255, blank=True)
    setup_url = models.TextField(_("gateway's page"), blank=True)
    expires_at = models.DateTimeField(_("page closes at"), null=True, blank=True)
    started_at = models.DateTimeField(_("active since"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    end_reason = models.CharField(
        _("why it ended"), max_length=10, choices=EndReason.choices, blank=True
    )
    created_at = models.DateTimeField(_("created at"))
    updated_at = models.DateTimeField(_("changed at"))

    class Meta:
        verbose_name = _("mandate")
        verbose_name_plural = _("mandates")
        constraints = [
            models.UniqueConstraint(
                fields=["loan", "status"],
                condition=Q(status__in=["pending", "active"]),
                name="payments_mandate_one_a_loan",
            ),
            models.UniqueConstraint(
                fields=["session_id"],
                condition=~Q(session_id=""),
                name="payments_mandate_session_unique",
            ),
            models.CheckConstraint(
                condition=~Q(status="active") | Q(card__isnull=False),
                name="payments_mandate_active_has_card",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.public_id} {self.get_status_display()}"


class AutopayCharge(models.Model):
    """One try to charge what is due on a day: announced, then claimed by exactly one worker."""

    class Status(models.TextChoices):
        ANNOUNCED = "announced", _("announced")
        CLAIMED = "claimed", _("being charged")
        DONE = "done", _("done")
        SKIPPED = "skipped", _("skipped")
        REFUSED = "refused", _("not allowed")

    TRANSITIONS: ClassVar[dict[str, list[str]]] = {
        Status.CLAIMED: [Status.ANNOUNCED],
        Status.DONE: [Status.CLAIMED],
        Status.SKIPPED: [Status.ANNOUNCED],
        Status.REFUSED: [Status.ANNOUNCED],
    }

    mandate = models.ForeignKey(Mandate, on_delete=models.PROTECT, related_name="charges")
    due_date = models.DateField(_("for what is due on"))
    attempt = models.PositiveSmallIntegerField(_("try"), default=1)
    charge_on = models.DateField(_("charged on"))
    announced_amount = MoneyField(_("amount announced"))
    announced_at = models.DateTimeField(_("announced at"))
    status = models.CharField(
        _("status"), max_length=10, choices=Status.choices, default=Status.ANNOUNCED
    )
    # Why it was skipped or refused, by name: borrower, nothing_due, notice_too_late...
    reason = models.CharField(_("why not"), max_length=40, blank=True)
    payment = models.OneToOneField(
        Payment, on_delete=models.PROTECT, null=True, blank=True, related_name="autopay_charge"
    )
    claimed_at = models.DateTimeField(_("claimed at"), null=True, blank=True)
    updated_at = models.DateTimeField(_("changed at"))

    class Meta:
        verbose_name = _("automatic charge")
        verbose_name_plural = _("automatic charges")
        constraints = [
            models.UniqueConstraint(
                fields=["mandate", "due_date", "attempt"], name="payments_autopaycharge_unique"
            )
        ]
        indexes = [
            models.Index(
                fields=["charge_on"],
                condition=Q(status__in=["announced", "claimed"]),
                name="payments_autopaycharge_due",
            )
        ]

    def __str__(self) -> str:
        return f"{self.due_date} #{self.attempt} {self.status}"
