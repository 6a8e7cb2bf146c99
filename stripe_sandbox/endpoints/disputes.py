"""Disputes: retrieve, list, and close, which accepts the loss."""

from typing import Any

from stripe_sandbox import representations
from stripe_sandbox.disputes import lose
from stripe_sandbox.listing import created_window, page
from stripe_sandbox.models import Dispute
from stripe_sandbox.wire import Call

from .lookup import find

NOUN = "dispute"


def retrieve(call: Call, stripe_id: str) -> dict[str, Any]:
    return representations.dispute(find(Dispute, stripe_id, NOUN, param="dispute"))


def close(call: Call, stripe_id: str) -> dict[str, Any]:
    dispute = find(Dispute, stripe_id, NOUN, param="dispute")
    lose(dispute)
    return representations.dispute(dispute)


def list_disputes(call: Call) -> dict[str, Any]:
    rows = created_window(Dispute.objects.all(), call.params.get("created"))
    if "charge" in call.params:
        rows = rows.filter(charge__stripe_id=call.params["charge"])
    if "payment_intent" in call.params:
        rows = rows.filter(charge__payment_intent__stripe_id=call.params["payment_intent"])
    return page(rows, call.params, representations.dispute, url="/v1/disputes", noun=NOUN)
