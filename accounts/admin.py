"""People, for staff. Nobody sets another's password here; borrowers change their own language."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from accounts.models import Borrower, Invitation, User


@admin.register(User)
class UserAdmin(admin.ModelAdmin):
    list_display = ("email", "name", "is_staff", "is_active", "last_login")
    list_filter = ("is_staff", "is_active", "groups")
    search_fields = ("email", "name")
    ordering = ("email",)
    show_full_result_count = False
    filter_horizontal = ("groups",)
    readonly_fields = ("last_login", "date_joined", "is_superuser")
    fieldsets = (
        (None, {"fields": ("email", "name", "phone", "language")}),
        (_("Access"), {"fields": ("is_active", "is_staff", "is_superuser", "groups")}),
        (_("Dates"), {"fields": ("last_login", "date_joined")}),
    )

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Give a new person no password: they sign in by code, or set one themselves."""
        if not change:
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Never: the record names people by their rows. Deactivate them."""
        return False


@admin.register(Borrower)
class BorrowerAdmin(admin.ModelAdmin):
    list_display = ("reference", "legal_name", "kind", "jurisdiction", "language", "is_activated")
    list_filter = ("kind", "jurisdiction", "language")
    search_fields = ("reference", "legal_name", "email")
    ordering = ("reference",)
    show_full_result_count = False
    readonly_fields = ("public_id", "reference", "user", "created_at")

    @admin.display(boolean=True, description=_("activated"))
    def is_activated(self, obj: Borrower) -> bool:
        return obj.user_id is not None

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Borrowers come from the lender's tape."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Borrower | None = None) -> bool:
        return False


@admin.register(Invitation)
class InvitationAdmin(admin.ModelAdmin):
    list_display = ("borrower", "created_at", "expires_at", "tries", "used_at")
    list_select_related = ("borrower",)
    search_fields = ("borrower__reference", "borrower__legal_name")
    ordering = ("-created_at",)
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Invitation | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Invitation | None = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: Invitation | None = None) -> list[Any]:
        """Leave the hash of the link out: it is of no use to a reader."""
        return ["borrower", "created_at", "expires_at", "tries", "used_at"]
