"""What the Checkout endpoints of API version 2026-10-28.endive take, as plain tables.

See `tables`; these stand apart because creating a session takes more than all the rest together.
"""

from .parameters import METADATA, UNMODELED, Boolean, Integer, Required, Table, Text, one_of
from .tables import (
    CREATED,
    EXCLUDED_METHOD,
    EXPAND,
    FUTURE_USAGE,
    ID,
    LISTING,
    LOCALES,
    METHOD,
    PAYMENT_METHOD_TYPES,
    TEXT,
    URL,
)

LINE_ITEM: Table = {
    "adjustable_quantity": UNMODELED,
    "metadata": METADATA,
    "price": UNMODELED,
    "price_data": Required(
        {
            "currency": Required(TEXT),
            "product": UNMODELED,
            "product_data": Required(
                {
                    "description": Text(40000),
                    "images": [URL],
                    "metadata": METADATA,
                    "name": Required(Text(5000)),
                    "tax_code": UNMODELED,
                    "tax_details": UNMODELED,
                    "unit_label": Text(12),
                }
            ),
            "recurring": UNMODELED,
            "tax_behavior": one_of("exclusive", "inclusive", "unspecified"),
            "unit_amount": Required(Integer(least=0)),
            "unit_amount_decimal": UNMODELED,
        }
    ),
    "quantity": Required(Integer(least=1, most=999_999)),
    "tax_rates": UNMODELED,
}
PAYMENT_INTENT_DATA: Table = {
    "application_fee_amount": UNMODELED,
    "capture_method": one_of("automatic", "automatic_async", "manual"),
    "description": Text(1000),
    "metadata": METADATA,
    "on_behalf_of": UNMODELED,
    "receipt_email": Text(512),
    "setup_future_usage": FUTURE_USAGE,
    "shipping": UNMODELED,
    "statement_descriptor": Text(22),
    "statement_descriptor_suffix": Text(22),
    "transfer_data": UNMODELED,
    "transfer_group": UNMODELED,
}
# Methods whose options a session takes; wallets join the first table as they are modeled.
METHOD_OPTIONS: Table = {
    **{
        name: UNMODELED
        for name in (*PAYMENT_METHOD_TYPES, "demo_pay")
        if name not in ("bizum", "mb_way", "nz_bank_account", "paypay", "promptpay", "zip")
    },
    "alipay": {"setup_future_usage": one_of("none")},
    "card": {
        "capture_method": UNMODELED,
        "installments": UNMODELED,
        "request_extended_authorization": UNMODELED,
        "request_incremental_authorization": UNMODELED,
        "request_multicapture": UNMODELED,
        "request_overcapture": UNMODELED,
        "request_three_d_secure": one_of("any", "automatic", "challenge"),
        "restrictions": UNMODELED,
        "setup_future_usage": FUTURE_USAGE,
        "statement_descriptor_suffix_kana": UNMODELED,
        "statement_descriptor_suffix_kanji": UNMODELED,
    },
    "wechat_pay": {
        "app_id": TEXT,
        "client": Required(one_of("android", "ios", "web")),
        "setup_future_usage": one_of("none"),
    },
}

SESSION_CREATE: Table = {
    "adaptive_pricing": {"enabled": Boolean()},
    "after_expiration": UNMODELED,
    "allow_promotion_codes": UNMODELED,
    "allowed_payment_method_types": [METHOD],
    "automatic_tax": UNMODELED,
    "billing_address_collection": one_of("auto", "required"),
    "branding_settings": UNMODELED,
    "cancel_url": URL,
    "client_reference_id": Text(200),
    "consent_collection": UNMODELED,
    "currency": TEXT,
    "custom_fields": UNMODELED,
    "custom_text": UNMODELED,
    "customer": ID,
    "customer_account": UNMODELED,
    "customer_creation": one_of("always", "if_required"),
    "customer_email": Text(800),
    "customer_update": UNMODELED,
    "discounts": UNMODELED,
    "excluded_payment_method_types": [EXCLUDED_METHOD],
    "expand": EXPAND,
    "expires_at": Integer(),
    "integration_identifier": TEXT,
    "invoice_creation": UNMODELED,
    "line_items": [LINE_ITEM],
    "locale": one_of(*LOCALES),
    "managed_payments": UNMODELED,
    "metadata": METADATA,
    "mode": Required(one_of("payment", "setup", "subscription")),
    "name_collection": UNMODELED,
    "optional_items": UNMODELED,
    "origin_context": one_of("mobile_app", "web"),
    "payment_intent_data": PAYMENT_INTENT_DATA,
    "payment_method_collection": UNMODELED,
    "payment_method_configuration": UNMODELED,
    "payment_method_data": {"allow_redisplay": one_of("always", "limited", "unspecified")},
    "payment_method_options": METHOD_OPTIONS,
    "permissions": UNMODELED,
    "phone_number_collection": UNMODELED,
    "redirect_on_completion": one_of("always", "if_required", "never"),
    "return_url": URL,
    "saved_payment_method_options": UNMODELED,
    "setup_intent_data": {
        "description": Text(1000),
        "metadata": METADATA,
        "on_behalf_of": UNMODELED,
    },
    "shipping_address_collection": UNMODELED,
    "shipping_options": UNMODELED,
    "submit_type": one_of("auto", "book", "donate", "pay", "subscribe"),
    "subscription_data": UNMODELED,
    "success_url": URL,
    "tax_id_collection": UNMODELED,
    "ui_mode": one_of("elements", "embedded_page", "form", "hosted_page"),
    "wallet_options": {"link": {"display": one_of("auto", "never")}},
}
SESSION_LIST: Table = {
    **LISTING,
    "created": CREATED,
    "customer": ID,
    "customer_account": UNMODELED,
    "customer_details": {"email": Required(TEXT)},
    "payment_intent": ID,
    "payment_link": UNMODELED,
    "status": one_of("open", "complete", "expired"),
    "subscription": UNMODELED,
}
