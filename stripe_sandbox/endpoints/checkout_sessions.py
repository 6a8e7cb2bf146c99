"""Checkout Sessions: create, retrieve, expire, list, line items."""

from typing import Any
from urllib.parse import urlsplit

from stripe_sandbox import checkout, clock, representations
from stripe_sandbox.currencies import check_amount, check_currency, check_step
from stripe_sandbox.errors import InvalidRequest, RequestRefused, missing_parameter, not_modeled
from stripe_sandbox.identifiers import new_id
from stripe_sandbox.listing import created_window, page
from stripe_sandbox.models import CheckoutSession, Customer
from stripe_sandbox.setups import create_setup_intent
from stripe_sandbox.wire import Call

from .lookup import find, find_named
from .payment_intents import method_types

NOUN = "checkout.session"
SHORTEST_SECONDS = 30 * 60
LONGEST_SECONDS = 24 * 3600
MOST_LINE_ITEMS = 100
WRONG_IN_MODE = {
    "payment": ("setup_intent_data",),
    "setup": ("line_items", "payment_intent_data", "customer_creation", "submit_type"),
}


def create(call: Call) -> dict[str, Any]:
    params, now = call.params, clock.now()
    _check_shape(params)
    expires_at = params.get("expires_at", now + LONGEST_SECONDS)
    _check_expiry(expires_at, now)
    customer = _customer(params)
    setup = params["mode"] == "setup"
    currency = params["currency"] if setup else _one_currency(params)
    types = method_types(params, currency, saving=setup)
    session = CheckoutSession(
        stripe_id=new_id("cs"),
        created=now,
        mode=params["mode"],
        currency=currency,
        customer=customer,
        expires_at=expires_at,
        payment_method_types=types,
        metadata=params.get("metadata", {}),
        params=params,
        payment_status="no_payment_required" if setup else "unpaid",
    )
    session.url = f"{call.base_url}/c/pay/{session.stripe_id}"
    if not setup:
        session.line_items = [_line_item(item) for item in params["line_items"]]
        session.amount_total = sum(item["amount_total"] for item in session.line_items)
        check_amount(session.amount_total, session.currency, "line_items", checkout=True)
    else:
        data = params.get("setup_intent_data", {})
        session.setup_intent = create_setup_intent(
            customer, metadata=data.get("metadata", {}), description=data.get("description", "")
        )
    session.save()
    return representations.checkout_session(session)


def _check_shape(params: dict[str, Any]) -> None:
    mode = params["mode"]
    if mode == "subscription":
        raise not_modeled("mode=subscription")
    if params.get("ui_mode", "hosted_page") != "hosted_page":
        raise not_modeled(f"ui_mode={params['ui_mode']}")
    if params.get("payment_intent_data", {}).get("capture_method") == "manual":
        raise not_modeled("payment_intent_data[capture_method]")
    for name in ("return_url", "redirect_on_completion"):
        if name in params:
            raise InvalidRequest(
                f"`{name}` can only be used with a `ui_mode` other than `hosted_page`.",
                param=name,
            )
    for name in WRONG_IN_MODE[mode]:
        if name in params:
            raise InvalidRequest(f"You can not pass `{name}` in `{mode}` mode.", param=name)
    if "success_url" not in params:
        raise missing_parameter("success_url")
    for name in ("success_url", "cancel_url"):
        if name in params:
            _check_url(params[name], name)
    if mode == "setup":
        if "currency" not in params:
            raise missing_parameter("currency")
        check_currency(params["currency"], "currency")
    elif not params.get("line_items"):
        raise missing_parameter("line_items")
    elif len(params["line_items"]) > MOST_LINE_ITEMS:
        raise InvalidRequest(
            f"You can pass up to {MOST_LINE_ITEMS} line items.", param="line_items"
        )


def _check_url(url: str, name: str) -> None:
    try:
        parts = urlsplit(url)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and " " not in url
    except ValueError:
        valid = False
    if not valid:
        raise InvalidRequest("Not a valid URL", code="url_invalid", param=name)


def _check_expiry(expires_at: int, now: int) -> None:
    if expires_at < now + SHORTEST_SECONDS:
        raise InvalidRequest(
            "The `expires_at` timestamp must be at least 30 minutes from Checkout Session "
            "creation.",
            param="expires_at",
        )
    if expires_at > now + LONGEST_SECONDS:
        raise InvalidRequest(
            "The `expires_at` timestamp must be less than 24 hours from Checkout Session creation.",
            param="expires_at",
        )


def _customer(params: dict[str, Any]) -> Customer | None:
    for other in ("customer_email", "customer_creation"):
        if "customer" in params and other in params:
            raise InvalidRequest(
                f"You may only specify one of these parameters: customer, {other}."
            )
    if "customer" not in params:
        return None
    return find_named(Customer, params["customer"], "customer", param="customer")


def _one_currency(params: dict[str, Any]) -> str:
    currencies: list[str] = []
    for index, item in enumerate(params["line_items"]):
        price = item["price_data"]
        where = f"line_items[{index}][price_data]"
        check_currency(price["currency"], f"{where}[currency]")
        check_step(price["unit_amount"], price["currency"], f"{where}[unit_amount]")
        currencies.append(price["currency"])
    if "currency" in params:
        check_currency(params["currency"], "currency")
        currencies.append(params["currency"])
    first, *others = dict.fromkeys(currencies)
    if others:
        raise InvalidRequest(
            "You can not combine currencies on a single Checkout Session. You specified "
            f"{' and '.join([first, *others])}."
        )
    return first


def _line_item(item: dict[str, Any]) -> dict[str, Any]:
    price = item["price_data"]
    product = price["product_data"]
    total = price["unit_amount"] * item["quantity"]
    return {
        "id": new_id("li"),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": total,
        "amount_tax": 0,
        "amount_total": total,
        "currency": price["currency"],
        "description": product["name"],
        "metadata": item.get("metadata", {}),
        "price": {
            "id": new_id("price"),
            "object": "price",
            "active": False,
            "billing_scheme": "per_unit",
            "created": clock.now(),
            "currency": price["currency"],
            "custom_unit_amount": None,
            "livemode": False,
            "lookup_key": None,
            "metadata": {},
            "nickname": None,
            "product": new_id("prod"),
            "recurring": None,
            "tax_behavior": price.get("tax_behavior", "unspecified"),
            "tiers_mode": None,
            "transform_quantity": None,
            "type": "one_time",
            "unit_amount": price["unit_amount"],
            "unit_amount_decimal": str(price["unit_amount"]),
        },
        "quantity": item["quantity"],
    }


def retrieve(call: Call, stripe_id: str) -> dict[str, Any]:
    session = find(CheckoutSession, stripe_id, NOUN)
    checkout.is_open(session)
    return representations.checkout_session(session)


def expire(call: Call, stripe_id: str) -> dict[str, Any]:
    session = find(CheckoutSession, stripe_id, NOUN)
    if not checkout.is_open(session):
        raise RequestRefused(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout '
            f"Session has a status of {session.status}."
        )
    checkout.expire(session)
    return representations.checkout_session(session)


def list_line_items(call: Call, stripe_id: str) -> dict[str, Any]:
    session = find(CheckoutSession, stripe_id, NOUN)
    items, limit = session.line_items, call.params.get("limit", 10)
    ids = [item["id"] for item in items]
    start = 0
    if "starting_after" in call.params:
        if call.params["starting_after"] not in ids:
            raise InvalidRequest("No such line item", param="starting_after")
        start = ids.index(call.params["starting_after"]) + 1
    return {
        "object": "list",
        "data": items[start : start + limit],
        "has_more": start + limit < len(items),
        "url": f"/v1/checkout/sessions/{stripe_id}/line_items",
    }


def list_sessions(call: Call) -> dict[str, Any]:
    params = call.params
    checkout.expire_due()
    rows = created_window(CheckoutSession.objects.all(), params.get("created"))
    if "customer" in params:
        rows = rows.filter(customer__stripe_id=params["customer"])
    if "payment_intent" in params:
        rows = rows.filter(payment_intent__stripe_id=params["payment_intent"])
    if "status" in params:
        rows = rows.filter(status=params["status"])
    if "customer_details" in params:
        rows = rows.filter(customer_details__email=params["customer_details"]["email"])
    return page(
        rows, params, representations.checkout_session, url="/v1/checkout/sessions", noun=NOUN
    )
