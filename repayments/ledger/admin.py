"""The books, for staff: to read. A mistake is mended by a service that posts a reversing entry."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from repayments.ledger.models import Balance, Book, JournalEntry, Posting
from repayments.templatetags.amounts import money_text


class ReadOnly(admin.ModelAdmin):
    """Nobody adds, changes or deletes; the triggers of the database say the same."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class BalanceInline(admin.TabularInline):
    model = Balance
    extra = 0
    can_delete = False
    fields = ("account", "money")
    readonly_fields = fields

    @admin.display(description=_("amount"))
    def money(self, balance: Balance) -> str:
        return money_text(balance.amount, balance.book.currency)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class PostingInline(admin.TabularInline):
    model = Posting
    extra = 0
    can_delete = False
    fields = ("account", "money")
    readonly_fields = fields

    @admin.display(description=_("amount"))
    def money(self, posting: Posting) -> str:
        return money_text(posting.amount, posting.entry.book.currency)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Book)
class BookAdmin(ReadOnly):
    list_display = ("pk", "currency", "last_seq")
    search_fields = ("=pk", "loan__number")
    ordering = ("-pk",)
    fields = ("currency", "last_seq")
    inlines = (BalanceInline,)


@admin.register(JournalEntry)
class JournalEntryAdmin(ReadOnly):
    list_display = ("effective_date", "book", "seq", "kind", "reference", "actor")
    list_filter = ("kind",)
    list_select_related = ("book", "actor")
    search_fields = ("=reference", "book__loan__number")
    date_hierarchy = "effective_date"
    ordering = ("-pk",)
    fields = (
        "book",
        "seq",
        "kind",
        "effective_date",
        "posted_at",
        "reference",
        "reverses",
        "actor",
    )
    inlines = (PostingInline,)
