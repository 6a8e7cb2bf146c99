"""Automatic payment for staff: mandates and charges to read, one page to stop one by telephone."""

from datetime import date
from typing import Any

from django.contrib import admin
from django.db.models import Min, Q, QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from repayments.money import format_money
from repayments.payments.admin_base import ReadOnly
from repayments.payments.models import AutopayCharge, Mandate
from repayments.payments.views import staff_autopay

ANNOUNCED = AutopayCharge.Status.ANNOUNCED


@admin.register(Mandate)
class MandateAdmin(ReadOnly):
    """What a borrower let the lender charge by itself."""

    list_display = (
        "loan",
        "borrower",
        "status",
        "card",
        "consent_version",
        "agreed_at",
        "next_charge",
        "end_reason",
    )
    list_filter = ("status", "end_reason", "consent_version", "agreed_at")
    list_select_related = ("loan__borrower", "card")
    search_fields = (
        "=public_id",
        "loan__number",
        "=loan__borrower__reference",
        "loan__borrower__legal_name",
        "=card__last4",
    )
    ordering = ("-agreed_at", "-pk")
    # The gateway's page lets whoever opens it save a card.
    exclude = ("setup_url",)
    change_form_template = "admin/payments/mandate.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        announced = Min("charges__charge_on", filter=Q(charges__status=ANNOUNCED))
        found: QuerySet[Any] = super().get_queryset(request)
        return found.annotate(next_charge_on=announced)

    def get_urls(self) -> list[URLPattern]:
        stop = self.admin_site.admin_view(staff_autopay.stop)
        return [
            path("<int:pk>/stop/", stop, name="payments_mandate_stop"),
            *super().get_urls(),
        ]

    @admin.display(description=_("borrower"), ordering="loan__borrower__legal_name")
    def borrower(self, mandate: Mandate) -> str:
        return mandate.loan.borrower.legal_name

    @admin.display(description=_("next charge"), ordering="next_charge_on")
    def next_charge(self, mandate: Any) -> date | None:
        day: date | None = mandate.next_charge_on
        return day


@admin.register(AutopayCharge)
class AutopayChargeAdmin(ReadOnly):
    """Each announced charge, what became of it, and the payment it made."""

    list_display = ("charge_on", "loan", "money", "attempt", "status", "reason", "payment")
    list_filter = ("status", "reason", "charge_on", "payment__status")
    list_select_related = ("mandate__loan", "payment")
    search_fields = ("=mandate__public_id", "mandate__loan__number", "=payment__public_id")
    ordering = ("-charge_on", "-pk")

    @admin.display(description=_("loan"), ordering="mandate__loan__number")
    def loan(self, charge: AutopayCharge) -> str:
        return charge.mandate.loan.number

    @admin.display(description=_("amount announced"), ordering="announced_amount")
    def money(self, charge: AutopayCharge) -> str:
        return format_money(charge.announced_amount, charge.mandate.loan.currency, "en")
