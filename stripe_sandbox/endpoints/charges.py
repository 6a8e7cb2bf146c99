"""Charges: retrieve and list; they come into being by confirming a PaymentIntent."""

from typing import Any

from stripe_sandbox import representations
from stripe_sandbox.listing import created_window, page
from stripe_sandbox.models import Charge
from stripe_sandbox.wire import Call

from .lookup import find


def retrieve(call: Call, stripe_id: str) -> dict[str, Any]:
    return representations.charge(find(Charge, stripe_id, "charge"))


def list_charges(call: Call) -> dict[str, Any]:
    rows = created_window(Charge.objects.all(), call.params.get("created"))
    if "payment_intent" in call.params:
        rows = rows.filter(payment_intent__stripe_id=call.params["payment_intent"])
    if "customer" in call.params:
        rows = rows.filter(payment_intent__customer__stripe_id=call.params["customer"])
    return page(rows, call.params, representations.charge, url="/v1/charges", noun="charge")
