"""The one door to the payment gateway: Stripe's API on one side, dataclasses of ours on the other.

One module a kind of object. Every call that creates something names its idempotency key. Amounts
cross the line as whole minor units, currencies in upper case. The room refuses to know loans, rows
and books.
"""

from repayments.payments.gateway.amounts import (
    amount_limits,
)
from repayments.payments.gateway.balance import (
    BalanceLine,
    list_balance,
)
from repayments.payments.gateway.cards import (
    CardFacts,
    SetupFacts,
    create_customer,
    detach_card,
    fetch_card,
    fetch_setup,
    list_cards,
)
from repayments.payments.gateway.checkout import (
    CheckoutSession,
    SessionRequest,
    SetupRequest,
    expire_session,
    fetch_session,
    list_sessions,
    open_session,
    open_setup,
)
from repayments.payments.gateway.client import (
    clock,
    is_live,
    key_kind,
)
from repayments.payments.gateway.disputes import (
    DisputeFacts,
    fetch_dispute,
    list_disputes,
)
from repayments.payments.gateway.errors import (
    GatewayBusy,
    GatewayDeclined,
    GatewayError,
    GatewayMisconfigured,
    GatewayMissing,
    GatewayRefused,
    GatewayTimeout,
    OtherMode,
    UnverifiedEvent,
)
from repayments.payments.gateway.events import (
    DECLINED,
    EVENT_TYPES,
    DeclineTold,
    EventFacts,
    list_events,
    read_decline,
    verify_event,
)
from repayments.payments.gateway.intents import (
    ChargeRequest,
    IntentFacts,
    cancel_intent,
    charge_card,
    fetch_intent,
    list_intents,
)
from repayments.payments.gateway.methods import methods_for
from repayments.payments.gateway.refunds import (
    RefundFacts,
    RefundRequest,
    create_refund,
    fetch_refund,
    list_refunds,
    list_refunds_of,
)
from repayments.payments.gateway.warnings import WarningFacts, fetch_warning

__all__ = [
    "BalanceLine",
    "CardFacts",
    "ChargeRequest",
    "CheckoutSession",
    "DisputeFacts",
    "EVENT_TYPES",
    "DECLINED",
    "DeclineTold",
    "EventFacts",
    "GatewayBusy",
    "GatewayDeclined",
    "GatewayError",
    "GatewayMisconfigured",
    "GatewayMissing",
    "GatewayRefused",
    "GatewayTimeout",
    "IntentFacts",
    "OtherMode",
    "RefundFacts",
    "RefundRequest",
    "SessionRequest",
    "SetupFacts",
    "SetupRequest",
    "UnverifiedEvent",
    "WarningFacts",
    "amount_limits",
    "cancel_intent",
    "charge_card",
    "clock",
    "create_customer",
    "create_refund",
    "detach_card",
    "expire_session",
    "fetch_card",
    "fetch_dispute",
    "fetch_intent",
    "fetch_refund",
    "fetch_session",
    "fetch_setup",
    "fetch_warning",
    "is_live",
    "key_kind",
    "list_balance",
    "list_cards",
    "list_disputes",
    "list_events",
    "list_intents",
    "list_refunds",
    "list_refunds_of",
    "list_sessions",
    "methods_for",
    "open_session",
    "open_setup",
    "read_decline",
    "verify_event",
]
