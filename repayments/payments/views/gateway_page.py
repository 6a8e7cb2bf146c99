"""The operator's page: what of the gateway waits, and buttons that are safe to press twice."""

from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from repayments.clock import now
from repayments.payments import tasks
from repayments.payments.gateway_page import (
    describe_check,
    describe_difference,
    get_gateway_page,
)
from repayments.payments.models import ClearingCheck, FailedCall
from repayments.payments.services import release_waiting_events

ACTS = ("events", "payments", "refunds", "reconcile", "clearing")


@require_safe
@permission_required("payments.view_gatewayevent", raise_exception=True)
def gateway_page(request: HttpRequest) -> HttpResponse:
    """Show everything of the gateway that waits."""
    moment = now()
    page = get_gateway_page(now=moment)
    context = {
        **admin.site.each_context(request),
        "title": _("Gateway"),
        "page": page,
        "now": moment,
        "checks": [_check(check) for check in page.checks],
        "calls": [_call(call) for call in page.calls],
        "can_act": request.user.has_perm("payments.change_gatewayevent"),
    }
    return render(request, "admin/payments/gateway.html", context)


@require_POST
@permission_required("payments.change_gatewayevent", raise_exception=True)
def gateway_act(request: HttpRequest, act: str) -> HttpResponse:
    """Have the worker do one of the acts; a second press finds nothing more to do."""
    if act not in ACTS:
        raise Http404
    if act == "events":
        for event_id in release_waiting_events():
            tasks.process_gateway_event.delay_on_commit(event_id=event_id)
    elif act == "clearing":
        tasks.check_clearing.delay_on_commit()
    else:
        # Payments and refunds without an end are asked about by the same run.
        tasks.reconcile_payments.delay_on_commit()
    messages.success(request, _("It is being worked. Look again in a moment."))
    return redirect("admin:payments_gateway")


def _check(check: ClearingCheck) -> dict[str, object]:
    return {
        "words": describe_check(check),
        "checked_at": check.checked_at,
        "differences": [describe_difference(row, check.currency) for row in check.differences],
    }


def _call(call: FailedCall) -> dict[str, object]:
    return {
        "at": call.at,
        "what": call.what,
        "words": _FAILURES.get(call.kind, _unknown)(),
        "code": call.code,
        "request_id": call.request_id,
    }


def _unknown() -> str:
    return _("It did not bring the answer asked for.")


_FAILURES = {
    "GatewayTimeout": lambda: _("No answer: whether it took effect is found out by itself."),
    "GatewayBusy": lambda: _("Too many calls at once: it is made again by itself."),
    "GatewayMisconfigured": lambda: _(
        "The key is wrong or lacks a permission. Grant it at the gateway, or set another key; "
        "nothing is lost meanwhile, and what waits is worked afterwards."
    ),
    "GatewayMissing": lambda: _("The gateway has no such object: is this another account's key?"),
    "GatewayDeclined": lambda: _("The card was declined."),
    "GatewayRefused": lambda: _("The gateway said no; nothing was created."),
}
