"""Who may be told what, when and how: addresses, holds, templates, the outbox and its decisions.

Everything that goes to a person is a row of ``Message`` first, in the transaction that makes it
true; every way out asks ``decide()`` and keeps its answer as a ``Decision``. ``subject`` names what
a message is about as an audit stream ("loan:<uuid>"), so the room need not know what a loan is.
"""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Borrower, Language
from repayments.contacts.secrets import WIPED


class Channel(models.TextChoices):
    EMAIL = "email", _("e-mail")
    SMS = "sms", _("text message")
    PUSH = "push", _("app notice")
    VOICE = "voice", _("call")
    VISIT = "visit", _("visit")
    POST = "post", _("letter")


class ContactPoint(models.Model):
    """One address or number of a person, and whether it may be used."""

    borrower = models.ForeignKey(
        Borrower, on_delete=models.PROTECT, related_name="contact_points", verbose_name=_("person")
    )
    channel = models.CharField(_("channel"), max_length=10, choices=Channel.choices)
    address = models.CharField(_("address or number"), max_length=254)
    verified_at = models.DateTimeField(_("verified at"), null=True, blank=True)
    opted_out_at = models.DateTimeField(_("stopped at"), null=True, blank=True)
    is_active = models.BooleanField(_("in use"), default=True)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("contact point")
        verbose_name_plural = _("contact points")
        constraints = [
            models.UniqueConstraint(
                fields=["borrower", "channel", "address"], name="contacts_contactpoint_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.address}"


class ContactProfile(models.Model):
    """The conduct rules of one jurisdiction, versioned; old decisions keep naming old versions."""

    jurisdiction = models.CharField(
        _("jurisdiction"), max_length=2, choices=Borrower.Jurisdiction.choices
    )
    version = models.PositiveIntegerField(_("version"))
    effective_from = models.DateField(_("effective from"))
    rules = models.JSONField(_("rules"))

    class Meta:
        verbose_name = _("conduct profile")
        verbose_name_plural = _("conduct profiles")
        constraints = [
            models.UniqueConstraint(
                fields=["jurisdiction", "version"], name="contacts_profile_version_unique"
            )
        ]

    def __str__(self) -> str:
        return f"{self.jurisdiction} v{self.version}"


class Hold(models.Model):
    """A named block on a person, or on one thing of theirs: dispute, hardship, complaint…"""

    borrower = models.ForeignKey(Borrower, on_delete=models.PROTECT, related_name="holds")
    subject = models.CharField(
        _("about"), max_length=80, blank=True, help_text=_("Empty: everything of this person.")
    )
    name = models.SlugField(_("name"), max_length=40)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("until"), null=True, blank=True)
    placed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    lifted_at = models.DateTimeField(_("lifted at"), null=True, blank=True)
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        verbose_name = _("hold")
        verbose_name_plural = _("holds")
        constraints = [
            models.UniqueConstraint(
                fields=["borrower", "subject", "name"],
                condition=Q(lifted_at__isnull=True),
                name="contacts_hold_one_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.borrower_id}"


class MessageTemplate(models.Model):
    """What a kind of message is for; its words are versions."""

    class MessageClass(models.TextChoices):
        ACCOUNT = "account", _("asked for by the person: codes, receipts, answers")
        DUE_NOTICE = "due_notice", _("what falls due")
        REMINDER = "reminder", _("what is past due")
        STATUTORY = "statutory", _("required by law")

    key = models.SlugField(_("key"), max_length=60)
    channel = models.CharField(_("channel"), max_length=10, choices=Channel.choices)
    message_class = models.CharField(
        _("class"), max_length=20, choices=MessageClass.choices, default=MessageClass.ACCOUNT
    )

    class Meta:
        verbose_name = _("message template")
        verbose_name_plural = _("message templates")
        constraints = [
            models.UniqueConstraint(fields=["key", "channel"], name="contacts_template_unique")
        ]

    def __str__(self) -> str:
        return f"{self.key} ({self.channel})"


class MessageTemplateVersion(models.Model):
    """The words of a template, both languages in one row, so that neither can be missing.

    Placeholders are flat names in braces from the allow-list of ``contacts.rendering``; they are
    replaced as text, never evaluated. A published version never changes.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", _("draft")
        PUBLISHED = "published", _("published")
        RETIRED = "retired", _("retired")

    template = models.ForeignKey(MessageTemplate, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField(_("number"))
    subject_zh = models.CharField(_("subject in Chinese"), max_length=120, blank=True)
    subject_en = models.CharField(_("subject in English"), max_length=120, blank=True)
    text_zh = models.TextField(_("text in Chinese"))
    text_en = models.TextField(_("text in English"))
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
        verbose_name = _("message template version")
        verbose_name_plural = _("message template versions")
        constraints = [
            models.UniqueConstraint(
                fields=["template", "number"], name="contacts_templateversion_number_unique"
            ),
            models.UniqueConstraint(
                fields=["template"],
                condition=Q(status="published"),
                name="contacts_templateversion_one_published",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True)
                | Q(author__isnull=True)
                | ~Q(approved_by=F("author")),
                name="contacts_templateversion_two_people",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.template} v{self.number}"


class Message(models.Model):
    """One message to one address: the outbox.

    ``secret`` holds what must not lie about (codes, links), encrypted, and is emptied once the
    message is sent or its use is over.
    """

    class Status(models.TextChoices):
        DUE = "due", _("due")
        SENDING = "sending", _("being sent")
        SENT = "sent", _("sent")
        FAILED = "failed", _("failed")
        REFUSED = "refused", _("refused by the rules")
        CANCELED = "canceled", _("no longer needed")

    TRANSITIONS: ClassVar[dict[str, list[str]]] = {
        Status.DUE: [Status.SENDING, Status.FAILED],
        Status.SENDING: [Status.DUE],
        Status.SENT: [Status.SENDING],
        Status.FAILED: [Status.SENDING],
        Status.REFUSED: [Status.SENDING, Status.DUE],
        Status.CANCELED: [Status.SENDING, Status.DUE],
    }

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    borrower = models.ForeignKey(
        Borrower,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="messages",
        verbose_name=_("person"),
        help_text=_("Empty: to a member of staff."),
    )
    subject = models.CharField(_("about"), max_length=80, blank=True)
    purpose = models.SlugField(_("purpose"), max_length=40)
    business_key = models.CharField(_("key"), max_length=160, unique=True)
    channel = models.CharField(_("channel"), max_length=10, choices=Channel.choices)
    address = models.CharField(_("to"), max_length=254)
    language = models.CharField(_("language"), max_length=10, choices=Language.choices)
    template_version = models.ForeignKey(
        MessageTemplateVersion, on_delete=models.PROTECT, related_name="messages"
    )
    context = models.JSONField(_("values"), default=dict)
    secret = models.TextField(blank=True)
    not_before = models.DateTimeField(_("not before"))
    expires_at = models.DateTimeField(_("of no use after"), null=True, blank=True)
    status = models.CharField(
        _("status"), max_length=10, choices=Status.choices, default=Status.DUE
    )
    attempts = models.PositiveSmallIntegerField(_("tries"), default=0)
    claimed_at = models.DateTimeField(_("claimed at"), null=True, blank=True)
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    provider_reference = models.CharField(_("provider's reference"), max_length=120, blank=True)
    error = models.CharField(_("error"), max_length=500, blank=True)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        indexes = [
            models.Index(
                fields=["not_before"], condition=Q(status="due"), name="contacts_message_due"
            ),
            models.Index(
                fields=["claimed_at"],
                condition=Q(status="sending"),
                name="contacts_message_sending",
            ),
            models.Index(
                fields=["expires_at"],
                condition=~Q(secret=WIPED),
                name="contacts_message_secret",
            ),
            models.Index(fields=["subject", "created_at"], name="contacts_message_subject"),
            models.Index(
                fields=["borrower", "channel", "sent_at"],
                condition=Q(status="sent"),
                name="contacts_message_sent",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.channel} {self.public_id}"


class Decision(models.Model):
    """What the gate answered, to whom, and by which rule; append-only, allows too."""

    class Verdict(models.TextChoices):
        ALLOW = "allow", _("allowed")
        DEFER = "defer", _("deferred")
        REFUSE = "refuse", _("refused")

    borrower = models.ForeignKey(
        Borrower, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    message = models.ForeignKey(
        Message, on_delete=models.PROTECT, null=True, blank=True, related_name="decisions"
    )
    subject = models.CharField(_("about"), max_length=80, blank=True)
    channel = models.CharField(_("channel"), max_length=10, choices=Channel.choices)
    address = models.CharField(_("to"), max_length=254)
    message_class = models.CharField(_("class"), max_length=20)
    verdict = models.CharField(_("answer"), max_length=10, choices=Verdict.choices)
    code = models.CharField(_("reason"), max_length=40, blank=True)
    rule_id = models.CharField(_("rule"), max_length=20, blank=True)
    until = models.DateTimeField(_("until"), null=True, blank=True)
    profile_version = models.CharField(_("profile"), max_length=20)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("decision of the gate")
        verbose_name_plural = _("decisions of the gate")
        indexes = [
            models.Index(fields=["borrower", "channel", "at"], name="contacts_decision_person")
        ]

    def __str__(self) -> str:
        return f"{self.verdict} {self.rule_id} {self.at:%Y-%m-%d %H:%M}"


class ContactAttempt(models.Model):
    """A call, visit or letter of the lender or an agency; append-only."""

    class Outcome(models.TextChoices):
        CONNECTED = "connected", _("spoke with the person")
        NO_ANSWER = "no_answer", _("no answer")
        INVALID = "invalid", _("number or address not valid")
        LEFT_MESSAGE = "left_message", _("left a message without details")

    borrower = models.ForeignKey(
        Borrower, on_delete=models.PROTECT, related_name="contact_attempts"
    )
    subject = models.CharField(_("about"), max_length=80, blank=True)
    channel = models.CharField(_("channel"), max_length=10, choices=Channel.choices)
    address = models.CharField(_("address or number"), max_length=254)
    outcome = models.CharField(_("outcome"), max_length=20, choices=Outcome.choices)
    note = models.TextField(_("note"), blank=True)
    on_behalf_of = models.CharField(_("agency"), max_length=100, blank=True)
    decision = models.OneToOneField(
        Decision, on_delete=models.PROTECT, related_name="attempt", verbose_name=_("decision")
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("by")
    )
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("contact attempt")
        verbose_name_plural = _("contact attempts")
        indexes = [models.Index(fields=["subject", "at"], name="contacts_attempt_subject")]

    def __str__(self) -> str:
        return f"{self.channel} {self.outcome} {self.at:%Y-%m-%d %H:%M}"
