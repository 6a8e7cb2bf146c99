"""Every write of this room; one module an action."""

from repayments.payments.services.amounts import (
    AmountRefused,
    LoanNotPayable,
    PaymentRefused,
    check_amount,
    check_limits,
    check_loan,
)
from repayments.payments.services.autopay.cards import CardNotRemoved, remove_card
from repayments.payments.services.autopay.charging import (
    ChargeNotOpen,
    list_due_charges,
    make_charge,
    resolve_charge,
    skip_charge,
    skip_charge_for_borrower,
)
from repayments.payments.services.autopay.mandates import (
    MandateEnded,
    end_mandate,
    stop_mandate,
    stop_mandate_for_borrower,
)
from repayments.payments.services.autopay.planning import announce_charges
from repayments.payments.services.autopay.setup import (
    Consent,
    ConsentOutdated,
    SetupUnavailable,
    resolve_mandate,
    start_mandate,
)
from repayments.payments.services.clearing import check_clearing
from repayments.payments.services.credit import NothingLeftOver, choose_credit
from repayments.payments.services.failed_calls import forget_failed_calls, note_failed_call
from repayments.payments.services.inbox import (
    EventBeingWorked,
    list_waiting_events,
    process_event,
    receive_event,
    release_event,
    release_waiting_events,
)
from repayments.payments.services.promises import (
    PromiseAlreadyOpen,
    PromiseRefused,
    decide_promises,
    last_promise_day,
    make_promise,
    withdraw_promise,
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
    withdraw_refund,
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
from repayments.payments.services.suspense import (
    SuspenseAlreadyPlaced,
    SuspenseRefused,
    hand_over_suspense,
    resolve_suspense_to_loan,
    take_suspense,
)
from repayments.payments.services.transfers import (
    StatementReport,
    find_loans,
    import_statement,
    record_transfer,
)

__all__ = [
    "AmountRefused",
    "CardNotRemoved",
    "ChargeDisputed",
    "ChargeNotOpen",
    "Consent",
    "ConsentOutdated",
    "EventBeingWorked",
    "GatewayUnavailable",
    "LoanNotPayable",
    "MandateEnded",
    "NotTheirsToDecide",
    "NothingLeftOver",
    "NothingToRefund",
    "PaymentAlreadyMade",
    "PaymentNotKnown",
    "PaymentRefused",
    "PromiseAlreadyOpen",
    "PromiseRefused",
    "Reconciliation",
    "RefundAlreadyDecided",
    "RefundRefused",
    "RefundTooLarge",
    "SetupUnavailable",
    "StatementReport",
    "SuspenseAlreadyPlaced",
    "SuspenseRefused",
    "announce_charges",
    "approve_refund",
    "check_amount",
    "check_clearing",
    "check_limits",
    "check_loan",
    "choose_credit",
    "decide_promises",
    "decline_refund",
    "end_mandate",
    "find_loans",
    "forget_failed_calls",
    "hand_over_suspense",
    "import_statement",
    "last_promise_day",
    "list_due_charges",
    "list_refunds_to_send",
    "list_waiting_events",
    "make_charge",
    "make_promise",
    "needs_second_person",
    "note_failed_call",
    "process_event",
    "propose_refund",
    "receive_event",
    "reconcile",
    "record_bank_refund",
    "record_transfer",
    "release_event",
    "release_waiting_events",
    "remove_card",
    "resolve_charge",
    "resolve_mandate",
    "resolve_payment",
    "resolve_suspense_to_loan",
    "send_refund",
    "settle",
    "skip_charge",
    "skip_charge_for_borrower",
    "start_mandate",
    "start_payment",
    "stop_mandate",
    "stop_mandate_for_borrower",
    "take_suspense",
    "withdraw_promise",
    "withdraw_refund",
]
