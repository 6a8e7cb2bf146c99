"""Installment plans: what a borrower or a member of staff proposes, how it was answered, and how it
went. A plan is a proposal; it binds once its signature turns it into the loan's next schedule. The
room refuses to know how money arrives and who works the cases."""

import uuid
from decimal import Decimal
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from repayments.contracts.models import Contract
from repayments.fields import MoneyField
from repayments.loans.models import Loan, Product, Schedule
from repayments.plans.querysets import InstallmentPlanQuerySet


class PlanPolicy(models.Model):
    """The limits within which a proposal is accepted at once; rows that staff edit.

    The row of a loan's product and currency decides; a row without a product stands for all.
    """

    product = models.ForeignKey(
        Product,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="plan_policies",
        verbose_name=_("product"),
        help_text=_("Empty: every product."),
    )
    currency = models.CharField(_("currency"), max_length=3)
    longest_months = models.PositiveSmallIntegerField(_("longest term in months"), default=24)
    most_installments = models.PositiveSmallIntegerField(_("most installments"), default=60)
    smallest_installment = MoneyField(_("smallest installment"), help_text=_("In minor units."))
    first_within_days = models.PositiveSmallIntegerField(_("first payment within days"), default=31)
    no_broken_within_days = models.PositiveSmallIntegerField(
        _("no broken plan within days"), default=180
    )
    annual_cost_cap = models.DecimalField(
        _("highest annual cost in percent"), max_digits=7, decimal_places=4, default=Decimal("24")
    )
    person_above = MoneyField(
        _("a person decides above"),
        null=True,
        blank=True,
        help_text=_("Total debt in minor units. Empty: no limit."),
    )
    answer_within_workdays = models.PositiveSmallIntegerField(
        _("a person answers within workdays"), default=2
    )
    offer_valid_days = models.PositiveSmallIntegerField(_("an offer stands for days"), default=7)
    break_grace_days = models.PositiveSmallIntegerField(_("days late that break a plan"), default=7)

    class Meta:
        verbose_name = _("plan policy")
        verbose_name_plural = _("plan policies")
        constraints = [
            models.UniqueConstraint(
                fields=["product", "currency"], name="plans_policy_product_currency_unique"
            ),
            models.UniqueConstraint(
                fields=["currency"],
                condition=Q(product__isnull=True),
                name="plans_policy_currency_unique",
            ),
            models.CheckConstraint(
                condition=Q(longest_months__lte=60), name="plans_policy_at_most_sixty_months"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.product or '*'} {self.currency}"


class InstallmentPlan(models.Model):
    class Status(models.TextChoices):
        DRAFT = "draft", _("draft")
        PROPOSED = "proposed", _("proposed")
        ACCEPTED = "accepted", _("accepted")
        COUNTERED = "countered", _("answered with another offer")
        DECLINED = "declined", _("declined")
        WITHDRAWN = "withdrawn", _("withdrawn")
        EXPIRED = "expired", _("expired")
        AWAITING_SIGNATURE = "awaiting_signature", _("to be signed")
        ACTIVE = "active", _("active")
        KEPT = "kept", _("kept")
        BROKEN = "broken", _("not kept")
        REPLACED = "replaced", _("replaced")
        CANCELED = "canceled", _("canceled")

    TRANSITIONS: ClassVar[dict[str, list[str]]] = {
        Status.DRAFT: [],
        Status.PROPOSED: [Status.DRAFT],
        Status.ACCEPTED: [Status.PROPOSED],
        Status.COUNTERED: [Status.PROPOSED],
        Status.DECLINED: [Status.PROPOSED],
        Status.WITHDRAWN: [Status.DRAFT, Status.PROPOSED],
        Status.EXPIRED: [Status.DRAFT, Status.PROPOSED],
        Status.AWAITING_SIGNATURE: [Status.ACCEPTED],
        Status.ACTIVE: [Status.AWAITING_SIGNATURE],
        Status.KEPT: [Status.ACTIVE],
        Status.BROKEN: [Status.ACTIVE],
        Status.REPLACED: [Status.ACTIVE],
        Status.CANCELED: [Status.ACCEPTED, Status.AWAITING_SIGNATURE, Status.ACTIVE],
    }
    OPEN: ClassVar[list[str]] = [Status.PROPOSED, Status.ACCEPTED, Status.AWAITING_SIGNATURE]

    class Source(models.TextChoices):
        BORROWER = "borrower", _("borrower")
        RULE = "rule", _("rule")
        STAFF = "staff", _("staff")

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    loan = models.ForeignKey(
        Loan, on_delete=models.PROTECT, related_name="plans", verbose_name=_("loan")
    )
    status = models.CharField(
        _("status"), max_length=20, choices=Status.choices, default=Status.DRAFT
    )
    source = models.CharField(
        _("proposed by"), max_length=10, choices=Source.choices, default=Source.BORROWER
    )
    counter_of = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="counter"
    )
    total = MoneyField(_("total"))
    total_interest = MoneyField(_("of which interest"), default=0)
    annual_cost = models.DecimalField(
        _("annual cost in percent"), max_digits=9, decimal_places=4, null=True, blank=True
    )
    note = models.TextField(_("borrower's words"), blank=True, max_length=1000)
    amounts_on = models.DateField(
        _("worked out for"),
        null=True,
        blank=True,
        help_text=_("The day from which the plan's interest counts."),
    )
    after_seq = models.PositiveIntegerField(
        _("after entry"),
        default=0,
        help_text=_("Number of the newest entry in the loan's books when it was worked out."),
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("decided by"),
        help_text=_("Empty with a decision time: the rule."),
    )
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    reason_code = models.SlugField(_("reason"), max_length=40, blank=True)
    reason_facts = models.JSONField(_("facts of the reason"), default=dict, blank=True)
    reason_note = models.CharField(_("reason in words"), max_length=500, blank=True)
    answer_due_at = models.DateTimeField(_("answer due at"), null=True, blank=True)
    expires_at = models.DateTimeField(_("stands until"), null=True, blank=True)
    contract = models.OneToOneField(
        Contract, on_delete=models.PROTECT, null=True, blank=True, related_name="plan"
    )
    schedule = models.OneToOneField(
        Schedule, on_delete=models.PROTECT, null=True, blank=True, related_name="plan"
    )
    created_at = models.DateTimeField(_("created at"))
    activated_at = models.DateTimeField(_("active since"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    objects = InstallmentPlanQuerySet.as_manager()

    class Meta:
        verbose_name = _("installment plan")
        verbose_name_plural = _("installment plans")
        permissions = [("decide_installmentplan", "Can answer borrowers' plans")]
        constraints = [
            models.UniqueConstraint(
                fields=["loan"],
                condition=Q(status__in=["proposed", "accepted", "awaiting_signature"]),
                name="plans_plan_one_open",
                violation_error_message=_("There is already a proposal for this loan."),
            ),
            models.UniqueConstraint(
                fields=["loan"], condition=Q(status="active"), name="plans_plan_one_active"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.loan_id} {self.status} {self.public_id}"

    def get_absolute_url(self) -> str:
        return reverse("plans:detail", args=[self.public_id])

    @property
    def is_offer(self) -> bool:
        """Whether the lender made it, so that the borrower answers."""
        return self.source != self.Source.BORROWER


class PlanRow(models.Model):
    plan = models.ForeignKey(InstallmentPlan, on_delete=models.PROTECT, related_name="rows")
    number = models.PositiveSmallIntegerField(_("number"))
    due_date = models.DateField(_("due on"))
    amount = MoneyField(_("amount"))
    principal = MoneyField(_("principal"), default=0)
    interest = MoneyField(_("interest"), default=0)
    fee = MoneyField(_("fees"), default=0)

    class Meta:
        verbose_name = _("row of a plan")
        verbose_name_plural = _("rows of a plan")
        constraints = [
            models.UniqueConstraint(fields=["plan", "number"], name="plans_row_number_unique"),
            models.UniqueConstraint(fields=["plan", "due_date"], name="plans_row_date_unique"),
            models.CheckConstraint(
                condition=Q(amount__gt=0, amount=F("principal") + F("interest") + F("fee")),
                name="plans_row_parts_add_up",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.plan_id} #{self.number} {self.due_date}"
