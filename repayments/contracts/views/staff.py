"""What staff do to a contract, each on a page that asks why: move its last day, take it back, issue
it anew, keep it for a court."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from repayments.clock import now, today
from repayments.contracts import services
from repayments.contracts.deadlines import end_of, last_day
from repayments.contracts.models import Contract
from repayments.contracts.staff_forms import ExpiryForm, ReasonForm
from repayments.contracts.views.common import user_of

ask = require_http_methods(["GET", "HEAD", "POST"])
change = permission_required("contracts.change_contract", raise_exception=True)


@ask
@change
def expiry(request: HttpRequest, pk: int) -> HttpResponse:
    """Move the last day to sign, or do without one."""
    contract = _get(pk)
    given = contract.expires_at
    initial = {"last_day": last_day(given) if given else None, "without": given is None}

    def do(asked: dict[str, Any]) -> str:
        day = asked["last_day"]
        services.change_expiry(
            contract_id=contract.pk,
            expires_at=end_of(day) if day else None,
            reason=asked["reason"],
            actor=user_of(request),
            now=now(),
        )
        return _("The last day to sign is changed; pages and reminders follow it.")

    return _act(
        request,
        contract,
        form=ExpiryForm(_posted(request), today=today(), initial=initial),
        do=do,
        title=_("Change the last day to sign"),
        notes=[
            _("It counts at once: on the borrower's pages, for reminders, and for when it ends."),
            _(
                "The document itself goes on naming the day it was made with, for it cannot change;"
                " the pages around it say which day counts."
            ),
        ],
    )


@ask
@change
def void(request: HttpRequest, pk: int) -> HttpResponse:
    """Take back a contract that is not signed."""
    contract = _get(pk)

    def do(asked: dict[str, Any]) -> str:
        services.void_contract(
            contract_id=contract.pk,
            reason=asked["reason"],
            actor=user_of(request),
            now=now(),
            tells_borrower=True,
        )
        return _("The contract is taken back, and the borrower is told.")

    notes = [_("It can no longer be signed, and reminders end. The borrower gets a kind message.")]
    if contract.kind == "loan":
        notes.append(
            _(
                "A loan that waits for its signature gets a new contract within minutes, made of "
                "the loan's data as they then stand. Mend those first."
            )
        )
    else:
        notes.append(_("What waits for this signature ends with it."))
    return _act(
        request,
        contract,
        form=ReasonForm(_posted(request)),
        do=do,
        title=_("Take the contract back"),
        notes=notes,
    )


@ask
@change
def reissue(request: HttpRequest, pk: int) -> HttpResponse:
    """Issue a contract anew, from what is true now."""
    contract = _get(pk)

    def do(asked: dict[str, Any]) -> str:
        new = services.reissue_contract(
            contract_id=contract.pk,
            reason=asked["reason"],
            actor=user_of(request),
            now=now(),
            as_of=today(),
        )
        return _("Contract %(reference)s is sent to the borrower.") % {"reference": new.reference}

    if contract.status == Contract.Status.COMPLETED:
        notes = [
            _(
                "This contract is signed by both sides and stays as it is. The new one says that "
                "it takes its place, and does so once the borrower has signed it too."
            )
        ]
    else:
        notes = [
            _("The old one can no longer be signed; its link leads to the new one."),
            _("The new one is made of the data as they stand now. Mend those first."),
        ]
    return _act(
        request,
        contract,
        form=ReasonForm(_posted(request)),
        do=do,
        title=_("Issue the contract anew"),
        notes=notes,
    )


@ask
@permission_required("contracts.hold_contract", raise_exception=True)
def hold(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep a contract whatever its time, or let its time count again."""
    contract = _get(pk)
    is_held = contract.legal_hold

    def do(asked: dict[str, Any]) -> str:
        services.set_legal_hold(
            contract_id=contract.pk,
            is_held=not is_held,
            reason=asked["reason"],
            actor=user_of(request),
            now=now(),
        )
        if is_held:
            return _("The legal hold is lifted; the time to be kept counts again.")
        return _("The contract is under a legal hold; nothing of it is removed.")

    return _act(
        request,
        contract,
        form=ReasonForm(_posted(request)),
        do=do,
        title=_("Lift the legal hold") if is_held else _("Place a legal hold"),
        notes=[_("A contract under a legal hold is kept whole, whatever its time.")],
    )


def _act(
    request: HttpRequest,
    contract: Contract,
    *,
    form: Form,
    do: Callable[[dict[str, Any]], str],
    title: str,
    notes: list[str],
) -> HttpResponse:
    """Ask on a page between, then act once; a second press finds that it is done."""
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            done = do(form.cleaned_data)
        except services.ContractMovedOn as refusal:
            messages.warning(request, str(refusal))
            return redirect("admin:contracts_contract_change", contract.pk)
        except (services.ContractRefused, services.ContractAlreadyOpen) as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, done)
            return redirect("admin:contracts_contract_change", contract.pk)
    if form.errors:
        status = 422
    context = {
        **admin.site.each_context(request),
        "title": title,
        "opts": Contract._meta,
        "contract": contract,
        "form": form,
        "notes": notes,
    }
    return render(request, "admin/contracts/act.html", context, status=status)


def _get(pk: int) -> Contract:
    contract: Contract = get_object_or_404(
        Contract.objects.select_related("loan__borrower", "template_version"), pk=pk
    )
    return contract


def _posted(request: HttpRequest) -> Any:
    return request.POST if request.method == "POST" else None
