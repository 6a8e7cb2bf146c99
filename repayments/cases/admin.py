"""Cases and their policies for staff. The list is Django's; a case's own page is ``views.case``."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import URLPattern, path

from accounts.models import User
from repayments.audit.services import record_event
from repayments.cases import views
from repayments.cases.models import Case, CasePolicy
from repayments.clock import now


@admin.register(Case)
class CaseAdmin(admin.ModelAdmin):
    list_display = ("borrower", "kind", "loan", "status", "priority", "assignee", "due_at")
    list_filter = ("status", "kind", "priority")
    list_select_related = ("borrower", "loan", "assignee")
    search_fields = ("borrower__legal_name", "borrower__reference", "loan__number")
    ordering = ("-opened_at",)
    show_full_result_count = False
    actions = None

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("", wrap(self.changelist_view), name="cases_case_changelist"),
            path("<int:pk>/", wrap(views.case_page), name="cases_case_change"),
            path("<int:pk>/<slug:act>/", wrap(views.act_on_case), name="cases_case_act"),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Cases come from the close, from signals and from borrowers."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Case | None = None) -> bool:
        return False


@admin.register(CasePolicy)
class CasePolicyAdmin(admin.ModelAdmin):
    list_display = ("kind", "from_days_late", "act_within_days", "priority", "rest_days")
    ordering = ("priority", "kind")
    readonly_fields = ("kind",)
    show_full_result_count = False
    actions = None

    def save_model(self, request: HttpRequest, obj: CasePolicy, form: Any, change: bool) -> None:
        """Keep who changed which limit, and to what."""
        assert isinstance(request.user, User)
        super().save_model(request, obj, form, change)
        changed = {name: form.cleaned_data[name] for name in form.changed_data}
        record_event(
            stream="policy",
            action="cases.policy_changed",
            actor=request.user,
            at=now(),
            payload={"kind": obj.kind, "changed": changed},
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        """There is one row a kind from the start."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: CasePolicy | None = None) -> bool:
        return False
