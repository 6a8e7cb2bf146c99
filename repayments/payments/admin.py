"""Staff read what came in, what the gateway said and what waits; nothing is edited here.

The one act is "work again": it asks the gateway anew, and asking moves only money that is real.
"""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from repayments.money import format_money
from repayments.payments import services, tasks
from repayments.payments.declines import describe_decline
from repayments.payments.models import GatewayEvent, Payment, Suspense, Watermark


class ReadOnly(admin.ModelAdmin):
    """A list and a page to read; rows are written by services alone."""

    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_work_permission(self, request: HttpRequest) -> bool:
        """Whether this person may start the work again; reading alone is not enough."""
        return request.user.has_perm(f"payments.change_{self.opts.model_name}")


@admin.register(Payment)
class PaymentAdmin(ReadOnly):
    list_display = ("created_at", "loan", "asked", "received", "status", "needs_review", "reason")
    list_filter = ("status", "needs_review", "provider", "created_at")
    list_select_related = ("loan",)
    search_fields = ("=public_id", "=session_id", "=intent_id", "loan__number")
    ordering = ("-created_at",)
    date_hierarchy = "created_at"
    actions = ("work_again",)

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

    @admin.display(description=_("amount"), ordering="amount")
    def money(self, suspense: Suspense) -> str:
        return f"{suspense.amount} {suspense.currency}"


@admin.register(Watermark)
class WatermarkAdmin(ReadOnly):
    list_display = ("provider", "seen_until")


def _say_enqueued(where: ReadOnly, request: HttpRequest, count: int) -> None:
    text = ngettext("%d row is worked again.", "%d rows are worked again.", count) % count
    where.message_user(request, text, messages.SUCCESS)
