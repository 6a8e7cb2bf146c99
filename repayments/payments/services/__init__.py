"""Every write of this room; one module an action."""

from repayments.payments.services.amounts import (
    AmountRefused,
    LoanNotPayable,
    PaymentRefused,
    check_amount,
    check_limits,
    check_loan,
)
from repayments.payments.services.credit import NothingLeftOver, choose_credit
from repayments.payments.services.inbox import (
    EventBeingWorked,
    list_waiting_events,
    process_event,
    receive_event,
    release_event,
)
from repayments.payments.services.reconcile import Reconciliation, reconcile, resolve_payment
from repayments.payments.services.refund import (
    ChargeDisputed,
    NothingToRefund,
    NotTheirsToDecide,
    RefundAlreadyDecided,
    RefundRefused,
    RefundTooLarge,
    approve_refund,
    decline_refund,
    needs_second_person,
    propose_refund,
)
from repayments.payments.services.refund_sending import (
    list_refunds_to_send,
    record_bank_refund,
    send_refund,
)
from repayments.payments.services.settle import settle
from repayments.payments.services.start import (
    GatewayUnavailable,
    PaymentAlreadyMade,
    PaymentNotKnown,
    start_payment,
)

__all__ = [
    "AmountRefused",
    "ChargeDisputed",
    "EventBeingWorked",
    "GatewayUnavailable",
    "LoanNotPayable",
    "NotTheirsToDecide",
    "NothingLeftOver",
    "NothingToRefund",
    "PaymentAlreadyMade",
    "PaymentNotKnown",
    "PaymentRefused",
    "Reconciliation",
    "RefundAlreadyDecided",
    "RefundRefused",
    "RefundTooLarge",
    "approve_refund",
    "check_amount",
    "check_limits",
    "check_loan",
    "choose_credit",
    "decline_refund",
    "list_refunds_to_send",
    "list_waiting_events",
    "needs_second_person",
    "process_event",
    "propose_refund",
    "receive_event",
    "reconcile",
    "record_bank_refund",
    "release_event",
    "resolve_payment",
    "send_refund",
    "settle",
    "start_payment",
]
