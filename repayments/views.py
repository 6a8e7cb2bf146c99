"""The borrower's home and the pages that belong to no single room."""

from datetime import date

from django.contrib.auth.decorators import login_required
from django.contrib.staticfiles import finders
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from accounts.requests import SignedInRequest
from repayments.clock import now, today
from repayments.contracts.views.common import next_waits
from repayments.documents_list import list_documents
from repayments.home import get_home, pay_url
from repayments.loans.models import Loan
from repayments.loans.statements import NoSuchStatement, get_statement
from repayments.statement_paper import render_statement


@login_required
@require_safe
def home(request: SignedInRequest) -> HttpResponse:
    as_of = today()
    page = get_home(user=request.user, as_of=as_of, now=now())
    if page is None:
        if request.user.is_staff:
            return redirect("admin:index")
        return render(request, "repayments/home_empty.html")
    wait, next_wait = next_waits(request)
    if request.headers.get("HX-Request"):
        # The part that waits for a contract asks; once that is here, the whole page is another.
        if not page.is_contract_on_its_way:
            return HttpResponse(headers={"HX-Refresh": "true"})
        waits = {"wait": wait, "next_wait": next_wait}
        return render(request, "repayments/home.html#contract_on_its_way", waits)
    context = {
        "page": page,
        "as_of": as_of,
        "pay_url": pay_url(page.loan, page.pay_purpose),
        "wait": wait,
        "next_wait": next_wait,
    }
    return render(request, "repayments/home.html", context)


@login_required
@require_safe
def documents(request: SignedInRequest) -> HttpResponse:
    return render(
        request, "repayments/documents.html", {"groups": list_documents(user=request.user)}
    )


@login_required
@require_safe
def statement_pdf(request: SignedInRequest, public_id: str, month: date) -> HttpResponse:
    """A month's statement as a PDF; it holds what the page shows."""
    loans = Loan.objects.for_borrower(request.user).select_related("borrower")
    loan = get_object_or_404(loans, public_id=public_id)
    try:
        statement = get_statement(loan=loan, month=month, as_of=today())
    except NoSuchStatement as error:
        raise Http404 from error
    name = f"statement-{loan.public_id}-{month:%Y-%m}.pdf"
    return HttpResponse(
        render_statement(statement),
        content_type="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@require_safe
def accessibility(request: HttpRequest) -> HttpResponse:
    return render(request, "repayments/accessibility.html")


@cache_control(no_cache=True)
@require_safe
def service_worker(request: HttpRequest) -> HttpResponse:
    """Serve the offline worker from the root, so that it may stand in for every page."""
    path = finders.find("sw.js")
    assert isinstance(path, str)
    with open(path, "rb") as source:
        return HttpResponse(source.read(), content_type="text/javascript")
