"""SetupIntents: create, confirm, cancel, retrieve, list."""

from typing import Any

from stripe_sandbox import representations
from stripe_sandbox.errors import InvalidRequest, RequestRefused
from stripe_sandbox.listing import created_window, page
from stripe_sandbox.models import CheckoutSession, Customer, SetupIntent
from stripe_sandbox.setups import (
    cancel_setup,
    confirm_setup,
    create_setup_intent,
    setup_error,
    unexpected_state,
)
from stripe_sandbox.wire import Call

from .lookup import find, find_named
from .payment_intents import method_types
from .payment_methods import for_payment, refuse_if_spent

NOUN = "setupintent"
KEPT = (
    "allowed_payment_method_types",
    "automatic_payment_methods",
    "excluded_payment_method_types",
    "payment_method_options",
    "usage",
)


def create(call: Call) -> dict[str, Any]:
    params = call.params
    # Only cards can be saved here, whatever the currency of the charges to come.
    method_types(params, "", saving=True)
    confirm_now = params.get("confirm", False)
    if "return_url" in params and not confirm_now:
        raise InvalidRequest(
            "You cannot set `return_url` without also setting `confirm=true`.", param="return_url"
        )
    customer = None
    if "customer" in params:
        customer = find_named(Customer, params["customer"], "customer", param="customer")
    method = for_payment(params["payment_method"], customer) if "payment_method" in params else None
    intent = create_setup_intent(
        customer,
        metadata=params.get("metadata", {}),
        description=params.get("description", ""),
        payment_method=method,
        details={name: params[name] for name in KEPT if name in params},
    )
    if confirm_now:
        _confirm(intent, call)
    return representations.setup_intent(intent)


def confirm(call: Call, stripe_id: str) -> dict[str, Any]:
    intent = find(SetupIntent, stripe_id, NOUN, param="intent")
    _refuse_if_of_checkout(intent, "confirm")
    if intent.status in ("succeeded", "canceled"):
        raise unexpected_state(intent, "confirm")
    if "payment_method" in call.params:
        intent.payment_method = for_payment(call.params["payment_method"], intent.customer)
    for name in KEPT:
        if name in call.params:
            intent.details[name] = call.params[name]
    _confirm(intent, call)
    return representations.setup_intent(intent)


def _confirm(intent: SetupIntent, call: Call) -> None:
    method = intent.payment_method
    if method is None:
        raise RequestRefused(
            "You cannot confirm this SetupIntent because it's missing a payment method. Update "
            "the SetupIntent with a payment method and then confirm it again.",
            code="setup_intent_unexpected_state",
            extra={"setup_intent": representations.setup_intent(intent)},
        )
    refuse_if_spent(method)
    intent.return_url = call.params.get("return_url", intent.return_url)
    intent.save()
    declined = confirm_setup(intent, method, base_url=call.base_url)
    if declined:
        raise setup_error(intent, declined)


def cancel(call: Call, stripe_id: str) -> dict[str, Any]:
    intent = find(SetupIntent, stripe_id, NOUN, param="intent")
    _refuse_if_of_checkout(intent, "cancel")
    cancel_setup(intent, reason=call.params.get("cancellation_reason", ""))
    return representations.setup_intent(intent)


def _refuse_if_of_checkout(intent: SetupIntent, verb: str) -> None:
    session = CheckoutSession.objects.filter(setup_intent=intent).first()
    if session and session.status == CheckoutSession.Status.OPEN:
        raise RequestRefused(
            f"You cannot {verb} this SetupIntent because it was created by the Checkout Session "
            f"{session.stripe_id}. To cancel it, expire the Checkout Session instead.",
            code="setup_intent_unexpected_state",
            extra={"setup_intent": representations.setup_intent(intent)},
        )


def retrieve(call: Call, stripe_id: str) -> dict[str, Any]:
    row = find(SetupIntent, stripe_id, NOUN, param="intent")
    return representations.setup_intent(row)


def list_setup_intents(call: Call) -> dict[str, Any]:
    rows = created_window(SetupIntent.objects.all(), call.params.get("created"))
    if "customer" in call.params:
        rows = rows.filter(customer__stripe_id=call.params["customer"])
    if "payment_method" in call.params:
        rows = rows.filter(payment_method__stripe_id=call.params["payment_method"])
    return page(rows, call.params, representations.setup_intent, url="/v1/setup_intents", noun=NOUN)
