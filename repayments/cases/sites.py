"""Django's admin as the staff's house: a work queue beside the lists, counts on the first page."""

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from repayments.cases import views
from repayments.cases.queries import TABS, count_queue, list_aging
from repayments.clock import now


class StaffSite(AdminSite):
    site_header = _("Staff pages")
    site_title = _("Staff pages")
    index_title = _("Overview")
    enable_nav_sidebar = False

    def get_urls(self) -> list[URLPattern | URLResolver]:
        queue = path("queue/", self.admin_view(views.queue), name="cases_queue")
        return [queue, *super().get_urls()]

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        """Show counts of the queue and how late the book is to those who work cases."""
        context: dict[str, Any] = {**(extra_context or {})}
        if request.user.has_perm("cases.view_case"):
            assert isinstance(request.user, User)
            counts = count_queue(user=request.user, now=now())
            context["queue_counts"] = [
                {"key": key, "label": label, "count": counts[key]} for key, label in TABS.items()
            ]
            context["aging"] = list_aging()
        return super().index(request, context)
