"""Choose an amount, look it over, go to the gateway's page."""

import uuid
from typing import Any
from urllib.parse import urlencode

from allauth.core.internal.httpkit import get_client_ip
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core import signing
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from repayments.clock import now, today
from repayments.loans.models import Loan, PayoffQuote
from repayments.loans.queries import Preview, preview_payment
from repayments.loans.services import quote_payoff
from repayments.payments.autopay_consents import CONSENT_VERSION, consent_language, text_of
from repayments.payments.declines import describe_decline
from repayments.payments.forms import PayForm
from repayments.payments.models import Payment
from repayments.payments.providers import takes_transfers
from repayments.payments.queries import PayPage, describe_outcome, get_pay_page, with_attempt
from repayments.payments.services import (
    Consent,
    GatewayUnavailable,
    PaymentAlreadyMade,
    PaymentNotKnown,
    PaymentRefused,
    start_payment,
)
from repayments.payments.views.receipt import ask_gateway

REVIEW_SALT = "payments.review"
REVIEW_MINUTES = 30


def _get_loan_for_user(request: HttpRequest, public_id: str) -> Loan:
    loans = Loan.objects.for_borrower(request.user).select_related(
        "borrower__user", "product", "book"
    )
    return get_object_or_404(with_attempt(loans), public_id=public_id)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def pay(request: HttpRequest, public_id: str) -> HttpResponse:
    """Show the amounts and what each brings about; a good choice leads to its review."""
    loan = _get_loan_for_user(request, public_id)
    asked = request.POST if request.method == "POST" else request.GET
    page = get_pay_page(loan=loan, as_of=today(), quote_id=asked.get("quote", ""))
    if request.method != "POST":
        form = PayForm(initial={"purpose": request.GET.get("purpose", "")}, page=page)
        return _render_choice(request, form, came_back=_came_back(request, loan))
    form = PayForm(request.POST, page=page)
    is_good = form.is_valid() and not page.waits
    if "preview" in request.POST:
        preview = None
        if is_good:
            preview = _preview(page, form.cleaned_data["purpose"], form.cleaned_data["minor"])
        return _render_choice(request, form, preview=preview)
    if not is_good:
        return _render_choice(request, form)
    return _render_review(request, form)


@login_required
@require_POST
def start(request: HttpRequest, public_id: str) -> HttpResponse:
    """Go to the gateway's page for exactly what the review showed."""
    loan = _get_loan_for_user(request, public_id)
    try:
        wish = signing.loads(
            request.POST.get("review", ""), salt=REVIEW_SALT, max_age=REVIEW_MINUTES * 60
        )
    except signing.SignatureExpired:
        return _conflict(request, loan, _("The page was open for a while. Please look once more."))
    except signing.BadSignature as error:
        raise BadRequest("no review of this payment") from error
    if wish["loan"] != str(loan.public_id) or wish["user"] != request.user.pk:
        raise BadRequest("a review of another payment")
    try:
        payment = start_payment(
            loan_id=loan.pk,
            purpose=wish["purpose"],
            amount=wish["amount"],
            payoff_quote_id=_quote_id(loan, wish["quote"]),
            language=get_language() or loan.borrower.language,
            actor=loan.borrower.user,
            now=now(),
            saves_card="save_card" in request.POST,
            consent=_consent(request),
        )
    except (PaymentNotKnown, PaymentAlreadyMade) as refusal:
        ask_gateway(refusal.payment)
        messages.info(request, str(refusal))
        return redirect(refusal.payment)
    except GatewayUnavailable as refusal:
        messages.error(request, str(refusal))
        return redirect("payments:pay", public_id=loan.public_id)
    except PaymentRefused as refusal:
        return _conflict(request, loan, str(refusal))
    return redirect(payment.checkout_url)


def _consent(request: HttpRequest) -> Consent | None:
    """What was agreed to with the payment: automatic payment, if its box is marked."""
    if "autopay" not in request.POST:
        return None
    return Consent(
        version=request.POST.get("consent", "")[:20],
        language=consent_language(),
        ip=get_client_ip(request) or "",
    )


def _preview(page: PayPage, purpose: str, amount: int) -> Preview:
    quoted = purpose == Payment.Purpose.PAYOFF
    return preview_payment(
        loan=page.loan,
        amount=amount,
        as_of=page.as_of,
        quoted=quoted,
        state=page.position.snapshot,
    )


def _render_choice(
    request: HttpRequest,
    form: PayForm,
    *,
    preview: Preview | None = None,
    came_back: str = "",
) -> HttpResponse:
    context = {
        "page": form.page,
        "loan": form.page.loan,
        "form": form,
        "preview": preview,
        "came_back": came_back,
        "is_blank": not form.data.get("amount") and form.chosen == Payment.Purpose.OTHER,
        "under_way": form.page.under_way,
        "outcome": describe_outcome(form.page.under_way) if form.page.under_way else None,
        "takes_transfers": takes_transfers(),
        "transfer_url": _transfer_url(form.page),
    }
    is_partial = getattr(request, "htmx", False) and "preview" in request.POST
    name = "payments/pay.html#preview" if is_partial else "payments/pay.html"
    return render(request, name, context)


def _transfer_url(page: PayPage) -> str:
    """Where to read how to transfer what the quote says."""
    url = reverse("payments:transfer", args=[page.loan.public_id])
    return f"{url}?{urlencode({'quote': page.quote.public_id})}" if page.quote else url


def _render_review(request: HttpRequest, form: PayForm) -> HttpResponse:
    loan, amount = form.page.loan, form.cleaned_data["minor"]
    purpose = form.cleaned_data["purpose"]
    quote = form.page.quote if purpose == Payment.Purpose.PAYOFF else None
    if purpose == Payment.Purpose.PAYOFF and quote is None:
        quote = quote_payoff(
            loan_id=loan.pk, good_through=form.page.as_of, actor=loan.borrower.user, now=now()
        )
        amount = quote.total
    wish: dict[str, Any] = {
        "loan": str(loan.public_id),
        "user": request.user.pk,
        "purpose": purpose,
        "amount": amount,
        "quote": str(quote.public_id) if quote else "",
    }
    context = {
        "loan": loan,
        "amount": amount,
        "purpose_label": Payment.Purpose(purpose).label,
        "preview": _preview(form.page, purpose, amount),
        "quote": quote,
        "review": signing.dumps(wish, salt=REVIEW_SALT),
        # A payoff leaves nothing to pay later.
        "can_save": purpose != Payment.Purpose.PAYOFF,
        "consent_text": text_of(consent_language()),
        "consent_version": CONSENT_VERSION,
    }
    return render(request, "payments/review.html", context)


def _quote_id(loan: Loan, public_id: str) -> int | None:
    if not public_id:
        return None
    return PayoffQuote.objects.values_list("pk", flat=True).get(loan=loan, public_id=public_id)


def _came_back(request: HttpRequest, loan: Loan) -> str:
    """Words for somebody who left the gateway's page without paying."""
    if "canceled" not in request.GET:
        return ""
    named = _uuid(request.GET["canceled"])
    left = Payment.objects.filter(loan=loan, public_id=named).first() if named else None
    reason = describe_decline(left.error_code, left.decline_code) if left else ""
    return " ".join(filter(None, [reason, _("You came back without paying. No money was taken.")]))


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _conflict(request: HttpRequest, loan: Loan, message: str) -> HttpResponse:
    back = redirect("payments:pay", public_id=loan.public_id).url
    return render(request, "409.html", {"message": message, "back_url": back}, status=409)
