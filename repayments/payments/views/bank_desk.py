"""The staff's desk for transfers: statements taken in, unmatched money placed, promises noted."""

import tempfile
from pathlib import Path
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from repayments.audit.services import record_event
from repayments.clock import now, today
from repayments.loans.tape import Faults
from repayments.money import decimal_text
from repayments.payments.models import Suspense
from repayments.payments.references import loan_reference
from repayments.payments.services import (
    PaymentRefused,
    PromiseRefused,
    SuspenseAlreadyPlaced,
    SuspenseRefused,
    hand_over_suspense,
    import_statement,
    make_promise,
    record_transfer,
    resolve_suspense_to_loan,
)
from repayments.payments.staff_forms import (
    PlaceForm,
    StaffPromiseForm,
    StatementForm,
    TransferForm,
)
from repayments.payments.statement import StatementLine, line_key, tidy
from repayments.payments.unmatched import list_unmatched, suggest_loans

FAULTS_SHOWN = 200
GET_OR_POST = ["GET", "HEAD", "POST"]


@require_http_methods(GET_OR_POST)
@permission_required("payments.add_bankline", raise_exception=True)
def take_in_statement(request: HttpRequest) -> HttpResponse:
    """Take in a bank's statement; what was wrong, or what it brought, is shown on the same page."""
    posted = request.method == "POST"
    form = StatementForm(request.POST, request.FILES) if posted else StatementForm()
    context: dict[str, Any] = {"form": form}
    if posted and form.is_valid():
        context |= _import(request, form)
    return _render(request, "admin/payments/statement.html", _("Take in a statement"), context)


def _import(request: HttpRequest, form: StatementForm) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, Faults() as faults:
        path = Path(folder, "statement.csv")
        with path.open("wb") as copy:
            for chunk in form.cleaned_data["file"].chunks():
                copy.write(chunk)
        report = import_statement(
            path=path,
            faults=faults,
            actor=request.user,  # type: ignore[arg-type]
            as_of=today(),
            now=now(),
            dry_run=form.cleaned_data["only_check"],
        )
        shown = [fault for _number, fault in zip(range(FAULTS_SHOWN), faults, strict=False)]
    return {
        "report": report,
        "faults": shown,
        "is_check": form.cleaned_data["only_check"],
        "amounts": sorted(report.amounts.items()),
    }


@require_http_methods(GET_OR_POST)
@permission_required("payments.add_bankline", raise_exception=True)
def record_by_hand(request: HttpRequest) -> HttpResponse:
    """Record one transfer that was seen on the lender's account."""
    posted = request.POST if request.method == "POST" else None
    form = TransferForm(posted, as_of=today(), initial={"booked_on": today(), "currency": "CNY"})
    if posted is not None and form.is_valid():
        line, is_new = record_transfer(
            line=_line(form.cleaned_data),
            actor=request.user,  # type: ignore[arg-type]
            now=now(),
        )
        if not is_new:
            messages.info(request, _("This transfer is here already. Nothing was changed."))
        elif line.payment_id or line.loan_id:
            messages.success(request, _("The transfer is posted to the loan."))
        else:
            messages.warning(request, _("The loan does not take it: it rests as unmatched money."))
        return redirect("admin:payments_bankline_changelist")
    return _render(request, "admin/payments/desk_form.html", _("Record a transfer"), {"form": form})


def _line(cleaned: dict[str, Any]) -> StatementLine:
    """The line a statement would have told, its loan named by reference."""
    reference = loan_reference(cleaned["loan"].public_id)
    facts: dict[str, Any] = {
        "booked_on": cleaned["booked_on"],
        "amount": cleaned["amount"],
        "currency": cleaned["currency"],
        "payer": tidy(cleaned["payer"], 200),
        "text": f"{reference} · {tidy(cleaned['text'], 400)}",
    }
    return StatementLine(line=0, key=line_key(**facts), **facts)


@require_safe
@permission_required("payments.view_suspense", raise_exception=True)
def unmatched(request: HttpRequest) -> HttpResponse:
    """List the money that fits nothing, oldest first, with what is known of it."""
    context = {"rows": list_unmatched(now=now())}
    return _render(request, "admin/payments/unmatched.html", _("Unmatched money"), context)


@require_http_methods(GET_OR_POST)
@permission_required("payments.change_suspense", raise_exception=True)
def place(request: HttpRequest, pk: int) -> HttpResponse:
    """Post unmatched money to a loan, with a reason; or go on to sending it back."""
    found = Suspense.objects.select_related("owner", "payment__loan", "bank_line", "resolved_by")
    suspense: Suspense = get_object_or_404(found, pk=pk)
    suggestions = suggest_loans(suspense)
    posted = request.POST if request.method == "POST" else None
    initial = {"loan": suggestions[0].number} if len(suggestions) == 1 else {}
    form = PlaceForm(posted, initial=initial)
    if posted is not None and form.is_valid():
        try:
            resolve_suspense_to_loan(
                suspense_id=pk,
                loan_id=form.cleaned_data["loan"].pk,
                reason=form.cleaned_data["reason"],
                actor=request.user,  # type: ignore[arg-type]
                now=now(),
            )
        except SuspenseAlreadyPlaced as refusal:
            gone = {"message": str(refusal), "back_url": "admin:payments_unmatched"}
            return _render(
                request, "admin/payments/desk_conflict.html", _("Unmatched money"), gone, 409
            )
        except SuspenseRefused as refusal:
            form.add_error("loan", str(refusal))
        else:
            messages.success(request, _("The money is posted to the loan."))
            return redirect("admin:payments_unmatched")
    if posted is None:
        record_event(
            stream="payments:suspense",
            action="payments.suspense_viewed",
            actor=request.user,  # type: ignore[arg-type]
            at=now(),
            payload={"object": suspense.object_id},
        )
    context = {
        "suspense": suspense,
        "line": getattr(suspense, "bank_line", None),
        "suggestions": suggestions,
        "form": form,
        "now": now(),
    }
    return _render(request, "admin/payments/place.html", _("Place unmatched money"), context)


@require_POST
@permission_required("payments.change_suspense", raise_exception=True)
def take(request: HttpRequest, pk: int) -> HttpResponse:
    """Make unmatched money one's own to place; a second press changes nothing."""
    get_object_or_404(Suspense, pk=pk)
    hand_over_suspense(
        suspense_id=pk,
        owner=request.user,  # type: ignore[arg-type]
        actor=request.user,  # type: ignore[arg-type]
        now=now(),
    )
    return redirect("admin:payments_suspense_place", pk)


@require_http_methods(GET_OR_POST)
def note_promise(request: HttpRequest) -> HttpResponse:
    """Note what a borrower promised a colleague."""
    if not request.user.has_perm("cases.work_case"):
        raise PermissionDenied
    posted = request.POST if request.method == "POST" else None
    form = StaffPromiseForm(posted, initial={"loan": request.GET.get("loan", "")})
    if posted is not None and form.is_valid():
        cleaned = form.cleaned_data
        try:
            make_promise(
                loan_id=cleaned["loan"].pk,
                amount=cleaned["amount"],
                promised_for=cleaned["promised_for"],
                actor=request.user,  # type: ignore[arg-type]
                as_of=today(),
                now=now(),
            )
        except PromiseRefused as refusal:
            form.add_error(refusal.field or None, str(refusal))
        except PaymentRefused as refusal:
            form.add_error("loan", str(refusal))
        else:
            messages.success(
                request,
                _("Noted: {amount} {currency} by {day}.").format(
                    amount=decimal_text(cleaned["amount"], cleaned["loan"].currency),
                    currency=cleaned["loan"].currency,
                    day=cleaned["promised_for"].isoformat(),
                ),
            )
            return redirect("admin:payments_promise_note")
    return _render(request, "admin/payments/desk_form.html", _("Note a promise"), {"form": form})


def _render(
    request: HttpRequest, template: str, title: str, context: dict[str, Any], status: int = 200
) -> HttpResponse:
    whole = {**admin.site.each_context(request), "title": title, **context}
    return render(request, template, whole, status=status)
