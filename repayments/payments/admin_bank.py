"""Bank transfers and promises for staff: lists, and the desk's pages beside them."""

from django.contrib import admin
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from repayments.money import format_money
from repayments.payments.admin_base import ReadOnly
from repayments.payments.models import BankLine, PromiseToPay
from repayments.payments.views import bank_desk


@admin.register(BankLine)
class BankLineAdmin(ReadOnly):
    list_display = ("booked_on", "money", "payer", "text", "loan", "recorded_by", "recorded_at")
    list_filter = ("booked_on", "currency")
    list_select_related = ("loan", "recorded_by")
    search_fields = ("text", "payer", "loan__number")
    ordering = ("-booked_on", "-pk")
    change_list_template = "admin/payments/bank_lines.html"

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        place = wrap(bank_desk.place)
        take = wrap(bank_desk.take)
        return [
            path("statement/", wrap(bank_desk.take_in_statement), name="payments_statement"),
            path("record/", wrap(bank_desk.record_by_hand), name="payments_transfer_record"),
            path("unmatched/", wrap(bank_desk.unmatched), name="payments_unmatched"),
            path("unmatched/<int:pk>/", place, name="payments_suspense_place"),
            path("unmatched/<int:pk>/take/", take, name="payments_suspense_take"),
            *super().get_urls(),
        ]

    @admin.display(description=_("amount"), ordering="amount")
    def money(self, line: BankLine) -> str:
        return format_money(line.amount, line.currency, "en")


@admin.register(PromiseToPay)
class PromiseToPayAdmin(ReadOnly):
    list_display = ("promised_for", "loan", "money", "status", "made_by", "made_at", "decided_at")
    list_filter = ("status", "promised_for")
    list_select_related = ("loan", "made_by")
    search_fields = ("loan__number",)
    ordering = ("-promised_for",)

    def get_urls(self) -> list[URLPattern]:
        note = self.admin_site.admin_view(bank_desk.note_promise)
        return [path("note/", note, name="payments_promise_note"), *super().get_urls()]

    @admin.display(description=_("amount"), ordering="amount")
    def money(self, promise: PromiseToPay) -> str:
        return format_money(promise.amount, promise.loan.currency, "en")
