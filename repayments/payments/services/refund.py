"""Send money back: proposed with a reason, allowed by a second person, then sent, once.

What may still go back is held from the proposal on by one conditional update, and let go when the
refund is declined or fails. The call is made with no transaction open under the row's own key: an
answer that got lost is looked for at the gateway first, then asked for again under the same key.
Refunds of bank transfers are sent by a person at the bank, who records that here.
"""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from repayments.clock import lender_zone
from repayments.ledger.models import JournalEntry
from repayments.loans.services import return_money
from repayments.money import InvalidAmount, gateway_amount
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
from repayments.payments.models import (
    Dispute,
    Payment,
    PostingKey,
    Provider,
    Refund,
    RefundPolicy,
    Suspense,
)
from repayments.payments.services.going_back import count_going_back, hold_back
from repayments.payments.services.refund_messages import tell_of_refund
from repayments.payments.services.settle.posting import keep_entry, lock_payment, take_key
from repayments.payments.services.settle.refunds import (
    keep_refund,
    record_refund,
    resolve_refunded,
)
from repayments.payments.services.settle.source import announce

logger = logging.getLogger(__name__)

Status = Refund.Status
# A call whose answer was lost may still be on its way this long.
CALL_AGE = timedelta(minutes=2)
# A wallet takes nothing back later than this.
LONGEST_DAYS = {Payment.Method.ALIPAY: 90, Payment.Method.WECHAT_PAY: 180}


class RefundRefused(Exception):
    """This refund may not be, or not now; the message says why. Nothing was changed."""


class NothingToRefund(RefundRefused):
    """The money has not come, or has been placed or sent back already."""


class RefundTooLarge(RefundRefused):
    """More than is left of the money."""


class ChargeDisputed(RefundRefused):
    """The payer's bank has taken the money back, or is about to."""


class RefundAlreadyDecided(RefundRefused):
    """It was approved, declined or sent before."""


class NotTheirsToDecide(RefundRefused):
    """Who proposed a refund, or whose money it is, does not approve it."""


def needs_second_person(*, amount: int, currency: str, origin: str) -> bool:
    """Tell whether a refund waits for somebody else's approval.

    Without a policy for the currency, and for what a borrower asks for, it always does.
    """
    policy = RefundPolicy.objects.filter(currency=currency).first()
    is_ours = origin == Refund.Origin.STAFF
    return not is_ours or policy is None or amount > policy.approve_above


@transaction.atomic
def propose_refund(
    *,
    amount: int,
    reason: str,
    note: str,
    actor: User,
    origin: str,
    now: datetime,
    payment_id: int | None = None,
    suspense_id: int | None = None,
) -> Refund:
    """Propose to send money back, and hold it; below the policy's amount it is approved at once.

    Args:
        amount: minor units of the money's currency.
        reason: a ``Refund.Reason``.
        payment_id, suspense_id: what it is of, one of the two.
    Returns: the refund, proposed or approved.
    Raises: RefundRefused and its kinds.
    """
    source = _lock_source(payment_id, suspense_id)
    _check(source, amount, now)
    if not hold_back(source, amount):
        raise RefundTooLarge(_("That is more than is left of this money."))
    alone = not needs_second_person(amount=amount, currency=source.currency, origin=origin)
    refund = Refund.objects.create(
        payment_id=payment_id,
        suspense_id=suspense_id,
        amount=amount,
        currency=source.currency,
        origin=origin,
        reason=reason,
        note=note,
        needs_approval=not alone,
        proposed_by=actor,
        created_at=now,
        updated_at=now,
    )
    record_refund(refund, "proposed", now, actor=actor)
    if origin == Refund.Origin.BORROWER and payment_id is not None:
        announce(payment_id)
    if alone:
        _check_person(refund, source, actor)
        _decide(refund, Status.APPROVED, note, actor, now)
    return refund


@transaction.atomic
def approve_refund(*, refund_id: int, note: str, actor: User, now: datetime) -> Refund:
    """Allow a proposed refund; the caller has it sent after the commit.

    Raises: RefundAlreadyDecided, NotTheirsToDecide, ChargeDisputed.
    """
    refund, source = _lock(refund_id)
    _check_person(refund, source, actor)
    _check_disputes(source)
    _decide(refund, Status.APPROVED, note, actor, now)
    return refund


@transaction.atomic
def decline_refund(*, refund_id: int, note: str, actor: User, now: datetime) -> Refund:
    """Turn a proposed refund down; what was held for it is free again.

    Raises: RefundAlreadyDecided.
    """
    refund, source = _lock(refund_id)
    _decide(refund, Status.DECLINED, note, actor, now)
    count_going_back(source)
    tell_of_refund(refund, before=Status.PROPOSED, now=now)
    return refund


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
        _check_disputes(source)
        facts = _look_for(refund, source, now) or gateway.create_refund(
            RefundRequest(
                refund=str(refund.public_id),
                intent_id=_intent_of(source),
                amount=refund.amount,
                currency=refund.currency,
            ),
            key=refund.idempotency_key,
        )
    except ChargeDisputed:
        return _end(refund_id, "charge_disputed", now)
    except GatewayMisconfigured:
        # A job for an operator: the refund stays approved and goes once the key may send it.
        raise
    except GatewayRefused as error:
        _complain(refund, error)
        return _end(refund_id, error.code or "refused", now)
    except (GatewayTimeout, GatewayBusy) as error:
        _complain(refund, error)
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
    refund, source = _lock(refund_id)
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
    record_refund(refund, "sent_by_bank", now, actor=actor, reference=reference)
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


# --- Checks -------------------------------------------------------------------------------------


def _check(source: Payment | Suspense, amount: int, now: datetime) -> None:
    """Refuse what can be seen before anything is held; the held amount is the last word."""
    if source.refundable <= 0:
        raise NothingToRefund(_("Nothing of this money can be sent back any more."))
    if amount < 1:
        raise RefundTooLarge(_("The amount has to be above zero."))
    if amount > source.refundable:
        raise RefundTooLarge(_("That is more than is left of this money."))
    _check_disputes(source)
    if source.provider == Provider.BANK:
        return
    try:
        gateway_amount(amount, source.currency)
    except InvalidAmount as error:
        raise RefundTooLarge(_("The last digit of a card payment has to be 0.")) from error
    if isinstance(source, Payment) and source.succeeded_at is not None:
        longest = LONGEST_DAYS.get(Payment.Method(source.method)) if source.method else None
        if longest is not None and now > source.succeeded_at + timedelta(days=longest):
            raise NothingToRefund(
                _("{method} takes nothing back after {days} days.").format(
                    method=source.get_method_display(), days=longest
                )
            )


def _check_disputes(source: Payment | Suspense) -> None:
    """Refuse while the payer's bank has the money, or has asked for it.

    Raises: ChargeDisputed.
    """
    if not isinstance(source, Payment):
        return
    disputes = Dispute.objects.filter(payment=source)
    if disputes.exclude(status__in=Dispute.REFUNDABLE).exists():
        raise ChargeDisputed(
            _("The payer's bank has taken this payment back. It cannot be refunded as well.")
        )


def _check_person(refund: Refund, source: Payment | Suspense, actor: User) -> None:
    if refund.needs_approval and refund.proposed_by_id == actor.pk:
        raise NotTheirsToDecide(_("Somebody else has to approve what you proposed."))
    payment = source if isinstance(source, Payment) else source.payment
    if payment is not None and payment.loan.borrower.user_id == actor.pk:
        raise NotTheirsToDecide(_("Somebody else has to decide about your own money."))


# --- Writing ------------------------------------------------------------------------------------


def _lock(refund_id: int) -> tuple[Refund, Payment | Suspense]:
    """Lock loan, payment and refund, or unmatched money and refund."""
    found = Refund.objects.get(pk=refund_id)
    source = _lock_source(found.payment_id, found.suspense_id)
    return Refund.objects.select_for_update().get(pk=refund_id), source


def _lock_source(payment_id: int | None, suspense_id: int | None) -> Payment | Suspense:
    if payment_id is not None and suspense_id is None:
        return lock_payment(payment_id)
    if suspense_id is not None and payment_id is None:
        return Suspense.objects.select_for_update().get(pk=suspense_id)
    raise ValueError("a refund is of a payment or of unmatched money")


def _decide(refund: Refund, status: Status, note: str, actor: User, now: datetime) -> None:
    changed = Refund.objects.filter(pk=refund.pk, status__in=Refund.TRANSITIONS[status]).update(
        status=status, decided_by=actor, decided_at=now, decision_note=note, updated_at=now
    )
    if changed != 1:
        raise RefundAlreadyDecided(_("This refund has already been decided."))
    refund.refresh_from_db()
    record_refund(refund, status.value, now, actor=actor)


def _source_of(refund: Refund) -> Payment | Suspense:
    source = refund.payment or refund.suspense
    assert source is not None
    return source


def _intent_of(source: Payment | Suspense) -> str:
    return source.intent_id if isinstance(source, Payment) else source.object_id


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
    refund, _source = _lock(refund_id)
    changed = Refund.objects.filter(
        pk=refund_id, status__in=Refund.TRANSITIONS[Status.UNKNOWN]
    ).update(status=Status.UNKNOWN, updated_at=now)
    if changed == 1:
        record_refund(refund, Status.UNKNOWN.value, now, before=refund.status)


@transaction.atomic
def _end(refund_id: int, why: str, now: datetime) -> Refund:
    """End a refund that the gateway refused: nothing was sent, and a person looks at why."""
    refund, source = _lock(refund_id)
    before = refund.status
    changed = Refund.objects.filter(
        pk=refund_id, status__in=[Status.APPROVED, Status.UNKNOWN], refund_id=""
    ).update(status=Status.FAILED, failure=why[:60], updated_at=now)
    refund.refresh_from_db()
    if changed == 1:
        count_going_back(source)
        record_refund(refund, Status.FAILED.value, now, before=before)
        tell_of_refund(refund, before=before, now=now)
        if refund.payment_id is not None:
            announce(refund.payment_id)
    return refund


def _post_bank_refund(refund: Refund, payment: Payment, actor: User, now: datetime) -> None:
    name = f"bank:{refund.public_id}"
    taken = {"object_id": name, "kind": PostingKey.EntryKind.REFUND, "provider": Provider.BANK}
    if not take_key(**taken, now=now):
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
    keep_entry(**taken, entry=entry)
    Refund.objects.filter(pk=refund.pk).update(entry=entry)


def _complain(refund: Refund, error: GatewayError) -> None:
    logger.error(
        "gateway call of refund %s: %s code=%s request=%s: %s",
        refund.public_id,
        type(error).__name__,
        error.code,
        error.request_id,
        error,
    )
