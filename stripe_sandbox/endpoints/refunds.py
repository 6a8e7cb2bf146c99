"""Refunds: whole or in parts, never above what was paid."""

from typing import Any

from django.db.models import F

from stripe_sandbox import clock, representations
from stripe_sandbox.currencies import check_step, display
from stripe_sandbox.errors import InvalidRequest, RequestRefused
from stripe_sandbox.identifiers import new_id
from stripe_sandbox.listing import created_window, page
from stripe_sandbox.models import Charge, PaymentIntent, Refund
from stripe_sandbox.payments import record_balance
from stripe_sandbox.webhooks import emit
from stripe_sandbox.wire import Call

from .lookup import find, find_named


def create(call: Call) -> dict[str, Any]:
    params = call.params
    charge = _charge_to_refund(params)
    _check_refundable(charge)
    remaining = charge.amount - charge.amount_refunded
    amount = params.get("amount", remaining)
    if amount < 1:
        raise InvalidRequest(
            "Invalid positive integer", code="parameter_invalid_integer", param="amount"
        )
    check_step(amount, charge.currency, "amount")
    changed = Charge.objects.filter(pk=charge.pk, amount_refunded__lte=F("amount") - amount).update(
        amount_refunded=F("amount_refunded") + amount
    )
    if changed != 1:
        raise RequestRefused(
            f"Refund amount ({display(amount, charge.currency)}) is greater than unrefunded "
            f"amount on charge ({display(remaining, charge.currency)})",
            param="amount",
        )
    charge.refresh_from_db()
    refund = Refund.objects.create(
        stripe_id=new_id("re"),
        created=clock.now(),
        charge=charge,
        amount=amount,
        reason=params.get("reason", ""),
        metadata=params.get("metadata", {}),
    )
    refund.balance_transaction_id = record_balance(
        "refund", -amount, charge.currency, refund.stripe_id, fee=0
    )
    refund.save()
    emit("refund.created", representations.refund(refund))
    emit("charge.refunded", representations.charge(charge))
    _announce_reference(refund)
    return representations.refund(refund)


def _announce_reference(refund: Refund) -> None:
    """The acquirer's reference follows; `refund.updated` carries it and nothing of the money."""
    before = representations.refund(refund)["destination_details"]
    refund.reference_known = True
    refund.save()
    emit(
        "refund.updated",
        representations.refund(refund),
        previous={"destination_details": before},
    )


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


def _check_refundable(charge: Charge) -> None:
    if not charge.succeeded:
        raise RequestRefused(
            f"Charge {charge.stripe_id} has not been successfully paid; it cannot be refunded.",
            code="charge_not_refundable",
        )
    if charge.disputed:
        raise RequestRefused(
            f"Charge {charge.stripe_id} has been charged back; cannot issue a refund.",
            code="charge_disputed",
        )
    if charge.amount_refunded == charge.amount:
        raise RequestRefused(
            f"Charge {charge.stripe_id} has already been refunded.",
            code="charge_already_refunded",
        )


def retrieve(call: Call, stripe_id: str) -> dict[str, Any]:
    return representations.refund(find(Refund, stripe_id, "refund"))


def list_refunds(call: Call) -> dict[str, Any]:
    rows = created_window(Refund.objects.all(), call.params.get("created"))
    if "charge" in call.params:
        rows = rows.filter(charge__stripe_id=call.params["charge"])
    if "payment_intent" in call.params:
        rows = rows.filter(charge__payment_intent__stripe_id=call.params["payment_intent"])
    return page(rows, call.params, representations.refund, url="/v1/refunds", noun="refund")
