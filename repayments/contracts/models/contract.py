"""Templates, contracts, the files that were signed, and who signed how.

Terms are frozen as JSON snapshots, files are write-once blobs named by their SHA-256, revisions of
a contract are an unbroken row of such blobs. The room refuses to know why a contract is made: a
plan holds the key to its contract, and what a signature brings about is said in ``kinds``.
"""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import Language
from repayments.contracts.querysets import ContractQuerySet
from repayments.loans.models import Loan


class Kind(models.TextChoices):
    LOAN = "loan", _("loan contract")
    PLAN = "plan", _("plan agreement")


class ContractTemplate(models.Model):
    key = models.SlugField(_("key"), max_length=40, unique=True)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)

    class Meta:
        verbose_name = _("contract template")
        verbose_name_plural = _("contract templates")

    def __str__(self) -> str:
        return self.key


class TemplateVersion(models.Model):
    """One language of one number of a template; both languages of a number are published together.

    ``body`` is a list of clauses, each ``{"heading": str, "paragraphs": [str]}``, with flat
    placeholders in braces.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", _("draft")
        PUBLISHED = "published", _("published")
        RETIRED = "retired", _("retired")

    template = models.ForeignKey(
        ContractTemplate, on_delete=models.PROTECT, related_name="versions"
    )
    number = models.PositiveIntegerField(_("number"))
    locale = models.CharField(_("language"), max_length=10, choices=Language.choices)
    title = models.CharField(_("title"), max_length=200)
    body = models.JSONField(_("clauses"))
    body_sha256 = models.CharField(max_length=64)
    font_set_sha256 = models.CharField(max_length=64)
    engine_version = models.CharField(max_length=40)
    governing_language = models.CharField(
        _("governing language"),
        max_length=10,
        choices=Language.choices,
        default=Language.CHINESE,
    )
    status = models.CharField(
        _("status"), max_length=10, choices=Status.choices, default=Status.DRAFT
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    published_at = models.DateTimeField(_("published at"), null=True, blank=True)

    class Meta:
        verbose_name = _("template version")
        verbose_name_plural = _("template versions")
        constraints = [
            models.UniqueConstraint(
                fields=["template", "number", "locale"], name="contracts_templateversion_unique"
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True)
                | Q(author__isnull=True)
                | ~Q(approved_by=F("author")),
                name="contracts_templateversion_two_people",
            ),
            models.UniqueConstraint(
                fields=["template", "locale"],
                condition=Q(status="published"),
                name="contracts_templateversion_one_published",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.template} v{self.number} {self.locale}"


class Blob(models.Model):
    """A write-once file under ``BLOB_ROOT``, named by its own SHA-256."""

    sha256 = models.CharField(max_length=64, primary_key=True)
    size = models.PositiveIntegerField(_("size"))
    media = models.CharField(_("media type"), max_length=60)
    checked_at = models.DateTimeField(_("last re-hashed"), null=True, blank=True)
    fault = models.CharField(_("fault"), max_length=10, blank=True)
    fault_since = models.DateTimeField(_("fault found"), null=True, blank=True)
    purged_at = models.DateTimeField(_("bytes removed"), null=True, blank=True)

    class Meta:
        verbose_name = _("file")
        verbose_name_plural = _("files")
        indexes = [
            models.Index(
                fields=["checked_at"],
                condition=Q(purged_at__isnull=True),
                name="contracts_blob_to_check",
            ),
            models.Index(
                fields=["fault_since"], condition=~Q(fault=""), name="contracts_blob_with_fault"
            ),
        ]

    def __str__(self) -> str:
        return self.sha256


class Contract(models.Model):
    class Status(models.TextChoices):
        DRAFT = "draft", _("draft")
        FROZEN = "frozen", _("frozen")
        SENT = "sent", _("sent")
        VIEWED = "viewed", _("opened")
        CONSENTED = "consented", _("consented")
        BORROWER_SIGNED = "borrower_signed", _("signed by the borrower")
        SEALING = "sealing", _("being sealed")
        SEAL_FAILED = "seal_failed", _("seal failed")
        COMPLETED = "completed", _("completed")
        DECLINED = "declined", _("declined")
        EXPIRED = "expired", _("expired")
        VOIDED = "voided", _("void")
        SUPERSEDED = "superseded", _("replaced by a newer one")

    _UNSIGNED: ClassVar[list[str]] = [
        Status.DRAFT,
        Status.FROZEN,
        Status.SENT,
        Status.VIEWED,
        Status.CONSENTED,
    ]
    TRANSITIONS: ClassVar[dict[str, list[str]]] = {
        Status.DRAFT: [],
        Status.FROZEN: [Status.DRAFT],
        Status.SENT: [Status.FROZEN],
        Status.VIEWED: [Status.SENT],
        Status.CONSENTED: [Status.VIEWED],
        Status.BORROWER_SIGNED: [Status.CONSENTED],
        Status.SEALING: [Status.BORROWER_SIGNED, Status.SEAL_FAILED],
        Status.SEAL_FAILED: [Status.SEALING],
        Status.COMPLETED: [Status.SEALING],
        Status.DECLINED: [Status.SENT, Status.VIEWED, Status.CONSENTED],
        Status.EXPIRED: _UNSIGNED,
        Status.VOIDED: _UNSIGNED,
        Status.SUPERSEDED: _UNSIGNED[1:],
    }

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    reference = models.CharField(_("reference"), max_length=40, unique=True)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    loan = models.ForeignKey(
        Loan, on_delete=models.PROTECT, related_name="contracts", verbose_name=_("loan")
    )
    template_version = models.ForeignKey(
        TemplateVersion, on_delete=models.PROTECT, related_name="contracts"
    )
    terms = models.JSONField(_("terms"), help_text=_("As agreed; amounts and rates as text."))
    terms_sha256 = models.CharField(max_length=64, blank=True)
    schedule = models.JSONField(_("schedule"), default=list)
    status = models.CharField(
        _("status"), max_length=20, choices=Status.choices, default=Status.DRAFT
    )
    expires_at = models.DateTimeField(_("to be signed by"), null=True, blank=True)
    supersedes = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="superseded_by"
    )
    verify_code = models.CharField(_("code to check it"), max_length=24, unique=True)
    signature_level = models.CharField(_("signature level"), max_length=20, blank=True)
    legal_hold = models.BooleanField(_("legal hold"), default=False)
    consents = models.JSONField(_("consents"), default=list)
    decline_reason = models.CharField(_("reason for declining"), max_length=500, blank=True)
    claimed_at = models.DateTimeField(_("sealing since"), null=True, blank=True)
    seal_attempts = models.PositiveSmallIntegerField(_("tries to seal"), default=0)
    seal_error = models.CharField(_("why sealing failed"), max_length=500, blank=True)
    try_again_at = models.DateTimeField(_("try again at"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))
    frozen_at = models.DateTimeField(_("frozen at"), null=True, blank=True)
    signed_at = models.DateTimeField(_("signed at"), null=True, blank=True)
    completed_at = models.DateTimeField(_("completed at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended unsigned at"), null=True, blank=True)
    keep_until = models.DateField(_("kept until"), null=True, blank=True)
    purged_at = models.DateTimeField(_("content removed at"), null=True, blank=True)

    objects = ContractQuerySet.as_manager()

    class Meta:
        verbose_name = _("contract")
        verbose_name_plural = _("contracts")
        permissions = [("hold_contract", "Can place and lift a legal hold on a contract")]
        indexes = [
            models.Index(
                fields=["ended_at"],
                condition=Q(
                    purged_at__isnull=True,
                    status__in=["declined", "expired", "voided", "superseded"],
                ),
                name="contracts_contract_to_purge",
            ),
            models.Index(
                fields=["status", "try_again_at"],
                condition=Q(status__in=["borrower_signed", "sealing", "seal_failed"]),
                name="contracts_contract_unsealed",
            ),
            models.Index(
                fields=["expires_at"],
                condition=Q(status__in=["draft", "frozen", "sent", "viewed", "consented"]),
                name="contracts_contract_to_sign",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["loan"],
                condition=Q(
                    kind="loan",
                    status__in=[
                        "draft",
                        "frozen",
                        "sent",
                        "viewed",
                        "consented",
                        "borrower_signed",
                        "sealing",
                        "seal_failed",
                    ],
                ),
                name="contracts_contract_one_open_loan_contract",
            )
        ]

    def __str__(self) -> str:
        return self.reference

    def get_absolute_url(self) -> str:
        return reverse("contracts:detail", args=[self.public_id])

    @property
    def stream(self) -> str:
        """The audit stream of this contract."""
        return f"contract:{self.public_id}"


class ContractRevision(models.Model):
    class Kind(models.TextChoices):
        UNSIGNED = "unsigned", _("as shown")
        BORROWER = "borrower", _("with the borrower's seal")
        FINAL = "final", _("complete")
        EVIDENCE = "evidence", _("evidence")

    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="revisions")
    n = models.PositiveSmallIntegerField(_("number"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    blob = models.ForeignKey(Blob, on_delete=models.PROTECT, related_name="revisions")
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("revision")
        verbose_name_plural = _("revisions")
        constraints = [
            models.UniqueConstraint(fields=["contract", "n"], name="contracts_revision_n_unique"),
            models.UniqueConstraint(
                fields=["contract", "kind"], name="contracts_revision_kind_unique"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.contract_id} {self.kind}"


class Signature(models.Model):
    class Party(models.TextChoices):
        BORROWER = "borrower", _("borrower")
        LENDER = "lender", _("lender")

    class Mode(models.TextChoices):
        TYPED = "typed", _("typed name")
        DRAWN = "drawn", _("drawn name")
        SEAL = "seal", _("seal")

    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="signatures")
    party = models.CharField(_("party"), max_length=10, choices=Party.choices)
    order = models.PositiveSmallIntegerField(_("order"))
    mode = models.CharField(_("how"), max_length=10, choices=Mode.choices)
    name = models.CharField(_("name"), max_length=200)
    image = models.ForeignKey(
        Blob, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    consent_version = models.CharField(max_length=40, blank=True)
    consent_text_sha256 = models.CharField(max_length=64, blank=True)
    challenge = models.OneToOneField(
        "SigningChallenge",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="signature",
    )
    doc_sha256 = models.CharField(_("document shown"), max_length=64)
    cert_fingerprint = models.CharField(_("certificate"), max_length=64, blank=True)
    tsa_time = models.DateTimeField(_("time stamp"), null=True, blank=True)
    signed_at = models.DateTimeField(_("signed at"))

    class Meta:
        verbose_name = _("signature")
        verbose_name_plural = _("signatures")
        constraints = [
            models.UniqueConstraint(
                fields=["contract", "party"], name="contracts_signature_party_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.contract_id} {self.party}"


class SigningChallenge(models.Model):
    """A code that proves who signs, for one document, one user, one session; five minutes, five
    tries, once. Only its HMAC is kept."""

    class Method(models.TextChoices):
        OTP = "otp", _("code")

    contract = models.ForeignKey(Contract, on_delete=models.PROTECT, related_name="challenges")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    session_hash = models.CharField(max_length=64)
    purpose = models.CharField(max_length=20, default="sign")
    doc_sha256 = models.CharField(max_length=64)
    method = models.CharField(max_length=10, choices=Method.choices, default=Method.OTP)
    code_hmac = models.CharField(max_length=64)
    tries = models.PositiveSmallIntegerField(default=0)
    sent_to = models.CharField(_("sent to"), max_length=254, help_text=_("Masked."))
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    passed_at = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(null=True, blank=True)
    voided_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("signing challenge")
        verbose_name_plural = _("signing challenges")
        constraints = [
            models.UniqueConstraint(
                fields=["contract", "user"],
                condition=Q(used_at__isnull=True, voided_at__isnull=True),
                name="contracts_challenge_one_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.contract_id} {self.created_at:%Y-%m-%d %H:%M}"
