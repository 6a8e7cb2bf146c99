"""Where staff stop automatic payment, or leave one charge out, for a borrower on the telephone."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from repayments.clock import now
from repayments.payments import services
from repayments.payments.autopay_page import describe_card
from repayments.payments.models import AutopayCharge, Mandate
from repayments.payments.services import ChargeNotOpen, MandateEnded
from repayments.payments.staff_forms import StopForm


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("payments.change_mandate", raise_exception=True)
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask what to stop and why, then do it; pressed twice, the second press changes nothing."""
    found = Mandate.objects.select_related("loan__borrower", "card")
    mandate: Mandate = get_object_or_404(found, pk=pk)
    charges = AutopayCharge.objects.filter(
        mandate=mandate, status=AutopayCharge.Status.ANNOUNCED
    ).order_by("charge_on", "pk")
    is_open = mandate.status != Mandate.Status.ENDED
    posted = request.POST if request.method == "POST" else None
    form = StopForm(posted, charges=list(charges))
    if posted is not None and not is_open:
        # A second press, or a colleague or the borrower was faster.
        messages.info(request, _("Automatic payment had already been stopped."))
        return redirect("admin:payments_mandate_change", pk)
    if posted is not None and form.is_valid():
        _do(request, mandate, form.cleaned_data)
        return redirect("admin:payments_mandate_change", pk)
    context = {
        **admin.site.each_context(request),
        "title": _("Stop automatic payment"),
        "opts": Mandate._meta,
        "mandate": mandate,
        "card": describe_card(mandate.card) if mandate.card else "",
        "is_open": is_open,
        "form": form,
    }
    return render(request, "admin/payments/stop_mandate.html", context)


def _do(request: HttpRequest, mandate: Mandate, asked: dict[str, Any]) -> None:
    who: dict[str, Any] = {"note": asked["note"], "actor": request.user, "now": now()}
    try:
        if asked["what"] == StopForm.ALL:
            services.stop_mandate_for_borrower(mandate_id=mandate.pk, **who)
            done = _("Automatic payment is stopped, and the borrower is told.")
        else:
            services.skip_charge_for_borrower(charge_id=int(asked["what"]), **who)
            done = _("The charge is left out, and the borrower is told.")
    except (MandateEnded, ChargeNotOpen) as refusal:
        messages.info(request, str(refusal))
    else:
        messages.success(request, done)
