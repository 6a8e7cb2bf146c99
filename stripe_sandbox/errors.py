"""Stripe's errors: type, code, parameter, message and HTTP status.

`InvalidRequest` is what a request fails with before anything is done; its result is not kept for
its idempotency key. `RequestRefused` is the same shape for a refusal met while executing, which
is kept. `CardError` is kept too, and so are the rows written on the way to it.
"""

from typing import Any


class StripeError(Exception):
    """Base: one error answer in Stripe's shape."""

    status = 400
    type = "invalid_request_error"
    stored = False
    commits = False

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        param: str = "",
        status: int | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param
        self.extra = extra or {}
        if status is not None:
            self.status = status

    def body(self, request_id: str) -> dict[str, Any]:
        """The JSON body; `request_id` names the line in the request log."""
        error: dict[str, Any] = {}
        if self.code:
            error["code"] = self.code
            error["doc_url"] = "https://stripe.com/docs/error-codes/" + self.code.replace("_", "-")
        error["message"] = self.message
        if self.param:
            error["param"] = self.param
        error["request_log_url"] = f"https://dashboard.stripe.com/test/logs/{request_id}"
        error["type"] = self.type
        error.update(self.extra)
        return {"error": error}


class InvalidRequest(StripeError):
    """The request is not well formed, or names something that does not exist."""


class RequestRefused(StripeError):
    """The request is well formed, and what it asks is not possible now."""

    stored = True


class AuthenticationError(StripeError):
    """No key, or not a test key."""

    status = 401


class PermissionDenied(StripeError):
    """A restricted key without the permission this endpoint asks."""

    status = 403


class IdempotencyMismatch(StripeError):
    """The key was used before with other parameters or another endpoint."""

    type = "idempotency_error"


class RateLimited(StripeError):
    """Too many requests."""

    status = 429


class ApiError(StripeError):
    """Something broke on the gateway's side."""

    status = 500
    type = "api_error"
    stored = True


class CardError(StripeError):
    """The card was declined; the failed attempt stays on record."""

    status = 402
    type = "card_error"
    stored = True
    commits = True


def missing_parameter(name: str) -> InvalidRequest:
    """A required parameter was not sent."""
    return InvalidRequest(f"Missing required param: {name}.", code="parameter_missing", param=name)


def no_such(noun: str, identifier: str, *, param: str = "id", status: int = 404) -> InvalidRequest:
    """An id that does not exist: 404 in the path, 400 as a parameter."""
    return InvalidRequest(
        f"No such {noun}: '{identifier}'", code="resource_missing", param=param, status=status
    )


def not_modeled(name: str) -> InvalidRequest:
    """Stripe knows the parameter; this sandbox would only pretend to."""
    return InvalidRequest(
        f"Stripe accepts '{name}', but this sandbox does not model it.",
        code="sandbox_not_modeled",
        param=name,
    )
