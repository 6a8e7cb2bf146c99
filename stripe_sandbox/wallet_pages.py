"""The page of a wallet: Alipay's approval, WeChat's code, with what a payer may do there."""

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_http_methods

from . import checkout, qr_picture
from .currencies import display
from .hosted import SeeOther, closed, refused, words_for
from .models import CheckoutSession

OUTCOMES = {
    "alipay": ("approve", "fail", "later", "later_fail"),
    "wechat_pay": ("approve", "fail", "later", "later_fail", "expire"),
}


@csrf_exempt  # Whoever holds the page's unguessable address may use it; there is no session.
@never_cache
@require_http_methods(["GET", "POST"])
def decide(request: HttpRequest, stripe_id: str) -> HttpResponse:
    """Show what is to be approved; then lead on to the end, or back to Checkout."""
    session = CheckoutSession.objects.filter(stripe_id=stripe_id).first()
    words = words_for(request, session)
    if session is None:
        return closed(request, words, "missing", status=404)
    page_url = f"/c/pay/{session.stripe_id}"
    intent = session.payment_intent
    if not checkout.waits_for_wallet(session) or intent is None or intent.payment_method is None:
        return SeeOther(page_url)
    kind = intent.payment_method.type
    if request.method == "GET":
        context = {
            "words": words,
            "kind": kind,
            "wallet": words[kind],
            "outcomes": [(outcome, words[f"wallet_{outcome}"]) for outcome in OUTCOMES[kind]],
            "picture": f"/qr/{intent.details['qr_code']}.svg" if kind == "wechat_pay" else "",
            "total": display(intent.amount, intent.currency),
            "back": page_url,
        }
        return render(request, "stripe_sandbox/wallet.html", context)
    outcome = request.POST.get("outcome", "")
    if outcome not in OUTCOMES[kind]:
        return SeeOther(f"{page_url}/wallet")
    with transaction.atomic():
        session.refresh_from_db()
        if checkout.is_open(session) and checkout.waits_for_wallet(session):
            checkout.finish_wallet(session, outcome)
    if session.status == CheckoutSession.Status.OPEN:
        why = "code_expired" if outcome == "expire" else "wallet_refused"
        return refused(request, session, words, words[why])
    return SeeOther(page_url)


@require_GET
def code_picture(request: HttpRequest, code: str, form: str) -> HttpResponse:
    """The picture of a code; which one is asked for makes no difference to anybody."""
    if form == "svg":
        return HttpResponse(qr_picture.as_svg(code), content_type="image/svg+xml")
    if form == "png":
        return HttpResponse(qr_picture.as_png(code), content_type="image/png")
    raise Http404
