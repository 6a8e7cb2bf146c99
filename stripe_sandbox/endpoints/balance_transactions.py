"""Balance transactions: what each charge and refund moved on the account."""

from typing import Any

from stripe_sandbox import representations
from stripe_sandbox.listing import created_window, page
from stripe_sandbox.models import BalanceTransaction
from stripe_sandbox.wire import Call

from .lookup import find

NOUN = "balance transaction"


def retrieve(call: Call, stripe_id: str) -> dict[str, Any]:
    return representations.balance_transaction(find(BalanceTransaction, stripe_id, NOUN))


def list_balance_transactions(call: Call) -> dict[str, Any]:
    rows = created_window(BalanceTransaction.objects.all(), call.params.get("created"))
    for name in ("currency", "source", "type"):
        if name in call.params:
            rows = rows.filter(**{name: call.params[name]})
    return page(
        rows,
        call.params,
        representations.balance_transaction,
        url="/v1/balance_transactions",
        noun=NOUN,
    )
