"""Each object as the JSON that Stripe answers with in API version 2026-10-28.endive.

Pure reading: no row is changed here. Fields whose feature is not modeled stand with the value
Stripe gives to an account that does not use the feature.
"""

from .checkout import checkout_session, line_items
from .movements import balance_transaction, dispute, early_fraud_warning, refund
from .objects import charge, customer, payment_intent, payment_method, setup_intent

__all__ = [
    "balance_transaction",
    "charge",
    "checkout_session",
    "customer",
    "dispute",
    "early_fraud_warning",
    "line_items",
    "payment_intent",
    "payment_method",
    "refund",
    "setup_intent",
]
