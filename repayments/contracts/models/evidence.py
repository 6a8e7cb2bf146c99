"""What shows a third party how a contract came about: evidence files and daily heads.

Heads, their leaves and their time stamps are inserted and never changed; an evidence file keeps the
claim of the worker at it until it is made.
"""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from repayments.contracts.models.contract import Blob, Contract


class Evidence(models.Model):
    """The evidence file of a completed contract; there from the commit that completes it.

    Its bytes are a revision of the contract; ``frozen`` is the file before the seal, which the
    sealed one begins with.
    """

    # What the number of an evidence file has more than that of its contract.
    SUFFIX: ClassVar[str] = "-E"

    contract = models.OneToOneField(Contract, on_delete=models.PROTECT, related_name="evidence")
    claimed_at = models.DateTimeField(_("being made since"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("tries"), default=0)
    error = models.CharField(_("why it failed"), max_length=500, blank=True)
    try_again_at = models.DateTimeField(_("try again at"), null=True, blank=True)
    frozen = models.ForeignKey(
        Blob, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    cert_fingerprint = models.CharField(_("certificate"), max_length=64, blank=True)
    tsa_time = models.DateTimeField(_("time stamp"), null=True, blank=True)
    made_at = models.DateTimeField(_("made at"), null=True, blank=True)

    class Meta:
        verbose_name = _("evidence of a contract")
        verbose_name_plural = _("evidence of contracts")
        indexes = [
            models.Index(
                fields=["try_again_at"],
                condition=Q(made_at__isnull=True),
                name="contracts_evidence_unmade",
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(made_at__isnull=True)
                | Q(frozen__isnull=False, tsa_time__isnull=False) & ~Q(cert_fingerprint=""),
                name="contracts_evidence_made_is_sealed",
            )
        ]

    def __str__(self) -> str:
        return f"{self.contract_id} evidence"

    @property
    def reference(self) -> str:
        return f"{self.contract.reference}{self.SUFFIX}"


class DailyHead(models.Model):
    """One day's root over all chains that moved since the head before; ``text`` is stamped."""

    day = models.DateField(_("day"), unique=True)
    text = models.TextField(_("stamped text"))
    sha256 = models.CharField(max_length=64, unique=True)
    # Unique: no head has two successors.
    previous = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField(_("made at"))

    class Meta:
        verbose_name = _("daily head")
        verbose_name_plural = _("daily heads")

    def __str__(self) -> str:
        return self.day.isoformat()


class HeadLeaf(models.Model):
    """The end of one chain as a head found it; ``position`` from 0, in the order of the streams."""

    head = models.ForeignKey(DailyHead, on_delete=models.PROTECT, related_name="leaves")
    position = models.PositiveIntegerField(_("position"))
    stream = models.CharField(_("stream"), max_length=80)
    seq = models.PositiveIntegerField(_("number"))
    hash = models.CharField(max_length=64)

    class Meta:
        verbose_name = _("stream in a daily head")
        verbose_name_plural = _("streams in daily heads")
        constraints = [
            models.UniqueConstraint(
                fields=["head", "position"], name="contracts_headleaf_position_unique"
            ),
            models.UniqueConstraint(
                fields=["stream", "seq"], name="contracts_headleaf_stream_seq_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stream} #{self.seq}"


class HeadStamp(models.Model):
    """The time stamp token (RFC 3161, DER) over a head's text."""

    head = models.OneToOneField(DailyHead, on_delete=models.PROTECT, related_name="stamp")
    token = models.BinaryField()
    tsa_time = models.DateTimeField(_("time stamp"))
    tsa_name = models.CharField(_("time stamp authority"), max_length=200)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("time stamp of a daily head")
        verbose_name_plural = _("time stamps of daily heads")

    def __str__(self) -> str:
        return f"{self.head_id} {self.tsa_time:%Y-%m-%d %H:%M}"
