"""The contract's own address: where it stands, the file, and the way to say no."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.http.response import Http404
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from repayments.clock import lender_zone, now
from repayments.contracts import blobs, services
from repayments.contracts.forms import DeclineForm
from repayments.contracts.models import Contract
from repayments.contracts.queries import get_download, get_signed_facts
from repayments.contracts.views.common import (
    COSTS,
    answers_moved_on,
    can_be_signed,
    find_step,
    get_contract_for_user,
    language_note,
    next_waits,
    note_opened,
    origin_of,
    step_url,
    user_of,
)
from repayments.contracts.views.reading import render_costs

SIGNED = (
    Contract.Status.BORROWER_SIGNED,
    Contract.Status.SEALING,
    Contract.Status.SEAL_FAILED,
    Contract.Status.COMPLETED,
)


@login_required
@require_safe
@answers_moved_on
def detail(request: HttpRequest, public_id: object) -> HttpResponse:
    """Resume where the borrower left off; after signing say how far the seal is."""
    contract = get_contract_for_user(request, public_id)
    if contract.purged_at is not None:
        return _render_ended(request, contract)
    if contract.status in SIGNED:
        return _render_signed(request, contract)
    if not can_be_signed(contract):
        return _render_ended(request, contract)
    note_opened(request, contract)
    step = find_step(request, contract)
    if step != COSTS:
        return redirect(step_url(contract, step))
    return render_costs(request, contract)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@answers_moved_on
def decline(request: HttpRequest, public_id: object) -> HttpResponse:
    contract = get_contract_for_user(request, public_id)
    if request.method != "POST" and not can_be_signed(contract):
        return redirect("contracts:detail", contract.public_id)
    form = DeclineForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        services.decline_contract(
            contract_id=contract.pk,
            reason=form.cleaned_data["reason"],
            actor=user_of(request),
            origin=origin_of(request),
            now=now(),
        )
        return redirect("contracts:detail", contract.public_id)
    context = {"contract": contract, "form": form}
    return render(request, "contracts/decline.html", context, status=422 if form.errors else 200)


@login_required
@require_safe
def download(request: HttpRequest, public_id: object) -> HttpResponse:
    """The file: the sealed one when it is there, else the one that is shown."""
    contract = get_contract_for_user(request, public_id)
    revision = get_download(contract)
    if revision is None:
        raise Http404
    pdf = blobs.read(revision.blob_id)
    if request.method != "HEAD":
        services.record_download(
            contract=contract,
            sha256=revision.blob_id,
            kind=revision.kind,
            actor=user_of(request),
            origin=origin_of(request),
            now=now(),
        )
    # A reference is letters, digits and hyphens; a name of a person is never in a file's name.
    return HttpResponse(
        pdf,
        content_type="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{contract.reference}.pdf"'},
    )


def _render_signed(request: HttpRequest, contract: Contract) -> HttpResponse:
    wait, next_wait = next_waits(request)
    facts = get_signed_facts(contract)
    context = {
        "contract": contract,
        "facts": facts,
        "language_note": language_note(contract),
        "zone": str(lender_zone()),
        "newer": _find_newest(contract),
        "wait": wait,
        "next_wait": next_wait,
    }
    if request.headers.get("HX-Request"):
        if facts.is_complete:
            return HttpResponse(headers={"HX-Refresh": "true"})
        return render(request, "contracts/signed.html#waiting", context)
    return render(request, "contracts/signed.html", context)


def _render_ended(request: HttpRequest, contract: Contract) -> HttpResponse:
    status = contract.status
    if status in Contract.TRANSITIONS[Contract.Status.DECLINED]:
        # Its time is over; the sweep has not been here yet.
        status = Contract.Status.EXPIRED
    if contract.purged_at is not None:
        status = "purged"
    context = {"contract": contract, "status": status, "newer": _find_newest(contract)}
    return render(request, "contracts/ended.html", context)


def _find_newest(contract: Contract) -> Contract | None:
    """Follow a contract to the last that came in its place; they are all of one loan."""
    newest = None
    while found := getattr(newest or contract, "superseded_by", None):
        newest = found
    return newest
