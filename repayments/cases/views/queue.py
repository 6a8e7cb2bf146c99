"""The work queue of the staff."""

from urllib.parse import urlencode

from django.contrib import admin
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.models import User
from repayments.cases.models import CaseKind
from repayments.cases.queries import (
    MINE,
    TABS,
    UNASSIGNED,
    count_queue,
    list_queue,
)
from repayments.cases.services import record_queue_viewed
from repayments.clock import now


@require_safe
@permission_required("cases.view_case", raise_exception=True)
def queue(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User)
    moment = now()
    counts = count_queue(user=request.user, now=moment)
    tab = request.GET.get("tab", "")
    if tab not in TABS:
        tab = MINE if counts[MINE] else UNASSIGNED
    kind = request.GET.get("kind", "")
    if kind not in CaseKind.values:
        kind = ""
    page = list_queue(
        user=request.user, tab=tab, kind=kind, now=moment, cursor=request.GET.get("after", "")
    )
    record_queue_viewed(actor=request.user, now=moment)
    context = {
        **admin.site.each_context(request),
        "title": _("Work queue"),
        "page": page,
        "kind": kind,
        "kinds": CaseKind.choices,
        "tabs": [
            {"key": key, "label": label, "count": counts[key], "url": _url(key, kind)}
            for key, label in TABS.items()
        ],
        "first_url": _url(tab, kind) if request.GET.get("after") else "",
        "next_url": _url(tab, kind, page.next_cursor) if page.next_cursor else "",
        "can_work": request.user.has_perm("cases.work_case"),
    }
    return render(request, "admin/cases/queue.html", context)


def _url(tab: str, kind: str, after: str = "") -> str:
    chosen = {"tab": tab, "kind": kind, "after": after}
    return "?" + urlencode({key: value for key, value in chosen.items() if value})
