"""Steps three and four: the code, the name, the review, the signature."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from repayments.clock import now, today
from repayments.contracts import services
from repayments.contracts.forms import CodeForm, SignForm
from repayments.contracts.models import Contract
from repayments.contracts.stored import get_frozen
from repayments.contracts.views.common import (
    CODE,
    SIGN,
    answers_moved_on,
    can_be_signed,
    find_step,
    get_contract_for_user,
    note_opened,
    origin_of,
    step_context,
    step_url,
    user_of,
)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@answers_moved_on
def code(request: HttpRequest, public_id: object) -> HttpResponse:
    contract = get_contract_for_user(request, public_id)
    if request.method != "POST":
        return _away(request, contract, CODE) or _render_code(request, contract, CodeForm())
    form = CodeForm(request.POST)
    if form.is_valid():
        try:
            services.check_code(
                contract_id=contract.pk,
                code=form.cleaned_data["code"],
                actor=user_of(request),
                origin=origin_of(request),
                now=now(),
            )
        except services.CodeRefused as refusal:
            form.add_error("code", str(refusal))
        else:
            return redirect("contracts:sign", contract.public_id)
    return _render_code(request, contract, form)


@require_POST
@login_required
@answers_moved_on
def send_code(request: HttpRequest, public_id: object) -> HttpResponse:
    contract = get_contract_for_user(request, public_id)
    try:
        services.send_code(
            contract_id=contract.pk,
            actor=user_of(request),
            origin=origin_of(request),
            now=now(),
        )
    except services.TooManyCodes as refusal:
        return _render_code(request, contract, CodeForm(), error=str(refusal))
    return redirect("contracts:code", contract.public_id)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@answers_moved_on
def sign(request: HttpRequest, public_id: object) -> HttpResponse:
    """Write the name; a good one leads to its review."""
    contract = get_contract_for_user(request, public_id)
    away = _away(request, contract, SIGN)
    if away:
        return away
    borrower = contract.loan.borrower
    form = SignForm(request.POST if request.method == "POST" else None, borrower=borrower)
    if request.method == "POST" and form.is_valid():
        return _render_review(request, contract, form.cleaned_data["draft"])
    context = step_context(contract, SIGN) | {"form": form, "borrower_name": borrower.legal_name}
    return render(request, "contracts/sign.html", context, status=422 if form.errors else 200)


@require_POST
@login_required
@answers_moved_on
def finish(request: HttpRequest, public_id: object) -> HttpResponse:
    """Sign, from the review page alone."""
    contract = get_contract_for_user(request, public_id)
    form = SignForm(request.POST, borrower=contract.loan.borrower)
    if not form.is_valid():
        return redirect("contracts:sign", contract.public_id)
    try:
        services.sign_contract(
            contract_id=contract.pk,
            draft=form.cleaned_data["draft"],
            review=request.POST.get("review", ""),
            actor=user_of(request),
            origin=origin_of(request),
            now=now(),
            as_of=today(),
        )
    except services.ReviewNotValid as refusal:
        return _render_review(request, contract, form.cleaned_data["draft"], error=str(refusal))
    except services.CodeNotUsable as refusal:
        return _render_code(request, contract, CodeForm(), error=str(refusal))
    return redirect("contracts:detail", contract.public_id)


def _away(request: HttpRequest, contract: Contract, step: str) -> HttpResponse | None:
    """Lead to where the ceremony stands, if that is not this page."""
    note_opened(request, contract)
    if not can_be_signed(contract):
        return redirect("contracts:detail", contract.public_id)
    found = find_step(request, contract)
    return None if found == step else redirect(step_url(contract, found))


def _render_code(
    request: HttpRequest, contract: Contract, form: CodeForm, *, error: str = ""
) -> HttpResponse:
    challenge = services.find_challenge(
        contract=contract,
        actor=user_of(request),
        origin=origin_of(request),
        now=now(),
        passed=False,
    )
    context = step_context(contract, CODE) | {
        "form": form,
        "challenge": challenge,
        "masked": services.mask_address(user_of(request).email),
        "error": error,
    }
    status = 422 if error or form.errors else 200
    return render(request, "contracts/code.html", context, status=status)


def _render_review(
    request: HttpRequest, contract: Contract, draft: services.Draft, *, error: str = ""
) -> HttpResponse:
    document = get_frozen(contract)
    review = services.write_review(contract=contract, draft=draft, origin=origin_of(request))
    context = step_context(contract, SIGN) | {
        "data": document.data,
        "draft": draft,
        "review": review,
        "error": error,
        "signed_on": now(),
    }
    return render(request, "contracts/review.html", context, status=422 if error else 200)
