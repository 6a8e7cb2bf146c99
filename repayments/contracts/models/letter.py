"""Settlement letters: no contract, for nobody agrees to one; files lie with those of contracts."""

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import Language
from repayments.contracts.models.contract import Blob
from repayments.contracts.querysets import SettlementLetterQuerySet
from repayments.loans.models import Loan


class SettlementLetter(models.Model):
    """The lender's word that a loan is settled: sealed by the lender alone, signed by nobody.

    One for each time a loan is paid off. Money that goes back later makes it void; a settlement
    after that has a letter of its own. ``content`` is all the frozen file says.
    """

    class Status(models.TextChoices):
        WAITING = "waiting", _("to be sealed")
        SEALING = "sealing", _("being sealed")
        SEAL_FAILED = "seal_failed", _("seal failed")
        ISSUED = "issued", _("issued")
        VOIDED = "voided", _("void")

    _UNSEALED: ClassVar[list[str]] = [Status.WAITING, Status.SEALING, Status.SEAL_FAILED]
    TRANSITIONS: ClassVar[dict[str, list[str]]] = {
        Status.WAITING: [],
        Status.SEALING: [Status.WAITING, Status.SEAL_FAILED],
        Status.SEAL_FAILED: [Status.SEALING],
        Status.ISSUED: [Status.SEALING],
        Status.VOIDED: [*_UNSEALED, Status.ISSUED],
    }

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    reference = models.CharField(_("reference"), max_length=40, unique=True)
    loan = models.ForeignKey(
        Loan, on_delete=models.PROTECT, related_name="settlement_letters", verbose_name=_("loan")
    )
    settlement = models.PositiveIntegerField(
        _("settlement"), help_text=_("Number of the event that says the loan was paid off.")
    )
    locale = models.CharField(_("language"), max_length=10, choices=Language.choices)
    content = models.JSONField(_("content"))
    verify_code = models.CharField(_("code to check it"), max_length=24, unique=True)
    status = models.CharField(
        _("status"), max_length=20, choices=Status.choices, default=Status.WAITING
    )
    frozen = models.ForeignKey(
        Blob, on_delete=models.PROTECT, related_name="+", verbose_name=_("as made")
    )
    final = models.ForeignKey(
        Blob,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="settlement_letters",
        verbose_name=_("sealed"),
    )
    cert_fingerprint = models.CharField(_("certificate"), max_length=64, blank=True)
    tsa_time = models.DateTimeField(_("time stamp"), null=True, blank=True)
    claimed_at = models.DateTimeField(_("sealing since"), null=True, blank=True)
    seal_attempts = models.PositiveSmallIntegerField(_("tries to seal"), default=0)
    seal_error = models.CharField(_("why sealing failed"), max_length=500, blank=True)
    try_again_at = models.DateTimeField(_("try again at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))
    issued_at = models.DateTimeField(_("issued at"), null=True, blank=True)
    voided_at = models.DateTimeField(_("void since"), null=True, blank=True)

    objects = SettlementLetterQuerySet.as_manager()

    class Meta:
        verbose_name = _("settlement letter")
        verbose_name_plural = _("settlement letters")
        constraints = [
            models.UniqueConstraint(
                fields=["loan", "settlement"], name="contracts_letter_settlement_unique"
            ),
            models.UniqueConstraint(
                fields=["loan"],
                condition=~Q(status="voided"),
                name="contracts_letter_one_in_force",
            ),
            models.CheckConstraint(
                condition=~Q(status="issued") | Q(final__isnull=False),
                name="contracts_letter_issued_is_sealed",
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    def get_absolute_url(self) -> str:
        return reverse("contracts:letter", args=[self.public_id])
