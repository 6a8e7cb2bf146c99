"""What these tests send to the sandbox: raw requests, and a portal's usual parameters."""

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

from tests.sandbox_server import Sandbox


def call(
    sandbox: Sandbox, method: str, path: str, body: str = "", **headers: str
) -> tuple[int, Any, http.client.HTTPMessage]:
    """One raw request; header names with underscores for dashes."""
    parts = urlsplit(sandbox.base_url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    sent = {"Authorization": "Bearer sk_test_sandbox"}
    if body:
        sent["Content-Type"] = "application/x-www-form-urlencoded"
    sent.update({name.replace("_", "-"): value for name, value in headers.items()})
    try:
        connection.request(method, path, body or None, {k: v for k, v in sent.items() if v})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read()), answer.headers
    finally:
        connection.close()


def session_params(**changes: Any) -> Any:
    """What a portal sends to have 123.45 CNY paid."""
    params: dict[str, Any] = {
        "mode": "payment",
        "ui_mode": "hosted_page",
        "success_url": "https://portal.test/return?session_id={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://portal.test/canceled",
        "line_items": [line_item()],
        "metadata": {"payment": "p1"},
        "payment_intent_data": {"metadata": {"payment": "p1"}},
    }
    params.update(changes)
    return {name: value for name, value in params.items() if value is not None}


def line_item(amount: int = 12345, currency: str = "cny", quantity: int = 1) -> Any:
    return {
        "quantity": quantity,
        "price_data": {
            "currency": currency,
            "unit_amount": amount,
            "product_data": {"name": "Installment 3"},
        },
    }
