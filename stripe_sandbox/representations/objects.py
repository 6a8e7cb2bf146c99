"""Customers, cards, intents, charges, refunds and balance transactions as Stripe's JSON."""

from typing import Any

from stripe_sandbox import cards
from stripe_sandbox.models import (
    BalanceTransaction,
    Charge,
    Customer,
    PaymentIntent,
    PaymentMethod,
    Refund,
    SetupIntent,
)

Json = dict[str, Any]

NO_ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))


def customer(row: Customer) -> Json:
    details = row.details
    return {
        "id": row.stripe_id,
        "object": "customer",
        "address": ({**NO_ADDRESS, **details["address"]} if details.get("address") else None),
        "balance": 0,
        "business_name": details.get("business_name") or None,
        "created": row.created,
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": details.get("description") or None,
        "discount": None,
        "email": row.email or None,
        "individual_name": details.get("individual_name") or None,
        "invoice_prefix": row.stripe_id[-8:].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": row.metadata,
        "name": details.get("name") or None,
        "next_invoice_sequence": 1,
        "phone": details.get("phone") or None,
        "preferred_locales": details.get("preferred_locales", []),
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }


def payment_method(row: PaymentMethod) -> Json:
    return {
        "id": row.stripe_id,
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": billing_details(row),
        "card": {
            "brand": row.brand,
            "checks": {
                "address_line1_check": None,
                "address_postal_code_check": None,
                "cvc_check": "fail" if row.behavior == "incorrect_cvc" else "pass",
            },
            "country": "US",
            "display_brand": row.brand,
            "exp_month": row.exp_month,
            "exp_year": row.exp_year,
            "fingerprint": fingerprint(row),
            "funding": row.funding,
            "generated_from": None,
            "last4": row.last4,
            "networks": {"available": [row.brand], "preferred": None},
            "regulated_status": "unregulated",
            "three_d_secure_usage": {"supported": True},
            "wallet": None,
        },
        "created": row.created,
        "customer": row.customer.stripe_id if row.customer else None,
        "customer_account": None,
        "livemode": False,
        "metadata": {},
        "type": "card",
    }


def fingerprint(row: PaymentMethod) -> str:
    """The same for the same test card; made of what is stored, never of its number."""
    return f"test{row.brand}{row.last4}".ljust(16, "0")[:16]


def billing_details(row: PaymentMethod) -> Json:
    return {
        "address": NO_ADDRESS,
        "email": row.email or None,
        "name": row.holder_name or None,
        "phone": None,
        "tax_id": None,
    }


def payment_intent(row: PaymentIntent) -> Json:
    details = row.details
    return {
        "id": row.stripe_id,
        "object": "payment_intent",
        "allowed_payment_method_types": details.get("allowed_payment_method_types"),
        "amount": row.amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": row.amount_received,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": details.get("automatic_payment_methods"),
        "canceled_at": row.canceled_at,
        "cancellation_reason": row.cancellation_reason or None,
        "capture_method": details.get("capture_method", "automatic_async"),
        "client_secret": row.client_secret,
        "confirmation_method": details.get("confirmation_method", "automatic"),
        "created": row.created,
        "currency": row.currency,
        "customer": row.customer.stripe_id if row.customer else None,
        "customer_account": None,
        "description": details.get("description"),
        "excluded_payment_method_types": details.get("excluded_payment_method_types"),
        "last_payment_error": row.last_payment_error,
        "latest_charge": row.latest_charge_id or None,
        "livemode": False,
        "metadata": row.metadata,
        "next_action": _next_action(row),
        "on_behalf_of": None,
        "payment_method": row.payment_method.stripe_id if row.payment_method else None,
        "payment_method_configuration_details": None,
        "payment_method_options": {
            "card": {
                "installments": None,
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
                **details.get("payment_method_options", {}).get("card", {}),
            }
        },
        "payment_method_types": details.get("payment_method_types", ["card"]),
        "processing": None,
        "receipt_email": details.get("receipt_email") or None,
        "review": None,
        "setup_future_usage": details.get("setup_future_usage"),
        "shipping": details.get("shipping"),
        "source": None,
        "statement_descriptor": details.get("statement_descriptor"),
        "statement_descriptor_suffix": details.get("statement_descriptor_suffix"),
        "status": row.status,
        "transfer_data": None,
        "transfer_group": None,
    }


def _next_action(row: PaymentIntent) -> Json | None:
    if row.status != PaymentIntent.Status.REQUIRES_ACTION:
        return None
    return {
        "type": "redirect_to_url",
        "redirect_to_url": {
            "return_url": row.return_url or None,
            "url": row.details.get("authentication_url"),
        },
    }


def setup_intent(row: SetupIntent) -> Json:
    return {
        "id": row.stripe_id,
        "object": "setup_intent",
        "application": None,
        "attach_to_self": False,
        "automatic_payment_methods": None,
        "cancellation_reason": None,
        "client_secret": row.client_secret,
        "created": row.created,
        "customer": row.customer.stripe_id if row.customer else None,
        "customer_account": None,
        "description": row.description or None,
        "excluded_payment_method_types": None,
        "flow_directions": None,
        "last_setup_error": row.last_setup_error,
        "latest_attempt": None,
        "livemode": False,
        "mandate": None,
        "metadata": row.metadata,
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": row.payment_method.stripe_id if row.payment_method else None,
        "payment_method_configuration_details": None,
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "single_use_mandate": None,
        "status": row.status,
        "usage": "off_session",
    }


def charge(row: Charge) -> Json:
    method = row.payment_method
    decline = cards.DECLINES.get(row.decline)
    intent = row.payment_intent
    return {
        "id": row.stripe_id,
        "object": "charge",
        "amount": row.amount,
        "amount_captured": row.amount if row.succeeded else 0,
        "amount_refunded": row.amount_refunded,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": row.balance_transaction_id or None,
        "billing_details": billing_details(method),
        "calculated_statement_descriptor": "SANDBOX",
        "captured": row.succeeded,
        "created": row.created,
        "currency": row.currency,
        "customer": intent.customer.stripe_id if intent.customer else None,
        "description": intent.details.get("description"),
        "disputed": row.disputed,
        "failure_balance_transaction": None,
        "failure_code": decline.code if decline else None,
        "failure_message": decline.message if decline else None,
        "fraud_details": {},
        "livemode": False,
        "metadata": intent.metadata,
        "on_behalf_of": None,
        "outcome": {
            "advice_code": (decline.advice_code or None) if decline else None,
            "network_advice_code": None,
            "network_decline_code": None,
            "network_status": decline.network_status if decline else "approved_by_network",
            "reason": (decline.decline_code or decline.code) if decline else None,
            "risk_level": "normal",
            "seller_message": (
                "The bank did not return any further details with this decline."
                if decline
                else "Payment complete."
            ),
            "type": "issuer_declined" if decline else "authorized",
        },
        "paid": row.succeeded,
        "payment_intent": intent.stripe_id,
        "payment_method": method.stripe_id,
        "payment_method_details": {
            "card": {
                "amount_authorized": row.amount if row.succeeded else None,
                "brand": method.brand,
                "checks": payment_method(method)["card"]["checks"],
                "country": "US",
                "exp_month": method.exp_month,
                "exp_year": method.exp_year,
                "fingerprint": fingerprint(method),
                "funding": method.funding,
                "installments": None,
                "last4": method.last4,
                "mandate": None,
                "network": method.brand,
                "three_d_secure": (
                    {
                        "authentication_flow": "challenge",
                        "result": "authenticated",
                        "result_reason": None,
                        "version": "2.2.0",
                    }
                    if row.three_d_secure
                    else None
                ),
                "wallet": None,
            },
            "type": "card",
        },
        "radar_options": {},
        "receipt_email": intent.details.get("receipt_email") or None,
        "receipt_number": None,
        "receipt_url": None,
        "refunded": row.succeeded and row.amount_refunded == row.amount,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": intent.details.get("statement_descriptor"),
        "statement_descriptor_suffix": None,
        "status": "succeeded" if row.succeeded else "failed",
        "transfer_data": None,
        "transfer_group": None,
    }


def refund(row: Refund) -> Json:
    return {
        "id": row.stripe_id,
        "object": "refund",
        "amount": row.amount,
        "balance_transaction": row.balance_transaction_id or None,
        "charge": row.charge.stripe_id,
        "created": row.created,
        "currency": row.charge.currency,
        "destination_details": {
            "card": {
                "reference": f"74{row.seq:021d}" if row.reference_known else None,
                "reference_status": "available" if row.reference_known else "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        },
        "metadata": row.metadata,
        "payment_intent": row.charge.payment_intent.stripe_id,
        "reason": row.reason or None,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": row.status,
        "transfer_reversal": None,
    }


def balance_transaction(row: BalanceTransaction) -> Json:
    fees = [
        {
            "amount": row.fee,
            "application": None,
            "currency": row.currency,
            "description": "Stripe processing fees",
            "type": "stripe_fee",
        }
    ]
    return {
        "id": row.stripe_id,
        "object": "balance_transaction",
        "amount": row.amount,
        "available_on": row.created + 2 * 86_400,
        "balance_type": "payments",
        "created": row.created,
        "currency": row.currency,
        "description": None,
        "exchange_rate": None,
        "fee": row.fee,
        "fee_details": fees if row.fee else [],
        "net": row.amount - row.fee,
        "reporting_category": row.type,
        "source": row.source,
        "status": "pending",
        "type": row.type,
    }
