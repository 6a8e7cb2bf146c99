"""PaymentIntents: create, confirm, cancel, retrieve, list."""

from typing import Any

from django.conf import settings

from stripe_sandbox import representations
from stripe_sandbox.cards import DECLINES
from stripe_sandbox.currencies import check_amount, check_currency
from stripe_sandbox.errors import CardError, InvalidRequest, RequestRefused
from stripe_sandbox.listing import created_window, page
from stripe_sandbox.models import CheckoutSession, Customer, PaymentIntent, PaymentMethod
from stripe_sandbox.payments import (
    cancel_intent,
    card_error,
    confirm_intent,
    create_intent,
    decline_body,
    needs_authentication,
    unexpected_state,
)
from stripe_sandbox.wallets import CURRENCIES
from stripe_sandbox.wire import Call

from .lookup import find, find_named
from .payment_methods import for_payment, refuse_if_spent

NOUN = "payment_intent"
KEPT = (
    "allowed_payment_method_types",
    "automatic_payment_methods",
    "capture_method",
    "confirmation_method",
    "description",
    "excluded_payment_method_types",
    "payment_method_options",
    "receipt_email",
    "setup_future_usage",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
)


def create(call: Call) -> dict[str, Any]:
    params = call.params
    check_currency(params["currency"], "currency")
    check_amount(params["amount"], params["currency"], "amount")
    confirm = params.get("confirm", False)
    if not confirm:
        for name in ("off_session", "return_url", "error_on_requires_action"):
            if name in params:
                raise InvalidRequest(
                    f"You cannot set `{name}` without also setting `confirm=true`.", param=name
                )
    if params.get("capture_method") == "manual":
        raise InvalidRequest(
            "Stripe accepts 'manual', but this sandbox does not model it.",
            code="sandbox_not_modeled",
            param="capture_method",
        )
    customer = None
    if "customer" in params:
        customer = find_named(Customer, params["customer"], "customer", param="customer")
    method = None
    if "payment_method" in params:
        method = for_payment(params["payment_method"], customer)
    details = {name: params[name] for name in KEPT if name in params}
    details.setdefault("automatic_payment_methods", {"allow_redirects": "always", "enabled": True})
    details["payment_method_types"] = method_types(params, params["currency"])
    _check_allowed(method, details)
    intent = create_intent(
        amount=params["amount"],
        currency=params["currency"],
        customer=customer,
        payment_method=method,
        metadata=params.get("metadata", {}),
        details=details,
    )
    if confirm:
        _confirm(intent, call)
    return representations.payment_intent(intent)


def method_types(params: dict[str, Any], currency: str, *, saving: bool = False) -> list[str]:
    """The methods switched on in the Dashboard, filtered as the request asks.

    A wallet drops out where its currency or its single use does not fit.

    Args:
        saving: only what can be used again, as in setup mode.
    Raises: InvalidRequest if both filters were sent, or nothing is left.
    """
    saving = saving or any(
        "setup_future_usage" in part for part in (params, params.get("payment_intent_data", {}))
    )
    allowed = params.get("allowed_payment_method_types")
    excluded = params.get("excluded_payment_method_types")
    if allowed and excluded:
        raise InvalidRequest(
            "You may only specify one of these parameters: allowed_payment_method_types, "
            "excluded_payment_method_types.",
            param="allowed_payment_method_types",
        )
    types = [
        name
        for name in settings.PAYMENT_METHOD_TYPES
        if (not allowed or name in allowed)
        and name not in (excluded or [])
        and (name == "card" or (not saving and currency in CURRENCIES[name]))
    ]
    if not types:
        raise InvalidRequest(
            "No valid payment method types for this request. Please ensure that you have "
            "activated payment methods compatible with your chosen currency in your dashboard "
            "(https://dashboard.stripe.com/settings/payment_methods)."
        )
    return types


def confirm(call: Call, stripe_id: str) -> dict[str, Any]:
    intent = find(PaymentIntent, stripe_id, NOUN, param="intent")
    _refuse_if_of_checkout(intent, "confirm")
    if intent.status == PaymentIntent.Status.SUCCEEDED:
        raise RequestRefused(
            "You cannot confirm this PaymentIntent because it has already succeeded after being "
            "previously confirmed.",
            code="payment_intent_unexpected_state",
            extra={"payment_intent": representations.payment_intent(intent)},
        )
    if intent.status == PaymentIntent.Status.CANCELED:
        raise unexpected_state(intent, "confirm")
    if "payment_method" in call.params:
        intent.payment_method = for_payment(call.params["payment_method"], intent.customer)
    for name in KEPT:
        if name in call.params:
            intent.details[name] = call.params[name]
    if {"allowed_payment_method_types", "excluded_payment_method_types"} & set(call.params):
        intent.details["payment_method_types"] = method_types(intent.details, intent.currency)
    _check_allowed(intent.payment_method, intent.details)
    intent.save()
    _confirm(intent, call)
    return representations.payment_intent(intent)


def _check_allowed(method: PaymentMethod | None, details: dict[str, Any]) -> None:
    types = details["payment_method_types"]
    if method is not None and method.type not in types:
        raise InvalidRequest(
            f"The PaymentMethod provided ({method.type}) is not allowed for this PaymentIntent. "
            f"Please attach a PaymentMethod with one of the following types: {', '.join(types)}.",
            code="payment_intent_invalid_parameter",
            param="payment_method",
        )


def _confirm(intent: PaymentIntent, call: Call) -> None:
    method = intent.payment_method
    if method is None:
        raise RequestRefused(
            "You cannot confirm this PaymentIntent because it's missing a payment method. You "
            "can either update the PaymentIntent with a payment method and then confirm it "
            "again, or confirm it again directly with a payment method or ConfirmationToken.",
            code="payment_intent_unexpected_state",
            extra={"payment_intent": representations.payment_intent(intent)},
        )
    refuse_if_spent(method)
    off_session = call.params.get("off_session", "false") != "false"
    intent.off_session = off_session
    intent.return_url = call.params.get("return_url", intent.return_url)
    intent.save()
    if call.params.get("error_on_requires_action") and needs_authentication(
        method, off_session=off_session
    ):
        decline = DECLINES["authentication_required"]
        raise CardError(
            decline.message,
            code=decline.code,
            extra={
                **decline_body(decline),
                "payment_intent": representations.payment_intent(intent),
            },
        )
    declined = confirm_intent(intent, method, off_session=off_session, base_url=call.base_url)
    if declined:
        raise card_error(intent, declined)


def cancel(call: Call, stripe_id: str) -> dict[str, Any]:
    intent = find(PaymentIntent, stripe_id, NOUN, param="intent")
    _refuse_if_of_checkout(intent, "cancel")
    cancel_intent(intent, reason=call.params.get("cancellation_reason", ""))
    return representations.payment_intent(intent)


def _refuse_if_of_checkout(intent: PaymentIntent, verb: str) -> None:
    session = CheckoutSession.objects.filter(payment_intent=intent).first()
    if session and session.status == CheckoutSession.Status.OPEN:
        raise RequestRefused(
            f"You cannot {verb} this PaymentIntent because it was created by the Checkout "
            f"Session {session.stripe_id}. To cancel it, expire the Checkout Session instead.",
            code="payment_intent_unexpected_state",
            extra={"payment_intent": representations.payment_intent(intent)},
        )


def retrieve(call: Call, stripe_id: str) -> dict[str, Any]:
    intent = find(PaymentIntent, stripe_id, NOUN, param="intent")
    return representations.payment_intent(intent)


def list_payment_intents(call: Call) -> dict[str, Any]:
    rows = created_window(PaymentIntent.objects.all(), call.params.get("created"))
    if "customer" in call.params:
        rows = rows.filter(customer__stripe_id=call.params["customer"])
    return page(
        rows, call.params, representations.payment_intent, url="/v1/payment_intents", noun=NOUN
    )
