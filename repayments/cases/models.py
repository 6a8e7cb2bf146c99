"""Work for people: cases, who has them, what is to be done by when, and how each one ended."""

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Borrower
from repayments.cases.querysets import CaseQuerySet
from repayments.contracts.models import Contract
from repayments.loans.models import Loan, Stage
from repayments.payments.models import Payment, Suspense
from repayments.plans.models import InstallmentPlan


class CaseKind(models.TextChoices):
    COLLECTIONS = "collections", _("late payment")
    PLAN_REVIEW = "plan_review", _("plan to decide")
    HARDSHIP = "hardship", _("hardship")
    DISPUTE = "dispute", _("dispute")
    COMPLAINT = "complaint", _("complaint")
    QUESTION = "question", _("question")
    CONDUCT = "conduct", _("conduct")
    PAYMENT_EXCEPTION = "payment_exception", _("payment to look at")
    CONTRACT_EXCEPTION = "contract_exception", _("contract to look at")


ASKED_BY_BORROWERS = [
    CaseKind.HARDSHIP,
    CaseKind.DISPUTE,
    CaseKind.COMPLAINT,
    CaseKind.QUESTION,
]


class CasePolicy(models.Model):
    """From which day late a person takes over, and how soon they act; rows that staff edit."""

    kind = models.CharField(_("kind"), max_length=20, choices=CaseKind.choices, unique=True)
    from_days_late = models.PositiveSmallIntegerField(
        _("from days late"), null=True, blank=True, help_text=_("For late payment only.")
    )
    act_within_days = models.PositiveSmallIntegerField(_("act within workdays"), default=3)
    priority = models.PositiveSmallIntegerField(
        _("priority"), default=5, help_text=_("1 comes first.")
    )
    rest_days = models.PositiveSmallIntegerField(
        _("days of rest after closing"),
        default=14,
        help_text=_("So long the nightly close opens no new case for the same late payment."),
    )

    class Meta:
        verbose_name = _("case policy")
        verbose_name_plural = _("case policies")

    def __str__(self) -> str:
        return self.kind


class Case(models.Model):
    class Status(models.TextChoices):
        OPEN = "open", _("open")
        CLAIMED = "claimed", _("claimed")
        WAITING = "waiting", _("waiting")
        CLOSED = "closed", _("closed")

    TRANSITIONS: ClassVar[dict[str, list[str]]] = {
        # From closed: reopened.
        Status.OPEN: [Status.CLAIMED, Status.WAITING, Status.CLOSED],
        Status.CLAIMED: [Status.OPEN, Status.WAITING],
        Status.WAITING: [Status.CLAIMED],
        Status.CLOSED: [Status.OPEN, Status.CLAIMED, Status.WAITING],
    }

    class CloseReason(models.TextChoices):
        PAID = "paid", _("paid")
        PLAN_AGREED = "plan_agreed", _("a plan was agreed")
        ANSWERED = "answered", _("answered")
        MISTAKE = "mistake", _("opened by mistake")
        NO_ACTION = "no_action", _("nothing more to do")

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(_("kind"), max_length=20, choices=CaseKind.choices)
    loan = models.ForeignKey(
        Loan,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="cases",
        verbose_name=_("loan"),
    )
    borrower = models.ForeignKey(
        Borrower,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="cases",
        verbose_name=_("borrower"),
    )
    stage = models.ForeignKey(
        Stage,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("stage"),
    )
    plan = models.ForeignKey(
        InstallmentPlan,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="cases",
        verbose_name=_("plan"),
    )
    payment = models.ForeignKey(
        Payment,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="cases",
        verbose_name=_("payment"),
    )
    suspense = models.ForeignKey(
        Suspense,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="cases",
        verbose_name=_("unmatched money"),
    )
    contract = models.ForeignKey(
        Contract,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="cases",
        verbose_name=_("contract"),
    )
    status = models.CharField(
        _("status"), max_length=10, choices=Status.choices, default=Status.OPEN
    )
    priority = models.PositiveSmallIntegerField(_("priority"), default=5)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="cases",
        verbose_name=_("with"),
    )
    reason = models.CharField(_("why it is here"), max_length=40)
    reason_facts = models.JSONField(_("facts"), default=dict, blank=True)
    request = models.TextField(_("borrower's words"), blank=True, max_length=2000)
    due_at = models.DateTimeField(_("next step by"))
    opened_at = models.DateTimeField(_("opened at"))
    claimed_at = models.DateTimeField(_("claimed at"), null=True, blank=True)
    closed_at = models.DateTimeField(_("closed at"), null=True, blank=True)
    close_reason = models.CharField(
        _("how it ended"), max_length=20, choices=CloseReason.choices, blank=True
    )
    close_note = models.CharField(_("ending in words"), max_length=500, blank=True)
    # Stays when the case is opened again: the borrower has read it.
    answer = models.TextField(
        _("answer to the borrower"), blank=True, max_length=2000, db_default=""
    )
    answered_at = models.DateTimeField(_("answered at"), null=True, blank=True)

    objects = CaseQuerySet.as_manager()

    class Meta:
        verbose_name = _("case")
        verbose_name_plural = _("cases")
        permissions = [
            ("work_case", "Can claim, note, wait on and close cases"),
            ("call_borrower", "Can call borrowers and log the call"),
            ("reassign_case", "Can take cases from one colleague and give them to another"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["loan", "kind"],
                # Unmatched money has a case of its own, whatever else its loan has.
                condition=~Q(status="closed") & Q(loan__isnull=False, suspense__isnull=True),
                name="cases_case_one_open_of_a_kind",
            ),
            models.UniqueConstraint(
                fields=["suspense"],
                condition=~Q(status="closed") & Q(suspense__isnull=False),
                name="cases_case_one_open_of_unmatched_money",
            ),
            models.CheckConstraint(
                condition=~Q(status="closed") | ~Q(close_reason=""),
                name="cases_case_closed_with_reason",
            ),
        ]
        indexes = [
            models.Index(
                fields=["priority", "due_at"],
                condition=~Q(status="closed"),
                name="cases_case_queue",
            ),
            models.Index(
                fields=["assignee", "due_at"],
                condition=~Q(status="closed"),
                name="cases_case_mine",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.public_id}"

    @property
    def is_asked_by_borrower(self) -> bool:
        """Whether the borrower wrote it on the help page of a loan, and may be answered there."""
        return self.kind in ASKED_BY_BORROWERS and self.loan_id is not None

    @property
    def stream(self) -> str:
        """The audit stream of this case."""
        return f"case:{self.public_id}"


class CaseNote(models.Model):
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="notes")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    text = models.TextField(_("note"), max_length=2000)
    created_at = models.DateTimeField(_("written at"))

    class Meta:
        verbose_name = _("note")
        verbose_name_plural = _("notes")

    def __str__(self) -> str:
        return f"{self.case_id} {self.created_at:%Y-%m-%d %H:%M}"
