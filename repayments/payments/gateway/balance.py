"""Balance transactions: what truly moved on the gateway's account, for the daily comparison."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from repayments.payments.gateway import client as line
from repayments.payments.gateway.amounts import minor_units
from repayments.payments.gateway.client import client, id_of, pages, window

if TYPE_CHECKING:
    from stripe.params import BalanceTransactionListParams


@dataclass(frozen=True)
class BalanceLine:
    """One movement before fees, in minor units, signed; ``source_id`` names charge, refund or
    dispute."""

    id: str
    category: str
    amount: int
    currency: str
    source_id: str
    created_at: datetime


def list_balance(*, since: datetime, until: datetime) -> Iterator[BalanceLine]:
    """List the movements created in a span, both ends included, newest first."""
    balance = client().v1.balance_transactions
    created = window(since, until)

    def page(after: str) -> Any:
        params: BalanceTransactionListParams = {"created": created, "limit": line.PAGE_SIZE}
        if after:
            params["starting_after"] = after
        return balance.list(params)

    return (_line(row) for row in pages(page))


def _line(row: Any) -> BalanceLine:
    currency = row.currency.upper()
    return BalanceLine(
        id=row.id,
        category=row.reporting_category,
        amount=minor_units(row.amount, currency),
        currency=currency,
        source_id=id_of(row.source),
        created_at=datetime.fromtimestamp(row.created, UTC),
    )
