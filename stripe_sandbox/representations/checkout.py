"""Checkout Sessions as Stripe's JSON, with their line items."""

from typing import Any

from stripe_sandbox.models import CheckoutSession

Json = dict[str, Any]


def line_items(row: CheckoutSession) -> Json:
    """The first page of a session's line items, as `expand[]=line_items` gives it."""
    return {
        "object": "list",
        "data": row.line_items[:10],
        "has_more": len(row.line_items) > 10,
        "url": f"/v1/checkout/sessions/{row.stripe_id}/line_items",
    }


def checkout_session(row: CheckoutSession) -> Json:
    params = row.params
    is_open = row.status == CheckoutSession.Status.OPEN
    paying = row.mode == "payment"
    return {
        "id": row.stripe_id,
        "object": "checkout.session",
        "adaptive_pricing": {"enabled": False} if paying else None,
        "after_expiration": None,
        "allow_promotion_codes": None,
        "allowed_payment_method_types": params.get("allowed_payment_method_types"),
        "amount_subtotal": row.amount_total,
        "amount_total": row.amount_total,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "billing_address_collection": params.get("billing_address_collection"),
        "cancel_url": params.get("cancel_url"),
        "client_reference_id": params.get("client_reference_id"),
        "client_secret": None,  # nosec B105 - only other ui modes have one
        "collected_information": None,
        "consent": None,
        "consent_collection": None,
        "created": row.created,
        "currency": row.currency or None,
        "currency_conversion": None,
        "custom_fields": [],
        "custom_text": dict.fromkeys(
            ("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")
        ),
        "customer": row.customer.stripe_id if row.customer else None,
        "customer_account": None,
        "customer_creation": (
            None if "customer" in params else params.get("customer_creation", "if_required")
        )
        if paying
        else None,
        "customer_details": row.customer_details,
        "customer_email": params.get("customer_email"),
        "discounts": [],
        "excluded_payment_method_types": params.get("excluded_payment_method_types"),
        "expires_at": row.expires_at,
        "integration_identifier": params.get("integration_identifier"),
        "invoice": None,
        "invoice_creation": None,
        "livemode": False,
        "locale": params.get("locale"),
        "metadata": row.metadata,
        "mode": row.mode,
        "origin_context": params.get("origin_context"),
        "payment_intent": row.payment_intent.stripe_id if row.payment_intent else None,
        "payment_link": None,
        "payment_method_collection": "if_required" if paying else "always",
        "payment_method_configuration_details": None,
        "payment_method_options": params.get("payment_method_options", {}),
        "payment_method_types": row.payment_method_types,
        "payment_status": row.payment_status,
        "permissions": None,
        "phone_number_collection": {"enabled": False},
        "recovered_from": None,
        "saved_payment_method_options": None,
        "setup_intent": row.setup_intent.stripe_id if row.setup_intent else None,
        "shipping_address_collection": None,
        "shipping_cost": None,
        "shipping_options": [],
        "status": row.status,
        "submit_type": params.get("submit_type"),
        "subscription": None,
        "success_url": params.get("success_url"),
        "total_details": (
            {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0} if paying else None
        ),
        "ui_mode": "hosted_page",
        "url": row.url if is_open else None,
        "wallet_options": None,
    }
