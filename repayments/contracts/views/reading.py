"""Steps one and two: what it costs, the document, and the consents."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from repayments.clock import now
from repayments.contracts import consents, reading, services
from repayments.contracts.forms import ConsentForm
from repayments.contracts.models import Contract
from repayments.contracts.queries import read_schedule
from repayments.contracts.stored import FrozenDocument, get_frozen
from repayments.contracts.views.common import (
    AGREE,
    COSTS,
    READ,
    answers_moved_on,
    can_be_signed,
    find_step,
    get_contract_for_user,
    go_to_step,
    note_opened,
    origin_of,
    step_context,
    step_url,
    user_of,
)


def render_costs(
    request: HttpRequest, contract: Contract, *, error: str = "", token: str = ""
) -> HttpResponse:
    """Show what it costs; ``token`` keeps the time the page was first opened."""
    document = get_frozen(contract)
    context = step_context(contract, COSTS) | {
        "data": document.data,
        "seconds": services.COST_READING_SECONDS,
        "consent_text": consents.text_of(consents.COSTS, contract.template_version.locale),
        "token": token or _write_note(request, contract, document, consents.COSTS),
        "error": error,
    }
    return render(request, "contracts/costs.html", context, status=422 if error else 200)


@require_POST
@login_required
@answers_moved_on
def confirm_costs(request: HttpRequest, public_id: object) -> HttpResponse:
    contract = get_contract_for_user(request, public_id)
    token = request.POST.get("token", "")
    try:
        services.confirm_costs(
            contract_id=contract.pk,
            token=token,
            read_at=timezone.now(),
            actor=user_of(request),
            origin=origin_of(request),
            now=now(),
        )
    except services.ReadingTooShort as refusal:
        # A token that counts for nothing here is replaced, or the time would never be over.
        foreign = refusal.seconds_left >= services.COST_READING_SECONDS
        return render_costs(request, contract, error=str(refusal), token="" if foreign else token)
    return redirect("contracts:read", contract.public_id)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@answers_moved_on
def read(request: HttpRequest, public_id: object) -> HttpResponse:
    """The document clause by clause; also after signing, then without a next step."""
    contract = get_contract_for_user(request, public_id)
    if contract.purged_at is not None:
        return redirect("contracts:detail", contract.public_id)
    if request.method == "POST":
        services.note_reading(
            contract_id=contract.pk,
            token=request.POST.get("token", ""),
            read_at=timezone.now(),
            reached_end=request.POST.get("reached_end") == "yes",
            actor=user_of(request),
            origin=origin_of(request),
            now=now(),
        )
        contract.refresh_from_db(fields=["consents", "status"])
        return go_to_step(request, contract)
    note_opened(request, contract)
    is_open = can_be_signed(contract)
    if is_open and not services.has_agreed(contract, consents.COSTS):
        return redirect(step_url(contract, COSTS))
    document = get_frozen(contract)
    context = step_context(contract, READ) | {
        "data": document.data,
        "schedule": read_schedule(document.data),
        "is_open": is_open,
        "token": _write_note(request, contract, document, consents.READ) if is_open else "",
    }
    return render(request, "contracts/read.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@answers_moved_on
def agree(request: HttpRequest, public_id: object) -> HttpResponse:
    contract = get_contract_for_user(request, public_id)
    if request.method != "POST":
        note_opened(request, contract)
        if not can_be_signed(contract):
            return redirect("contracts:detail", contract.public_id)
        step = find_step(request, contract)
        if step != AGREE:
            return redirect(step_url(contract, step))
    locale = contract.template_version.locale
    form = ConsentForm(request.POST if request.method == "POST" else None, locale=locale)
    if request.method == "POST" and form.is_valid():
        services.record_consent(
            contract_id=contract.pk,
            agreed=form.agreed(),
            actor=user_of(request),
            origin=origin_of(request),
            now=now(),
        )
        return redirect("contracts:code", contract.public_id)
    context = step_context(contract, AGREE) | {"form": form}
    return render(request, "contracts/agree.html", context, status=422 if form.errors else 200)


def _write_note(
    request: HttpRequest, contract: Contract, document: FrozenDocument, page: str
) -> str:
    return reading.write_note(
        page=page,
        contract=str(contract.public_id),
        doc_sha256=document.sha256,
        session_hash=origin_of(request).session_hash,
        # The real clock: a demonstration's may stand still, and reading takes time.
        now=timezone.now(),
    )
