"""The request check bites: each mutant of a right request is refused, on each endpoint."""

from urllib.parse import urlencode

import pytest

from tests.payments.request_check import ENDPOINTS, RequestInvalid, check_request

CREATE = {
    "mode": "payment",
    "ui_mode": "hosted_page",
    "allowed_payment_method_types[0]": "card",
    "locale": "zh",
    "line_items[0][quantity]": "1",
    "line_items[0][price_data][currency]": "cny",
    "line_items[0][price_data][unit_amount]": "105000",
    "line_items[0][price_data][product_data][name]": "Loan A-1",
    "metadata[payment]": "p",
    "payment_intent_data[metadata][payment]": "p",
    "success_url": "https://portal.example/",
    "expires_at": "1800000000",
    "submit_type": "pay",
}
SESSIONS = "/v1/checkout/sessions"
INTENTS = "/v1/payment_intents"
WINDOW = {"created[gte]": "1", "created[lte]": "2", "limit": "100"}
EXPANDED = {"expand[0]": "charge"}
CHARGE = {
    "amount": "105000",
    "currency": "cny",
    "customer": "cus_1",
    "payment_method": "pm_1",
    "allowed_payment_method_types[0]": "card",
    "off_session": "true",
    "confirm": "true",
    "metadata[payment]": "p",
}
METHOD_CHOICES = {"payment_method_options[card][request_three_d_secure]": "any"}
RIGHT = {
    "create a session": ("POST", SESSIONS, CREATE),
    "expire a session": ("POST", f"{SESSIONS}/cs_1/expire", EXPANDED),
    "fetch a session": ("GET", f"{SESSIONS}/cs_1", {"expand[0]": "payment_intent"}),
    "list sessions": ("GET", SESSIONS, {**WINDOW, "customer": "cus_1", "status": "open"}),
    "create a customer": (
        "POST",
        "/v1/customers",
        {"email": "a@b.co", "preferred_locales[0]": "zh", "metadata[user]": "u"},
    ),
    "fetch a customer": ("GET", "/v1/customers/cus_1", EXPANDED),
    "update a customer": ("POST", "/v1/customers/cus_1", {"name": "Lin", "metadata[user]": "u"}),
    "list customers": ("GET", "/v1/customers", {**WINDOW, "email": "a@b.co"}),
    "list a customer's methods": (
        "GET",
        "/v1/customers/cus_1/payment_methods",
        {"type": "card", "limit": "100"},
    ),
    "fetch a method": ("GET", "/v1/payment_methods/pm_1", EXPANDED),
    "list methods": (
        "GET",
        "/v1/payment_methods",
        {"type": "card", "customer": "cus_1", "limit": "100"},
    ),
    "attach a method": ("POST", "/v1/payment_methods/pm_1/attach", {"customer": "cus_1"}),
    "detach a method": ("POST", "/v1/payment_methods/pm_1/detach", EXPANDED),
    "create an intent": ("POST", INTENTS, CHARGE),
    "confirm an intent": (
        "POST",
        f"{INTENTS}/pi_1/confirm",
        {"payment_method": "pm_1", "off_session": "true", **METHOD_CHOICES},
    ),
    "cancel an intent": ("POST", f"{INTENTS}/pi_1/cancel", {"cancellation_reason": "abandoned"}),
    "fetch an intent": ("GET", f"{INTENTS}/pi_1", {"expand[0]": "latest_charge"}),
    "list intents": ("GET", INTENTS, {**WINDOW, "customer": "cus_1"}),
    "create a setup": (
        "POST",
        "/v1/setup_intents",
        {"customer": "cus_1", "usage": "off_session", "metadata[mandate]": "m", "confirm": "true"},
    ),
    "confirm a setup": (
        "POST",
        "/v1/setup_intents/seti_1/confirm",
        {"payment_method": "pm_1", **METHOD_CHOICES},
    ),
    "cancel a setup": (
        "POST",
        "/v1/setup_intents/seti_1/cancel",
        {"cancellation_reason": "abandoned"},
    ),
    "fetch a setup": ("GET", "/v1/setup_intents/seti_1", {"expand[0]": "payment_method"}),
    "list setups": ("GET", "/v1/setup_intents", {**WINDOW, "customer": "cus_1"}),
    "fetch a charge": ("GET", "/v1/charges/ch_1", {"expand[0]": "balance_transaction"}),
    "create a refund": (
        "POST",
        "/v1/refunds",
        {
            "payment_intent": "pi_1",
            "amount": "500",
            "reason": "requested_by_customer",
            "metadata[refund]": "r",
        },
    ),
    "fetch a refund": ("GET", "/v1/refunds/re_1", EXPANDED),
    "list refunds": ("GET", "/v1/refunds", {**WINDOW, "payment_intent": "pi_1"}),
    "fetch a dispute": ("GET", "/v1/disputes/dp_1", EXPANDED),
    "list disputes": ("GET", "/v1/disputes", {**WINDOW, "payment_intent": "pi_1"}),
    "close a dispute": ("POST", "/v1/disputes/dp_1/close", EXPANDED),
    "fetch a fraud warning": ("GET", "/v1/radar/early_fraud_warnings/issfr_1", EXPANDED),
    "fetch an event": ("GET", "/v1/events/evt_1", EXPANDED),
    "list events": (
        "GET",
        "/v1/events",
        {**WINDOW, "types[0]": "payment_intent.succeeded", "delivery_success": "false"},
    ),
    "list balance transactions": (
        "GET",
        "/v1/balance_transactions",
        {**WINDOW, "type": "charge", "currency": "cny"},
    ),
}
# Each value that is no free text, by a value that the endpoint must refuse.
WRONG_VALUES = {
    "amount": "10.50",
    "confirm": "yes",
    "cancellation_reason": "bored",
    "created[gte]": "yesterday",
    "created[lte]": "tomorrow",
    "delivery_success": "maybe",
    "expires_at": "soon",
    "limit": "many",
    "mode": "pay",
    "payment_method_options[card][request_three_d_secure]": "sometimes",
    "reason": "regret",
    "status": "half open",
    "type": "cards",
    "usage": "always",
    "off_session": "later",
    "allowed_payment_method_types[0]": "cards",
}
# A kind of balance transaction is free text to the SDK.
FREE = {("list balance transactions", "type")}


def sent(method: str, path: str, params: dict[str, str]) -> None:
    text = urlencode(params)
    check_request(method, path, text if method == "GET" else "", text if method == "POST" else "")


def changed(**changes: str) -> dict[str, str]:
    return {**CREATE, **changes}


@pytest.mark.parametrize("name", RIGHT)
def test_fault_50_a_right_request_passes(name: str) -> None:
    sent(*RIGHT[name])


def test_every_endpoint_has_a_right_request() -> None:
    assert len(RIGHT) == len(ENDPOINTS)


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize(
    "mutant",
    [
        {"payment_method_types[0]": "card"},
        {"no_such_name": "1"},
        {"expand[0][deeper]": "x"},
        {"expand": "not a list"},
    ],
    ids=["retired", "unknown", "nested", "wrong type"],
)
def test_fault_50_a_mutant_is_refused_on_each_endpoint(name: str, mutant: dict[str, str]) -> None:
    method, path, params = RIGHT[name]
    kept = {key: value for key, value in params.items() if not key.startswith("expand")}

    with pytest.raises(RequestInvalid):
        sent(method, path, {**kept, **mutant})


@pytest.mark.parametrize(
    ("name", "key"), [(name, key) for name, (_, _, params) in RIGHT.items() for key in params]
)
def test_each_parameter_nested_misspelled_or_misplaced_is_refused(name: str, key: str) -> None:
    method, path, params = RIGHT[name]
    others = {other: value for other, value in params.items() if other != key}
    nested = {f"{key}[deeper]": params[key]}
    misspelled = {key.replace(key.split("[")[0], f"{key.split('[')[0]}z", 1): params[key]}
    misplaced = {f"metadatum[{key.split('[')[0]}]": params[key]}

    for mutant in (nested, misspelled, misplaced):
        with pytest.raises(RequestInvalid):
            sent(method, path, {**others, **mutant})


@pytest.mark.parametrize(
    ("name", "key"),
    [
        (name, key)
        for name, (_, _, params) in RIGHT.items()
        for key in params
        if key in WRONG_VALUES and (name, key) not in FREE
    ],
)
def test_a_wrong_type_or_enum_is_refused(name: str, key: str) -> None:
    method, path, params = RIGHT[name]

    with pytest.raises(RequestInvalid):
        sent(method, path, {**params, key: WRONG_VALUES[key]})


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("create an intent", "amount"),
        ("create an intent", "currency"),
        ("create a session", "line_items[0][price_data][currency]"),
    ],
)
def test_what_must_be_sent_is_missed(name: str, key: str) -> None:
    method, path, params = RIGHT[name]

    with pytest.raises(RequestInvalid):
        sent(method, path, {other: value for other, value in params.items() if other != key})


@pytest.mark.parametrize(
    "mutant",
    [
        changed(mode="pay"),
        changed(ui_mode="hosted"),
        changed(locale="tlh"),
        changed(submit_type="give"),
        changed(expires_at="soon"),
        changed(**{"allowed_payment_method_types[0]": "cards"}),
        changed(**{"line_items[0][amount]": "105000"}),
        changed(**{"line_items[0][price_data][unit_amount]": "1050.00"}),
        changed(**{"metadata[payment][id]": "p"}),
        changed(**{"payment_intent_data[meta][payment]": "p"}),
        {k: v for k, v in CREATE.items() if k != "line_items[0][price_data][currency]"},
    ],
)
def test_a_mutant_of_the_session_is_refused(mutant: dict[str, str]) -> None:
    with pytest.raises(RequestInvalid):
        sent("POST", SESSIONS, mutant)


@pytest.mark.parametrize(
    ("name", "mutant"),
    [
        ("list sessions", {"created[since]": "1"}),
        ("list intents", {"created[gte]": "yesterday"}),
        ("list events", {"types[0][x]": "1"}),
        ("list events", {"limit": "many"}),
        ("list sessions", {"status": "half open"}),
    ],
)
def test_a_mutant_of_a_listing_is_refused(name: str, mutant: dict[str, str]) -> None:
    method, path, params = RIGHT[name]

    with pytest.raises(RequestInvalid):
        sent(method, path, {**params, **mutant})


@pytest.mark.parametrize("body", ["mode=payment&mode=setup", "mode=payment&mode[x]=1"])
def test_a_name_sent_twice_is_refused(body: str) -> None:
    with pytest.raises(RequestInvalid):
        check_request("POST", SESSIONS, "", body)


def test_another_endpoint_is_refused() -> None:
    with pytest.raises(RequestInvalid):
        check_request("POST", "/v1/charges", "", "amount=1")
