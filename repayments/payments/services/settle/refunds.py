"""One refund brought to where the gateway says it stands; what went back is posted, once.

Refunds asked for here, by a borrower or in the gateway's own pages end here alike. Holds: one entry
a refund id, however often and in whatever order its news comes; one that failed after it was posted
is undone once; what is held back of the payment follows. Refunds of unmatched money touch no book.
Locks: loan, payment; or the suspense row.
"""

import logging
import uuid
from datetime import datetime

from django.db import transaction
from django.db.models import Sum

from accounts.models import User
from repayments.audit.services import record_event
from repayments.payments import gateway
from repayments.payments.gateway import RefundFacts
from repayments.payments.models import Payment, PostingKey, Refund, Suspense
from repayments.payments.services.going_back import count_going_back
from repayments.payments.services.refund_messages import tell_of_refund
from repayments.payments.services.settle.posting import lock_payment, take_key
from repayments.payments.services.settle.returns import complete_returns, post_return, undo_return
from repayments.payments.services.settle.source import announce, find_source

logger = logging.getLogger(__name__)

REFUND = "refund"
Status = Refund.Status
Kind = PostingKey.EntryKind
# By the gateway's word; one it may invent changes nothing.
_TOLD = {
    "pending": Status.PENDING,
    "requires_action": Status.PENDING,
    "succeeded": Status.SUCCEEDED,
    "failed": Status.FAILED,
    "canceled": Status.CANCELED,
}
_GONE = (Status.FAILED, Status.CANCELED)


def settle_refund(*, object_type: str, object_id: str, now: datetime) -> Refund | None:
    """Bring one refund to where the gateway says it stands.

    Returns: the refund as stored, or None where its money is none of ours.
    Raises: GatewayError when it, or the payment behind it, cannot be fetched; nothing was changed.
    """
    return keep_refund(facts=gateway.fetch_refund(object_id), now=now)


def keep_refund(*, facts: RefundFacts, now: datetime) -> Refund | None:
    """Write down what the gateway has just said of a refund. See ``settle_refund``."""
    source = find_source(facts.intent_id, now)
    if source is None:
        logger.error("refund %s is of money that is not here", facts.id)
        return None
    with transaction.atomic():
        locked: Payment | Suspense
        if isinstance(source, Payment):
            locked = lock_payment(source.pk)
        else:
            locked = Suspense.objects.select_for_update().get(pk=source.pk)
        refund = _find_row(locked, facts) or _add_row(locked, facts, now)
        _move(refund, locked, facts, now)
    refund.refresh_from_db()
    return refund


def _find_row(source: Payment | Suspense, facts: RefundFacts) -> Refund | None:
    """The row this refund is; one that waits for an answer is known by its name alone."""
    known = Refund.objects.filter(refund_id=facts.id).first()
    if known is not None:
        return known
    try:
        name = uuid.UUID(facts.metadata.get("refund", ""))
    except ValueError:
        return None
    waiting = Refund.objects.filter(
        public_id=name, refund_id="", status__in=[Status.APPROVED, Status.UNKNOWN]
    )
    return waiting.filter(**_of(source)).first()


def _of(source: Payment | Suspense) -> dict[str, Payment | Suspense]:
    return {"payment" if isinstance(source, Payment) else "suspense": source}


def _add_row(source: Payment | Suspense, facts: RefundFacts, now: datetime) -> Refund:
    """A refund made in the gateway's own pages; its money has been sent, allowed here or not."""
    return Refund.objects.create(
        **_of(source),
        amount=facts.amount,
        currency=facts.currency,
        status=Status.APPROVED,
        origin=Refund.Origin.GATEWAY,
        reason=Refund.Reason.OTHER,
        refund_id=facts.id,
        needs_approval=False,
        created_at=now,
        updated_at=now,
    )


def _move(refund: Refund, source: Payment | Suspense, facts: RefundFacts, now: datetime) -> None:
    told = _TOLD.get(facts.status)
    if told is None:
        logger.error("refund %s has an unknown status %r", facts.id, facts.status)
        return
    before = refund.status
    changed = Refund.objects.filter(pk=refund.pk, status__in=Refund.TRANSITIONS[told]).update(
        status=told,
        amount=facts.amount,
        refund_id=facts.id,
        failure=facts.failure_reason if told in _GONE else "",
        updated_at=now,
    )
    if changed != 1:
        return
    refund.refresh_from_db()
    if isinstance(source, Payment):
        if told == Status.SUCCEEDED:
            _post(refund, source, facts, now)
        elif told in _GONE:
            _undo(refund, source, now)
    else:
        resolve_refunded(source, refund, now)
    count_going_back(source)
    record_refund(
        refund,
        action={
            Status.PENDING: "payments.refund_pending",
            Status.SUCCEEDED: "payments.refund_succeeded",
            Status.FAILED: "payments.refund_failed",
            Status.CANCELED: "payments.refund_canceled",
        }[told],
        now=now,
        before=before,
    )
    tell_of_refund(refund, before=before, now=now)
    if told in _GONE and refund.payment_id is not None:
        announce(refund.payment_id)


def _post(refund: Refund, payment: Payment, facts: RefundFacts, now: datetime) -> None:
    entry = post_return(
        payment,
        kind=Kind.REFUND,
        object_id=facts.id,
        amount=refund.amount,
        went_at=facts.created_at,
        actor=refund.decided_by,
        now=now,
    )
    if entry is not None:
        Refund.objects.filter(pk=refund.pk).update(entry=entry)


def _undo(refund: Refund, payment: Payment, now: datetime) -> None:
    """Let money that came back count again, if it had been posted as gone."""
    if refund.entry_id is None or not take_key(
        object_id=refund.refund_id, kind=Kind.REFUND_REVERSAL, now=now
    ):
        return
    entry = undo_return(
        payment,
        kind=Kind.REFUND,
        object_id=refund.refund_id,
        entry_id=refund.entry_id,
        now=now,
    )
    Refund.objects.filter(pk=refund.pk).update(undo_entry=entry)
    complete_returns(payment, now)


def resolve_refunded(suspense: Suspense, refund: Refund, now: datetime) -> None:
    """Mark unmatched money as sent back once all of it has gone, and not any more if it returns.

    Args:
        suspense: locked.
    """
    sent = Refund.objects.filter(suspense=suspense, status=Status.SUCCEEDED)
    gone = (sent.aggregate(total=Sum("amount"))["total"] or 0) >= suspense.amount
    if gone and suspense.resolved_at is None:
        Suspense.objects.filter(pk=suspense.pk, resolved_at__isnull=True).update(
            resolution=Suspense.Resolution.REFUNDED,
            note=refund.note,
            resolved_by=refund.decided_by,
            resolved_at=now,
        )
        _end_attempt(suspense, now)
    elif not gone and suspense.resolution == Suspense.Resolution.REFUNDED:
        Suspense.objects.filter(pk=suspense.pk).update(
            resolution="", note="", resolved_by=None, resolved_at=None
        )


def _end_attempt(suspense: Suspense, now: datetime) -> None:
    """End the attempt whose money went back, so that its loan can be paid again."""
    Payment.objects.filter(
        suspense=suspense,
        entry__isnull=True,
        status__in=Payment.TRANSITIONS[Payment.Status.CANCELED],
    ).update(status=Payment.Status.CANCELED, needs_review=False, updated_at=now)


def record_refund(
    refund: Refund,
    *,
    action: str,
    now: datetime,
    before: str = "",
    actor: User | None = None,
    reference: str = "",
) -> None:
    """Keep what became of a refund in the loan's stream, or in that of unmatched money."""
    payment = refund.payment or (refund.suspense.payment if refund.suspense else None)
    record_event(
        stream=payment.loan.stream if payment else "payments:suspense",
        action=action,
        actor=actor,
        at=now,
        payload={
            "refund": str(refund.public_id),
            "amount": refund.amount,
            "currency": refund.currency,
            "before": before,
            "failure": refund.failure,
            "reference": reference or refund.refund_id,
        },
    )
