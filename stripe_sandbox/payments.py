"""PaymentIntents: creating, confirming with a test card, 3-D Secure, canceling, and success.

Every function runs inside the caller's transaction, which on SQLite is the only writer. Amounts
are whole minor units. A decline is an outcome that stays on record, not an exception.
"""

from typing import Any

from . import agenda, cards, clock, disputes, representations
from .balance import fee_of, record_balance
from .cards import Decline, TestCard
from .errors import CardError, RequestRefused
from .identifiers import new_id, random_text
from .models import Charge, Customer, PaymentIntent, PaymentMethod
from .webhooks import emit

Status = PaymentIntent.Status

# From which states each one is reached.
TRANSITIONS = {
    Status.REQUIRES_PAYMENT_METHOD: (
        Status.REQUIRES_PAYMENT_METHOD, Status.REQUIRES_CONFIRMATION, Status.REQUIRES_ACTION,
        Status.PROCESSING,
    ),
    Status.REQUIRES_ACTION: (
        Status.REQUIRES_PAYMENT_METHOD, Status.REQUIRES_CONFIRMATION, Status.REQUIRES_ACTION,
    ),
    Status.PROCESSING: (Status.REQUIRES_ACTION,),
    Status.SUCCEEDED: (
        Status.REQUIRES_PAYMENT_METHOD, Status.REQUIRES_CONFIRMATION, Status.REQUIRES_ACTION,
        Status.PROCESSING,
    ),
    # What a wallet is processing is out of reach: it ends by itself.
    Status.CANCELED: (
        Status.REQUIRES_PAYMENT_METHOD, Status.REQUIRES_CONFIRMATION, Status.REQUIRES_ACTION,
    ),
}  # fmt: skip

AUTHENTICATION_FAILED = {
    "code": "payment_intent_authentication_failure",
    "doc_url": "https://stripe.com/docs/error-codes/payment-intent-authentication-failure",
    "message": (
        "We are unable to authenticate your payment method. Please choose a different payment "
        "method and try again."
    ),
    "type": "invalid_request_error",
}


def create_payment_method(
    card: TestCard,
    *,
    exp_month: int = 12,
    exp_year: int = 2034,
    holder_name: str = "",
    email: str = "",
) -> PaymentMethod:
    """A payment method of a test card; the number is not kept."""
    return PaymentMethod.objects.create(
        stripe_id=new_id("pm"),
        created=clock.now(),
        behavior=card.behavior,
        brand=card.brand,
        funding=card.funding,
        last4=card.last4,
        exp_month=exp_month,
        exp_year=exp_year,
        holder_name=holder_name,
        email=email,
    )


def create_intent(
    *,
    amount: int,
    currency: str,
    customer: Customer | None,
    payment_method: PaymentMethod | None = None,
    metadata: dict[str, str],
    details: dict[str, Any],
) -> PaymentIntent:
    """A new PaymentIntent, waiting for a payment method or for its confirmation."""
    stripe_id = new_id("pi")
    intent = PaymentIntent.objects.create(
        stripe_id=stripe_id,
        created=clock.now(),
        client_secret=f"{stripe_id}_secret_{random_text(25)}",
        status=Status.REQUIRES_CONFIRMATION if payment_method else Status.REQUIRES_PAYMENT_METHOD,
        amount=amount,
        currency=currency,
        customer=customer,
        payment_method=payment_method,
        metadata=metadata,
        details=details,
    )
    emit("payment_intent.created", representations.payment_intent(intent))
    return intent


def confirm_intent(
    intent: PaymentIntent, method: PaymentMethod, *, off_session: bool, base_url: str
) -> Decline | None:
    """Try to charge: afterwards the intent has succeeded, waits for 3-D Secure, or was declined.

    Returns: the decline, or None.
    Raises: RequestRefused if the intent's state allows no try.
    """
    if declined := cards.decline_of_charge(method.behavior):
        return _decline(intent, method, declined)
    if needs_authentication(method, off_session=off_session):
        if off_session:
            return _decline(intent, method, "authentication_required")
        details = {
            **intent.details,
            "authentication_url": f"{base_url}/authenticate/{intent.stripe_id}",
        }
        move(intent, Status.REQUIRES_ACTION, payment_method=method, details=details)
        emit("payment_intent.requires_action", representations.payment_intent(intent))
        return None
    succeed(intent, method)
    return None


def needs_authentication(method: PaymentMethod, *, off_session: bool) -> bool:
    """Whether the issuer asks for 3-D Secure in this try."""
    if method.behavior == cards.AUTHENTICATES_ALWAYS:
        return True
    saved = off_session and method.set_up
    return method.behavior == cards.AUTHENTICATES_UNLESS_SAVED and not saved


def finish_authentication(intent: PaymentIntent, *, passed: bool) -> None:
    """The cardholder passed 3-D Secure, or failed it and may try another card.

    Raises: RequestRefused if the intent waits for no authentication.
    """
    method = intent.payment_method
    if intent.status != Status.REQUIRES_ACTION or method is None:
        raise unexpected_state(intent, "authenticate")
    if passed:
        succeed(intent, method, three_d_secure=True)
        return
    fail(intent, AUTHENTICATION_FAILED)


def fail(intent: PaymentIntent, error: dict[str, Any], **changes: Any) -> None:
    """The try came to nothing; `error` says why, and another method may be tried."""
    if intent.payment_method:
        method = representations.payment_method(intent.payment_method)
        error = {**error, "payment_method": method}
    move(
        intent,
        Status.REQUIRES_PAYMENT_METHOD,
        payment_method=None,
        last_payment_error=error,
        **changes,
    )
    emit("payment_intent.payment_failed", representations.payment_intent(intent))


def cancel_intent(intent: PaymentIntent, *, reason: str) -> None:
    """Cancel what has not succeeded. Raises: RequestRefused if it is too late."""
    move(
        intent,
        Status.CANCELED,
        canceled_at=clock.now(),
        cancellation_reason=reason,
        last_payment_error=intent.last_payment_error,
    )
    emit("payment_intent.canceled", representations.payment_intent(intent))


def new_charge(intent: PaymentIntent, method: PaymentMethod, **state: Any) -> Charge:
    """A charge of the intent's whole amount, not yet stored."""
    return Charge(
        stripe_id=new_id("ch"),
        created=clock.now(),
        amount=intent.amount,
        currency=intent.currency,
        payment_intent=intent,
        payment_method=method,
        **{"succeeded": False, **state},
    )


def succeed(
    intent: PaymentIntent,
    method: PaymentMethod,
    *,
    three_d_secure: bool = False,
    charge: Charge | None = None,
) -> None:
    """The money is there, by a new charge or by the pending one.

    Raises: RequestRefused if the intent's state allows no success.
    """
    charge = charge or new_charge(intent, method, three_d_secure=three_d_secure)
    charge.succeeded, charge.pending = True, False
    charge.balance_transaction_id = record_balance(
        "charge", intent.amount, intent.currency, charge.stripe_id, fee=fee_of(intent.amount)
    )
    move(
        intent,
        Status.SUCCEEDED,
        payment_method=method,
        latest_charge_id=charge.stripe_id,
        amount_received=intent.amount,
    )
    charge.save()
    PaymentMethod.objects.filter(pk=method.pk).update(used=True)
    _save_for_later(intent, method)
    emit("charge.succeeded", representations.charge(charge))
    emit("payment_intent.succeeded", representations.payment_intent(intent))
    disputes.follow_up(charge)


def _save_for_later(intent: PaymentIntent, method: PaymentMethod) -> None:
    usage = intent.details.get("setup_future_usage") or intent.details.get(
        "payment_method_options", {}
    ).get("card", {}).get("setup_future_usage")
    if method.type != "card" or usage not in ("off_session", "on_session"):
        return
    method.set_up = method.set_up or usage == "off_session"
    if intent.customer and method.customer is None:
        attach(method, intent.customer)
    else:
        method.save()


def attach(method: PaymentMethod, customer: Customer) -> None:
    """Save a payment method with a customer."""
    method.customer = customer
    method.save()
    emit("payment_method.attached", representations.payment_method(method))


def detach(method: PaymentMethod) -> None:
    """Take a payment method from its customer; nobody can use it again.

    Raises: RequestRefused if it is attached to nobody.
    """
    customer = method.customer
    if customer is None:
        raise RequestRefused(
            "The payment method you provided is not attached to a customer so detachment is "
            "impossible."
        )
    method.customer, method.detached = None, True
    method.save()
    emit(
        "payment_method.detached",
        representations.payment_method(method),
        previous={"customer": customer.stripe_id},
    )


def _decline(intent: PaymentIntent, method: PaymentMethod, behavior: str) -> Decline:
    decline = cards.DECLINES[behavior]
    charge = new_charge(intent, method, decline=behavior)
    charge.save()
    move(
        intent,
        Status.REQUIRES_PAYMENT_METHOD,
        payment_method=None,
        latest_charge_id=charge.stripe_id,
        last_payment_error={
            **decline_body(decline),
            "charge": charge.stripe_id,
            "payment_method": representations.payment_method(method),
        },
    )
    emit("charge.failed", representations.charge(charge))
    emit("payment_intent.payment_failed", representations.payment_intent(intent))
    return decline


def decline_body(decline: Decline) -> dict[str, Any]:
    """The part of an error that tells how the issuer refused."""
    body = {
        "code": decline.code,
        "doc_url": "https://stripe.com/docs/error-codes/" + decline.code.replace("_", "-"),
        "message": decline.message,
        "type": "card_error",
    }
    if decline.decline_code:
        body["decline_code"] = decline.decline_code
    if decline.advice_code:
        body["advice_code"] = decline.advice_code
        body["network_advice_code"] = decline.network_advice_code
    if decline.network_decline_code:
        body["network_decline_code"] = decline.network_decline_code
    return body


def card_error(intent: PaymentIntent, decline: Decline) -> CardError:
    """The 402 that an API call gets for a declined card."""
    extra = {**(intent.last_payment_error or {}), "type": "card_error"}
    extra["payment_intent"] = representations.payment_intent(intent)
    return CardError(decline.message, code=decline.code, extra=extra)


def unexpected_state(intent: PaymentIntent, verb: str) -> RequestRefused:
    """The refusal of an action that the intent's state does not allow."""
    return RequestRefused(
        f"You cannot {verb} this PaymentIntent because it has a status of {intent.status}.",
        code="payment_intent_unexpected_state",
        extra={"payment_intent": representations.payment_intent(intent)},
    )


def move(intent: PaymentIntent, status: Status, **changes: Any) -> None:
    """Change the state by a conditional update; a state that lost the race is refused.

    What was to happen by itself to the former state is forgotten.
    """
    agenda.strike(intent.stripe_id)
    changes.setdefault("last_payment_error", None)
    changed = PaymentIntent.objects.filter(pk=intent.pk, status__in=TRANSITIONS[status]).update(
        status=status, **changes
    )
    intent.refresh_from_db()
    if changed != 1:
        verb = "cancel" if status == Status.CANCELED else "confirm"
        raise unexpected_state(intent, verb)
