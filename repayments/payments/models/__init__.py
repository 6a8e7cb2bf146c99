"""Money coming in and going back: attempts, what the gateway told, what could not be matched.

A ``Payment`` is one attempt. Gateway money is posted by ``settle`` alone, once: ``PostingKey`` is
unique over provider, object and kind across all books. ``GatewayEvent`` is only an inbox. Card data
never comes near this room; it refuses to know plans and cases.
"""

from repayments.payments.models.autopay import AutopayCharge, GatewayCustomer, Mandate, SavedCard
from repayments.payments.models.inbox import ClearingCheck, FailedCall, GatewayEvent, Watermark
from repayments.payments.models.payment import Payment, PostingKey, Provider
from repayments.payments.models.promise import CreditChoice, PromiseToPay
from repayments.payments.models.refund import Dispute, Refund, RefundPolicy
from repayments.payments.models.suspense import Suspense
from repayments.payments.models.transfer import BankLine
from repayments.payments.models.warning import FraudWarning

__all__ = [
    "AutopayCharge",
    "BankLine",
    "ClearingCheck",
    "CreditChoice",
    "Dispute",
    "FailedCall",
    "FraudWarning",
    "GatewayCustomer",
    "GatewayEvent",
    "Mandate",
    "Payment",
    "PostingKey",
    "PromiseToPay",
    "Provider",
    "Refund",
    "RefundPolicy",
    "SavedCard",
    "Suspense",
    "Watermark",
]
