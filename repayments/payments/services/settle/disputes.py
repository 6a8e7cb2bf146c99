"""One dispute brought to where the gateway says it stands.

A payer's bank questions a charge: while that is open nobody is pressed (hold ``payment_dispute``)
and a person looks at it. Money moves in the books only as it truly moved, by the dispute's balance
transactions: once away, once back, whatever its label says and in whatever order news comes. What
a payment does not hold any more is not taken from it: a person is asked. Locks: loan, then payment.
"""

import logging
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from repayments.audit.services import record_event
from repayments.contacts.models import Hold
from repayments.contacts.services import HoldNotOpen, lift_hold, place_hold
from repayments.payments import gateway
from repayments.payments.gateway import DisputeFacts
from repayments.payments.models import Dispute, Payment, PostingKey, Suspense
from repayments.payments.services.going_back import count_going_back
from repayments.payments.services.settle.posting import lock_payment, take_key
from repayments.payments.services.settle.returns import (
    amount_of,
    complete_returns,
    post_return,
    undo_return,
)
from repayments.payments.services.settle.source import announce, ask_a_person, find_source
from repayments.payments.signals import payment_exception

logger = logging.getLogger(__name__)

DISPUTE = "dispute"
HOLD = "payment_dispute"
Kind = PostingKey.EntryKind


def settle_dispute(*, object_type: str, object_id: str, now: datetime) -> Dispute | None:
    """Bring one dispute to where the gateway says it stands; post what it took and gave back.

    Returns: the dispute as stored, or None where its money is none of ours.
    Raises: GatewayError when it, or the payment behind it, cannot be fetched; nothing was changed.
    """
    facts = gateway.fetch_dispute(object_id)
    source = find_source(facts.intent_id, now)
    if source is None:
        logger.error("dispute %s is of money that is not here", facts.id)
        return None
    if isinstance(source, Payment):
        dispute = _keep_of_payment(source.pk, facts, now)
    else:
        dispute = _keep_of_suspense(source.pk, facts, now)
    dispute.refresh_from_db()
    return dispute


@transaction.atomic
def _keep_of_payment(payment_id: int, facts: DisputeFacts, now: datetime) -> Dispute:
    payment = lock_payment(payment_id)
    dispute = _keep_row(facts, payment, now)
    _withdraw(dispute, payment, facts, now)
    _reinstate(dispute, payment, facts, now)
    count_going_back(payment)
    _hold_while_open(payment, now)
    return dispute


@transaction.atomic
def _keep_of_suspense(suspense_id: int, facts: DisputeFacts, now: datetime) -> Dispute:
    """Follow a dispute of money that no book holds: what the bank has is not there to be placed.

    Worked out from the facts each time, so it needs no key: the same news again is the same end.
    """
    suspense = Suspense.objects.select_for_update().get(pk=suspense_id)
    dispute = _keep_row(facts, None, now)
    taken = max(facts.withdrawn - facts.reinstated, 0)
    changed = Dispute.objects.filter(pk=dispute.pk).exclude(withdrawn=taken, suspense=suspense)
    if changed.update(withdrawn=taken, suspense=suspense, updated_at=now):
        action = "payments.dispute_withdrawn" if taken else "payments.dispute_reinstated"
        if taken != dispute.withdrawn:
            _record(dispute, None, action, now, amount=taken or dispute.withdrawn)
        transaction.on_commit(
            lambda: payment_exception.send(
                sender=Suspense, payment_id=None, suspense_id=suspense_id
            ),
            robust=True,
        )
    count_going_back(suspense)
    _close_what_is_gone(suspense, facts, taken, now)
    return dispute


def _close_what_is_gone(suspense: Suspense, facts: DisputeFacts, taken: int, now: datetime) -> None:
    """Close money that the bank has kept for good; open it again where the bank gave it back."""
    suspense.refresh_from_db()
    if facts.status == "lost" and taken and suspense.going_back == suspense.amount:
        Suspense.objects.filter(pk=suspense.pk, resolved_at__isnull=True).update(
            resolution=Suspense.Resolution.TAKEN, resolved_at=now
        )
    elif suspense.going_back < suspense.amount:
        Suspense.objects.filter(pk=suspense.pk, resolution=Suspense.Resolution.TAKEN).update(
            resolution="", resolved_at=None
        )


def _keep_row(facts: DisputeFacts, payment: Payment | None, now: datetime) -> Dispute:
    """Write or find the row, and bring its label along; one that has ended stays so."""
    dispute, created = Dispute.objects.get_or_create(
        dispute_id=facts.id,
        defaults={
            "payment": payment,
            "amount": facts.amount,
            "currency": facts.currency,
            "reason": facts.reason,
            "status": facts.status,
            "respond_by": facts.respond_by,
            "opened_at": now,
            "closed_at": now if facts.status in Dispute.ENDED else None,
            "updated_at": now,
        },
    )
    if created:
        _record(dispute, payment, "payments.dispute_opened", now)
        if payment is not None:
            announce(payment.pk)
        if dispute.closed_at is not None:
            _record(dispute, payment, "payments.dispute_closed", now)
        return dispute
    if payment is not None and dispute.payment_id is None:
        # Its money was unmatched when it was first heard of, and has found its loan since.
        Dispute.objects.filter(pk=dispute.pk).update(payment=payment)
        dispute.refresh_from_db()
    has_ended = facts.status in Dispute.ENDED
    changed = (
        Dispute.objects.filter(pk=dispute.pk, closed_at__isnull=True)
        .filter(~Q(status=facts.status) | ~Q(amount=facts.amount))
        .update(
            status=facts.status,
            amount=facts.amount,
            reason=facts.reason,
            respond_by=facts.respond_by,
            closed_at=now if has_ended else None,
            updated_at=now,
        )
    )
    if changed:
        dispute.refresh_from_db()
        _record(
            dispute,
            payment,
            "payments.dispute_closed" if has_ended else "payments.dispute_changed",
            now,
        )
    return dispute


def _withdraw(dispute: Dispute, payment: Payment, facts: DisputeFacts, now: datetime) -> None:
    """Post what the bank took, as far as the payment still holds it."""
    if not facts.withdrawn:
        return
    entry = post_return(
        payment,
        kind=Kind.CHARGEBACK,
        object_id=facts.id,
        amount=facts.withdrawn,
        went_at=facts.withdrawn_at or facts.created_at,
        actor=None,
        now=now,
    )
    Dispute.objects.filter(pk=dispute.pk, withdrawn=0).update(withdrawn=facts.withdrawn)
    if entry is None:
        return
    Dispute.objects.filter(pk=dispute.pk).update(withdrawn_entry=entry)
    dispute.refresh_from_db()
    _record(dispute, payment, "payments.dispute_withdrawn", now, amount=amount_of(entry))


def _reinstate(dispute: Dispute, payment: Payment, facts: DisputeFacts, now: datetime) -> None:
    """Let money that the bank gave back count again; a part of it is for a person."""
    if not facts.reinstated or not take_key(
        object_id=facts.id, kind=Kind.CHARGEBACK_REVERSAL, now=now
    ):
        return
    if facts.reinstated != facts.withdrawn:
        ask_a_person(
            payment, action="payments.dispute_part_returned", missing=facts.reinstated, now=now
        )
        return
    if dispute.withdrawn_entry_id is None:
        return
    entry = undo_return(
        payment,
        kind=Kind.CHARGEBACK,
        object_id=facts.id,
        entry_id=dispute.withdrawn_entry_id,
        now=now,
    )
    Dispute.objects.filter(pk=dispute.pk).update(reinstated_entry=entry)
    dispute.refresh_from_db()
    _record(dispute, payment, "payments.dispute_reinstated", now, amount=facts.reinstated)
    complete_returns(payment, now)


def _hold_while_open(payment: Payment, now: datetime) -> None:
    """Let nobody press for this loan while any dispute about it is open."""
    loan = payment.loan
    open_ones = Dispute.objects.filter(payment__loan=loan, closed_at__isnull=True)
    if open_ones.exists():
        place_hold(
            borrower=loan.borrower,
            name=HOLD,
            subject=loan.stream,
            reason="a bank questions a payment",
            actor=None,
            now=now,
        )
        return
    held = Hold.objects.filter(
        borrower=loan.borrower, subject=loan.stream, name=HOLD, lifted_at__isnull=True
    ).first()
    if held is None:
        return
    try:
        lift_hold(hold_id=held.pk, actor=None, now=now, reason="the bank has decided")
    except HoldNotOpen:
        logger.info("hold %s was lifted meanwhile", held.pk)


def _record(
    dispute: Dispute, payment: Payment | None, action: str, now: datetime, *, amount: int = 0
) -> None:
    record_event(
        stream=payment.loan.stream if payment else "payments:suspense",
        action=action,
        actor=None,
        at=now,
        payload={
            "dispute": dispute.dispute_id,
            "status": dispute.status,
            "amount": amount or dispute.amount,
            "currency": dispute.currency,
        },
    )
