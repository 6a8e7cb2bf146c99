"""Staff read what came in, what went back, what the gateway said and what waits.

Rows are written by services alone. "Work again" asks the gateway anew, and asking moves only money
that is real; refunds are proposed and decided on pages of their own.
"""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from repayments.audit.services import record_event
from repayments.clock import now
from repayments.money import format_money
from repayments.payments import admin_autopay, admin_bank, admin_gateway, services, tasks  # noqa: F401 - registered
from repayments.payments.admin_base import ReadOnly
from repayments.payments.declines import describe_decline
from repayments.payments.models import (
    Dispute,
    GatewayEvent,
    Payment,
    Refund,
    RefundPolicy,
    Suspense,
    Watermark,
)
from repayments.payments.refund_failures import describe_refund_failure
from repayments.payments.views import staff_refunds


class MoneyBackFilter(admin.SimpleListFilter):
    """What became of a payment's money: its status does not say, refunds and disputes do."""

    title = _("money that went back")
    parameter_name = "back"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("refunded", _("refunded")), ("asked", _("questioned by the payer's bank"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "refunded":
            gone = Refund.objects.filter(payment=OuterRef("pk"), status=Refund.Status.SUCCEEDED)
            return queryset.filter(Exists(gone))
        if self.value() == "asked":
            return queryset.filter(Exists(Dispute.objects.filter(payment=OuterRef("pk"))))
        return queryset


@admin.register(Payment)
class PaymentAdmin(ReadOnly):
    list_display = ("created_at", "loan", "asked", "received", "status", "needs_review", "reason")
    list_filter = ("status", MoneyBackFilter, "needs_review", "provider", "created_at")
    list_select_related = ("loan",)
    search_fields = ("=public_id", "=session_id", "=intent_id", "loan__number")
    ordering = ("-created_at",)
    date_hierarchy = "created_at"
    actions = ("work_again",)
    change_form_template = "admin/payments/refundable.html"

    @admin.display(description=_("asked for"), ordering="amount")
    def asked(self, payment: Payment) -> str:
        return format_money(payment.amount, payment.currency, "en")

    @admin.display(description=_("received"), ordering="amount_received")
    def received(self, payment: Payment) -> str:
        if payment.amount_received is None:
            return ""
        return format_money(payment.amount_received, payment.currency, "en")

    @admin.display(description=_("why not"))
    def reason(self, payment: Payment) -> str:
        if payment.status == Payment.Status.SUCCEEDED:
            return ""
        return describe_decline(payment.error_code, payment.decline_code)

    @admin.action(description=_("Ask the gateway again"), permissions=["work"])
    def work_again(self, request: HttpRequest, rows: QuerySet[Payment]) -> None:
        for payment_id in rows.values_list("pk", flat=True):
            tasks.settle_payment.delay_on_commit(payment_id=payment_id)
        _say_enqueued(self, request, rows.count())


class WorkedFilter(admin.SimpleListFilter):
    title = _("worked")
    parameter_name = "worked"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("no", _("waiting")), ("error", _("in error")), ("yes", _("done"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "no":
            return queryset.filter(processed_at__isnull=True)
        if self.value() == "error":
            return queryset.filter(processed_at__isnull=True).exclude(error="")
        if self.value() == "yes":
            return queryset.filter(processed_at__isnull=False)
        return queryset


@admin.register(GatewayEvent)
class GatewayEventAdmin(ReadOnly):
    list_display = ("received_at", "type", "object_id", "processed_at", "attempts", "error")
    list_filter = (WorkedFilter, "type")
    search_fields = ("=event_id", "=object_id")
    ordering = ("-received_at",)
    # The body holds the payer's name and address: the facts beside it are what is needed.
    exclude = ("body",)
    actions = ("work_again",)

    @admin.action(description=_("Work again"), permissions=["work"])
    def work_again(self, request: HttpRequest, rows: QuerySet[GatewayEvent]) -> None:
        released = [
            event_id
            for event_id in rows.values_list("event_id", flat=True)
            if services.release_event(event_id=event_id)
        ]
        for event_id in released:
            tasks.process_gateway_event.delay_on_commit(event_id=event_id)
        _say_enqueued(self, request, len(released))


@admin.register(Suspense)
class SuspenseAdmin(ReadOnly):
    list_display = ("opened_at", "object_id", "money", "cause", "payment", "owner", "resolved_at")
    list_filter = ("cause", "resolved_at")
    list_select_related = ("payment", "owner")
    search_fields = ("=object_id",)
    ordering = ("-opened_at",)
    change_form_template = "admin/payments/refundable.html"

    @admin.display(description=_("amount"), ordering="amount")
    def money(self, suspense: Suspense) -> str:
        return f"{suspense.amount} {suspense.currency}"


@admin.register(Refund)
class RefundAdmin(ReadOnly):
    list_display = ("created_at", "what", "money", "status", "why_failed", "origin", "proposed_by")
    list_filter = ("status", "origin", "reason", "created_at")
    list_select_related = ("payment__loan", "suspense", "proposed_by", "decided_by")
    search_fields = ("=public_id", "=refund_id", "payment__loan__number")
    ordering = ("-created_at",)
    exclude = ("failure",)
    readonly_fields = ("why_failed",)
    change_form_template = "admin/payments/refund.html"

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path(
                "propose/<slug:kind>/<int:pk>/",
                wrap(staff_refunds.propose),
                name="payments_refund_propose",
            ),
            path(
                "<int:pk>/decide/<slug:act>/",
                wrap(staff_refunds.decide),
                name="payments_refund_decide",
            ),
            *super().get_urls(),
        ]

    @admin.display(description=_("why it failed"))
    def why_failed(self, refund: Refund) -> str:
        return describe_refund_failure(refund.failure)

    @admin.display(description=_("of"))
    def what(self, refund: Refund) -> str:
        if refund.payment is None:
            return str(_("unmatched money"))
        return refund.payment.loan.number

    @admin.display(description=_("amount"), ordering="amount")
    def money(self, refund: Refund) -> str:
        return format_money(refund.amount, refund.currency, "en")


@admin.register(Dispute)
class DisputeAdmin(ReadOnly):
    list_display = ("opened_at", "loan", "money", "status", "reason", "respond_by", "closed_at")
    list_filter = ("status", "closed_at")
    list_select_related = ("payment__loan",)
    search_fields = ("=dispute_id", "payment__loan__number")
    ordering = ("-opened_at",)

    @admin.display(description=_("loan"))
    def loan(self, dispute: Dispute) -> str:
        return dispute.payment.loan.number if dispute.payment else ""

    @admin.display(description=_("amount"), ordering="amount")
    def money(self, dispute: Dispute) -> str:
        return format_money(dispute.amount, dispute.currency, "en")


@admin.register(RefundPolicy)
class RefundPolicyAdmin(admin.ModelAdmin):
    list_display = ("currency", "limit")
    ordering = ("currency",)
    show_full_result_count = False
    actions = None

    @admin.display(description=_("approve above"), ordering="approve_above")
    def limit(self, policy: RefundPolicy) -> str:
        return format_money(policy.approve_above, policy.currency, "en")

    def get_form(self, *args: Any, **kwargs: Any) -> Any:
        words = _("In minor units. Zero: every refund takes two people.")
        return super().get_form(*args, **{**kwargs, "help_texts": {"approve_above": words}})

    def save_model(self, request: HttpRequest, obj: RefundPolicy, form: Any, change: bool) -> None:
        """Keep who changed which limit, and to what."""
        super().save_model(request, obj, form, change)
        changed = {name: str(form.cleaned_data[name]) for name in form.changed_data}
        record_event(
            stream="policy",
            action="payments.refund_policy_changed",
            actor=request.user,  # type: ignore[arg-type]
            at=now(),
            payload={"policy": str(obj), "changed": changed},
        )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Without a limit every refund takes two people; change the row instead."""
        return False


@admin.register(Watermark)
class WatermarkAdmin(ReadOnly):
    list_display = ("provider", "seen_until")


def _say_enqueued(where: ReadOnly, request: HttpRequest, count: int) -> None:
    text = ngettext("%d row is worked again.", "%d rows are worked again.", count) % count
    where.message_user(request, text, messages.SUCCESS)
