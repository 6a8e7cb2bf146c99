"""A loan's own page, what pays it off, and what a loan would cost."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.requests import SignedInRequest
from repayments.clock import today
from repayments.loans.activity import list_activity
from repayments.loans.amortization import InvalidTerms, Terms
from repayments.loans.forms import IllustrationForm
from repayments.loans.illustration import illustrate
from repayments.loans.models import Loan
from repayments.loans.queries import (
    InstallmentRow,
    get_position,
    list_installment_rows,
    working_of_payoff,
    working_of_remaining,
)

ILLUSTRATION_CURRENCY = "CNY"


def _get_loan_for_user(request: SignedInRequest, public_id: str) -> Loan:
    loans = Loan.objects.for_borrower(request.user)
    return get_object_or_404(
        loans.select_related("borrower", "product", "book", "stage"), public_id=public_id
    )


@login_required
@require_safe
def detail(request: SignedInRequest, public_id: str) -> HttpResponse:
    loan = _get_loan_for_user(request, public_id)
    as_of = today()
    position = get_position(loan=loan, as_of=as_of)
    rows = list_installment_rows(loan=loan, as_of=as_of, position=position)
    context = {
        "loan": loan,
        "position": position,
        "rows": rows,
        "has_fees": any(row.fee for row in rows),
        "total": sum(row.amount for row in rows),
        "chart": _balance_over_time(rows),
        "activity": list_activity(loan=loan),
        "remaining_working": working_of_remaining(loan=loan, position=position, as_of=as_of),
    }
    return render(request, "loans/detail.html", context)


@login_required
@require_safe
def payoff(request: SignedInRequest, public_id: str) -> HttpResponse:
    loan = _get_loan_for_user(request, public_id)
    as_of = today()
    position = get_position(loan=loan, as_of=as_of)
    context = {
        "loan": loan,
        "position": position,
        "as_of": as_of,
        "working": working_of_payoff(loan=loan, position=position, as_of=as_of),
        "saved": max(position.remaining_total - position.payoff_amount, 0),
    }
    return render(request, "loans/payoff.html", context)


@require_safe
def illustration(request: HttpRequest) -> HttpResponse:
    """Work out a loan before it exists; a GET, so that the answer can be kept as a link."""
    form = IllustrationForm(request.GET or None)
    result = None
    if not form.is_bound:
        result = illustrate(_terms({name: field.initial for name, field in form.fields.items()}))
    elif form.is_valid():
        try:
            result = illustrate(_terms(form.cleaned_data))
        except InvalidTerms:
            form.add_error(None, _("These numbers do not make a loan. Try fewer payments."))
    context = {"form": form, "result": result, "currency": ILLUSTRATION_CURRENCY}
    return render(request, "loans/illustration.html", context, status=422 if form.errors else 200)


def _terms(values: dict[str, object]) -> Terms:
    principal = values["principal"]
    return Terms(
        principal=principal if isinstance(principal, int) else 1_000_000,
        currency=ILLUSTRATION_CURRENCY,
        annual_rate=values["annual_rate"],  # type: ignore[arg-type]
        installments=values["installments"],  # type: ignore[arg-type]
        disbursed_on=today(),
        amortization=str(values["amortization"]),
    )


def _balance_over_time(rows: list[InstallmentRow]) -> list[dict[str, object]]:
    """Give principal paid and unpaid after each installment, for the chart."""
    total = sum(row.principal for row in rows)
    bars, gone = [], 0
    for row in rows:
        gone += row.principal
        bars.append({"date": row.due_date, "paid": gone, "unpaid": total - gone})
    return bars
