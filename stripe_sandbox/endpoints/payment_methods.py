"""Payment methods: attach, detach, retrieve, update, and list those saved with a customer."""

from typing import Any

from django.db.models import QuerySet

from stripe_sandbox import cards, representations
from stripe_sandbox.errors import CardError, RequestRefused, missing_parameter
from stripe_sandbox.listing import page
from stripe_sandbox.models import Customer, PaymentMethod
from stripe_sandbox.payments import attach as attach_to
from stripe_sandbox.payments import create_payment_method, decline_body
from stripe_sandbox.payments import detach as detach_from_customer
from stripe_sandbox.webhooks import emit
from stripe_sandbox.wire import Call

from .lookup import find, find_named, updated_metadata

NOUN = "PaymentMethod"


def retrieve(call: Call, stripe_id: str) -> dict[str, Any]:
    row = find(PaymentMethod, stripe_id, NOUN, param="payment_method")
    return representations.payment_method(row)


def attach(call: Call, stripe_id: str) -> dict[str, Any]:
    if "customer" not in call.params:
        raise missing_parameter("customer")
    customer = find_named(Customer, call.params["customer"], "customer", param="customer")
    if stripe_id in cards.TEST_PAYMENT_METHODS:
        card = cards.card_by_last4(cards.TEST_PAYMENT_METHODS[stripe_id])
        row = create_payment_method(card)
    else:
        row = find(PaymentMethod, stripe_id, NOUN, param="payment_method")
    if row.customer_id:
        raise RequestRefused(
            "The payment method you provided has already been attached to a customer."
        )
    if row.type != "card":
        raise RequestRefused(
            f"This PaymentMethod cannot be attached to a Customer: {row.type} is single-use."
        )
    refuse_if_spent(row)
    if row.behavior in cards.DECLINES:
        decline = cards.DECLINES[row.behavior]
        raise CardError(decline.message, code=decline.code, extra=decline_body(decline))
    attach_to(row, customer)
    return representations.payment_method(row)


def detach(call: Call, stripe_id: str) -> dict[str, Any]:
    row = find(PaymentMethod, stripe_id, NOUN, param="payment_method")
    detach_from_customer(row)
    return representations.payment_method(row)


def update(call: Call, stripe_id: str) -> dict[str, Any]:
    row = find(PaymentMethod, stripe_id, NOUN, param="payment_method")
    params = call.params
    if not row.customer_id:
        raise RequestRefused(
            "You must save this PaymentMethod to a customer before you can update it."
        )
    before = representations.payment_method(row)
    card, billing = params.get("card", {}), params.get("billing_details", {})
    row.exp_month = card.get("exp_month", row.exp_month)
    row.exp_year = card.get("exp_year", row.exp_year)
    row.email = billing.get("email", row.email)
    row.holder_name = billing.get("name", row.holder_name)
    row.allow_redisplay = params.get("allow_redisplay", row.allow_redisplay)
    row.metadata = updated_metadata(row.metadata, params)
    row.save()
    answer = representations.payment_method(row)
    changed = {name: before[name] for name in before if before[name] != answer[name]}
    emit("payment_method.updated", answer, previous=changed)
    return answer


def list_payment_methods(call: Call) -> dict[str, Any]:
    rows = PaymentMethod.objects.filter(customer__isnull=False)
    if "customer" in call.params:
        customer = find_named(Customer, call.params["customer"], "customer", param="customer")
        rows = rows.filter(customer=customer)
    return _list(call, rows, "/v1/payment_methods")


def list_of_customer(call: Call, stripe_id: str) -> dict[str, Any]:
    customer = find(Customer, stripe_id, "customer", param="customer")
    rows = PaymentMethod.objects.filter(customer=customer)
    return _list(call, rows, f"/v1/customers/{stripe_id}/payment_methods")


def _list(call: Call, rows: QuerySet[PaymentMethod], url: str) -> dict[str, Any]:
    if call.params.get("type", "card") != "card":
        rows = rows.none()
    if "allow_redisplay" in call.params:
        rows = rows.filter(allow_redisplay=call.params["allow_redisplay"])
    return page(rows, call.params, representations.payment_method, url=url, noun=NOUN)


def for_payment(stripe_id: str, customer: Customer | None) -> PaymentMethod:
    """The payment method to charge: a stored one, or a fresh one for a test id (`pm_card_visa`).

    Raises: InvalidRequest if there is none; RequestRefused if it is another customer's, or was
        used without a customer before.
    """
    if stripe_id in cards.TEST_PAYMENT_METHODS:
        card = cards.card_by_last4(cards.TEST_PAYMENT_METHODS[stripe_id])
        return create_payment_method(card)
    method = find_named(PaymentMethod, stripe_id, NOUN, param="payment_method")
    if method.customer_id and method.customer_id != (customer.pk if customer else None):
        owner = method.customer.stripe_id if method.customer else ""
        raise RequestRefused(
            f"The provided PaymentMethod belongs to the Customer {owner}. Please include the "
            "Customer in the `customer` parameter on the PaymentIntent.",
            param="payment_method",
        )
    refuse_if_spent(method)
    return method


def refuse_if_spent(method: PaymentMethod) -> None:
    """Refuse one that was detached, or was used without a customer. Raises: RequestRefused."""
    if method.detached or (method.used and not method.customer_id):
        raise RequestRefused(
            "The provided PaymentMethod was previously used with a PaymentIntent without "
            "Customer attachment, shared with a connected account without Customer attachment, "
            "or was detached from a Customer. It may not be used again. To use a PaymentMethod "
            "multiple times, you must attach it to a Customer first.",
            param="payment_method",
        )
