"""Send an approved refund, once: by the gateway, or by a person at the lender's bank.

The call is made with no transaction open under the row's own key: an answer that got lost is looked
for at the gateway first, then asked for again under the same key. What the gateway refuses ends
with its reason, and what was held for it is free again.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from repayments.clock import lender_zone
from repayments.ledger.models import JournalEntry
from repayments.loans.services import return_money
from repayments.payments import gateway
from repayments.payments.gateway import (
    GatewayBusy,
    GatewayError,
    GatewayMisconfigured,
    GatewayRefused,
    GatewayTimeout,
    RefundFacts,
    RefundRequest,
)
from repayments.payments.models import Payment, PostingKey, Provider, Refund, Suspense
from repayments.payments.providers import provider_of
from repayments.payments.services.failed_calls import note_failed_call
from repayments.payments.services.going_back import count_going_back
from repayments.payments.services.refund import (
    ChargeDisputed,
    RefundAlreadyDecided,
    check_disputes,
    lock_refund,
)
from repayments.payments.services.refund_messages import tell_of_refund
from repayments.payments.services.settle.posting import keep_entry, take_key
from repayments.payments.services.settle.refunds import (
    keep_refund,
    record_refund,
    resolve_refunded,
)
from repayments.payments.services.settle.source import announce

Status = Refund.Status
# A call whose answer was lost may still be on its way this long.
CALL_AGE = timedelta(minutes=2)


def send_refund(*, refund_id: int, now: datetime) -> Refund:
    """Have the gateway send an approved refund, or find out what became of it; safe to repeat.

    Returns: the refund as stored; unchanged if it was sent, declined or is a bank's to send.
    Raises: GatewayError where it is not known whether it was sent (the row says "unknown"), and
        where the portal's key does not allow it; both are tried again.
    """
    refund = Refund.objects.select_related("payment", "suspense").get(pk=refund_id)
    source = _source_of(refund)
    if refund.status not in (Status.APPROVED, Status.UNKNOWN) or source.provider == Provider.BANK:
        return refund
    try:
        facts = _look_for(refund, source, now) or _create(refund, source)
    except ChargeDisputed:
        return _end(refund_id, "charge_disputed", now)
    except GatewayMisconfigured as error:
        _note(refund, error, now)
        # A job for an operator: the refund stays approved and goes once the key may send it.
        raise
    except GatewayRefused as error:
        _note(refund, error, now)
        return _end(refund_id, error.code or "refused", now)
    except (GatewayTimeout, GatewayBusy) as error:
        _note(refund, error, now)
        _mark_unknown(refund_id, now)
        raise
    return keep_refund(facts=facts, now=now) or refund


@transaction.atomic
def record_bank_refund(*, refund_id: int, reference: str, actor: User, now: datetime) -> Refund:
    """Record that a named person has sent an approved refund from the lender's bank.

    Args:
        reference: of the transfer, as the bank names it.
    Raises: RefundAlreadyDecided if it does not wait to be sent by bank.
    """
    refund, source = lock_refund(refund_id)
    if source.provider != Provider.BANK:
        raise RefundAlreadyDecided(_("The gateway sends this refund."))
    changed = Refund.objects.filter(pk=refund_id, status=Status.APPROVED).update(
        status=Status.SUCCEEDED, updated_at=now
    )
    if changed != 1:
        raise RefundAlreadyDecided(_("This refund does not wait to be sent."))
    refund.refresh_from_db()
    if isinstance(source, Payment):
        _post_bank_refund(refund, source, actor, now)
    else:
        resolve_refunded(source, refund, now)
    count_going_back(source)
    record_refund(
        refund, action="payments.refund_sent_by_bank", now=now, actor=actor, reference=reference
    )
    tell_of_refund(refund, before=Status.APPROVED, now=now)
    return refund


def list_refunds_to_send(*, now: datetime) -> list[int]:
    """Name refunds that were to be sent and whose answer is missing, oldest first."""
    rows = Refund.objects.filter(
        status__in=[Status.APPROVED, Status.UNKNOWN], updated_at__lt=now - CALL_AGE
    ).exclude(payment__provider=Provider.BANK)
    return list(
        rows.exclude(suspense__provider=Provider.BANK)
        .order_by("updated_at")
        .values_list("pk", flat=True)[:200]
    )


def _source_of(refund: Refund) -> Payment | Suspense:
    source = refund.payment or refund.suspense
    assert source is not None
    return source


def _intent_of(source: Payment | Suspense) -> str:
    return source.intent_id if isinstance(source, Payment) else source.object_id


def _create(refund: Refund, source: Payment | Suspense) -> RefundFacts:
    """Ask the gateway, with what the row alone says: asked again, it is the same call."""
    check_disputes(source)
    request = RefundRequest(
        refund=str(refund.public_id),
        intent_id=_intent_of(source),
        amount=refund.amount,
        currency=refund.currency,
    )
    sent = provider_of(source.provider).refund(request, key=refund.idempotency_key)
    # Refunds that a person has to send by hand do not come here.
    assert sent is not None
    return sent


def _look_for(refund: Refund, source: Payment | Suspense, now: datetime) -> RefundFacts | None:
    """Find a refund whose answer was lost at the gateway; None on the first try.

    The gateway forgets keys after a day: asked again then, it would send the money twice.
    """
    decided_at = refund.decided_at or refund.created_at
    if refund.status == Status.APPROVED and decided_at > now - CALL_AGE:
        return None
    found = gateway.list_refunds_of(_intent_of(source))
    name = str(refund.public_id)
    return next((one for one in found if one.metadata.get("refund") == name), None)


@transaction.atomic
def _mark_unknown(refund_id: int, now: datetime) -> None:
    refund, _source = lock_refund(refund_id)
    changed = Refund.objects.filter(
        pk=refund_id, status__in=Refund.TRANSITIONS[Status.UNKNOWN]
    ).update(status=Status.UNKNOWN, updated_at=now)
    if changed == 1:
        record_refund(refund, action="payments.refund_unknown", now=now, before=refund.status)


@transaction.atomic
def _end(refund_id: int, why: str, now: datetime) -> Refund:
    """End a refund that the gateway refused: nothing was sent, and a person looks at why."""
    refund, source = lock_refund(refund_id)
    before = refund.status
    changed = Refund.objects.filter(
        pk=refund_id, status__in=[Status.APPROVED, Status.UNKNOWN], refund_id=""
    ).update(status=Status.FAILED, failure=why[:60], updated_at=now)
    refund.refresh_from_db()
    if changed == 1:
        count_going_back(source)
        record_refund(refund, action="payments.refund_failed", now=now, before=before)
        tell_of_refund(refund, before=before, now=now)
        if refund.payment_id is not None:
            announce(refund.payment_id)
    return refund


def _post_bank_refund(refund: Refund, payment: Payment, actor: User, now: datetime) -> None:
    name = f"bank:{refund.public_id}"
    kind, bank = PostingKey.EntryKind.REFUND, Provider.BANK
    if not take_key(object_id=name, kind=kind, provider=bank, now=now, moved_at=now):
        return
    assert payment.entry_id is not None
    entry = return_money(
        entry_id=payment.entry_id,
        amount=refund.amount,
        kind=JournalEntry.Kind.REFUND,
        reference=name,
        effective_date=now.astimezone(lender_zone()).date(),
        actor=actor,
        now=now,
    )
    keep_entry(object_id=name, kind=kind, provider=bank, entry=entry)
    Refund.objects.filter(pk=refund.pk).update(entry=entry)


def _note(refund: Refund, error: GatewayError, now: datetime) -> None:
    note_failed_call(what="refund", error=error, now=now, payment_id=refund.payment_id)
