"""Loans, for staff: terms and figures to read; products, stages and special days to edit.

Status and figures change by services alone, so they are read-only here.
"""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from repayments.ledger.admin import ReadOnly
from repayments.loans.models import (
    Charge,
    DayClose,
    Installment,
    Loan,
    PayoffQuote,
    Product,
    Schedule,
    Stage,
    Workday,
)
from repayments.templatetags.amounts import money_text


@admin.register(Product)
class ProductAdmin(admin.ModelAdmin):
    list_display = ("key", "name_zh", "name_en", "allocation_strategy", "surplus")
    search_fields = ("key", "name_zh", "name_en")
    ordering = ("key",)
    show_full_result_count = False


@admin.register(Stage)
class StageAdmin(admin.ModelAdmin):
    list_display = ("key", "name_zh", "name_en", "from_day")
    search_fields = ("key", "name_zh", "name_en")
    ordering = ("from_day",)
    show_full_result_count = False


@admin.register(Workday)
class WorkdayAdmin(admin.ModelAdmin):
    list_display = ("date", "calendar", "is_workday", "name")
    list_filter = ("calendar", "is_workday")
    search_fields = ("name",)
    date_hierarchy = "date"
    ordering = ("-date",)
    show_full_result_count = False


class ScheduleInline(admin.TabularInline):
    model = Schedule
    extra = 0
    can_delete = False
    fields = ("version", "reason", "effective_date", "is_current")
    readonly_fields = fields
    ordering = ("version",)
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ChargeInline(admin.TabularInline):
    model = Charge
    extra = 0
    can_delete = False
    fields = ("kind", "charged_on", "from_date", "through_date", "money", "open_money", "reason")
    readonly_fields = fields
    ordering = ("charged_on",)

    @admin.display(description=_("amount"))
    def money(self, charge: Charge) -> str:
        return money_text(charge.amount, charge.loan.currency)

    @admin.display(description=_("still open"))
    def open_money(self, charge: Charge) -> str:
        left = charge.amount - charge.paid - charge.waived - charge.withdrawn
        return money_text(left, charge.loan.currency)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Loan)
class LoanAdmin(ReadOnly):
    list_display = (
        "number",
        "borrower",
        "product",
        "status",
        "days_past_due",
        "past_due",
        "outstanding",
        "next_due_date",
        "stage",
    )
    list_filter = ("status", "stage", "product", "currency")
    list_select_related = ("borrower", "product", "stage")
    search_fields = ("=number", "borrower__reference", "borrower__legal_name")
    autocomplete_fields = ("borrower", "product")
    ordering = ("-pk",)
    list_per_page = 50
    inlines = (ScheduleInline, ChargeInline)
    fieldsets = (
        (None, {"fields": ("number", "public_id", "borrower", "product", "book", "status")}),
        (
            _("Figures of the day"),
            {
                "fields": (
                    "outstanding",
                    "past_due",
                    "past_due_since",
                    "days_past_due",
                    "stage",
                    "next_due_date",
                    "next_due",
                    "penalty_through",
                )
            },
        ),
        (
            _("Terms"),
            {
                "fields": (
                    "currency",
                    "lent",
                    "annual_rate",
                    "installments_count",
                    "every",
                    "unit",
                    "disbursed_on",
                    "first_due_on",
                    "amortization",
                    "interest_method",
                    "interest_period",
                    "day_count",
                    "principal_grace",
                    "rounding",
                    "penalty_rate",
                    "grace_days",
                )
            },
        ),
    )

    @admin.display(description=_("outstanding principal"), ordering="outstanding_principal")
    def outstanding(self, loan: Loan) -> str:
        return money_text(loan.outstanding_principal, loan.currency)

    @admin.display(description=_("past due"), ordering="past_due_amount")
    def past_due(self, loan: Loan) -> str:
        return money_text(loan.past_due_amount, loan.currency)

    @admin.display(description=_("next due"))
    def next_due(self, loan: Loan) -> str:
        return money_text(loan.next_due_amount, loan.currency)

    @admin.display(description=_("principal"))
    def lent(self, loan: Loan) -> str:
        return money_text(loan.principal, loan.currency)


class InstallmentInline(admin.TabularInline):
    model = Installment
    extra = 0
    can_delete = False
    fields = ("number", "due_date", "principal", "interest", "fee", "left")
    readonly_fields = fields
    ordering = ("number",)

    @admin.display(description=_("principal due"))
    def principal(self, row: Installment) -> str:
        return money_text(row.principal_due, row.loan.currency)

    @admin.display(description=_("interest due"))
    def interest(self, row: Installment) -> str:
        return money_text(row.interest_due, row.loan.currency)

    @admin.display(description=_("fees due"))
    def fee(self, row: Installment) -> str:
        return money_text(row.fee_due, row.loan.currency)

    @admin.display(description=_("still unpaid"))
    def left(self, row: Installment) -> str:
        return money_text(row.unpaid, row.loan.currency)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("loan")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Schedule)
class ScheduleAdmin(ReadOnly):
    list_display = ("loan", "version", "reason", "effective_date", "is_current")
    list_filter = ("reason", "is_current")
    list_select_related = ("loan",)
    search_fields = ("=loan__number",)
    ordering = ("-pk",)
    fields = ("loan", "version", "reason", "effective_date", "is_current", "replaces", "created_at")
    inlines = (InstallmentInline,)


@admin.register(PayoffQuote)
class PayoffQuoteAdmin(ReadOnly):
    list_display = ("loan", "good_through", "money", "expires_at", "created_at")
    list_select_related = ("loan",)
    search_fields = ("=loan__number",)
    ordering = ("-pk",)
    fields = ("loan", "public_id", "good_through", "money", "lines", "expires_at", "created_at")

    @admin.display(description=_("total"))
    def money(self, quote: PayoffQuote) -> str:
        return money_text(quote.total, quote.loan.currency)


@admin.register(DayClose)
class DayCloseAdmin(ReadOnly):
    list_display = ("date", "started_at", "finished_at")
    ordering = ("-date",)
    fields = ("date", "started_at", "finished_at", "written")
