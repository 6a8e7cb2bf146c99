"""Checkout Sessions as they live: paid on the hosted page, expired, completed once.

A session in payment mode gets its PaymentIntent with the first try, not before, as Stripe's do
since 2022-08-01. Every function runs inside the caller's transaction, but for expiry, which also
happens on the way of reading and opens its own.
"""

from typing import Any

from django.db import transaction

from . import cards, clock, representations
from .cards import Decline
from .errors import RequestRefused
from .identifiers import new_id, random_text
from .models import CheckoutSession, Customer, PaymentIntent, PaymentMethod, SetupIntent
from .payments import (
    attach,
    cancel_intent,
    confirm_intent,
    create_intent,
    decline_body,
    finish_authentication,
    needs_authentication,
)
from .webhooks import emit

Status = CheckoutSession.Status


def submit(session: CheckoutSession, method: PaymentMethod, *, base_url: str) -> Decline | None:
    """One press of the pay button with a card.

    Returns: the decline if there was one. Otherwise the session is complete, or its intent
        waits for 3-D Secure.
    Raises: RequestRefused if the session is no longer open.
    """
    if not is_open(session):
        raise RequestRefused(f"This Checkout Session has a status of {session.status}.")
    remember_payer(session, method)
    if session.mode == "setup":
        return _submit_setup(session, method)
    intent = session.payment_intent or _create_intent(session)
    decline = confirm_intent(intent, method, off_session=False, base_url=base_url)
    if intent.status == PaymentIntent.Status.SUCCEEDED:
        complete(session)
    return decline


def authenticate(session: CheckoutSession, *, passed: bool) -> None:
    """The payer came back from the 3-D Secure page.

    Raises: RequestRefused if the session is not open or waits for no authentication.
    """
    if not is_open(session):
        raise RequestRefused(f"This Checkout Session has a status of {session.status}.")
    if session.setup_intent:
        _finish_setup(session.setup_intent, passed=passed)
        if passed:
            complete(session)
    elif session.payment_intent:
        finish_authentication(session.payment_intent, passed=passed)
        if passed:
            complete(session)


def waits_for_authentication(session: CheckoutSession) -> bool:
    """Whether the payer is due on the 3-D Secure page."""
    intent = session.payment_intent or session.setup_intent
    return intent is not None and intent.status == "requires_action"


def is_open(session: CheckoutSession) -> bool:
    """Whether it can be paid now; one that is past its time is expired on the way."""
    if session.status == Status.OPEN and session.expires_at <= clock.now():
        expire(session)
    return session.status == Status.OPEN


def complete(session: CheckoutSession) -> None:
    """Open to complete, once. Raises: RequestRefused if it had left open."""
    payment_status = "paid" if session.mode == "payment" else "no_payment_required"
    _move(session, Status.COMPLETE, payment_status=payment_status)
    emit("checkout.session.completed", representations.checkout_session(session))


@transaction.atomic
def expire(session: CheckoutSession) -> None:
    """Open to expired, once, with its intent. Raises: RequestRefused if it had left open."""
    _move(session, Status.EXPIRED)
    if session.payment_intent:
        cancel_intent(session.payment_intent, reason="automatic")
    if session.setup_intent:
        session.setup_intent.status = "canceled"
        session.setup_intent.save()
        emit("setup_intent.canceled", representations.setup_intent(session.setup_intent))
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


def create_setup_intent(
    customer: Customer | None, *, metadata: dict[str, str], description: str
) -> SetupIntent:
    """The intent behind a session in setup mode."""
    stripe_id = new_id("seti")
    intent = SetupIntent.objects.create(
        stripe_id=stripe_id,
        created=clock.now(),
        client_secret=f"{stripe_id}_secret_{random_text(25)}",
        customer=customer,
        metadata=metadata,
        description=description,
    )
    emit("setup_intent.created", representations.setup_intent(intent))
    return intent


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
    if "card" in options:
        details["payment_method_options"] = {"card": options["card"]}
    session.payment_intent = create_intent(
        amount=session.amount_total or 0,
        currency=session.currency,
        customer=session.customer,
        metadata=data.get("metadata", {}),
        details=details,
    )
    session.save(update_fields=["payment_intent"])
    return session.payment_intent


def _submit_setup(session: CheckoutSession, method: PaymentMethod) -> Decline | None:
    intent = session.setup_intent
    if intent is None:
        raise RequestRefused("This Checkout Session has no SetupIntent.")
    if method.behavior in cards.DECLINES:
        decline = cards.DECLINES[method.behavior]
        intent.status, intent.last_setup_error = "requires_payment_method", decline_body(decline)
        intent.save()
        emit("setup_intent.setup_failed", representations.setup_intent(intent))
        return decline
    intent.payment_method, intent.status = method, "requires_action"
    intent.save()
    if needs_authentication(method, off_session=False):
        emit("setup_intent.requires_action", representations.setup_intent(intent))
        return None
    _finish_setup(intent, passed=True)
    complete(session)
    return None


def _finish_setup(intent: SetupIntent, *, passed: bool) -> None:
    method = intent.payment_method
    if intent.status != "requires_action" or method is None:
        raise RequestRefused(
            f"This SetupIntent has a status of {intent.status}.",
            code="setup_intent_unexpected_state",
        )
    if not passed:
        intent.status, intent.payment_method = "requires_payment_method", None
        intent.last_setup_error = {
            "code": "setup_intent_authentication_failure",
            "message": "The provided PaymentMethod has failed authentication.",
            "type": "invalid_request_error",
        }
        intent.save()
        emit("setup_intent.setup_failed", representations.setup_intent(intent))
        return
    intent.status, intent.last_setup_error = "succeeded", None
    intent.save()
    method.set_up = True
    if intent.customer:
        attach(method, intent.customer)
    else:
        method.save()
    emit("setup_intent.succeeded", representations.setup_intent(intent))


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
