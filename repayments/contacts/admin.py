"""Staff see what was said to whom and why, settle what is stuck, place holds and write the words.

Messages, decisions, attempts and profiles are read here and never edited. An act asks its reason
and calls its service; words go out only after a second person has read them as they will look.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import Language, User
from repayments import clock
from repayments.contacts import services
from repayments.contacts.forms import ReasonForm
from repayments.contacts.models import (
    ContactAttempt,
    ContactPoint,
    ContactProfile,
    Decision,
    Hold,
    Message,
    MessageTemplate,
    MessageTemplateVersion,
)
from repayments.contacts.queries import list_stuck_messages
from repayments.contacts.rendering import Rendered, RenderError, preview
from repayments.contacts.services.templates import TEXTS
from repayments.contacts.wording import find_faults

Settle = Callable[..., object]


class ReadOnly(admin.ModelAdmin):
    """A list and a page to read; rows are written by services alone."""

    show_full_result_count = False
    list_per_page = 50
    actions: Sequence[str] | None = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_settle_permission(self, request: HttpRequest) -> bool:
        """Whether this person may act on the rows; reading alone is not enough."""
        return request.user.has_perm(f"contacts.change_{self.opts.model_name}")


def ask_reason_and_settle(
    model_admin: admin.ModelAdmin,
    request: HttpRequest,
    rows: QuerySet[Any],
    *,
    act: str,
    title: Any,
    settle: Callable[[int, str], object],
    refusal: type[Exception],
) -> HttpResponse | None:
    """Ask the reason on a page between, then settle each chosen row and tell how many moved."""
    form = ReasonForm(request.POST if "reason" in request.POST else None)
    if not form.is_valid():
        context = {
            **model_admin.admin_site.each_context(request),
            "title": title,
            "opts": model_admin.opts,
            "form": form,
            "act": act,
            "rows": rows,
        }
        return render(request, "admin/contacts/reason.html", context)
    settled = 0
    for pk in rows.values_list("pk", flat=True):
        try:
            settle(pk, form.cleaned_data["reason"])
            settled += 1
        except refusal as error:
            messages.warning(request, str(error))
    if settled:
        text = ngettext("%(count)d row done.", "%(count)d rows done.", settled)
        messages.success(request, text % {"count": settled})
    return None


class StuckFilter(admin.SimpleListFilter):
    title = _("needs a look")
    parameter_name = "stuck"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("1", _("nobody knows whether it went out"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Message]) -> QuerySet[Message]:
        if self.value() != "1":
            return queryset
        return queryset.filter(pk__in=list_stuck_messages(now=clock.now()).values("pk"))


@admin.register(Message)
class MessageAdmin(ReadOnly):
    list_display = (
        "created_at",
        "borrower",
        "template_version",
        "channel",
        "status",
        "not_before",
        "sent_at",
        "error",
    )
    list_filter = ("status", StuckFilter, "channel", "purpose")
    list_select_related = ("borrower", "template_version__template")
    search_fields = ("=public_id", "=subject", "=address", "borrower__reference")
    ordering = ("-created_at",)
    # A code is for the person's eyes alone.
    exclude = ("secret",)
    actions = ("mark_sent", "send_again")

    @admin.action(description=_("Record that it did arrive"), permissions=["settle"])
    def mark_sent(self, request: HttpRequest, rows: QuerySet[Message]) -> HttpResponse | None:
        return self._settle(
            request, rows, "mark_sent", _("Record that it did arrive"), services.mark_message_sent
        )

    @admin.action(description=_("Send it again"), permissions=["settle"])
    def send_again(self, request: HttpRequest, rows: QuerySet[Message]) -> HttpResponse | None:
        return self._settle(
            request, rows, "send_again", _("Send it again"), services.send_message_again
        )

    def _settle(
        self,
        request: HttpRequest,
        rows: QuerySet[Message],
        act: str,
        title: Any,
        service: Settle,
    ) -> HttpResponse | None:
        return ask_reason_and_settle(
            self,
            request,
            rows,
            act=act,
            title=title,
            settle=lambda pk, reason: service(
                message_id=pk, reason=reason, actor=request.user, now=clock.now()
            ),
            refusal=services.MessageMovedOn,
        )


@admin.register(Hold)
class HoldAdmin(ReadOnly):
    list_display = ("borrower", "name", "subject", "starts_at", "ends_at", "lifted_at")
    list_filter = ("name", ("lifted_at", admin.EmptyFieldListFilter))
    list_select_related = ("borrower",)
    search_fields = ("borrower__reference", "borrower__legal_name", "=subject")
    ordering = ("-starts_at",)
    autocomplete_fields = ("borrower",)
    actions = ("lift",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_settle_permission(request)

    def get_fields(self, request: HttpRequest, obj: Hold | None = None) -> Any:
        if obj is None:
            return ("borrower", "name", "subject", "reason", "ends_at")
        return super().get_fields(request, obj)

    def save_model(self, request: HttpRequest, obj: Hold, form: Any, change: bool) -> None:
        assert isinstance(request.user, User)
        placed = services.place_hold(
            borrower=obj.borrower,
            name=obj.name,
            subject=obj.subject,
            reason=obj.reason,
            actor=request.user,
            now=clock.now(),
            ends_at=obj.ends_at,
        )
        obj.pk = placed.pk

    @admin.action(description=_("Lift"), permissions=["settle"])
    def lift(self, request: HttpRequest, rows: QuerySet[Hold]) -> HttpResponse | None:
        return ask_reason_and_settle(
            self,
            request,
            rows,
            act="lift",
            title=_("Lift"),
            settle=lambda pk, reason: services.lift_hold(
                hold_id=pk,
                actor=request.user if isinstance(request.user, User) else None,
                now=clock.now(),
                reason=reason,
            ),
            refusal=services.HoldNotOpen,
        )


@admin.register(MessageTemplate)
class MessageTemplateAdmin(ReadOnly):
    list_display = ("key", "channel", "message_class")
    list_filter = ("channel", "message_class")
    search_fields = ("key",)
    ordering = ("key", "channel")


@admin.register(MessageTemplateVersion)
class MessageTemplateVersionAdmin(ReadOnly):
    list_display = ("template", "number", "status", "author", "approved_by", "published_at")
    list_filter = ("status", "template__channel", "template__message_class")
    list_select_related = ("template", "author", "approved_by")
    search_fields = ("template__key", "text_zh", "text_en")
    ordering = ("template__key", "template__channel", "-number")
    autocomplete_fields = ("template",)
    change_form_template = "admin/contacts/messagetemplateversion/change_form.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("contacts.add_messagetemplateversion")

    def has_change_permission(
        self, request: HttpRequest, obj: MessageTemplateVersion | None = None
    ) -> bool:
        """Drafts alone: published words never change."""
        is_draft = obj is None or obj.status == MessageTemplateVersion.Status.DRAFT
        return is_draft and request.user.has_perm("contacts.change_messagetemplateversion")

    def get_fields(self, request: HttpRequest, obj: MessageTemplateVersion | None = None) -> Any:
        if obj is None:
            return ("template", *TEXTS)
        return ("template", "number", *TEXTS, "status", "author", "approved_by", "published_at")

    def get_readonly_fields(
        self, request: HttpRequest, obj: MessageTemplateVersion | None = None
    ) -> Any:
        fields = self.get_fields(request, obj)
        return [name for name in fields if name not in TEXTS] if obj else []

    def save_model(
        self, request: HttpRequest, obj: MessageTemplateVersion, form: Any, change: bool
    ) -> None:
        assert isinstance(request.user, User)
        texts = {key: form.cleaned_data[key] for key in TEXTS}
        if change:
            services.edit_template_version(
                version_id=obj.pk, texts=texts, actor=request.user, now=clock.now()
            )
            return
        draft = services.draft_template_version(
            template_id=obj.template_id, texts=texts, actor=request.user, now=clock.now()
        )
        obj.pk, obj.number = draft.pk, draft.number

    def get_urls(self) -> list[URLPattern]:
        publish = path(
            "<int:pk>/publish/",
            self.admin_site.admin_view(self.publish),
            name="contacts_messagetemplateversion_publish",
        )
        return [publish, *super().get_urls()]

    def publish(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the words as they will look, what is wrong with them, and publish by POST."""
        version = (
            MessageTemplateVersion.objects.select_related("template", "author")
            .filter(pk=pk)
            .first()
        )
        if version is None or not self.has_view_permission(request, version):
            raise Http404
        may_publish = self.has_change_permission(request, version)
        if request.method == "POST" and may_publish:
            return self._publish(request, version)
        context = {
            **self.admin_site.each_context(request),
            "title": str(version),
            "opts": self.opts,
            "version": version,
            "previews": [_preview(version, language) for language in Language],
            "faults": find_faults(version),
            "may_publish": may_publish,
            "is_author": version.author_id == request.user.pk,
        }
        return render(request, "admin/contacts/messagetemplateversion/publish.html", context)

    def _publish(
        self, request: HttpRequest, version: MessageTemplateVersion
    ) -> HttpResponseRedirect:
        assert isinstance(request.user, User)
        try:
            services.publish_template_version(
                version_id=version.pk, actor=request.user, now=clock.now()
            )
        except (
            services.SameAuthor,
            services.VersionNotDraft,
            services.VersionNotFit,
        ) as refusal:
            messages.error(request, str(refusal))
        else:
            messages.success(request, _("Published. New messages use these words."))
        return redirect("admin:contacts_messagetemplateversion_publish", version.pk)


def _preview(version: MessageTemplateVersion, language: Language) -> tuple[str, Rendered | None]:
    try:
        return str(language.label), preview(version, language)
    except RenderError:
        return str(language.label), None


@admin.register(ContactProfile)
class ContactProfileAdmin(ReadOnly):
    list_display = ("jurisdiction", "version", "effective_from")
    ordering = ("jurisdiction", "-version")
    fields = ("jurisdiction", "version", "effective_from", "rules_in_lines")
    readonly_fields = ("rules_in_lines",)

    @admin.display(description=_("rules"))
    def rules_in_lines(self, profile: ContactProfile) -> str:
        return json.dumps(profile.rules, ensure_ascii=False, indent=2)


@admin.register(Decision)
class DecisionAdmin(ReadOnly):
    list_display = (
        "at",
        "borrower",
        "channel",
        "message_class",
        "verdict",
        "code",
        "rule_id",
        "until",
        "profile_version",
        "actor",
    )
    list_filter = ("verdict", "code", "channel", "message_class")
    list_select_related = ("borrower", "actor")
    search_fields = ("borrower__reference", "=subject", "=address")
    ordering = ("-at",)


@admin.register(ContactAttempt)
class ContactAttemptAdmin(ReadOnly):
    list_display = ("at", "borrower", "channel", "outcome", "on_behalf_of", "actor")
    list_filter = ("channel", "outcome")
    list_select_related = ("borrower", "actor")
    search_fields = ("borrower__reference", "=subject", "=address")
    ordering = ("-at",)


@admin.register(ContactPoint)
class ContactPointAdmin(ReadOnly):
    list_display = ("borrower", "channel", "address", "opted_out_at", "is_active")
    list_filter = ("channel", ("opted_out_at", admin.EmptyFieldListFilter))
    list_select_related = ("borrower",)
    search_fields = ("borrower__reference", "=address")
    ordering = ("-created_at",)
