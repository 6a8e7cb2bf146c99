"""Where staff propose refunds and decide about them; each act asks its reason and a fresh code."""

import logging
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from repayments.clock import now
from repayments.payments import services, tasks
from repayments.payments.forms import BankRefundForm, RefundDecisionForm, RefundForm
from repayments.payments.models import Payment, Refund, Suspense
from repayments.payments.services import RefundAlreadyDecided, RefundRefused

logger = logging.getLogger(__name__)

APPROVE, DECLINE, WITHDRAW, SENT = "approve", "decline", "withdraw", "sent"
SOURCES: dict[str, type[Payment] | type[Suspense]] = {"payment": Payment, "suspense": Suspense}
# What may be refused as the refund stands: from which state each act is open.
OPEN_IN = {
    APPROVE: Refund.Status.PROPOSED,
    DECLINE: Refund.Status.PROPOSED,
    WITHDRAW: Refund.Status.PROPOSED,
    SENT: Refund.Status.APPROVED,
}


@require_http_methods(["GET", "HEAD", "POST"])
def propose(request: HttpRequest, kind: str, pk: int) -> HttpResponse:
    """Ask how much of a payment, or of unmatched money, goes back and why; then propose it."""
    if kind not in SOURCES:
        raise Http404
    if not request.user.has_perm("payments.add_refund"):
        raise PermissionDenied
    source: Any = get_object_or_404(SOURCES[kind], pk=pk)
    posted = request.POST if request.method == "POST" else None
    form = RefundForm(posted, user=request.user, currency=source.currency)
    if posted is not None and form.is_valid():
        cleaned = form.cleaned_data
        try:
            refund = services.propose_refund(
                amount=cleaned["amount"],
                reason=cleaned["reason"],
                note=cleaned["note"],
                actor=request.user,  # type: ignore[arg-type]
                origin=Refund.Origin.STAFF,
                now=now(),
                **{f"{kind}_id": source.pk},
            )
        except RefundRefused as refusal:
            form.add_error("amount", str(refusal))
        else:
            if refund.status == Refund.Status.APPROVED:
                _have_it_sent(refund)
                messages.success(request, _("The refund is being sent."))
            else:
                messages.success(request, _("The refund waits for a colleague's approval."))
            return redirect("admin:payments_refund_change", refund.pk)
    context = _context(request, _("Propose a refund")) | {
        "source": source,
        "kind": kind,
        "form": form,
        "back_url": reverse(f"admin:payments_{kind}_change", args=[source.pk]),
    }
    return render(request, "admin/payments/propose_refund.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def decide(request: HttpRequest, pk: int, act: str) -> HttpResponse:
    """Ask why, then approve, decline or withdraw a refund, or record that the bank has sent it."""
    if act not in OPEN_IN:
        raise Http404
    # Who may propose may take that back, and need not be one who decides.
    needed = "payments.add_refund" if act == WITHDRAW else "payments.change_refund"
    if not request.user.has_perm(needed):
        raise PermissionDenied
    refunds = Refund.objects.select_related("payment__loan", "suspense", "proposed_by")
    refund: Refund = get_object_or_404(refunds, pk=pk)
    posted = request.POST if request.method == "POST" else None
    form = _form(posted, request, refund, act)
    if posted is not None and form.is_valid():
        try:
            _do(request, refund, act, form.cleaned_data["note"])
        except RefundAlreadyDecided as refusal:
            return _conflict(request, refund, str(refusal))
        except RefundRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("admin:payments_refund_change", refund.pk)
    context = _context(request, _title(act)) | {
        "refund": refund,
        "act": act,
        "form": form,
        "is_open": refund.status == OPEN_IN[act] and (act != SENT or refund.is_sent_by_hand),
    }
    return render(request, "admin/payments/decide_refund.html", context)


def _form(
    posted: Any, request: HttpRequest, refund: Refund, act: str
) -> RefundDecisionForm | BankRefundForm:
    user: Any = request.user
    if act == SENT:
        return BankRefundForm(posted, user=user)
    is_read = act == DECLINE and refund.origin == Refund.Origin.BORROWER
    return RefundDecisionForm(posted, user=user, is_read_by_borrower=is_read)


def _do(request: HttpRequest, refund: Refund, act: str, note: str) -> None:
    who: dict[str, Any] = {"refund_id": refund.pk, "actor": request.user, "now": now()}
    if act == APPROVE:
        services.approve_refund(**who, note=note)
        if refund.is_sent_by_hand:
            messages.success(request, _("Now send it at the bank, and record that here."))
        else:
            _have_it_sent(refund)
            messages.success(request, _("The refund is being sent."))
    elif act == DECLINE:
        services.decline_refund(**who, note=note)
        messages.success(request, _("The refund is declined."))
    elif act == WITHDRAW:
        services.withdraw_refund(**who, note=note)
        messages.success(request, _("The refund is withdrawn."))
    else:
        services.record_bank_refund(**who, reference=note)
        messages.success(request, _("The refund is recorded as sent."))


def _have_it_sent(refund: Refund) -> None:
    try:
        tasks.send_refund.delay_on_commit(refund_id=refund.pk)
    except Exception:
        # It stands approved: a broker that is down costs a few minutes, until the sweep.
        logger.exception("refund %s could not be enqueued", refund.public_id)


def _title(act: str) -> str:
    return {
        APPROVE: _("Approve this refund"),
        DECLINE: _("Decline this refund"),
        WITHDRAW: _("Withdraw this refund"),
        SENT: _("Record that the bank has sent it"),
    }[act]


def _context(request: HttpRequest, title: str) -> dict[str, Any]:
    return {**admin.site.each_context(request), "title": title, "opts": Refund._meta}


def _conflict(request: HttpRequest, refund: Refund, words: str) -> HttpResponse:
    context = _context(request, _("This has changed meanwhile")) | {
        "refund": refund,
        "message": words,
    }
    return render(request, "admin/payments/conflict.html", context, status=409)
