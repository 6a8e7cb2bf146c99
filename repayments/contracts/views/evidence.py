"""A borrower's evidence: how the contract was signed, as a page, as the sealed file, as the kit."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from repayments.clock import now
from repayments.contracts import services
from repayments.contracts.models import Contract
from repayments.contracts.queries import get_evidence_sha256
from repayments.contracts.stored import get_evidence_data
from repayments.contracts.views.common import get_contract_for_user, origin_of, user_of
from repayments.contracts.views.files import evidence_response, kit_response


@login_required
@require_safe
def evidence(request: HttpRequest, public_id: object) -> HttpResponse:
    """Show what the evidence file says, from the very data it was made of."""
    contract = get_contract_for_user(request, public_id)
    if contract.status != Contract.Status.COMPLETED:
        return redirect("contracts:detail", contract.public_id)
    sha256 = get_evidence_sha256(contract)
    context = {
        "contract": contract,
        "sha256": sha256,
        "data": get_evidence_data(sha256) if sha256 else None,
        "doc_lang": "zh-Hans" if contract.template_version.locale.startswith("zh") else "en",
    }
    return render(request, "contracts/evidence.html", context)


@login_required
@require_safe
def evidence_pdf(request: HttpRequest, public_id: object) -> HttpResponse:
    contract = get_contract_for_user(request, public_id)
    response = evidence_response(contract)
    if response is None:
        raise Http404
    if request.method != "HEAD":
        services.record_evidence_download(
            contract=contract, actor=user_of(request), origin=origin_of(request), now=now()
        )
    return response


@login_required
@require_safe
def kit(request: HttpRequest, public_id: object) -> HttpResponse:
    """The files for an independent check. Of other contracts they hold hashes alone."""
    contract = get_contract_for_user(request, public_id)
    response = kit_response(contract)
    if response is None:
        raise Http404
    if request.method != "HEAD":
        services.record_kit_export(
            contract=contract, actor=user_of(request), origin=origin_of(request), now=now()
        )
    return response
