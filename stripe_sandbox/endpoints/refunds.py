"""Refunds: whole or in parts, never above what was paid."""

from typing import Any

from stripe_sandbox import representations
from stripe_sandbox.errors import InvalidRequest, RequestRefused
from stripe_sandbox.listing import created_window, page
from stripe_sandbox.models import Charge, PaymentIntent, Refund
from stripe_sandbox.refunding import make_refund
from stripe_sandbox.wire import Call

from .lookup import find, find_named


def create(call: Call) -> dict[str, Any]:
    params = call.params
    refund = make_refund(
        _charge_to_refund(params),
        amount=params.get("amount"),
        reason=params.get("reason", ""),
        metadata=params.get("metadata", {}),
    )
    return representations.refund(refund)


def _charge_to_refund(params: dict[str, Any]) -> Charge:
    if "charge" in params and "payment_intent" in params:
        raise InvalidRequest(
            "You may only specify one of these parameters: charge, payment_intent."
        )
    if "charge" in params:
        return find_named(Charge, params["charge"], "charge", param="charge")
    if "payment_intent" not in params:
        raise InvalidRequest(
            "One of the following params should be provided for this request: payment_intent or "
            "charge.",
            code="parameter_missing",
        )
    intent = find_named(
        PaymentIntent, params["payment_intent"], "payment_intent", param="payment_intent"
    )
    charge = intent.charges.filter(succeeded=True).first()
    if charge is None:
        raise RequestRefused(
            f"This PaymentIntent ({intent.stripe_id}) does not have a successful charge to refund.",
            code="payment_intent_unexpected_state",
        )
    return charge


def retrieve(call: Call, stripe_id: str) -> dict[str, Any]:
    return representations.refund(find(Refund, stripe_id, "refund"))


def list_refunds(call: Call) -> dict[str, Any]:
    rows = created_window(Refund.objects.all(), call.params.get("created"))
    if "charge" in call.params:
        rows = rows.filter(charge__stripe_id=call.params["charge"])
    if "payment_intent" in call.params:
        rows = rows.filter(charge__payment_intent__stripe_id=call.params["payment_intent"])
    return page(rows, call.params, representations.refund, url="/v1/refunds", noun="refund")
