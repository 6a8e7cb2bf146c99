"""Disputes: a payer's bank asks for the money back, takes it, and perhaps returns it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from repayments.payments.gateway import client as line
from repayments.payments.gateway.amounts import minor_units
from repayments.payments.gateway.client import call, client, id_of, pages, said, window

if TYPE_CHECKING:
    from stripe.params import DisputeListParams


@dataclass(frozen=True)
class DisputeFacts:
    """A Dispute as fetched.

    ``withdrawn`` and ``reinstated`` are minor units that its balance transactions took and gave
    back, without fees: what truly moved, whatever events told; ``withdrawn_at``, when it was taken,
    may be long after the bank first asked. ``respond_by`` is the deadline for evidence.
    """

    id: str
    status: str
    reason: str
    amount: int
    currency: str
    intent_id: str
    charge_id: str
    withdrawn: int
    reinstated: int
    respond_by: datetime | None
    created_at: datetime
    withdrawn_at: datetime | None = None


def fetch_dispute(dispute_id: str) -> DisputeFacts:
    """Fetch a dispute. Raises: GatewayError, GatewayMissing."""
    disputes = client().v1.disputes
    return _dispute(call(lambda: disputes.retrieve(dispute_id)))


def list_disputes(*, since: datetime, until: datetime) -> Iterator[DisputeFacts]:
    """List the disputes created in a span, both ends included, newest first."""
    disputes = client().v1.disputes
    created = window(since, until)

    def page(after: str) -> Any:
        params: DisputeListParams = {"created": created, "limit": line.PAGE_SIZE}
        if after:
            params["starting_after"] = after
        return disputes.list(params)

    return (_dispute(row) for row in pages(page))


def _dispute(row: Any) -> DisputeFacts:
    currency = row.currency.upper()
    moves = [minor_units(one.amount, currency) for one in row.balance_transactions]
    taken = [one.created for one in row.balance_transactions if one.amount < 0]
    due_by = getattr(row.evidence_details, "due_by", None)
    return DisputeFacts(
        id=row.id,
        status=row.status,
        reason=said(row, "reason"),
        amount=minor_units(row.amount, currency),
        currency=currency,
        intent_id=id_of(row.payment_intent),
        charge_id=id_of(row.charge),
        withdrawn=-sum(amount for amount in moves if amount < 0),
        reinstated=sum(amount for amount in moves if amount > 0),
        respond_by=datetime.fromtimestamp(due_by, UTC) if due_by else None,
        created_at=datetime.fromtimestamp(row.created, UTC),
        withdrawn_at=datetime.fromtimestamp(min(taken), UTC) if taken else None,
    )
