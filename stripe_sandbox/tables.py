"""What each endpoint of API version 2026-10-28.endive takes, as plain tables.

The names are those of Stripe's own request types for this version (a test holds the two
together). `UNMODELED` is what Stripe takes and the sandbox refuses aloud rather than ignore.
"""

from .parameters import (
    METADATA,
    METADATA_CHANGE,
    UNMODELED,
    Boolean,
    Either,
    Integer,
    Required,
    Table,
    Text,
    one_of,
)

PAYMENT_METHOD_TYPES = (
    "acss_debit", "affirm", "afterpay_clearpay", "alipay", "alma", "amazon_pay",
    "au_becs_debit", "bacs_debit", "bancontact", "billie", "bizum", "blik", "boleto", "card",
    "cashapp", "crypto", "customer_balance", "eps", "fpx", "giropay", "grabpay", "ideal",
    "kakao_pay", "klarna", "konbini", "kr_card", "link", "mb_way", "mobilepay", "multibanco",
    "naver_pay", "nz_bank_account", "oxxo", "p24", "pay_by_bank", "payco", "paynow", "paypal",
    "paypay", "payto", "pix", "promptpay", "revolut_pay", "samsung_pay", "satispay", "scalapay",
    "sepa_debit", "sequra", "sofort", "sunbit", "swish", "twint", "upi", "us_bank_account",
    "wechat_pay", "zip",
)  # fmt: skip
INTENT_PAYMENT_METHOD_TYPES = (
    *PAYMENT_METHOD_TYPES,
    "boku_promptpay", "capchase_pay", "card_present", "check_scan", "click_to_pay", "demo_pay",
    "dummy_auth_push", "dummy_passthrough_card", "duitnow", "edenred", "gcash", "getbalance",
    "gift_card", "gopay", "id_bank_transfer", "interac_present", "knet", "kr_market", "kriya",
    "momo", "mondu", "netbanking", "ng_bank", "ng_bank_transfer", "ng_card", "ng_market",
    "ng_ussd", "ng_wallet", "octopus", "paper_check", "qris", "rechnung", "shop_pay",
    "shopeepay", "south_korea_market", "stripe_balance", "tamara", "test_pay", "touch_n_go",
    "truemoney", "us_cash_voucher", "vipps", "wero",
)  # fmt: skip
LOCALES = (
    "auto", "bg", "cs", "da", "de", "el", "en", "en-GB", "es", "es-419", "et", "fi", "fil",
    "fr", "fr-CA", "hi-IN", "hr", "hu", "id", "it", "ja", "ko", "lt", "lv", "ms", "mt", "nb",
    "nl", "pl", "pt", "pt-BR", "ro", "ru", "sk", "sl", "sv", "th", "tr", "vi", "zh", "zh-HK",
    "zh-TW",
)  # fmt: skip

METHOD = one_of(*PAYMENT_METHOD_TYPES)
# Link goes along with cards and cannot be excluded by itself.
EXCLUDED_METHOD = one_of(*(name for name in PAYMENT_METHOD_TYPES if name != "link"))
INTENT_METHOD = one_of(*INTENT_PAYMENT_METHOD_TYPES)
FUTURE_USAGE = one_of("off_session", "on_session")
ID = Text(255)
TEXT = Text()
CLEARABLE = Text(unset=True)
EXPAND = [Text(500)]
URL = Text(5000)

CREATED = Either(
    table={"gt": Integer(), "gte": Integer(), "lt": Integer(), "lte": Integer()},
    scalar=Integer(),
)
LISTING: Table = {
    "ending_before": ID,
    "expand": EXPAND,
    "limit": Integer(1, 100),
    "starting_after": ID,
}
RETRIEVE: Table = {"expand": EXPAND}
ADDRESS: Table = {
    "city": TEXT,
    "country": TEXT,
    "line1": TEXT,
    "line2": TEXT,
    "postal_code": TEXT,
    "state": TEXT,
}
SHIPPING: Table = {
    "address": Required(ADDRESS),
    "carrier": TEXT,
    "name": Required(TEXT),
    "phone": TEXT,
    "tracking_number": TEXT,
}

CUSTOMER_CREATE: Table = {
    "address": ADDRESS,
    "balance": UNMODELED,
    "business_name": Text(150, unset=True),
    "cash_balance": UNMODELED,
    "description": CLEARABLE,
    "email": Text(512, unset=True),
    "expand": EXPAND,
    "individual_name": Text(150, unset=True),
    "invoice_prefix": UNMODELED,
    "invoice_settings": UNMODELED,
    "metadata": METADATA,
    "name": Text(256, unset=True),
    "next_invoice_sequence": UNMODELED,
    "payment_method": UNMODELED,
    "phone": Text(20, unset=True),
    "preferred_locales": [TEXT],
    "shipping": UNMODELED,
    "source": UNMODELED,
    "tax": UNMODELED,
    "tax_exempt": UNMODELED,
    "tax_id_data": UNMODELED,
    "test_clock": UNMODELED,
    "validate": UNMODELED,
}
CUSTOMER_UPDATE: Table = {
    **{
        name: shape
        for name, shape in CUSTOMER_CREATE.items()
        if name not in ("payment_method", "tax_id_data", "test_clock")
    },
    "default_source": UNMODELED,
    "metadata": METADATA_CHANGE,
}
CUSTOMER_LIST: Table = {**LISTING, "created": CREATED, "email": Text(512), "test_clock": UNMODELED}
CUSTOMER_PAYMENT_METHOD_LIST: Table = {
    **LISTING,
    "allow_redisplay": one_of("always", "limited", "unspecified"),
    "type": one_of(*PAYMENT_METHOD_TYPES, "custom"),
}
PAYMENT_METHOD_LIST: Table = {
    **CUSTOMER_PAYMENT_METHOD_LIST,
    "customer": ID,
    "customer_account": UNMODELED,
}
PAYMENT_METHOD_ATTACH: Table = {"customer": ID, "customer_account": UNMODELED, "expand": EXPAND}
PAYMENT_METHOD_UPDATE: Table = {
    "allow_redisplay": one_of("always", "limited", "unspecified"),
    "billing_details": {
        "address": UNMODELED,
        "email": Text(512, unset=True),
        "name": Text(200, unset=True),
        "phone": UNMODELED,
        "tax_id": UNMODELED,
    },
    "card": {"exp_month": Integer(1, 12), "exp_year": Integer(2000, 2100), "networks": UNMODELED},
    "expand": EXPAND,
    "metadata": METADATA_CHANGE,
    "us_bank_account": UNMODELED,
}

# The options of other methods than card are Stripe's business until a method is modeled.
INTENT_METHOD_OPTIONS: Table = {
    **dict.fromkeys((*PAYMENT_METHOD_TYPES, "card_present", "interac_present"), UNMODELED),
    "card": {
        "capture_method": UNMODELED,
        "cvc_token": UNMODELED,
        "installments": UNMODELED,
        "mandate_options": UNMODELED,
        "moto": UNMODELED,
        "network": UNMODELED,
        "request_extended_authorization": UNMODELED,
        "request_incremental_authorization": UNMODELED,
        "request_multicapture": UNMODELED,
        "request_overcapture": UNMODELED,
        "request_three_d_secure": one_of("any", "automatic", "challenge"),
        "require_cvc_recollection": UNMODELED,
        "setup_credential_usage": UNMODELED,
        "setup_future_usage": one_of("none", "off_session", "on_session", unset=True),
        "statement_descriptor_suffix_kana": UNMODELED,
        "statement_descriptor_suffix_kanji": UNMODELED,
        "stored_credential_usage": UNMODELED,
        "three_d_secure": UNMODELED,
    },
}
INTENT_ATTEMPT: Table = {
    "allowed_payment_method_types": [INTENT_METHOD],
    "amount_details": UNMODELED,
    "capture_method": one_of("automatic", "automatic_async", "manual"),
    "confirmation_token": UNMODELED,
    "error_on_requires_action": Boolean(),
    "excluded_payment_method_types": [EXCLUDED_METHOD],
    "expand": EXPAND,
    "hooks": UNMODELED,
    "mandate": UNMODELED,
    "mandate_data": UNMODELED,
    "off_session": one_of("true", "false", "one_off", "recurring"),
    "payment_details": UNMODELED,
    "payment_method": ID,
    "payment_method_data": UNMODELED,
    "payment_method_options": INTENT_METHOD_OPTIONS,
    "radar_options": UNMODELED,
    "receipt_email": Text(512, unset=True),
    "return_url": URL,
    "setup_future_usage": FUTURE_USAGE,
    "shipping": SHIPPING,
    "use_stripe_sdk": UNMODELED,
}
PAYMENT_INTENT_CREATE: Table = {
    **INTENT_ATTEMPT,
    "amount": Required(Integer()),
    "application_fee_amount": UNMODELED,
    "automatic_payment_methods": {
        "allow_redirects": one_of("always", "never"),
        "enabled": Required(Boolean()),
    },
    "confirm": Boolean(),
    "confirmation_method": one_of("automatic", "manual"),
    "currency": Required(TEXT),
    "customer": ID,
    "customer_account": UNMODELED,
    "description": Text(1000),
    "metadata": METADATA,
    "on_behalf_of": UNMODELED,
    "payment_method_configuration": UNMODELED,
    "statement_descriptor": Text(22),
    "statement_descriptor_suffix": Text(22),
    "transfer_data": UNMODELED,
    "transfer_group": UNMODELED,
}
PAYMENT_INTENT_CONFIRM: Table = {**INTENT_ATTEMPT, "amount_to_confirm": UNMODELED}
PAYMENT_INTENT_CANCEL: Table = {
    "cancellation_reason": one_of("duplicate", "fraudulent", "requested_by_customer", "abandoned"),
    "expand": EXPAND,
}
PAYMENT_INTENT_RETRIEVE: Table = {"client_secret": TEXT, "expand": EXPAND}
PAYMENT_INTENT_LIST: Table = {
    **LISTING,
    "created": CREATED,
    "customer": ID,
    "customer_account": UNMODELED,
}

# Only cards can be saved, so what would set up another method is Stripe's business.
SETUP_METHOD_OPTIONS: Table = {
    **dict.fromkeys(
        (
            "acss_debit", "amazon_pay", "bacs_debit", "bizum", "blik", "card_present", "klarna",
            "link", "paypal", "payto", "pix", "sepa_debit", "upi", "us_bank_account",
        ),
        UNMODELED,
    ),
    "card": {
        "mandate_options": UNMODELED,
        "moto": UNMODELED,
        "network": UNMODELED,
        "request_three_d_secure": one_of("any", "automatic", "challenge"),
        "setup_credential_usage": UNMODELED,
        "three_d_secure": UNMODELED,
    },
}  # fmt: skip
SETUP_INTENT_CONFIRM: Table = {
    "allowed_payment_method_types": [INTENT_METHOD],
    "confirmation_token": UNMODELED,
    "expand": EXPAND,
    "mandate_data": UNMODELED,
    "payment_method": ID,
    "payment_method_data": UNMODELED,
    "payment_method_options": SETUP_METHOD_OPTIONS,
    "return_url": URL,
    "use_stripe_sdk": UNMODELED,
}
SETUP_INTENT_CREATE: Table = {
    **SETUP_INTENT_CONFIRM,
    "attach_to_self": UNMODELED,
    "automatic_payment_methods": {
        "allow_redirects": one_of("always", "never"),
        "enabled": Required(Boolean()),
    },
    "confirm": Boolean(),
    "customer": ID,
    "customer_account": UNMODELED,
    "description": Text(1000),
    "excluded_payment_method_types": [EXCLUDED_METHOD],
    "flow_directions": UNMODELED,
    "metadata": METADATA,
    "on_behalf_of": UNMODELED,
    "payment_method_configuration": UNMODELED,
    "single_use": UNMODELED,
    "usage": FUTURE_USAGE,
}
SETUP_INTENT_CANCEL: Table = {
    "cancellation_reason": one_of("abandoned", "duplicate", "requested_by_customer"),
    "expand": EXPAND,
}
SETUP_INTENT_RETRIEVE: Table = {"client_secret": TEXT, "expand": EXPAND}
SETUP_INTENT_LIST: Table = {
    **LISTING,
    "attach_to_self": UNMODELED,
    "created": CREATED,
    "customer": ID,
    "customer_account": UNMODELED,
    "payment_method": ID,
}

CHARGE_LIST: Table = {
    **LISTING,
    "created": CREATED,
    "customer": ID,
    "payment_intent": ID,
    "transfer_group": UNMODELED,
}
REFUND_CREATE: Table = {
    "amount": Integer(),
    "charge": ID,
    "currency": UNMODELED,
    "customer": UNMODELED,
    "expand": EXPAND,
    "instructions_email": Text(512),
    "metadata": METADATA,
    "origin": UNMODELED,
    "payment_intent": ID,
    "reason": one_of("duplicate", "fraudulent", "requested_by_customer"),
    "refund_application_fee": UNMODELED,
    "reverse_transfer": UNMODELED,
}
REFUND_LIST: Table = {**LISTING, "charge": ID, "created": CREATED, "payment_intent": ID}
DISPUTE_LIST: Table = {**LISTING, "charge": ID, "created": CREATED, "payment_intent": ID}
EARLY_FRAUD_WARNING_LIST: Table = DISPUTE_LIST
EVENT_LIST: Table = {
    **LISTING,
    "created": CREATED,
    "delivery_success": Boolean(),
    "type": TEXT,
    "types": [TEXT],
}
BALANCE_TRANSACTION_LIST: Table = {
    **LISTING,
    "created": CREATED,
    "currency": TEXT,
    "payout": UNMODELED,
    "source": ID,
    "type": TEXT,
}
