"""SetupIntents: a card saved for charges to come, in Checkout or through the API.

Every function runs inside the caller's transaction.
"""

from typing import Any

from . import cards, clock, representations
from .cards import Decline
from .errors import CardError, RequestRefused
from .identifiers import new_id, random_text
from .models import Customer, PaymentMethod, SetupIntent
from .payments import attach, decline_body, needs_authentication
from .webhooks import emit

AUTHENTICATION_FAILED = {
    "code": "setup_intent_authentication_failure",
    "doc_url": "https://stripe.com/docs/error-codes/setup-intent-authentication-failure",
    "message": (
        "The latest attempt to set up the payment method has failed because authentication failed."
    ),
    "type": "invalid_request_error",
}
TRYABLE = ("requires_payment_method", "requires_confirmation", "requires_action")


def create_setup_intent(
    customer: Customer | None,
    *,
    metadata: dict[str, str],
    description: str,
    payment_method: PaymentMethod | None = None,
    details: dict[str, Any] | None = None,
) -> SetupIntent:
    """A new SetupIntent, waiting for a payment method or for its confirmation."""
    stripe_id = new_id("seti")
    intent = SetupIntent.objects.create(
        stripe_id=stripe_id,
        created=clock.now(),
        client_secret=f"{stripe_id}_secret_{random_text(25)}",
        status="requires_confirmation" if payment_method else "requires_payment_method",
        customer=customer,
        payment_method=payment_method,
        metadata=metadata,
        description=description,
        details=details or {},
    )
    emit("setup_intent.created", representations.setup_intent(intent))
    return intent


def confirm_setup(intent: SetupIntent, method: PaymentMethod, *, base_url: str) -> Decline | None:
    """Try to save a card: it is saved, asks for 3-D Secure, or is declined.

    Returns: the decline, or None.
    Raises: RequestRefused if the intent's state allows no try.
    """
    if intent.status not in TRYABLE:
        raise unexpected_state(intent, "confirm")
    if method.behavior in cards.DECLINES:
        decline = cards.DECLINES[method.behavior]
        error = {**decline_body(decline), "payment_method": representations.payment_method(method)}
        _fail(intent, error)
        return decline
    intent.payment_method = method
    if needs_authentication(method, off_session=False):
        intent.status = "requires_action"
        intent.details["authentication_url"] = f"{base_url}/authenticate/{intent.stripe_id}"
        intent.save()
        emit("setup_intent.requires_action", representations.setup_intent(intent))
        return None
    _succeed(intent, method)
    return None


def finish_setup(intent: SetupIntent, *, passed: bool) -> None:
    """The cardholder passed 3-D Secure, or failed it and may try another card.

    Raises: RequestRefused if the intent waits for no authentication.
    """
    method = intent.payment_method
    if intent.status != "requires_action" or method is None:
        raise unexpected_state(intent, "authenticate")
    if passed:
        _succeed(intent, method)
    else:
        _fail(intent, AUTHENTICATION_FAILED)


def cancel_setup(intent: SetupIntent, *, reason: str) -> None:
    """Cancel what has not succeeded. Raises: RequestRefused if it is too late."""
    if intent.status not in TRYABLE:
        raise unexpected_state(intent, "cancel")
    intent.status, intent.cancellation_reason = "canceled", reason
    intent.save()
    emit("setup_intent.canceled", representations.setup_intent(intent))


def setup_error(intent: SetupIntent, decline: Decline) -> CardError:
    """The 402 that an API call gets for a card that could not be saved."""
    extra = {**decline_body(decline), "setup_intent": representations.setup_intent(intent)}
    return CardError(decline.message, code=decline.code, extra=extra)


def unexpected_state(intent: SetupIntent, verb: str) -> RequestRefused:
    """The refusal of an action that the intent's state does not allow."""
    return RequestRefused(
        f"You cannot {verb} this SetupIntent because it has a status of {intent.status}.",
        code="setup_intent_unexpected_state",
        extra={"setup_intent": representations.setup_intent(intent)},
    )


def _succeed(intent: SetupIntent, method: PaymentMethod) -> None:
    intent.status, intent.last_setup_error = "succeeded", None
    intent.save()
    method.set_up = intent.details.get("usage", "off_session") == "off_session"
    if intent.customer and method.customer is None:
        attach(method, intent.customer)
    else:
        method.save()
    emit("setup_intent.succeeded", representations.setup_intent(intent))


def _fail(intent: SetupIntent, error: dict[str, Any]) -> None:
    intent.status, intent.payment_method = "requires_payment_method", None
    intent.last_setup_error = error
    intent.save()
    emit("setup_intent.setup_failed", representations.setup_intent(intent))
