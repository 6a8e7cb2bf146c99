"""`expand[]`: puts the object in the place of its id, up to four levels deep."""

from collections.abc import Callable
from typing import Any

from . import representations
from .errors import InvalidRequest
from .models import (
    BalanceTransaction,
    Charge,
    CheckoutSession,
    Customer,
    Dispute,
    EarlyFraudWarning,
    PaymentIntent,
    PaymentMethod,
    Refund,
    SetupIntent,
)

DEEPEST = 4

BY_PREFIX: dict[str, tuple[type, Callable[[Any], dict[str, Any]]]] = {
    "cus_": (Customer, representations.customer),
    "pi_": (PaymentIntent, representations.payment_intent),
    "seti_": (SetupIntent, representations.setup_intent),
    "pm_": (PaymentMethod, representations.payment_method),
    "ch_": (Charge, representations.charge),
    "re_": (Refund, representations.refund),
    "txn_": (BalanceTransaction, representations.balance_transaction),
    "dp_": (Dispute, representations.dispute),
    "issfr_": (EarlyFraudWarning, representations.early_fraud_warning),
    "cs_": (CheckoutSession, representations.checkout_session),
}
EXPANDABLE = {
    "checkout.session": {"customer", "line_items", "payment_intent", "setup_intent"},
    "payment_intent": {"customer", "latest_charge", "payment_method"},
    "setup_intent": {"customer", "payment_method"},
    "payment_method": {"customer"},
    "charge": {"balance_transaction", "customer", "payment_intent", "refunds"},
    "refund": {
        "balance_transaction",
        "charge",
        "failure_balance_transaction",
        "payment_intent",
    },
    "dispute": {"charge", "payment_intent"},
    "radar.early_fraud_warning": {"charge", "payment_intent"},
    "balance_transaction": {"source"},
}


def expand(answer: dict[str, Any], paths: list[str]) -> dict[str, Any]:
    """Expand an answer in place along `paths` such as `payment_intent.latest_charge`.

    Raises: InvalidRequest for a path too deep or a property that cannot be expanded.
    """
    for path in paths:
        names = path.split(".")
        if len(names) > DEEPEST:
            raise InvalidRequest(
                f"You cannot expand more than {DEEPEST} levels of a property. Property: {path}",
                param="expand",
            )
        _walk(answer, names, path)
    return answer


def _walk(node: dict[str, Any], names: list[str], path: str) -> None:
    name, *rest = names
    if node.get("object") == "list" and name == "data":
        for item in node["data"]:
            if rest:
                _walk(item, rest, path)
        return
    if name not in EXPANDABLE.get(node.get("object", ""), ()):
        raise InvalidRequest(f"This property cannot be expanded ({path}).", param="expand")
    value = node.get(name)
    if isinstance(value, str):
        node[name] = fetch(value)
    elif value is None:
        node[name] = _hidden_list(node, name)
    if rest and node[name] is not None:
        _walk(node[name], rest, path)


def fetch(stripe_id: str) -> dict[str, Any]:
    """The object behind an id of a kind that can be expanded."""
    model, represent = BY_PREFIX[stripe_id.split("_", 1)[0] + "_"]
    return represent(model._default_manager.get(stripe_id=stripe_id))  # type: ignore[attr-defined]


def _hidden_list(node: dict[str, Any], name: str) -> dict[str, Any] | None:
    """Lists that are left out unless asked for."""
    if name == "line_items":
        return representations.line_items(CheckoutSession.objects.get(stripe_id=node["id"]))
    if name == "refunds":
        rows = list(Refund.objects.filter(charge__stripe_id=node["id"]).order_by("-seq")[:11])
        return {
            "object": "list",
            "data": [representations.refund(row) for row in rows[:10]],
            "has_more": len(rows) > 10,
            "url": f"/v1/charges/{node['id']}/refunds",
        }
    return None
