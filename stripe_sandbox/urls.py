"""Every address of the sandbox: the API, the payer's pages, the test controls."""

from django.urls import path, re_path

from . import checkout_tables as session_tables
from . import controls, hosted, money_controls, tables, wallet_pages, wire
from .controls import control
from .endpoints import (
    balance_transactions,
    charges,
    checkout_sessions,
    customers,
    disputes,
    early_fraud_warnings,
    events,
    payment_intents,
    payment_methods,
    refunds,
    setup_intents,
)
from .wire import Operation, api

OWN = "<str:stripe_id>"

api_urls = [
    path(
        "customers",
        api(
            GET=Operation(customers.list_customers, tables.CUSTOMER_LIST, "customer_read"),
            POST=Operation(customers.create, tables.CUSTOMER_CREATE, "customer_write"),
        ),
    ),
    path(
        f"customers/{OWN}",
        api(
            GET=Operation(customers.retrieve, tables.RETRIEVE, "customer_read"),
            POST=Operation(customers.update, tables.CUSTOMER_UPDATE, "customer_write"),
        ),
    ),
    path(
        f"customers/{OWN}/payment_methods",
        api(
            GET=Operation(
                payment_methods.list_of_customer,
                tables.CUSTOMER_PAYMENT_METHOD_LIST,
                "payment_method_read",
            )
        ),
    ),
    path(
        "payment_methods",
        api(
            GET=Operation(
                payment_methods.list_payment_methods,
                tables.PAYMENT_METHOD_LIST,
                "payment_method_read",
            )
        ),
    ),
    path(
        f"payment_methods/{OWN}",
        api(
            GET=Operation(payment_methods.retrieve, tables.RETRIEVE, "payment_method_read"),
            POST=Operation(
                payment_methods.update, tables.PAYMENT_METHOD_UPDATE, "payment_method_write"
            ),
        ),
    ),
    path(
        f"payment_methods/{OWN}/attach",
        api(
            POST=Operation(
                payment_methods.attach, tables.PAYMENT_METHOD_ATTACH, "payment_method_write"
            )
        ),
    ),
    path(
        f"payment_methods/{OWN}/detach",
        api(POST=Operation(payment_methods.detach, tables.RETRIEVE, "payment_method_write")),
    ),
    path(
        "payment_intents",
        api(
            GET=Operation(
                payment_intents.list_payment_intents,
                tables.PAYMENT_INTENT_LIST,
                "payment_intent_read",
            ),
            POST=Operation(
                payment_intents.create, tables.PAYMENT_INTENT_CREATE, "payment_intent_write"
            ),
        ),
    ),
    path(
        f"payment_intents/{OWN}",
        api(
            GET=Operation(
                payment_intents.retrieve, tables.PAYMENT_INTENT_RETRIEVE, "payment_intent_read"
            )
        ),
    ),
    path(
        f"payment_intents/{OWN}/confirm",
        api(
            POST=Operation(
                payment_intents.confirm, tables.PAYMENT_INTENT_CONFIRM, "payment_intent_write"
            )
        ),
    ),
    path(
        f"payment_intents/{OWN}/cancel",
        api(
            POST=Operation(
                payment_intents.cancel, tables.PAYMENT_INTENT_CANCEL, "payment_intent_write"
            )
        ),
    ),
    path(
        "setup_intents",
        api(
            GET=Operation(
                setup_intents.list_setup_intents, tables.SETUP_INTENT_LIST, "setup_intent_read"
            ),
            POST=Operation(setup_intents.create, tables.SETUP_INTENT_CREATE, "setup_intent_write"),
        ),
    ),
    path(
        f"setup_intents/{OWN}/confirm",
        api(
            POST=Operation(setup_intents.confirm, tables.SETUP_INTENT_CONFIRM, "setup_intent_write")
        ),
    ),
    path(
        f"setup_intents/{OWN}/cancel",
        api(POST=Operation(setup_intents.cancel, tables.SETUP_INTENT_CANCEL, "setup_intent_write")),
    ),
    path(
        f"setup_intents/{OWN}",
        api(
            GET=Operation(setup_intents.retrieve, tables.SETUP_INTENT_RETRIEVE, "setup_intent_read")
        ),
    ),
    path(
        "checkout/sessions",
        api(
            GET=Operation(
                checkout_sessions.list_sessions,
                session_tables.SESSION_LIST,
                "checkout_session_read",
            ),
            POST=Operation(
                checkout_sessions.create, session_tables.SESSION_CREATE, "checkout_session_write"
            ),
        ),
    ),
    path(
        f"checkout/sessions/{OWN}",
        api(GET=Operation(checkout_sessions.retrieve, tables.RETRIEVE, "checkout_session_read")),
    ),
    path(
        f"checkout/sessions/{OWN}/expire",
        api(POST=Operation(checkout_sessions.expire, tables.RETRIEVE, "checkout_session_write")),
    ),
    path(
        f"checkout/sessions/{OWN}/line_items",
        api(
            GET=Operation(
                checkout_sessions.list_line_items, tables.LISTING, "checkout_session_read"
            )
        ),
    ),
    path("charges", api(GET=Operation(charges.list_charges, tables.CHARGE_LIST, "charge_read"))),
    path(f"charges/{OWN}", api(GET=Operation(charges.retrieve, tables.RETRIEVE, "charge_read"))),
    path(
        "refunds",
        api(
            GET=Operation(refunds.list_refunds, tables.REFUND_LIST, "refund_read"),
            POST=Operation(refunds.create, tables.REFUND_CREATE, "refund_write"),
        ),
    ),
    path(f"refunds/{OWN}", api(GET=Operation(refunds.retrieve, tables.RETRIEVE, "refund_read"))),
    path(
        "disputes",
        api(GET=Operation(disputes.list_disputes, tables.DISPUTE_LIST, "dispute_read")),
    ),
    path(
        f"disputes/{OWN}",
        api(GET=Operation(disputes.retrieve, tables.RETRIEVE, "dispute_read")),
    ),
    path(
        f"disputes/{OWN}/close",
        api(POST=Operation(disputes.close, tables.RETRIEVE, "dispute_write")),
    ),
    path(
        "radar/early_fraud_warnings",
        api(
            GET=Operation(
                early_fraud_warnings.list_early_fraud_warnings,
                tables.EARLY_FRAUD_WARNING_LIST,
                "radar_read",
            )
        ),
    ),
    path(
        f"radar/early_fraud_warnings/{OWN}",
        api(GET=Operation(early_fraud_warnings.retrieve, tables.RETRIEVE, "radar_read")),
    ),
    path("events", api(GET=Operation(events.list_events, tables.EVENT_LIST, "event_read"))),
    path(f"events/{OWN}", api(GET=Operation(events.retrieve, tables.RETRIEVE, "event_read"))),
    path(
        "balance_transactions",
        api(
            GET=Operation(
                balance_transactions.list_balance_transactions,
                tables.BALANCE_TRANSACTION_LIST,
                "balance_transaction_read",
            )
        ),
    ),
    path(
        f"balance_transactions/{OWN}",
        api(
            GET=Operation(
                balance_transactions.retrieve, tables.RETRIEVE, "balance_transaction_read"
            )
        ),
    ),
]

control_urls = [
    path("health", control(controls.health)),
    path("reset", control(controls.reset)),
    path("clock", control(controls.move_clock)),
    path("requests", control(controls.requests)),
    path("api/fail", control(controls.add_api_fault)),
    path("keys", control(controls.set_key_permissions)),
    path("webhooks/pause", control(controls.pause)),
    path("webhooks/resume", control(controls.resume)),
    path("webhooks/deliver", control(controls.deliver)),
    path("webhooks/deliveries", control(controls.deliveries)),
    path("webhooks/generation-failure", control(controls.announce_resolved_failure)),
    path("webhooks/secrets", control(controls.set_webhook_secrets)),
    path("webhooks/<str:action>", control(controls.add_webhook_fault)),
    path(f"sessions/{OWN}/pay", control(money_controls.pay_session)),
    path(f"sessions/{OWN}/expire", control(money_controls.expire_session)),
    path(f"payment_intents/{OWN}/conclude", control(money_controls.conclude_intent)),
    path(f"payment_methods/{OWN}/behavior", control(money_controls.set_behavior)),
    path(f"payment_methods/{OWN}/detach", control(money_controls.detach_method)),
    path(f"payment_methods/{OWN}/renew", control(money_controls.renew_method)),
    path(f"charges/{OWN}/refund", control(money_controls.refund_charge)),
    path(f"charges/{OWN}/dispute", control(money_controls.dispute_charge)),
    path(f"charges/{OWN}/early-fraud-warning", control(money_controls.warn_of_fraud)),
    path(f"refunds/{OWN}/<str:action>", control(money_controls.finish_refund)),
    path(f"disputes/{OWN}/<str:action>", control(money_controls.act_on_dispute)),
]

urlpatterns = [
    *[path(f"v1/{entry.pattern}", entry.callback) for entry in api_urls],
    re_path(r"^v[12]/", wire.unrecognized),
    *[path(f"_test/{entry.pattern}", entry.callback) for entry in control_urls],
    path(f"c/pay/{OWN}", hosted.pay),
    path(f"c/pay/{OWN}/authenticate", hosted.authenticate_session),
    path(f"c/pay/{OWN}/wallet", wallet_pages.decide),
    path("qr/<str:code>.<str:form>", wallet_pages.code_picture),
    path(f"authenticate/{OWN}", hosted.authenticate_intent),
    path("assets/hosted.css", hosted.stylesheet),
]
