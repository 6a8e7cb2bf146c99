"""Money to be sent back: proposed with a reason, then allowed or turned down by a second person.

What may still go back is held from the proposal on by one conditional update, and let go when the
refund is declined or fails. Who proposed a refund never approves it, nor does whose money it is.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from repayments.money import InvalidAmount, gateway_amount
from repayments.payments.models import (
    Dispute,
    Payment,
    Provider,
    Refund,
    RefundPolicy,
    Suspense,
)
from repayments.payments.services.going_back import count_going_back, hold_back
from repayments.payments.services.refund_messages import tell_of_refund
from repayments.payments.services.settle.posting import lock_payment
from repayments.payments.services.settle.refunds import (
    record_refund,
)
from repayments.payments.services.settle.source import announce

Status = Refund.Status
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
    """Who proposed a refund, or whose money it is, does not decide about it; nobody else withdraws
    it."""


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
    record_refund(refund, action="payments.refund_proposed", now=now, actor=actor)
    if origin == Refund.Origin.BORROWER and payment_id is not None:
        announce(payment_id)
    if alone:
        _check_person(refund, source, actor)
        _decide(refund, Status.APPROVED, note, actor, now, action="payments.refund_approved")
    return refund


@transaction.atomic
def approve_refund(*, refund_id: int, note: str, actor: User, now: datetime) -> Refund:
    """Allow a proposed refund; the caller has it sent after the commit.

    Raises: RefundAlreadyDecided, NotTheirsToDecide, ChargeDisputed.
    """
    refund, source = lock_refund(refund_id)
    _check_person(refund, source, actor)
    check_disputes(source)
    _decide(refund, Status.APPROVED, note, actor, now, action="payments.refund_approved")
    return refund


@transaction.atomic
def decline_refund(*, refund_id: int, note: str, actor: User, now: datetime) -> Refund:
    """Turn a proposed refund down; what was held for it is free again.

    Raises: RefundAlreadyDecided, NotTheirsToDecide.
    """
    refund, source = lock_refund(refund_id)
    if refund.needs_approval and refund.proposed_by_id == actor.pk:
        raise NotTheirsToDecide(
            _("You proposed this refund, so a colleague decides about it. You can withdraw it.")
        )
    _check_person(refund, source, actor)
    _decide(refund, Status.DECLINED, note, actor, now, action="payments.refund_declined")
    count_going_back(source)
    tell_of_refund(refund, before=Status.PROPOSED, now=now)
    return refund


@transaction.atomic
def withdraw_refund(*, refund_id: int, note: str, actor: User, now: datetime) -> Refund:
    """Take one's own proposal back before anybody has decided; what was held for it is free again.

    Raises: RefundAlreadyDecided, NotTheirsToDecide.
    """
    refund, source = lock_refund(refund_id)
    if refund.proposed_by_id != actor.pk:
        raise NotTheirsToDecide(
            _("Only who proposed a refund withdraws it. You can decline it, and say why.")
        )
    _decide(refund, Status.WITHDRAWN, note, actor, now, action="payments.refund_withdrawn")
    count_going_back(source)
    return refund


# --- Checks -------------------------------------------------------------------------------------


def _check(source: Payment | Suspense, amount: int, now: datetime) -> None:
    """Refuse what can be seen before anything is held; the held amount is the last word."""
    if source.refundable <= 0:
        raise NothingToRefund(_("Nothing of this money can be sent back any more."))
    if amount < 1:
        raise RefundTooLarge(_("The amount has to be above zero."))
    if amount > source.refundable:
        raise RefundTooLarge(_("That is more than is left of this money."))
    check_disputes(source)
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


def check_disputes(source: Payment | Suspense) -> None:
    """Refuse while the payer's bank has the money, or has asked for it.

    Raises: ChargeDisputed.
    """
    which = {"payment": source} if isinstance(source, Payment) else {"suspense": source}
    disputes = Dispute.objects.filter(**which)
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


def lock_refund(refund_id: int) -> tuple[Refund, Payment | Suspense]:
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


def _decide(
    refund: Refund, status: Status, note: str, actor: User, now: datetime, *, action: str
) -> None:
    # Nobody has decided what its own proposer takes back.
    decided_by = None if status == Status.WITHDRAWN else actor
    changed = Refund.objects.filter(pk=refund.pk, status__in=Refund.TRANSITIONS[status]).update(
        status=status, decided_by=decided_by, decided_at=now, decision_note=note, updated_at=now
    )
    if changed != 1:
        raise RefundAlreadyDecided(_("This refund has already been decided."))
    refund.refresh_from_db()
    record_refund(refund, action=action, now=now, actor=actor)
