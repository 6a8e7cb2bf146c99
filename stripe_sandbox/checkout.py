"""Checkout Sessions as they live: paid on the hosted page, expired, completed once.

A wallet that confirms later completes the session unpaid; its end days after is told by an event
of its own.

A session in payment mode gets its PaymentIntent with the first try, not before, as Stripe's do
since 2022-08-01. Every function runs inside the caller's transaction, but for expiry, which also
happens on the way of reading and opens its own.
"""

from typing import Any

from django.db import transaction

from . import clock, representations, wallets
from .cards import Decline
from .errors import RequestRefused
from .identifiers import new_id
from .models import CheckoutSession, Customer, PaymentIntent, PaymentMethod
from .payments import cancel_intent, confirm_intent, create_intent, finish_authentication
from .setups import cancel_setup, confirm_setup, finish_setup
from .webhooks import emit

Status = CheckoutSession.Status


def submit(session: CheckoutSession, method: PaymentMethod, *, base_url: str) -> Decline | None:
    """One press of the pay button with a card.

    Returns: the decline if there was one. Otherwise the session is complete, or its intent
        waits for 3-D Secure.
    Raises: RequestRefused if the session is no longer open.
    """
    _check_open(session)
    if "card" not in session.payment_method_types:
        raise RequestRefused("This Checkout Session does not take cards.")
    remember_payer(session, method)
    if session.setup_intent:
        decline = confirm_setup(session.setup_intent, method, base_url=base_url)
        if session.setup_intent.status == "succeeded":
            complete(session)
        return decline
    intent = session.payment_intent or _create_intent(session)
    decline = confirm_intent(intent, method, off_session=False, base_url=base_url)
    if intent.status == PaymentIntent.Status.SUCCEEDED:
        complete(session)
    return decline


def submit_wallet(session: CheckoutSession, kind: str, *, email: str, base_url: str) -> None:
    """The payer chose a wallet and is due on its page.

    Args:
        kind: alipay or wechat_pay.
        email: what the payer typed; empty where one is known.
    Raises: RequestRefused if the session is not open or does not take this wallet.
    """
    _check_open(session)
    if kind not in session.payment_method_types or kind == "card":
        raise RequestRefused(f"This Checkout Session does not take {kind}.")
    method = wallets.create_wallet(kind, email=email)
    remember_payer(session, method)
    intent = session.payment_intent or _create_intent(session)
    page_url = f"{base_url}/c/pay/{session.stripe_id}/wallet"
    wallets.ask_payer(intent, method, page_url=page_url, base_url=base_url)


def finish_wallet(session: CheckoutSession, outcome: str) -> None:
    """The payer, or the time, has decided on the wallet's page.

    Args:
        outcome: approve, fail, expire (of a code), later (paid in days) or later_fail.
    Raises: RequestRefused if the session is not open or no wallet waits.
    """
    _check_open(session)
    intent = session.payment_intent
    if intent is None or not wallets.waits_for_payer(intent):
        raise RequestRefused("This Checkout Session waits for no wallet.")
    if outcome == "approve":
        wallets.approve(intent)
        complete(session)
    elif outcome in ("later", "later_fail"):
        wallets.postpone(intent, succeeds=outcome == "later")
        complete(session, payment_status="unpaid")
    elif outcome == "expire":
        wallets.let_expire(intent)
    else:
        wallets.refuse(intent)


def conclude(intent: PaymentIntent, *, succeeds: bool) -> None:
    """What a wallet was processing has ended, and its session is told."""
    wallets.conclude(intent, succeeds=succeeds)
    session = CheckoutSession.objects.filter(payment_intent=intent).first()
    if session is None:
        return
    if succeeds:
        session.payment_status = "paid"
        session.save(update_fields=["payment_status"])
    ending = "succeeded" if succeeds else "failed"
    answer = representations.checkout_session(session)
    emit(f"checkout.session.async_payment_{ending}", answer)


def authenticate(session: CheckoutSession, *, passed: bool) -> None:
    """The payer came back from the 3-D Secure page.

    Raises: RequestRefused if the session is not open or waits for no authentication.
    """
    _check_open(session)
    if session.setup_intent:
        finish_setup(session.setup_intent, passed=passed)
        if passed:
            complete(session)
    elif session.payment_intent:
        finish_authentication(session.payment_intent, passed=passed)
        if passed:
            complete(session)


def waits_for_authentication(session: CheckoutSession) -> bool:
    """Whether the payer is due on the 3-D Secure page."""
    intent = session.payment_intent or session.setup_intent
    if intent is None or intent.status != "requires_action":
        return False
    return not waits_for_wallet(session)


def waits_for_wallet(session: CheckoutSession) -> bool:
    """Whether the payer is due on a wallet's page."""
    return wallets.waits_for_payer(session.payment_intent)


def is_open(session: CheckoutSession) -> bool:
    """Whether it can be paid now; one that is past its time is expired on the way."""
    if session.status == Status.OPEN and session.expires_at <= clock.now():
        with transaction.atomic():
            # Another thread may have been first; the transaction is the only writer.
            session.refresh_from_db()
            if session.status == Status.OPEN:
                expire(session)
    return session.status == Status.OPEN


def _check_open(session: CheckoutSession) -> None:
    if not is_open(session):
        raise RequestRefused(f"This Checkout Session has a status of {session.status}.")


def complete(session: CheckoutSession, *, payment_status: str = "paid") -> None:
    """Open to complete, once. Raises: RequestRefused if it had left open."""
    if session.mode == "setup":
        payment_status = "no_payment_required"
    _move(session, Status.COMPLETE, payment_status=payment_status)
    emit("checkout.session.completed", representations.checkout_session(session))


@transaction.atomic
def expire(session: CheckoutSession) -> None:
    """Open to expired, once, with its intent. Raises: RequestRefused if it had left open."""
    _move(session, Status.EXPIRED)
    if session.payment_intent:
        cancel_intent(session.payment_intent, reason="automatic")
    if session.setup_intent:
        cancel_setup(session.setup_intent, reason="")
    emit("checkout.session.expired", representations.checkout_session(session))


def expire_due() -> int:
    """Expire every open session past its time; returns how many."""
    due = CheckoutSession.objects.filter(status=Status.OPEN, expires_at__lte=clock.now())
    return sum(not is_open(session) for session in due)


def success_url(session: CheckoutSession) -> str:
    """Where the payer goes afterwards, with the session's id in its place."""
    url: str = session.params["success_url"]
    return url.replace("{CHECKOUT_SESSION_ID}", session.stripe_id)


def payer_email(session: CheckoutSession) -> str:
    """The address known before the payer types one; empty if there is none."""
    if session.customer and session.customer.email:
        return session.customer.email
    email: str = session.params.get("customer_email", "")
    return email


def remember_payer(session: CheckoutSession, method: PaymentMethod) -> None:
    """Put down who pays, and make the customer that the session asks for."""
    email = payer_email(session) or method.email
    session.customer_details = {
        "address": None,
        "business_name": None,
        "email": email or None,
        "individual_name": None,
        "name": method.holder_name or None,
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }
    if session.mode == "payment" and session.customer is None and _wants_customer(session.params):
        session.customer = Customer.objects.create(
            stripe_id=new_id("cus"),
            created=clock.now(),
            email=email,
            details={"name": method.holder_name},
        )
        emit("customer.created", representations.customer(session.customer))
    session.save(update_fields=["customer_details", "customer"])


def _wants_customer(params: dict[str, Any]) -> bool:
    card = params.get("payment_method_options", {}).get("card", {})
    return (
        params.get("customer_creation") == "always"
        or "setup_future_usage" in params.get("payment_intent_data", {})
        or "setup_future_usage" in card
    )


def _create_intent(session: CheckoutSession) -> PaymentIntent:
    data = session.params.get("payment_intent_data", {})
    kept = (
        "capture_method", "description", "receipt_email", "setup_future_usage",
        "statement_descriptor", "statement_descriptor_suffix",
    )  # fmt: skip
    details = {name: data[name] for name in kept if name in data}
    details["payment_method_types"] = session.payment_method_types
    options = session.params.get("payment_method_options", {})
    details["payment_method_options"] = {
        name: options[name] for name in session.payment_method_types if name in options
    }
    session.payment_intent = create_intent(
        amount=session.amount_total or 0,
        currency=session.currency,
        customer=session.customer,
        metadata=data.get("metadata", {}),
        details=details,
    )
    session.save(update_fields=["payment_intent"])
    return session.payment_intent


def _move(session: CheckoutSession, status: Status, **changes: Any) -> None:
    changed = CheckoutSession.objects.filter(pk=session.pk, status=Status.OPEN).update(
        status=status, **changes
    )
    session.refresh_from_db()
    if changed != 1:
        raise RequestRefused(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout '
            f"Session has a status of {session.status}."
        )
