"""Staff edit on which days reminders go out, and read which ones were created."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from repayments.audit.services import record_event
from repayments.clock import now
from repayments.contacts.models import MessageTemplateVersion
from repayments.reminders.models import Reminder, ReminderPolicy


class PolicyForm(forms.ModelForm):
    class Meta:
        model = ReminderPolicy
        fields = ("kind", "offset_days", "channel", "template_key", "is_active")

    def clean(self) -> dict[str, Any]:
        """Refuse a template that has no published words on the channel: nothing would go out."""
        data: dict[str, Any] = super().clean() or {}
        if not MessageTemplateVersion.objects.filter(
            template__key=data.get("template_key"),
            template__channel=data.get("channel"),
            status=MessageTemplateVersion.Status.PUBLISHED,
        ).exists():
            raise ValidationError(
                {"template_key": _("This template has no published words for the channel.")}
            )
        return data


@admin.register(ReminderPolicy)
class ReminderPolicyAdmin(admin.ModelAdmin):
    form = PolicyForm
    list_display = ("kind", "offset_days", "channel", "template_key", "is_active")
    list_filter = ("is_active", "channel")
    ordering = ("offset_days",)
    show_full_result_count = False
    actions = None

    def save_model(
        self, request: HttpRequest, obj: ReminderPolicy, form: Any, change: bool
    ) -> None:
        """Keep who changed which day, and to what."""
        assert isinstance(request.user, User)
        super().save_model(request, obj, form, change)
        record_event(
            stream="policy",
            action="reminders.policy_changed",
            actor=request.user,
            at=now(),
            payload={
                "kind": obj.kind,
                "changed": {name: form.cleaned_data[name] for name in form.changed_data},
            },
        )

    def has_delete_permission(
        self, request: HttpRequest, obj: ReminderPolicy | None = None
    ) -> bool:
        """Reminders name the policy they came from: take it out of use instead."""
        return False


@admin.register(Reminder)
class ReminderAdmin(admin.ModelAdmin):
    list_display = ("date", "kind", "installment", "state", "created_at")
    list_filter = ("kind", "message__status")
    list_select_related = ("installment", "message")
    search_fields = ("=installment__loan__number",)
    ordering = ("-date", "-pk")
    show_full_result_count = False
    actions = None

    @admin.display(description=_("status"))
    def state(self, reminder: Reminder) -> str:
        return reminder.message.get_status_display() if reminder.message else ""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Reminder | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Reminder | None = None) -> bool:
        return False
