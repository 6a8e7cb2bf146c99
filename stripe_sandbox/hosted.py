"""The pages a payer sees: the Checkout page, 3-D Secure, and where they end.

Plain forms, no script. A second press of the button finds the session complete and is sent on.
"""

from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods

from . import checkout, texts
from .card_form import CardForm
from .cards import card_by_last4
from .currencies import display
from .errors import RequestRefused
from .models import CheckoutSession, PaymentIntent
from .payments import create_payment_method, finish_authentication
from .settings import BASE

SHOWN_CARDS = (
    ("4242", "succeeds"),
    ("0002", "declined"),
    ("9995", "insufficient"),
    ("3155", "authenticates"),
)


class SeeOther(HttpResponseRedirect):
    """303: what was posted is done, go and look."""

    status_code = 303
    allowed_schemes = ["http", "https"]


@require_GET
def stylesheet(request: HttpRequest) -> HttpResponse:
    """The page's only asset."""
    return HttpResponse((BASE / "hosted.css").read_bytes(), content_type="text/css")


@csrf_exempt  # Whoever holds the page's unguessable address may use it; there is no session.
@never_cache
@require_http_methods(["GET", "POST"])
def pay(request: HttpRequest, stripe_id: str) -> HttpResponse:
    """The Checkout page of one session."""
    session = CheckoutSession.objects.filter(stripe_id=stripe_id).first()
    words = _words(request, session)
    if session is None:
        return _closed(request, words, "missing", status=404)
    form = CardForm(ask_email=not checkout.payer_email(session))
    message = ""
    if request.method == "POST":
        with transaction.atomic():
            session.refresh_from_db()
            if checkout.is_open(session) and form.read(request.POST.dict(), words):
                message = _try_card(request, session, form, words)
    else:
        checkout.is_open(session)
    if session.status == CheckoutSession.Status.COMPLETE:
        return SeeOther(checkout.success_url(session))
    if session.status == CheckoutSession.Status.EXPIRED:
        return _closed(request, words, "expired", back=session.params.get("cancel_url", ""))
    if request.method == "POST" and not form.errors and not message:
        return SeeOther(f"/c/pay/{session.stripe_id}/authenticate")
    context = {
        "words": words,
        "session": session,
        "items": _items(session),
        "total": display(session.amount_total, session.currency) if session.amount_total else "",
        "form": form,
        "message": message,
        "cancel_url": session.params.get("cancel_url", ""),
        "cards": [
            (" ".join(card_by_last4(last4).number[i : i + 4] for i in (0, 4, 8, 12)), words[text])
            for last4, text in SHOWN_CARDS
        ],
    }
    status = 402 if message else 400 if form.errors else 200
    return render(request, "stripe_sandbox/pay.html", context, status=status)


def _try_card(
    request: HttpRequest, session: CheckoutSession, form: CardForm, words: dict[str, str]
) -> str:
    """Try the typed card; returns why it was refused, or nothing."""
    if form.card is None:
        return words["bad_number"]
    method = create_payment_method(
        form.card,
        exp_month=form.exp_month,
        exp_year=form.exp_year,
        holder_name=form.holder,
        email=form.email,
    )
    base_url = f"{request.scheme}://{request.get_host()}"
    decline = checkout.submit(session, method, base_url=base_url)
    if decline is None:
        return ""
    return texts.refusal(words, decline.decline_code or decline.code, decline.message)


@csrf_exempt
@never_cache
@require_http_methods(["GET", "POST"])
def authenticate_session(request: HttpRequest, stripe_id: str) -> HttpResponse:
    """3-D Secure within Checkout."""
    session = CheckoutSession.objects.filter(stripe_id=stripe_id).first()
    words = _words(request, session)
    if session is None:
        return _closed(request, words, "missing", status=404)
    page_url = f"/c/pay/{session.stripe_id}"
    if not checkout.waits_for_authentication(session):
        return SeeOther(page_url)
    if request.method == "GET":
        total = display(session.amount_total, session.currency) if session.amount_total else ""
        context = {"words": words, "total": total}
        return render(request, "stripe_sandbox/authenticate.html", context)
    passed = request.POST.get("result") == "pass"
    with transaction.atomic():
        session.refresh_from_db()
        if checkout.is_open(session) and checkout.waits_for_authentication(session):
            checkout.authenticate(session, passed=passed)
    if session.status == CheckoutSession.Status.OPEN:
        return _refused_authentication(request, session, words)
    return SeeOther(page_url)


def _refused_authentication(
    request: HttpRequest, session: CheckoutSession, words: dict[str, str]
) -> HttpResponse:
    context = {
        "words": words,
        "title": words["error_title"],
        "text": texts.refusal(words, "authentication_failed", texts.AUTHENTICATION_FAILED),
        "back": f"/c/pay/{session.stripe_id}",
    }
    return render(request, "stripe_sandbox/closed.html", context)


@csrf_exempt
@never_cache
@require_http_methods(["GET", "POST"])
def authenticate_intent(request: HttpRequest, stripe_id: str) -> HttpResponse:
    """3-D Secure of a PaymentIntent that was confirmed through the API."""
    intent = PaymentIntent.objects.filter(stripe_id=stripe_id).first()
    words = texts.choose(None, request.headers.get("Accept-Language", ""))
    if intent is None:
        return _closed(request, words, "missing", status=404)
    session = CheckoutSession.objects.filter(payment_intent=intent).first()
    if session:
        return SeeOther(f"/c/pay/{session.stripe_id}/authenticate")
    if request.method == "GET" and intent.status == PaymentIntent.Status.REQUIRES_ACTION:
        context = {"words": words, "total": display(intent.amount, intent.currency)}
        return render(request, "stripe_sandbox/authenticate.html", context)
    if request.method == "POST":
        try:
            with transaction.atomic():
                intent.refresh_from_db()
                finish_authentication(intent, passed=request.POST.get("result") == "pass")
        except RequestRefused:
            intent.refresh_from_db()
    if not intent.return_url:
        return _closed(request, words, "done")
    return SeeOther(_with_result(intent))


def _with_result(intent: PaymentIntent) -> str:
    parts = urlsplit(intent.return_url)
    result = urlencode(
        {
            "payment_intent": intent.stripe_id,
            "payment_intent_client_secret": intent.client_secret,
            "redirect_status": "succeeded" if intent.status == "succeeded" else "failed",
        }
    )
    return urlunsplit(parts._replace(query=f"{parts.query}&{result}".lstrip("&")))


def _items(session: CheckoutSession) -> list[dict[str, Any]]:
    return [
        {
            "name": item["description"],
            "quantity": item["quantity"],
            "amount": display(item["amount_total"], item["currency"]),
        }
        for item in session.line_items
    ]


def _words(request: HttpRequest, session: CheckoutSession | None) -> dict[str, str]:
    locale = session.params.get("locale") if session else None
    return texts.choose(locale, request.headers.get("Accept-Language", ""))


def _closed(
    request: HttpRequest, words: dict[str, str], why: str, *, back: str = "", status: int = 200
) -> HttpResponse:
    context = {
        "words": words,
        "title": words[f"{why}_title"],
        "text": words[f"{why}_text"],
        "back": back,
    }
    return render(request, "stripe_sandbox/closed.html", context, status=status)
