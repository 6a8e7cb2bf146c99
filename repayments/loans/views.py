"""A loan's own page, what pays it off, its statements, and what a loan would cost."""

from datetime import date
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.requests import SignedInRequest
from repayments.clock import now, today
from repayments.loans.activity import list_activity
from repayments.loans.amortization import InvalidTerms, Terms
from repayments.loans.forms import IllustrationForm, PayoffForm
from repayments.loans.illustration import illustrate
from repayments.loans.models import Loan
from repayments.loans.payoff_preview import PayoffPreview, preview_payoff
from repayments.loans.queries import (
    InstallmentRow,
    get_position,
    list_installment_rows,
    working_of_remaining,
)
from repayments.loans.services import LoanNotActive, quote_payoff
from repayments.loans.statements import (
    NoSuchStatement,
    Statement,
    get_statement,
    list_statement_months,
    working_of_statement,
    write_csv,
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
@require_http_methods(["GET", "HEAD", "POST"])
def payoff(request: SignedInRequest, public_id: str) -> HttpResponse:
    """What settles the loan on a day; posted, it is kept as a quote and the payment begins."""
    loan = _get_loan_for_user(request, public_id)
    as_of = today()
    asked = request.POST if request.method == "POST" else request.GET
    form = PayoffForm(asked if "day" in asked or request.method == "POST" else None, today=as_of)
    day = as_of
    if form.is_bound:
        if not form.is_valid():
            return _render_payoff(request, loan, form, None)
        day = form.cleaned_data["day"]
    if request.method == "POST":
        try:
            quote = quote_payoff(loan_id=loan.pk, good_through=day, actor=request.user, now=now())
        except LoanNotActive as refusal:
            context = {"message": str(refusal), "back_url": loan.get_absolute_url()}
            return render(request, "409.html", context, status=409)
        query = urlencode({"purpose": "payoff", "quote": quote.public_id})
        return redirect(f"{reverse('payments:pay', args=[loan.public_id])}?{query}")
    return _render_payoff(request, loan, form, preview_payoff(loan=loan, day=day, today=as_of))


def _render_payoff(
    request: SignedInRequest, loan: Loan, form: PayoffForm, preview: PayoffPreview | None
) -> HttpResponse:
    context = {"loan": loan, "form": form, "preview": preview}
    if getattr(request, "htmx", False):
        # A day that is half typed is no failure of the page: what is wrong with it is the preview.
        return render(request, "loans/payoff.html#preview", context)
    status = 422 if form.errors else 200
    return render(request, "loans/payoff.html", context, status=status)


@login_required
@require_safe
def statements(request: SignedInRequest, public_id: str) -> HttpResponse:
    loan = _get_loan_for_user(request, public_id)
    months = list_statement_months(loan=loan, as_of=today())
    return render(request, "loans/statements.html", {"loan": loan, "months": months})


@login_required
@require_safe
def statement(request: SignedInRequest, public_id: str, month: date) -> HttpResponse:
    found = _get_statement_for_user(request, public_id, month)
    context = {
        "loan": found.loan,
        "statement": found,
        "working": working_of_statement(found),
    }
    return render(request, "loans/statement.html", context)


@login_required
@require_safe
def statement_csv(request: SignedInRequest, public_id: str, month: date) -> HttpResponse:
    found = _get_statement_for_user(request, public_id, month)
    name = f"statement-{found.loan.public_id}-{month:%Y-%m}.csv"
    # The mark at the start tells spreadsheets that the rest is UTF-8.
    return HttpResponse(
        "\ufeff" + write_csv(found),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _get_statement_for_user(request: SignedInRequest, public_id: str, month: date) -> Statement:
    loan = _get_loan_for_user(request, public_id)
    try:
        return get_statement(loan=loan, month=month, as_of=today())
    except NoSuchStatement as error:
        raise Http404 from error


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
