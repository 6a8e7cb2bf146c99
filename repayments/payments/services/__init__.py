"""Every write of this room; one module an action."""

from repayments.payments.services.amounts import (
    AmountRefused,
    LoanNotPayable,
    PaymentRefused,
    check_amount,
    check_limits,
    check_loan,
)
from repayments.payments.services.inbox import (
    EventBeingWorked,
    list_waiting_events,
    process_event,
    receive_event,
    release_event,
)
from repayments.payments.services.reconcile import Reconciliation, reconcile, resolve_payment
from repayments.payments.services.settle import settle
from repayments.payments.services.start import (
    GatewayUnavailable,
    PaymentAlreadyMade,
    PaymentNotKnown,
    start_payment,
)

__all__ = [
    "AmountRefused",
    "EventBeingWorked",
    "GatewayUnavailable",
    "LoanNotPayable",
    "PaymentAlreadyMade",
    "PaymentNotKnown",
    "PaymentRefused",
    "Reconciliation",
    "check_amount",
    "check_limits",
    "check_loan",
    "list_waiting_events",
    "process_event",
    "receive_event",
    "reconcile",
    "release_event",
    "resolve_payment",
    "settle",
    "start_payment",
]
