"""The ways in: pay, come back, receipts, and the gateway's webhook."""

from repayments.payments.views.autopay import (
    autopay,
    autopay_return,
    autopay_skip,
    autopay_stop,
    card_remove,
    cards,
)
from repayments.payments.views.left_over import left_over
from repayments.payments.views.pay import pay, start
from repayments.payments.views.promise import promise, withdraw
from repayments.payments.views.receipt import come_back, receipt, receipt_pdf
from repayments.payments.views.transfer import transfer
from repayments.payments.views.webhook import receive_webhook

__all__ = [
    "autopay",
    "autopay_return",
    "autopay_skip",
    "autopay_stop",
    "card_remove",
    "cards",
    "come_back",
    "left_over",
    "pay",
    "promise",
    "receipt",
    "receipt_pdf",
    "receive_webhook",
    "start",
    "transfer",
    "withdraw",
]
