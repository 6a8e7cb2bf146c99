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
RIGHT = {
    "create a session": ("POST", SESSIONS, CREATE),
    "expire a session": ("POST", f"{SESSIONS}/cs_1/expire", {}),
    "fetch a session": ("GET", f"{SESSIONS}/cs_1", {"expand[0]": "payment_intent"}),
    "list sessions": ("GET", SESSIONS, {"created[gte]": "1", "created[lte]": "2", "limit": "100"}),
    "fetch an intent": ("GET", "/v1/payment_intents/pi_1", {"expand[0]": "latest_charge"}),
    "list intents": ("GET", "/v1/payment_intents", {"created[gte]": "1", "limit": "100"}),
    "list events": ("GET", "/v1/events", {"types[0]": "payment_intent.succeeded", "limit": "5"}),
}


def sent(method: str, path: str, params: dict[str, str]) -> None:
    text = urlencode(params)
    check_request(method, path, text if method == "GET" else "", text if method == "POST" else "")


def changed(**changes: str) -> dict[str, str]:
    return {**CREATE, **changes}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_request_passes(name: str) -> None:
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
def test_a_mutant_is_refused_on_each_endpoint(name: str, mutant: dict[str, str]) -> None:
    method, path, params = RIGHT[name]
    kept = {key: value for key, value in params.items() if not key.startswith("expand")}

    with pytest.raises(RequestInvalid):
        sent(method, path, {**kept, **mutant})


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
