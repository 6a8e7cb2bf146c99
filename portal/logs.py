"""Logs for operators: one JSON object a line, personal data redacted. The record is ``audit``.

Each line carries the id of the request or task it was written in, so that one trouble can
be followed without naming a borrower.
"""

import json
import logging
import re
import uuid
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime

from django.http import HttpRequest, HttpResponse

REDACTIONS = [
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), "[email]"),
    (re.compile(r"(?<!\d)\+?(?:86[ -]?)?1[3-9]\d{9}(?!\d)"), "[phone]"),
    (re.compile(r"\b\d{17}[Xx]\b"), "[number]"),
    (re.compile(r"\b\d(?:[ -]?\d){12,18}\b"), "[number]"),
    (re.compile(r"\b(?:sk|rk|whsec)_\w+"), "[secret]"),
]
# What a proxy may hand down as an id; anything else is replaced, so that no log line is forged.
PLAIN_ID = re.compile(r"[\w-]{8,64}")

current_id: ContextVar[str] = ContextVar("current_id", default="")


class RequestIdMiddleware:
    """Take the proxy's ``X-Request-ID`` or make one; log lines and the answer carry it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        name = given if PLAIN_ID.fullmatch(given) else uuid.uuid4().hex
        token = current_id.set(name)
        try:
            response = self.get_response(request)
        finally:
            current_id.reset(token)
        response["X-Request-ID"] = name
        return response


def redact(text: str) -> str:
    """Give the text without e-mail addresses, long numbers, telephone numbers and keys."""
    for pattern, replacement in REDACTIONS:
        text = pattern.sub(replacement, text)
    return text


class RedactPersonalData(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = redact(record.getMessage())
        record.args = ()
        return True


class JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, tz=UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if identifier := current_id.get():
            line["id"] = identifier
        if record.exc_info:
            line["exception"] = redact(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)
