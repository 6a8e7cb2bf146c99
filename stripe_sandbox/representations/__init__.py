"""Each object as the JSON that Stripe answers with in API version 2026-10-28.endive.

Pure reading: no row is changed here. Fields whose feature is not modeled stand with the value
Stripe gives to an account that does not use the feature.
"""

from .checkout import checkout_session, line_items
from .objects import (
    balance_transaction,
    charge,
    customer,
    payment_intent,
    payment_method,
    refund,
    setup_intent,
)

__all__ = [
    "balance_transaction",
    "charge",
    "checkout_session",
    "customer",
    "line_items",
    "payment_intent",
    "payment_method",
    "refund",
    "setup_intent",
]
