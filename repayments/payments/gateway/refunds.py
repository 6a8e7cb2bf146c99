"""Refunds: money of a charge sent back, asked for here or in the gateway's own pages."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from repayments.money import gateway_amount
from repayments.payments.gateway import client as line
from repayments.payments.gateway.amounts import minor_units
from repayments.payments.gateway.client import (
    call,
    client,
    id_of,
    metadata_of,
    pages,
    said,
    window,
)

if TYPE_CHECKING:
    from stripe.params import RefundCreateParams, RefundListParams


@dataclass(frozen=True)
class RefundFacts:
    """A Refund as fetched.

    ``status`` is pending, requires_action, succeeded, failed or canceled.
    """

    id: str
    status: str
    amount: int
    currency: str
    intent_id: str
    charge_id: str
    metadata: Mapping[str, str]
    failure_reason: str
    created_at: datetime


@dataclass(frozen=True)
class RefundRequest:
    """``amount`` in minor units; equal requests are sent as equal bytes."""

    refund: str
    intent_id: str
    amount: int
    currency: str


def create_refund(request: RefundRequest, *, key: str) -> RefundFacts:
    """Send money back, or get the refund made before under the same key.

    Raises: GatewayTimeout, GatewayBusy: not known whether it took effect. GatewayRefused: nothing
    was sent (``charge_already_refunded``, ``charge_disputed``, ``amount_too_large``...).
    """
    params: RefundCreateParams = {
        "payment_intent": request.intent_id,
        "amount": gateway_amount(request.amount, request.currency),
        "reason": "requested_by_customer",
        "metadata": {"refund": request.refund},
    }
    refunds = client().v1.refunds
    return _refund(call(lambda: refunds.create(params, {"idempotency_key": key})))


def fetch_refund(refund_id: str) -> RefundFacts:
    """Fetch a refund. Raises: GatewayError, GatewayMissing."""
    refunds = client().v1.refunds
    return _refund(call(lambda: refunds.retrieve(refund_id)))


def list_refunds(*, since: datetime, until: datetime) -> Iterator[RefundFacts]:
    """List the refunds created in a span, both ends included, newest first."""
    return _list({"created": window(since, until)})


def list_refunds_of(intent_id: str) -> Iterator[RefundFacts]:
    """List all refunds of one payment, newest first."""
    return _list({"payment_intent": intent_id})


def _list(which: "RefundListParams") -> Iterator[RefundFacts]:
    refunds = client().v1.refunds

    def page(after: str) -> Any:
        params: RefundListParams = {**which, "limit": line.PAGE_SIZE}
        if after:
            params["starting_after"] = after
        return refunds.list(params)

    return (_refund(row) for row in pages(page))


def _refund(row: Any) -> RefundFacts:
    currency = row.currency.upper()
    return RefundFacts(
        id=row.id,
        status=row.status or "",
        amount=minor_units(row.amount, currency),
        currency=currency,
        intent_id=id_of(row.payment_intent),
        charge_id=id_of(row.charge),
        metadata=metadata_of(row),
        failure_reason=said(row, "failure_reason"),
        created_at=datetime.fromtimestamp(row.created, UTC),
    )
