"""The gateway for its operator: one page of what waits, and the lists behind it."""

from django.contrib import admin
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from repayments.money import format_money
from repayments.payments.admin_base import ReadOnly
from repayments.payments.models import ClearingCheck, FailedCall, FraudWarning
from repayments.payments.views import gateway_page


@admin.register(FailedCall)
class FailedCallAdmin(ReadOnly):
    list_display = ("at", "what", "kind", "code", "request_id", "payment")
    list_filter = ("kind", "at")
    list_select_related = ("payment",)
    search_fields = ("=request_id", "=code")
    ordering = ("-at",)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        page = wrap(gateway_page.gateway_page)
        act = wrap(gateway_page.gateway_act)
        return [
            path("gateway/", page, name="payments_gateway"),
            path("gateway/<slug:act>/", act, name="payments_gateway_act"),
            *super().get_urls(),
        ]


@admin.register(ClearingCheck)
class ClearingCheckAdmin(ReadOnly):
    list_display = ("date", "currency", "at_the_gateway", "in_the_books", "is_equal", "checked_at")
    list_filter = ("currency", "date")
    ordering = ("-date",)

    @admin.display(description=_("at the gateway"))
    def at_the_gateway(self, check: ClearingCheck) -> str:
        return format_money(check.gateway_total, check.currency, "en")

    @admin.display(description=_("in the books"))
    def in_the_books(self, check: ClearingCheck) -> str:
        return format_money(check.books_total, check.currency, "en")

    @admin.display(description=_("equal"), boolean=True)
    def is_equal(self, check: ClearingCheck) -> bool:
        return not check.differences


@admin.register(FraudWarning)
class FraudWarningAdmin(ReadOnly):
    list_display = ("seen_at", "warning_id", "payment", "fraud_type", "is_read")
    list_filter = ("is_read", "fraud_type", "seen_at")
    list_select_related = ("payment",)
    search_fields = ("=warning_id", "=payment__public_id")
    ordering = ("-seen_at",)
