"""Customers, payment methods, intents and charges as Stripe's JSON."""

from typing import Any

from stripe_sandbox import cards
from stripe_sandbox.models import Charge, Customer, PaymentIntent, PaymentMethod, SetupIntent

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
        row.type: card(row) if row.type == "card" else {},
        "allow_redisplay": row.allow_redisplay,
        "billing_details": billing_details(row),
        "created": row.created,
        "customer": row.customer.stripe_id if row.customer else None,
        "customer_account": None,
        "livemode": False,
        "metadata": row.metadata,
        "type": row.type,
    }


def card(row: PaymentMethod) -> Json:
    """What may be known of a card; no fingerprint, which would be made of its number."""
    return {
        "brand": row.brand,
        "checks": checks(row),
        "country": "US",
        "display_brand": row.brand,
        "exp_month": row.exp_month,
        "exp_year": row.exp_year,
        "fingerprint": None,
        "funding": row.funding,
        "generated_from": None,
        "last4": row.last4,
        "networks": {"available": [row.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def checks(row: PaymentMethod) -> Json:
    return {
        "address_line1_check": None,
        "address_postal_code_check": None,
        "cvc_check": "fail" if row.behavior == "incorrect_cvc" else "pass",
    }


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
        "payment_method_options": _method_options(details),
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


def _method_options(details: Json) -> Json:
    defaults: dict[str, Json] = {
        "alipay": {},
        "card": {
            "installments": None,
            "mandate_options": None,
            "network": None,
            "request_three_d_secure": "automatic",
        },
        "wechat_pay": {"app_id": None, "client": "web"},
    }
    sent = details.get("payment_method_options", {})
    types = details.get("payment_method_types", ["card"])
    return {name: {**defaults[name], **sent.get(name, {})} for name in types}


def _next_action(row: PaymentIntent) -> Json | None:
    if row.status != PaymentIntent.Status.REQUIRES_ACTION:
        return None
    kind = row.payment_method.type if row.payment_method else "card"
    if kind == "alipay":
        return {
            "type": "alipay_handle_redirect",
            "alipay_handle_redirect": {
                "native_data": None,
                "native_url": None,
                "return_url": row.return_url or None,
                "url": row.details["wallet_url"],
            },
        }
    if kind == "wechat_pay":
        picture = row.details["qr_picture_url"]
        return {
            "type": "wechat_pay_display_qr_code",
            "wechat_pay_display_qr_code": {
                "data": f"weixin://wxpay/bizpayurl?pr={row.details['qr_code']}",
                "hosted_instructions_url": row.details["wallet_url"],
                "image_data_url": f"{picture}.png",
                "image_url_png": f"{picture}.png",
                "image_url_svg": f"{picture}.svg",
            },
        }
    return redirect_to(row.details.get("authentication_url"), row.return_url)


def redirect_to(url: str | None, return_url: str) -> Json:
    """The next action of a card that asks for 3-D Secure."""
    return {
        "type": "redirect_to_url",
        "redirect_to_url": {"return_url": return_url or None, "url": url},
    }


def setup_intent(row: SetupIntent) -> Json:
    details = row.details
    asks = row.status == "requires_action"
    card_options = details.get("payment_method_options", {}).get("card", {})
    return {
        "id": row.stripe_id,
        "object": "setup_intent",
        "allowed_payment_method_types": details.get("allowed_payment_method_types"),
        "application": None,
        "attach_to_self": False,
        "automatic_payment_methods": details.get("automatic_payment_methods"),
        "cancellation_reason": row.cancellation_reason or None,
        "client_secret": row.client_secret,
        "created": row.created,
        "customer": row.customer.stripe_id if row.customer else None,
        "customer_account": None,
        "description": row.description or None,
        "excluded_payment_method_types": details.get("excluded_payment_method_types"),
        "flow_directions": None,
        "last_setup_error": row.last_setup_error,
        "latest_attempt": None,
        "livemode": False,
        "mandate": None,
        "metadata": row.metadata,
        "next_action": (
            redirect_to(details.get("authentication_url"), row.return_url) if asks else None
        ),
        "on_behalf_of": None,
        "payment_method": row.payment_method.stripe_id if row.payment_method else None,
        "payment_method_configuration_details": None,
        "payment_method_options": {
            "card": {
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
                **card_options,
            }
        },
        "payment_method_types": ["card"],
        "single_use_mandate": None,
        "status": row.status,
        "usage": details.get("usage", "off_session"),
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
        "captured": row.succeeded or row.pending,
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
            "network_advice_code": (decline.network_advice_code or None) if decline else None,
            "network_decline_code": (decline.network_decline_code or None) if decline else None,
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
        "payment_method_details": {method.type: _charged_with(row), "type": method.type},
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
        "status": "succeeded" if row.succeeded else "pending" if row.pending else "failed",
        "transfer_data": None,
        "transfer_group": None,
    }


def _charged_with(row: Charge) -> Json:
    method = row.payment_method
    if method.type == "alipay":
        return {"buyer_id": None, "fingerprint": None, "transaction_id": f"2088{row.seq or 0:024d}"}
    if method.type == "wechat_pay":
        return {
            "fingerprint": None,
            "location": None,
            "reader": None,
            "transaction_id": f"42{row.seq or 0:026d}",
        }
    return {
        "amount_authorized": row.amount if row.succeeded else None,
        "brand": method.brand,
        "checks": checks(method),
        "country": "US",
        "exp_month": method.exp_month,
        "exp_year": method.exp_year,
        "fingerprint": None,
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
    }
