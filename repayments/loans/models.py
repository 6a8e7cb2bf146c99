"""Loans and what is owed when: terms, schedules, installments, charges, where money went.

Amounts are whole minor units of the loan's currency; rates are percent a year. A loan's figures of
the day (``days_past_due`` and its like) are caches that the nightly close and each posting refresh;
the books and the installments are the truth. The room refuses to know how money travels, what was
signed, and who talks to the borrower.
"""

import uuid
from decimal import Decimal
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import Borrower
from repayments.fields import MoneyField
from repayments.ledger.models import Book, JournalEntry
from repayments.loans.querysets import InstallmentQuerySet, LoanQuerySet


class Component(models.TextChoices):
    """The parts of a debt, in the words of the allocation order."""

    FEES = "fees", _("fees")
    PENALTY = "penalty", _("penalty interest")
    INTEREST = "interest", _("interest")
    PRINCIPAL = "principal", _("principal")


def default_allocation_order() -> list[str]:
    """Fees, penalty, interest, principal: Civil Code 561 (CN-16)."""
    return [Component.FEES, Component.PENALTY, Component.INTEREST, Component.PRINCIPAL]


class Product(models.Model):
    """What loans of one kind have in common: the order money is applied in, and what is allowed."""

    class Strategy(models.TextChoices):
        OLDEST_FIRST = "oldest_first", _("oldest installment first")
        HORIZONTAL = "horizontal", _("one part of the debt after the other")

    class Surplus(models.TextChoices):
        UNAPPLIED = "unapplied", _("kept for the next installment")
        PREPAY = "prepay", _("repays principal early")

    key = models.SlugField(_("key"), max_length=40, unique=True)
    name_zh = models.CharField(_("name in Chinese"), max_length=100)
    name_en = models.CharField(_("name in English"), max_length=100)
    allocation_order = models.JSONField(_("allocation order"), default=default_allocation_order)
    allocation_strategy = models.CharField(
        _("allocation strategy"),
        max_length=20,
        choices=Strategy.choices,
        default=Strategy.OLDEST_FIRST,
    )
    surplus = models.CharField(
        _("surplus"), max_length=20, choices=Surplus.choices, default=Surplus.UNAPPLIED
    )
    partial_payments = models.BooleanField(_("partial payments"), default=True)
    annual_cost_cap = models.DecimalField(
        _("highest annual cost in percent"),
        max_digits=7,
        decimal_places=4,
        default=Decimal("24"),
        help_text=_("Simple rate a year on the principal in use, all costs in (CN-R5)."),
    )

    class Meta:
        verbose_name = _("product")
        verbose_name_plural = _("products")

    def __str__(self) -> str:
        return self.key


class Stage(models.Model):
    """From which day past due a loan counts as early, middle or late; supervisors edit the rows."""

    key = models.SlugField(_("key"), max_length=20, unique=True)
    name_zh = models.CharField(_("name in Chinese"), max_length=60)
    name_en = models.CharField(_("name in English"), max_length=60)
    from_day = models.PositiveIntegerField(_("from day past due"), unique=True)

    class Meta:
        verbose_name = _("stage")
        verbose_name_plural = _("stages")

    def __str__(self) -> str:
        return f"{self.key} ({self.from_day})"


class Workday(models.Model):
    """A calendar's exceptions to Monday to Friday; seeded from published holidays, then edited."""

    calendar = models.CharField(_("calendar"), max_length=20)
    date = models.DateField(_("date"))
    is_workday = models.BooleanField(_("is a workday"))
    name = models.CharField(_("name"), max_length=100, blank=True)

    class Meta:
        verbose_name = _("special day")
        verbose_name_plural = _("special days")
        constraints = [
            models.UniqueConstraint(fields=["calendar", "date"], name="loans_workday_unique")
        ]

    def __str__(self) -> str:
        return f"{self.calendar} {self.date} {self.name}"


class Loan(models.Model):
    """One loan of one borrower, who is looked up by ``objects.for_borrower(user)``."""

    class Status(models.TextChoices):
        PENDING_SIGNATURE = "pending_signature", _("to be signed")
        ACTIVE = "active", _("active")
        PAID_OFF = "paid_off", _("paid off")
        WRITTEN_OFF = "written_off", _("written off")
        CLOSED = "closed", _("closed")

    TRANSITIONS: ClassVar[dict[str, list[str]]] = {
        Status.PENDING_SIGNATURE: [],
        Status.ACTIVE: [Status.PENDING_SIGNATURE, Status.PAID_OFF],
        Status.PAID_OFF: [Status.ACTIVE, Status.WRITTEN_OFF],
        Status.WRITTEN_OFF: [Status.ACTIVE],
        Status.CLOSED: [Status.PENDING_SIGNATURE, Status.PAID_OFF, Status.WRITTEN_OFF],
    }

    class Amortization(models.TextChoices):
        EQUAL_INSTALLMENT = "equal_installment", _("equal installments")
        EQUAL_PRINCIPAL = "equal_principal", _("equal principal")
        INTEREST_ONLY = "interest_only", _("interest first, principal at the end")
        CUSTOM = "custom", _("own dates and amounts")

    class InterestMethod(models.TextChoices):
        DECLINING = "declining", _("on what is still owed")
        FLAT = "flat", _("on the first principal throughout")

    class InterestPeriod(models.TextChoices):
        PER_INSTALLMENT = "per_installment", _("an equal part of the year each installment")
        DAILY = "daily", _("by day")

    class DayCount(models.TextChoices):
        ACTUAL_365 = "actual_365", _("actual/365")
        ACTUAL_360 = "actual_360", _("actual/360")
        THIRTY_360 = "thirty_360", _("30/360")
        ACTUAL_ACTUAL = "actual_actual", _("actual/actual")

    class Unit(models.TextChoices):
        DAYS = "days", _("days")
        WEEKS = "weeks", _("weeks")
        MONTHS = "months", _("months")

    class Rounding(models.TextChoices):
        HALF_EVEN = "half_even", _("half to even")
        HALF_UP = "half_up", _("half up")
        UP = "up", _("up")

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    number = models.CharField(_("number"), max_length=64, unique=True)
    borrower = models.ForeignKey(
        Borrower, on_delete=models.PROTECT, related_name="loans", verbose_name=_("borrower")
    )
    product = models.ForeignKey(
        Product, on_delete=models.PROTECT, related_name="loans", verbose_name=_("product")
    )
    book = models.OneToOneField(Book, on_delete=models.PROTECT, related_name="loan")
    currency = models.CharField(_("currency"), max_length=3)
    status = models.CharField(
        _("status"), max_length=20, choices=Status.choices, default=Status.ACTIVE
    )

    principal = MoneyField(_("principal"))
    annual_rate = models.DecimalField(_("annual rate in percent"), max_digits=9, decimal_places=6)
    installments_count = models.PositiveIntegerField(_("installments"))
    every = models.PositiveSmallIntegerField(_("every"), default=1)
    unit = models.CharField(_("unit"), max_length=8, choices=Unit.choices, default=Unit.MONTHS)
    disbursed_on = models.DateField(_("paid out on"))
    first_due_on = models.DateField(_("first due on"))
    amortization = models.CharField(
        _("repayment"),
        max_length=20,
        choices=Amortization.choices,
        default=Amortization.EQUAL_INSTALLMENT,
    )
    interest_method = models.CharField(
        _("interest method"),
        max_length=12,
        choices=InterestMethod.choices,
        default=InterestMethod.DECLINING,
    )
    interest_period = models.CharField(
        _("interest period"),
        max_length=16,
        choices=InterestPeriod.choices,
        default=InterestPeriod.PER_INSTALLMENT,
    )
    day_count = models.CharField(
        _("day count"), max_length=16, choices=DayCount.choices, default=DayCount.ACTUAL_365
    )
    principal_grace = models.PositiveSmallIntegerField(
        _("first installments without principal"), default=0
    )
    rounding = models.CharField(
        _("rounding"), max_length=10, choices=Rounding.choices, default=Rounding.HALF_EVEN
    )
    installment_multiple = MoneyField(
        _("installments are a multiple of"), default=1, help_text=_("In minor units.")
    )
    installment_amount = MoneyField(_("lender's own level installment"), null=True, blank=True)
    penalty_rate = models.DecimalField(
        _("penalty rate in percent a year"),
        max_digits=9,
        decimal_places=6,
        default=0,
        help_text=_("On overdue principal, by day."),
    )
    grace_days = models.PositiveSmallIntegerField(
        _("grace days"),
        default=0,
        help_text=_("Hold back fees and reminders, never the count of days late."),
    )

    # The day's figures: caches, checked nightly against installments and books.
    outstanding_principal = MoneyField(_("outstanding principal"), default=0)
    past_due_amount = MoneyField(_("past due"), default=0)
    past_due_since = models.DateField(_("past due since"), null=True, blank=True)
    days_past_due = models.PositiveIntegerField(_("days past due"), default=0)
    stage = models.ForeignKey(
        Stage,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("stage"),
    )
    next_due_date = models.DateField(_("next due on"), null=True, blank=True)
    next_due_amount = MoneyField(_("next due"), default=0)
    penalty_through = models.DateField(
        _("penalty posted up to"),
        null=True,
        blank=True,
        help_text=_("The first day whose penalty interest is not posted yet."),
    )
    created_at = models.DateTimeField(_("created at"))

    objects = LoanQuerySet.as_manager()

    class Meta:
        verbose_name = _("loan")
        verbose_name_plural = _("loans")
        constraints = [
            models.CheckConstraint(
                condition=Q(principal__gt=0), name="loans_loan_principal_positive"
            ),
            models.CheckConstraint(
                condition=Q(annual_rate__gte=0), name="loans_loan_rate_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(outstanding_principal__gte=0, past_due_amount__gte=0),
                name="loans_loan_figures_not_negative",
            ),
        ]
        indexes = [
            models.Index(fields=["borrower", "status"], name="loans_loan_borrower_status"),
            models.Index(
                fields=["days_past_due"],
                condition=Q(days_past_due__gt=0),
                name="loans_loan_late",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    def get_absolute_url(self) -> str:
        return reverse("loans:detail", args=[self.public_id])

    @property
    def stream(self) -> str:
        """The audit stream of this loan."""
        return f"loan:{self.public_id}"


class Schedule(models.Model):
    """One binding version of what is owed when; exactly one of a loan's is current."""

    class Reason(models.TextChoices):
        ORIGINAL = "original", _("as agreed")
        PLAN = "plan", _("installment plan")
        PREPAYMENT = "prepayment", _("early repayment")
        PAYOFF = "payoff", _("paid off early")
        PLAN_BROKEN = "plan_broken", _("plan ended")

    loan = models.ForeignKey(Loan, on_delete=models.PROTECT, related_name="schedules")
    version = models.PositiveIntegerField(_("version"))
    reason = models.CharField(
        _("reason"), max_length=20, choices=Reason.choices, default=Reason.ORIGINAL
    )
    effective_date = models.DateField(_("effective on"))
    is_current = models.BooleanField(_("current"), default=True)
    replaces = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("replaces"),
        help_text=_("The version that comes back if this one is undone."),
    )
    after_seq = models.PositiveIntegerField(
        default=0, help_text=_("Number of the book's newest entry when this version began.")
    )
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("schedule")
        verbose_name_plural = _("schedules")
        constraints = [
            models.UniqueConstraint(
                fields=["loan", "version"], name="loans_schedule_loan_version_unique"
            ),
            models.UniqueConstraint(
                fields=["loan"], condition=Q(is_current=True), name="loans_schedule_one_current"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.loan_id} v{self.version}"


class Installment(models.Model):
    """What is due on one day, by part, and how much of each part is billed and paid.

    Holds: paid ≤ billed ≤ due for interest and fees, paid ≤ due for principal. Interest is billed
    to the books on the due date; what is paid earlier is billed earlier. ``is_current`` repeats the
    schedule's, so that the nightly close reads one table.
    """

    schedule = models.ForeignKey(Schedule, on_delete=models.PROTECT, related_name="installments")
    loan = models.ForeignKey(Loan, on_delete=models.PROTECT, related_name="installments")
    is_current = models.BooleanField(default=True)
    number = models.PositiveIntegerField(_("number"))
    start_date = models.DateField(_("interest from"))
    due_date = models.DateField(_("due on"))
    principal_due = MoneyField(_("principal due"), default=0)
    interest_due = MoneyField(_("interest due"), default=0)
    fee_due = MoneyField(_("fees due"), default=0)
    interest_billed = MoneyField(_("interest billed"), default=0)
    interest_carried = MoneyField(
        _("interest carried over"),
        default=0,
        help_text=_("Owed before this schedule began; part of the interest due."),
    )
    fee_billed = MoneyField(_("fees billed"), default=0)
    principal_paid = MoneyField(_("principal paid"), default=0)
    interest_paid = MoneyField(_("interest paid"), default=0)
    fee_paid = MoneyField(_("fees paid"), default=0)
    owed_again = models.BooleanField(
        _("owed again"),
        default=False,
        db_default=False,
        help_text=_("No installment as agreed: money that had covered this much went back."),
    )
    unpaid = models.GeneratedField(
        expression=F("principal_due")
        + F("interest_due")
        + F("fee_due")
        - F("principal_paid")
        - F("interest_paid")
        - F("fee_paid"),
        output_field=models.BigIntegerField(),
        db_persist=True,
    )

    objects = InstallmentQuerySet.as_manager()

    class Meta:
        verbose_name = _("installment")
        verbose_name_plural = _("installments")
        constraints = [
            models.UniqueConstraint(
                fields=["schedule", "number"], name="loans_installment_number_unique"
            ),
            models.CheckConstraint(
                condition=Q(principal_paid__gte=0, principal_paid__lte=F("principal_due")),
                name="loans_installment_principal_paid_within_due",
            ),
            models.CheckConstraint(
                condition=Q(
                    interest_paid__gte=0,
                    interest_paid__lte=F("interest_billed"),
                    interest_billed__lte=F("interest_due"),
                ),
                name="loans_installment_interest_paid_within_billed",
            ),
            models.CheckConstraint(
                condition=Q(
                    fee_paid__gte=0, fee_paid__lte=F("fee_billed"), fee_billed__lte=F("fee_due")
                ),
                name="loans_installment_fee_paid_within_billed",
            ),
        ]
        indexes = [
            # Days past due are read from this index alone; a full scan costs ten times as much.
            models.Index(
                fields=["due_date", "loan", "unpaid"],
                condition=Q(is_current=True, unpaid__gt=0),
                name="loans_installment_open",
            ),
            models.Index(
                fields=["loan", "due_date"],
                condition=Q(is_current=True),
                name="loans_installment_current",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.loan_id} #{self.number} {self.due_date}"


class Charge(models.Model):
    """A cost outside the schedule: a late fee, or penalty interest posted for a span of days."""

    class Kind(models.TextChoices):
        FEE = "fee", _("fee")
        PENALTY = "penalty", _("penalty interest")

    loan = models.ForeignKey(Loan, on_delete=models.PROTECT, related_name="charges")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    charged_on = models.DateField(_("charged on"))
    from_date = models.DateField(_("from"), null=True, blank=True)
    through_date = models.DateField(_("up to, not including"), null=True, blank=True)
    amount = MoneyField(_("amount"))
    paid = MoneyField(_("paid"), default=0)
    waived = MoneyField(_("waived"), default=0)
    withdrawn = MoneyField(
        _("withdrawn"),
        default=0,
        help_text=_("Moved into a new schedule, or reckoned anew when earlier money came late."),
    )
    carried_into = models.ForeignKey(
        Schedule,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="carried_charges",
        verbose_name=_("moved into"),
    )
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    entry = models.OneToOneField(JournalEntry, on_delete=models.PROTECT, related_name="charge")

    class Meta:
        verbose_name = _("charge")
        verbose_name_plural = _("charges")
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="loans_charge_positive"),
            models.CheckConstraint(
                condition=Q(
                    paid__gte=0,
                    waived__gte=0,
                    withdrawn__gte=0,
                    amount__gte=F("paid") + F("waived") + F("withdrawn"),
                ),
                name="loans_charge_paid_within_amount",
            ),
        ]
        indexes = [
            models.Index(
                fields=["loan"],
                condition=Q(amount__gt=F("paid") + F("waived") + F("withdrawn")),
                name="loans_charge_open",
            )
        ]

    def __str__(self) -> str:
        return f"{self.loan_id} {self.kind} {self.charged_on}"


class Allocation(models.Model):
    """Where money went: signed minor units of one part of one installment or charge; append-only.

    A negative row takes a positive one back; both name the journal entry that moved the money.
    """

    entry = models.ForeignKey(JournalEntry, on_delete=models.PROTECT, related_name="allocations")
    installment = models.ForeignKey(
        Installment, on_delete=models.PROTECT, null=True, blank=True, related_name="allocations"
    )
    charge = models.ForeignKey(
        Charge, on_delete=models.PROTECT, null=True, blank=True, related_name="allocations"
    )
    component = models.CharField(_("part"), max_length=10, choices=Component.choices)
    amount = MoneyField(_("amount"))

    class Meta:
        verbose_name = _("allocation")
        verbose_name_plural = _("allocations")
        constraints = [
            models.CheckConstraint(condition=~Q(amount=0), name="loans_allocation_not_zero"),
            models.CheckConstraint(
                condition=Q(installment__isnull=False, charge__isnull=True)
                | Q(installment__isnull=True, charge__isnull=False),
                name="loans_allocation_one_target",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.entry_id} {self.component} {self.amount}"


class PayoffQuote(models.Model):
    """What settles the loan up to a day; honored to the cent if the money arrives in time."""

    public_id = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    loan = models.ForeignKey(Loan, on_delete=models.PROTECT, related_name="payoff_quotes")
    good_through = models.DateField(_("good through"), help_text=_("Inclusive."))
    lines = models.JSONField(_("lines"))
    per_diem = MoneyField(_("each further day"))
    total = MoneyField(_("total"))
    expires_at = models.DateTimeField(_("expires at"))
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("payoff quote")
        verbose_name_plural = _("payoff quotes")

    def __str__(self) -> str:
        return f"{self.loan_id} {self.good_through} {self.total}"

    def covers(self, principal: int) -> bool:
        """Whether it was about a debt of at least this principal, and so still about this one."""
        return any(
            line["component"] == Component.PRINCIPAL and line["amount"] >= principal
            for line in self.lines
        )


class DayClose(models.Model):
    """A day that was closed: what the nightly work wrote. One row a day."""

    date = models.DateField(_("day"), primary_key=True)
    started_at = models.DateTimeField(_("started at"))
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    written = models.JSONField(_("written"), default=dict)

    class Meta:
        verbose_name = _("closed day")
        verbose_name_plural = _("closed days")

    def __str__(self) -> str:
        return f"{self.date}"
