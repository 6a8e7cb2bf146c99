"""Money going back at the modeled gateway: refunds and disputes, and what Stripe refuses of them.

A refund takes its money at once and gives it back if it fails; a dispute moves money only when the
bank takes it, and when it returns it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from repayments.payments.gateway import (
    DisputeFacts,
    GatewayMissing,
    GatewayRefused,
    RefundFacts,
    RefundRequest,
)

OPEN = ("needs_response", "under_review", "lost")


@dataclass
class Refund:
    """A refund of an intent's charge."""

    id: str
    intent: Any
    amount: int
    metadata: dict[str, str]
    created_at: datetime
    status: str

    @property
    def is_live(self) -> bool:
        return self.status in ("pending", "succeeded")


@dataclass
class Dispute:
    """A payer's bank questions a charge."""

    id: str
    intent: Any
    amount: int
    created_at: datetime
    status: str
    withdrawn: int = 0
    withdrawn_at: datetime | None = None
    reinstated: int = 0


class MoneyBack:
    """The part of the gateway's model that sends money back; mixed into it."""

    def create_refund(self: Any, request: RefundRequest, *, key: str) -> RefundFacts:
        return self._once(key, request, lambda: self._create_refund(request))

    def _create_refund(self: Any, request: RefundRequest) -> RefundFacts:
        intent = self.intents.get(request.intent_id)
        if intent is None or request.currency != intent.currency:
            raise GatewayRefused("no such payment_intent", code="resource_missing")
        refund = self.send_back(intent, request.amount, {"refund": request.refund})
        return self.refund_facts(refund)

    def send_back(self: Any, intent: Any, amount: int, metadata: dict[str, str]) -> Refund:
        """Refund a part of a charge. Raises: GatewayRefused as Stripe would."""
        disputes = [one for one in self.disputes.values() if one.intent is intent]
        if any(one.status in OPEN for one in disputes):
            raise GatewayRefused("the charge is disputed", code="charge_disputed")
        if amount > self.left(intent):
            raise GatewayRefused("more than is left", code="amount_too_large")
        status = self.rng.choice(("succeeded", "succeeded", "pending"))
        refund = Refund(self.name("re"), intent, amount, metadata, self.clock(), status)
        self.refunds[refund.id] = refund
        self.move("refund", -amount, intent.currency, refund.id)
        self.tell("refund.created", "refund", refund.id)
        return refund

    def left(self: Any, intent: Any) -> int:
        """What of a charge was neither refunded nor taken back by a bank."""
        gone = sum(one.amount for one in self.refunds.values() if self.is_gone(one, intent))
        taken = sum(
            one.withdrawn - one.reinstated for one in self.disputes.values() if one.intent is intent
        )
        return intent.received - gone - taken

    def is_gone(self, refund: Refund, intent: Any) -> bool:
        return refund.intent is intent and refund.is_live

    def end_refund(self: Any, refund: Refund, *, succeeds: bool) -> None:
        """A pending one arrives or fails; one that had arrived may be returned by the bank."""
        refund.status = "succeeded" if succeeds else "failed"
        if not succeeds:
            self.move("refund_failure", refund.amount, refund.intent.currency, refund.id)
            self.tell("refund.failed", "refund", refund.id)
        self.tell("refund.updated", "refund", refund.id)

    def question(self: Any, intent: Any, amount: int, *, only_asks: bool) -> Dispute:
        """The payer's bank opens a dispute, or an inquiry that moves no money."""
        status = "warning_needs_response" if only_asks else "needs_response"
        dispute = Dispute(self.name("dp"), intent, amount, self.clock(), status)
        self.disputes[dispute.id] = dispute
        self.tell("charge.dispute.created", "dispute", dispute.id)
        return dispute

    def withdraw(self: Any, dispute: Dispute) -> None:
        dispute.withdrawn, dispute.withdrawn_at = dispute.amount, self.clock()
        self.move("dispute", -dispute.amount, dispute.intent.currency, dispute.id)
        self.tell("charge.dispute.funds_withdrawn", "dispute", dispute.id)

    def decide(self: Any, dispute: Dispute, status: str) -> None:
        """Won, lost or closed; a dispute that is won gives back what it took."""
        dispute.status = status
        if status == "won" and dispute.withdrawn:
            dispute.reinstated = dispute.withdrawn
            self.move("dispute_reversal", dispute.amount, dispute.intent.currency, dispute.id)
            self.tell("charge.dispute.funds_reinstated", "dispute", dispute.id)
        self.tell("charge.dispute.closed", "dispute", dispute.id)

    # --- What the portal asks -------------------------------------------------------------------

    def fetch_refund(self: Any, refund_id: str) -> RefundFacts:
        if refund_id not in self.refunds:
            raise GatewayMissing("no such refund", code="resource_missing")
        return self.refund_facts(self.refunds[refund_id])

    def fetch_dispute(self: Any, dispute_id: str) -> DisputeFacts:
        if dispute_id not in self.disputes:
            raise GatewayMissing("no such dispute", code="resource_missing")
        return self.dispute_facts(self.disputes[dispute_id])

    def list_refunds(self: Any, *, since: datetime, until: datetime) -> Iterator[RefundFacts]:
        found = self.between(self.refunds.values(), since, until)
        return iter([self.refund_facts(refund) for refund in found])

    def list_refunds_of(self: Any, intent_id: str) -> Iterator[RefundFacts]:
        found = [one for one in self.refunds.values() if one.intent.id == intent_id]
        return iter([self.refund_facts(refund) for refund in reversed(found)])

    def list_disputes(self: Any, *, since: datetime, until: datetime) -> Iterator[DisputeFacts]:
        found = self.between(self.disputes.values(), since, until)
        return iter([self.dispute_facts(dispute) for dispute in found])

    def refund_facts(self, refund: Refund) -> RefundFacts:
        return RefundFacts(
            id=refund.id,
            status=refund.status,
            amount=refund.amount,
            currency=refund.intent.currency,
            intent_id=refund.intent.id,
            charge_id=f"ch_{refund.intent.id}",
            metadata=dict(refund.metadata),
            failure_reason="lost_or_stolen_card" if refund.status == "failed" else "",
            created_at=refund.created_at,
        )

    def dispute_facts(self, dispute: Dispute) -> DisputeFacts:
        return DisputeFacts(
            id=dispute.id,
            status=dispute.status,
            reason="fraudulent",
            amount=dispute.amount,
            currency=dispute.intent.currency,
            intent_id=dispute.intent.id,
            charge_id=f"ch_{dispute.intent.id}",
            withdrawn=dispute.withdrawn,
            reinstated=dispute.reinstated,
            respond_by=None,
            created_at=dispute.created_at,
            withdrawn_at=dispute.withdrawn_at,
        )
