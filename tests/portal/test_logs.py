"""Log lines: one JSON object each, no personal data, the id of the request or task."""

import json
import logging
import uuid

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from portal.logs import (
    JsonFormatter,
    RedactPersonalData,
    RequestIdMiddleware,
    current_id,
    redact,
)


def line(message: str, *arguments: object) -> dict[str, str]:
    record = logging.LogRecord("test", logging.INFO, "x.py", 1, message, arguments, None)
    RedactPersonalData().filter(record)
    return dict(json.loads(JsonFormatter().format(record)))


@pytest.mark.parametrize(
    "secret",
    [
        "li.wei+loan@mail.example.cn",
        "13812345678",
        "+8613812345678",
        "8613812345678",
        "11010519491231002X",
        "110105194912310021",
        "4242 4242 4242 4242",
        "4242-4242-4242-4242",
        "sk_live_abc123",
        "rk_live_abc123",
        "whsec_abc123",
    ],
)
def test_personal_data_and_keys_are_taken_out(secret: str) -> None:
    written = line("refused %s for a reason", secret)["message"]

    assert secret not in written
    assert written.startswith("refused [")
    assert written.endswith("] for a reason")


@pytest.mark.parametrize("plain", ["loan 10042 paid 125000", "2026-12-01", "took 1234 ms"])
def test_figures_that_name_nobody_stay(plain: str) -> None:
    assert redact(plain) == plain


def test_an_exception_is_redacted_too() -> None:
    try:
        raise ValueError("no mail to wang@example.cn")
    except ValueError as error:
        record = logging.LogRecord("t", logging.ERROR, "x.py", 1, "failed", (), None)
        record.exc_info = (ValueError, error, error.__traceback__)

    written = JsonFormatter().format(record)

    assert "wang@example.cn" not in written
    assert "ValueError" in written


def ask(**headers: str) -> tuple[HttpResponse, dict[str, str]]:
    seen = {}

    def view(request: HttpRequest) -> HttpResponse:
        seen.update(line("inside"))
        return HttpResponse()

    request = RequestFactory().get("/", headers=headers)
    return RequestIdMiddleware(view)(request), seen


def test_each_line_of_a_request_carries_its_id() -> None:
    answer, seen = ask()

    assert seen["id"] == answer["X-Request-ID"] == uuid.UUID(seen["id"]).hex
    assert current_id.get() == ""


def test_the_id_of_a_proxy_is_kept() -> None:
    answer, seen = ask(**{"X-Request-ID": "edge-0123456789"})

    assert answer["X-Request-ID"] == seen["id"] == "edge-0123456789"


@pytest.mark.parametrize("forged", ["x", 'a"}{"level":"INFO', "id\nsecond line", "9" * 65])
def test_an_id_that_could_forge_a_line_is_replaced(forged: str) -> None:
    answer, _seen = ask(**{"X-Request-ID": forged})

    assert answer["X-Request-ID"] != forged
