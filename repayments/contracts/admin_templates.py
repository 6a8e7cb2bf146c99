"""The words of contracts in the staff pages: lists of Django's own, and pages to write in."""

from typing import Any

from django.contrib import admin
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from repayments.contracts.models import ContractTemplate, TemplateVersion
from repayments.contracts.views import templates as pages


class ReadOnly:
    """Lists; the pages behind them write through services."""

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False


@admin.register(TemplateVersion)
class TemplateVersionAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("title", "number", "locale", "status", "author", "approved_by", "published_at")
    list_filter = ("status", "locale", "template__kind")
    list_select_related = ("template", "author", "approved_by")
    ordering = ("template__key", "-number", "locale")
    show_full_result_count = False

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        return redirect("admin:contracts_template_version", row.template_id, row.number)


@admin.register(ContractTemplate)
class ContractTemplateAdmin(ReadOnly, admin.ModelAdmin):
    list_display = ("kind_of_document",)
    ordering = ("key",)

    @admin.display(description=_("kind"))
    def kind_of_document(self, template: ContractTemplate) -> str:
        return template.get_kind_display()

    def change_view(
        self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        return pages.template(request, row.pk)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        version = "<int:pk>/versions/<int:number>/"
        return [
            path(version, wrap(pages.version), name="contracts_template_version"),
            path(f"{version}start/", wrap(pages.start), name="contracts_template_start"),
            path(f"{version}edit/", wrap(pages.edit), name="contracts_template_edit"),
            path(
                f"{version}preview/<str:locale>/",
                wrap(pages.preview),
                name="contracts_template_preview",
            ),
            *super().get_urls(),
        ]
