"""From an HTTP request to a call of an endpoint and back, as Stripe does it.

Key, version, form body, parameter table, idempotency, fault, transaction, expansion, error
shape, headers: everything that all endpoints share. Knows no object of the API.
"""

import base64
import binascii
import contextlib
import json
import logging
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from . import idempotency, webhooks
from .errors import (
    ApiError,
    AuthenticationError,
    InvalidRequest,
    PermissionDenied,
    RateLimited,
    StripeError,
)
from .expansion import expand
from .faults import FAULTS, Fault
from .identifiers import new_id
from .models import IdempotencyKey
from .parameters import Table, check, parse_form

logger = logging.getLogger(__name__)

ACCOUNT = "acct_1Sandbox00000000"
# The latest API requests, for tests that hold them against Stripe's own request types.
recent_requests: deque[dict[str, Any]] = deque(maxlen=5000)


@dataclass(frozen=True)
class Call:
    """What an endpoint gets: checked parameters and where the sandbox can be reached."""

    params: dict[str, Any]
    base_url: str


Handler = Callable[..., dict[str, Any]]
# What a restricted key may be given; filled as addresses are declared.
known_permissions: set[str] = set()


@dataclass(frozen=True)
class Operation:
    """One method of one URL; `permission` is what a restricted key must hold."""

    handler: Handler
    table: Table
    permission: str


def api(**operations: Operation) -> Callable[..., HttpResponse]:
    """A view for one URL from its operations by HTTP method."""
    for operation in operations.values():
        noun = operation.permission.removesuffix("_read").removesuffix("_write")
        known_permissions.update((f"{noun}_read", f"{noun}_write"))

    def view(request: HttpRequest, **ids: str) -> HttpResponse:
        request_id = new_id("req")
        try:
            response = _serve(request, operations, ids, request_id)
        except StripeError as error:
            response = _answer(error.body(request_id), error.status)
        except Exception:
            logger.exception("%s %s failed", request.method, request.path)
            unknown = ApiError("An unknown error occurred")
            response = _answer(unknown.body(request_id), unknown.status)
        response["Request-Id"] = request_id
        response["Stripe-Version"] = settings.STRIPE_API_VERSION
        return response

    # Named on the view, so that a test can hold every table against Stripe's request types.
    view.operations = operations  # type: ignore[attr-defined]
    return csrf_exempt(view)


def unrecognized(request: HttpRequest) -> HttpResponse:
    """Any URL under /v1/ that Stripe, or this sandbox, does not have."""
    return api()(request)


def _serve(
    request: HttpRequest, operations: dict[str, Operation], ids: dict[str, str], request_id: str
) -> HttpResponse:
    api_key = authenticate(request.headers.get("Authorization", ""))
    _check_version(request.headers.get("Stripe-Version"))
    method = request.method or "GET"
    operation = operations.get(method)
    if operation is None:
        raise InvalidRequest(
            f"Unrecognized request URL ({method}: {request.path}). Please see "
            "https://stripe.com/docs or we can help at https://support.stripe.com/.",
            status=404,
        )
    _check_permission(api_key, operation.permission)
    sent = _read(request)
    fault = FAULTS.take_api(method, request.path)
    if fault and fault.name == "rate_limited":
        raise RateLimited("Request rate limit exceeded.", code="rate_limit")
    if fault and fault.name == "close_before":
        return _close(request)
    key = request.headers.get("Idempotency-Key", "") if method == "POST" else ""
    row, replay = idempotency.claim(key, request.path, sent, request_id) if key else (None, False)
    if row is not None and replay:
        response = HttpResponse(
            row.body, status=row.status_code or 500, content_type="application/json"
        )
        response["Idempotent-Replayed"] = "true"
        response["Original-Request"] = row.request_id
    else:
        token = webhooks.current_request.set((request_id, key or None))
        try:
            call = (operation, sent, ids, _base_url(request))
            response = _run(method, call, row, request_id, fault)
        finally:
            webhooks.current_request.reset(token)
    if key:
        response["Idempotency-Key"] = key
    if fault and fault.name == "close_after_commit":
        return _close(request)
    return response


def _run(
    method: str,
    call: tuple[Operation, dict[str, Any], dict[str, str], str],
    row: IdempotencyKey | None,
    request_id: str,
    fault: Fault | None,
) -> HttpResponse:
    """Execute and keep the answer under its key, in one transaction where work was done."""
    try:
        if fault and fault.name == "hang":
            time.sleep(float(fault.options.get("seconds", 1)))
        if fault and fault.name == "error_before":
            raise ApiError("An unknown error occurred")
        # A read takes no part in the queue for SQLite's one writer.
        with transaction.atomic() if method == "POST" else contextlib.nullcontext():
            response = _execute(*call, request_id)
            if fault and fault.name == "error_after_commit":
                error = ApiError("An unknown error occurred")
                response = _answer(error.body(request_id), error.status)
            if row is not None:
                idempotency.store(row, response.status_code, response.content.decode())
        return response
    except StripeError as error:
        response = _answer(error.body(request_id), error.status)
        if row is not None:
            if error.stored:
                idempotency.store(row, response.status_code, response.content.decode())
            else:
                idempotency.release(row)
        return response
    except BaseException:
        if row is not None:
            idempotency.release(row)
        raise


def _execute(
    operation: Operation,
    sent: dict[str, Any],
    ids: dict[str, str],
    base_url: str,
    request_id: str,
) -> HttpResponse:
    params = check(sent, operation.table)
    paths = params.pop("expand", [])
    try:
        return _answer(expand(operation.handler(Call(params, base_url), **ids), paths), 200)
    except StripeError as error:
        if not error.commits:
            raise
        return _answer(error.body(request_id), error.status)


def authenticate(header: str) -> str:
    """The test key of an Authorization header, Bearer or Basic.

    Raises: AuthenticationError for no key, a live key, or anything else.
    """
    scheme, _, credentials = header.partition(" ")
    key = credentials.strip()
    if scheme.lower() == "basic":
        with contextlib.suppress(binascii.Error, UnicodeDecodeError):
            key = base64.b64decode(key, validate=True).decode().partition(":")[0]
    elif scheme.lower() != "bearer":
        key = ""
    if not key:
        raise AuthenticationError(
            "You did not provide an API key. You need to provide your API key in the "
            "Authorization header, using Bearer auth (e.g. 'Authorization: Bearer "
            "YOUR_SECRET_KEY')."
        )
    if key.startswith("pk_"):
        raise AuthenticationError(
            "This API call cannot be made with a publishable API key. Please use a secret API key.",
            code="secret_key_required",
        )
    if not key.startswith(("sk_test_", "rk_test_")) or len(key) < 12:
        raise AuthenticationError(f"Invalid API Key provided: {mask(key)}")
    return key


def mask(key: str) -> str:
    """A key as Stripe prints it: kind and last four characters."""
    return f"{key[:8]}{'*' * 8}{key[-4:]}" if len(key) > 12 else "*" * len(key)


def _check_version(version: str | None) -> None:
    if version is not None and version != settings.STRIPE_API_VERSION:
        raise InvalidRequest(
            f"Invalid Stripe API version: {version}. This sandbox speaks "
            f"{settings.STRIPE_API_VERSION} only."
        )


def _check_permission(key: str, permission: str) -> None:
    """A restricted key that has been given permissions must hold this one.

    They are given by a control or by SANDBOX_KEY_PERMISSIONS; a key that got none may do
    everything. Permission to write includes permission to read.
    """
    held = FAULTS.permissions.get(key, settings.KEY_PERMISSIONS.get(key))
    if held is None or not key.startswith("rk_"):
        return
    if not held & {permission, permission.replace("_read", "_write")}:
        raise PermissionDenied(
            f"The provided key '{mask(key)}' does not have the required permissions for this "
            f"endpoint on account '{ACCOUNT}'. Having the 'rak_{permission}' permission "
            "would allow this request to continue."
        )


def _read(request: HttpRequest) -> dict[str, Any]:
    query = request.META.get("QUERY_STRING", "")
    body = ""
    if request.method == "POST":
        kind = request.content_type or ""
        try:
            body = request.body.decode()
        except (UnicodeDecodeError, RequestDataTooBig) as error:
            raise InvalidRequest("Invalid request body.") from error
        if body and kind != "application/x-www-form-urlencoded":
            raise InvalidRequest(
                f"Invalid request (check that your POST content type is "
                f"application/x-www-form-urlencoded, it was {kind})."
            )
    recent_requests.append(
        {
            "method": request.method,
            "path": request.path,
            "query": query,
            "body": body,
            "idempotency_key": request.headers.get("Idempotency-Key"),
        }
    )
    return {**parse_form(query), **parse_form(body)}


def _answer(body: dict[str, Any], status: int) -> HttpResponse:
    text = json.dumps(body, indent=2, ensure_ascii=False)
    return HttpResponse(text, status=status, content_type="application/json")


def _base_url(request: HttpRequest) -> str:
    return f"{request.scheme}://{request.get_host()}"


def _close(request: HttpRequest) -> HttpResponse:
    """Hang up without an answer."""
    connection = request.META.get("gunicorn.socket")
    if isinstance(connection, socket.socket):
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
    return HttpResponse(status=500)
