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
from .models import CheckoutSession, PaymentIntent, SetupIntent
from .payments import create_payment_method, finish_authentication
from .settings import BASE
from .setups import finish_setup

SHOWN_CARDS = (
    ("4242", "succeeds"),
    ("0002", "declined"),
    ("9995", "insufficient"),
    ("3155", "authenticates"),
    ("0341", "saved_only"),
    ("0259", "disputed"),
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
    words = words_for(request, session)
    if session is None:
        return closed(request, words, "missing", status=404)
    form = CardForm(ask_email=not checkout.payer_email(session))
    kind = request.POST.get("method", "card")
    message = ""
    if request.method == "POST":
        with transaction.atomic():
            session.refresh_from_db()
            if checkout.is_open(session) and _is_filled_in(form, request, kind, words):
                message = _try(request, session, form, kind, words)
    else:
        checkout.is_open(session)
    if session.status == CheckoutSession.Status.COMPLETE:
        return SeeOther(checkout.success_url(session))
    if session.status == CheckoutSession.Status.EXPIRED:
        return closed(request, words, "expired", back=session.params.get("cancel_url", ""))
    if request.method == "POST" and not form.errors and not message:
        step = "wallet" if checkout.waits_for_wallet(session) else "authenticate"
        return SeeOther(f"/c/pay/{session.stripe_id}/{step}")
    context = {
        "words": words,
        "session": session,
        "items": _items(session),
        "total": display(session.amount_total, session.currency) if session.amount_total else "",
        "form": form,
        "message": message,
        "cancel_url": session.params.get("cancel_url", ""),
        "takes_cards": "card" in session.payment_method_types,
        "wallets": [
            (name, words[f"pay_{name}"]) for name in session.payment_method_types if name != "card"
        ],
        "cards": [
            (" ".join(card_by_last4(last4).number[i : i + 4] for i in (0, 4, 8, 12)), words[text])
            for last4, text in SHOWN_CARDS
        ],
    }
    status = 402 if message else 400 if form.errors else 200
    return render(request, "stripe_sandbox/pay.html", context, status=status)


def _is_filled_in(form: CardForm, request: HttpRequest, kind: str, words: dict[str, str]) -> bool:
    posted = request.POST.dict()
    return form.read(posted, words) if kind == "card" else form.read_payer(posted, words)


def _try(
    request: HttpRequest,
    session: CheckoutSession,
    form: CardForm,
    kind: str,
    words: dict[str, str],
) -> str:
    """Try the typed card or the chosen wallet; returns why it was refused, or nothing."""
    base_url = f"{request.scheme}://{request.get_host()}"
    if kind not in session.payment_method_types:
        return words["other_method"]
    if kind != "card":
        checkout.submit_wallet(session, kind, email=form.email, base_url=base_url)
        return ""
    if form.card is None:
        return words["bad_number"]
    method = create_payment_method(
        form.card,
        exp_month=form.exp_month,
        exp_year=form.exp_year,
        holder_name=form.holder,
        email=form.email,
    )
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
    words = words_for(request, session)
    if session is None:
        return closed(request, words, "missing", status=404)
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
        return refused(request, session, words, words["authentication_refused"])
    return SeeOther(page_url)


def refused(
    request: HttpRequest, session: CheckoutSession, words: dict[str, str], text: str
) -> HttpResponse:
    """The try came to nothing; a link leads back to the session's page."""
    context = {
        "words": words,
        "title": words["error_title"],
        "text": text,
        "back": f"/c/pay/{session.stripe_id}",
    }
    return render(request, "stripe_sandbox/closed.html", context)


@csrf_exempt
@never_cache
@require_http_methods(["GET", "POST"])
def authenticate_intent(request: HttpRequest, stripe_id: str) -> HttpResponse:
    """3-D Secure of a PaymentIntent or SetupIntent that was confirmed through the API."""
    intent: PaymentIntent | SetupIntent | None
    intent = PaymentIntent.objects.filter(stripe_id=stripe_id).first()
    intent = intent or SetupIntent.objects.filter(stripe_id=stripe_id).first()
    words = texts.choose(None, request.headers.get("Accept-Language", ""))
    if intent is None:
        return closed(request, words, "missing", status=404)
    session = _session_of(intent)
    if session:
        return SeeOther(f"/c/pay/{session.stripe_id}/authenticate")
    if request.method == "GET" and intent.status == PaymentIntent.Status.REQUIRES_ACTION:
        total = ""
        if isinstance(intent, PaymentIntent):
            total = display(intent.amount, intent.currency)
        context = {"words": words, "total": total}
        return render(request, "stripe_sandbox/authenticate.html", context)
    if request.method == "POST":
        try:
            with transaction.atomic():
                intent.refresh_from_db()
                _finish(intent, passed=request.POST.get("result") == "pass")
        except RequestRefused:
            intent.refresh_from_db()
    if not intent.return_url:
        return closed(request, words, "done")
    return SeeOther(_with_result(intent))


def _session_of(intent: PaymentIntent | SetupIntent) -> CheckoutSession | None:
    if isinstance(intent, PaymentIntent):
        return CheckoutSession.objects.filter(payment_intent=intent).first()
    return CheckoutSession.objects.filter(setup_intent=intent).first()


def _finish(intent: PaymentIntent | SetupIntent, *, passed: bool) -> None:
    if isinstance(intent, PaymentIntent):
        finish_authentication(intent, passed=passed)
    else:
        finish_setup(intent, passed=passed)


def _with_result(intent: PaymentIntent | SetupIntent) -> str:
    parts = urlsplit(intent.return_url)
    kind = "payment_intent" if isinstance(intent, PaymentIntent) else "setup_intent"
    result = urlencode(
        {
            kind: intent.stripe_id,
            f"{kind}_client_secret": intent.client_secret,
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


def words_for(request: HttpRequest, session: CheckoutSession | None) -> dict[str, str]:
    """The page's words in the session's language, or in the browser's."""
    locale = session.params.get("locale") if session else None
    return texts.choose(locale, request.headers.get("Accept-Language", ""))


def closed(
    request: HttpRequest, words: dict[str, str], why: str, *, back: str = "", status: int = 200
) -> HttpResponse:
    """A page that ends the story: `why` is expired, done or missing."""
    context = {
        "words": words,
        "title": words[f"{why}_title"],
        "text": words[f"{why}_text"],
        "back": back,
    }
    return render(request, "stripe_sandbox/closed.html", context, status=status)
