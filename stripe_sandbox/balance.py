"""The account's balance: each movement of money is a balance transaction.

Amounts are signed minor units, the fee comes off them; their sum is what the account holds.
"""

from . import clock
from .identifiers import new_id
from .models import BalanceTransaction

# What a lost or open dispute costs, in minor units whatever the currency.
DISPUTE_FEE = 1500


def fee_of(amount: int) -> int:
    """The gateway's own fee: 2.9 % and 30 minor units, never more than the amount."""
    return min(amount, (amount * 29 + 500) // 1000 + 30)


def record_balance(
    kind: str,
    amount: int,
    currency: str,
    source: str,
    *,
    fee: int = 0,
    reporting_category: str = "",
    description: str = "",
) -> str:
    """Book a movement of the account's balance; `amount` is signed, `fee` comes off it.

    Returns: the id of the balance transaction.
    """
    row = BalanceTransaction.objects.create(
        stripe_id=new_id("txn"),
        created=clock.now(),
        type=kind,
        amount=amount,
        fee=fee,
        currency=currency,
        source=source,
        reporting_category=reporting_category,
        description=description,
    )
    return row.stripe_id
