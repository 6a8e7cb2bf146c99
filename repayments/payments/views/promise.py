"""A borrower's promise to pay by a day: made, looked at, taken back."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from repayments.clock import now, today
from repayments.loans.models import Loan
from repayments.loans.queries import get_position
from repayments.payments.autopay_page import list_announced
from repayments.payments.models import PromiseToPay
from repayments.payments.promise_form import PromiseForm
from repayments.payments.services import (
    PaymentRefused,
    PromiseRefused,
    last_promise_day,
    make_promise,
    withdraw_promise,
)


def _get_loan_for_user(request: HttpRequest, public_id: str) -> Loan:
    loans = Loan.objects.for_borrower(request.user).select_related("borrower", "product", "book")
    loan: Loan = get_object_or_404(loans, public_id=public_id)
    return loan


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def promise(request: HttpRequest, public_id: str) -> HttpResponse:
    """Ask how much and by when; or show the promise that is open."""
    loan = _get_loan_for_user(request, public_id)
    made = PromiseToPay.objects.filter(loan=loan, status=PromiseToPay.Status.OPEN).first()
    position = get_position(loan=loan, as_of=today())
    amount = position.past_due_amount or position.next_due_amount
    posted = request.POST if request.method == "POST" else None
    form = PromiseForm(
        posted, currency=loan.currency, amount=amount, until=last_promise_day(today())
    )
    if posted is not None and form.is_valid():
        try:
            make_promise(
                loan_id=loan.pk,
                amount=form.cleaned_data["amount"],
                promised_for=form.cleaned_data["promised_for"],
                actor=request.user,  # type: ignore[arg-type]
                as_of=today(),
                now=now(),
            )
        except PromiseRefused as refusal:
            if not refusal.field:
                return _conflict(request, loan, str(refusal))
            form.add_error(refusal.field, str(refusal))
        except PaymentRefused as refusal:
            return _conflict(request, loan, str(refusal))
        else:
            messages.success(request, _("We have noted it. Thank you for telling us."))
            return redirect("payments:promise", public_id=loan.public_id)
    context = {
        "loan": loan,
        "form": form,
        "promise": made,
        "charges": list_announced(loan),
        "takes_promises": loan.status == Loan.Status.ACTIVE,
        "until": last_promise_day(today()),
    }
    return render(request, "payments/promise.html", context)


@login_required
@require_POST
def withdraw(request: HttpRequest, public_id: str) -> HttpResponse:
    """Take the open promise back; with none open nothing happens."""
    loan = _get_loan_for_user(request, public_id)
    made = PromiseToPay.objects.filter(loan=loan, status=PromiseToPay.Status.OPEN).first()
    actor: Any = request.user
    if made is not None and withdraw_promise(promise_id=made.pk, actor=actor, now=now()):
        messages.success(request, _("It is taken back."))
    return redirect("payments:promise", public_id=loan.public_id)


def _conflict(request: HttpRequest, loan: Loan, message: str) -> HttpResponse:
    back = redirect("payments:promise", public_id=loan.public_id).url
    return render(request, "409.html", {"message": message, "back_url": back}, status=409)
