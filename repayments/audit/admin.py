"""The record, for auditors: to read, search and never to touch."""

from django.contrib import admin
from django.http import HttpRequest

from repayments.audit.models import Event


@admin.register(Event)
class EventAdmin(admin.ModelAdmin):
    list_display = ("at", "stream", "seq", "action", "actor")
    list_filter = ("action",)
    list_select_related = ("actor",)
    search_fields = ("=stream", "=hash")
    date_hierarchy = "at"
    ordering = ("-pk",)
    show_full_result_count = False
    fields = ("stream", "seq", "at", "actor", "action", "payload", "prev", "hash")
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Event | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Event | None = None) -> bool:
        return False
