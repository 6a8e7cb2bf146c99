"""Staff see contracts and their words; what happens to a contract happens through services."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from repayments.clock import now
from repayments.contracts import admin_templates  # noqa: F401 - registered
from repayments.contracts.models import (
    Contract,
    ContractRevision,
    DailyHead,
    Evidence,
    HeadStamp,
    SettlementLetter,
    Signature,
)
from repayments.contracts.services import record_evidence_download, record_kit_export
from repayments.contracts.views import staff
from repayments.contracts.views.common import origin_of, user_of
from repayments.contracts.views.files import evidence_response, kit_response

UNSEALED = ("borrower_signed", "sealing", "seal_failed")


class ReadOnly:
    """Rows are shown; nobody adds, changes or deletes one here."""

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False


class UnsealedFilter(admin.SimpleListFilter):
    """Signed contracts that wait for their seal, by how long they do."""

    title = _("waiting for the seal")
    parameter_name = "unsealed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("any", _("all")), ("10", _("over 10 minutes")), ("60", _("over an hour"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value is None:
            return queryset
        waiting = queryset.filter(status__in=UNSEALED).order_by("signed_at")
        if value.isdigit():
            waiting = waiting.filter(signed_at__lte=_minutes_ago(int(value)))
        return waiting


class RevisionInline(ReadOnly, admin.TabularInline):
    model = ContractRevision
    fields = ("n", "kind", "blob", "created_at")
    ordering = ("n",)
    extra = 0


class SignatureInline(ReadOnly, admin.TabularInline):
    model = Signature
    fields = ("order", "party", "mode", "name", "signed_at", "tsa_time", "cert_fingerprint")
    ordering = ("order",)
    extra = 0


@admin.register(Contract)
class ContractAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("reference", "kind", "borrower", "status", "waits", "seal_error", "created_at")
    list_filter = (UnsealedFilter, "status", "kind", "legal_hold")
    list_select_related = ("loan__borrower",)
    search_fields = ("reference", "loan__number", "verify_code")
    ordering = ("-created_at",)
    show_full_result_count = False
    inlines = (RevisionInline, SignatureInline)
    exclude = ("consents",)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path(
                "<int:pk>/evidence.pdf",
                wrap(self.evidence_pdf),
                name="contracts_contract_evidence",
            ),
            path("<int:pk>/kit.zip", wrap(self.kit), name="contracts_contract_kit"),
            path("<int:pk>/expiry/", wrap(staff.expiry), name="contracts_contract_expiry"),
            path("<int:pk>/void/", wrap(staff.void), name="contracts_contract_void"),
            path("<int:pk>/hold/", wrap(staff.hold), name="contracts_contract_hold"),
            path("<int:pk>/reissue/", wrap(staff.reissue), name="contracts_contract_reissue"),
            *super().get_urls(),
        ]

    def evidence_pdf(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._hand_out(request, pk, evidence_response, record_evidence_download)

    def kit(self, request: HttpRequest, pk: int) -> HttpResponse:
        return self._hand_out(request, pk, kit_response, record_kit_export)

    def _hand_out(
        self,
        request: HttpRequest,
        pk: int,
        respond: Callable[[Contract], HttpResponse | None],
        note: Callable[..., None],
    ) -> HttpResponse:
        """Give a file of a contract, and put on the contract's record who took it."""
        contract: Contract = get_object_or_404(Contract, pk=pk)
        if not self.has_view_permission(request, contract):
            raise PermissionDenied
        response = respond(contract)
        if response is None:
            raise Http404
        if request.method != "HEAD":
            note(contract=contract, actor=user_of(request), origin=origin_of(request), now=now())
        return response

    @admin.display(description=_("borrower"))
    def borrower(self, contract: Contract) -> str:
        return contract.loan.borrower.legal_name

    @admin.display(description=_("waits for the seal"))
    def waits(self, contract: Contract) -> str:
        if contract.status not in UNSEALED or contract.signed_at is None:
            return ""
        minutes = int((now() - contract.signed_at).total_seconds()) // 60
        return ngettext("%(minutes)s minute", "%(minutes)s minutes", minutes) % {"minutes": minutes}


@admin.register(Evidence)
class EvidenceAdmin(ReadOnly, admin.ModelAdmin):
    """The files that are made, and those that wait and why."""

    list_display = ("contract", "made_at", "attempts", "error", "try_again_at")
    list_filter = (("made_at", admin.EmptyFieldListFilter),)
    list_select_related = ("contract",)
    search_fields = ("contract__reference",)
    ordering = ("-pk",)
    show_full_result_count = False


class StampInline(ReadOnly, admin.TabularInline):
    model = HeadStamp
    fields = ("tsa_time", "tsa_name", "created_at")
    extra = 0


@admin.register(DailyHead)
class DailyHeadAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("day", "made_at", "stamped_at", "sha256")
    list_filter = (("stamp", admin.EmptyFieldListFilter),)
    list_select_related = ("stamp",)
    ordering = ("-day",)
    show_full_result_count = False
    inlines = (StampInline,)

    @admin.display(description=_("time stamp"))
    def stamped_at(self, head: DailyHead) -> datetime | None:
        return head.stamp.tsa_time if hasattr(head, "stamp") else None


@admin.register(SettlementLetter)
class SettlementLetterAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("reference", "loan", "status", "seal_error", "created_at", "issued_at")
    list_filter = ("status",)
    list_select_related = ("loan",)
    search_fields = ("reference", "loan__number", "verify_code")
    ordering = ("-created_at",)
    show_full_result_count = False
    exclude = ("content",)


def _minutes_ago(minutes: int) -> datetime:
    return now() - timedelta(minutes=minutes)
