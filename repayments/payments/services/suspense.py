"""Unmatched money finds an owner, and by a person's act its place: a loan of ours.

It leaves suspense once: by a conditional update, and by its posting key, the one that settling
would have taken. Sending it back is a refund of it and begins with the refunds.
"""

from datetime import date, datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from repayments.audit.services import record_event
from repayments.clock import lender_zone
from repayments.loans.models import Loan
from repayments.loans.services import LoanTakesNoPayments, record_payment
from repayments.payments.models import BankLine, Payment, PostingKey, Suspense
from repayments.payments.services.received import tell_received
from repayments.payments.services.settle.posting import keep_entry, take_key
from repayments.payments.services.transfers import post_transfer
from repayments.payments.signals import payment_settled

Status = Payment.Status


class SuspenseRefused(Exception):
    """This money cannot go there; the message says why. Nothing was changed."""


class SuspenseAlreadyPlaced(SuspenseRefused):
    """Somebody was faster: the money has its place, or is on its way back."""


def take_suspense(*, suspense_id: int, owner: User, actor: User | None, now: datetime) -> bool:
    """Give unmatched money an owner where it has none; False if somebody was faster."""
    return _set_owner(Suspense.objects.filter(owner__isnull=True), suspense_id, owner, actor, now)


def hand_over_suspense(*, suspense_id: int, owner: User, actor: User, now: datetime) -> bool:
    """Give unmatched money to another owner; False if it is placed, or theirs already."""
    return _set_owner(Suspense.objects.exclude(owner=owner), suspense_id, owner, actor, now)


@transaction.atomic
def resolve_suspense_to_loan(
    *, suspense_id: int, loan_id: int, reason: str, actor: User, now: datetime
) -> Payment:
    """Post unmatched money to a loan, counting from the day it came; once.

    Args:
        reason: why it belongs there, in the words of whoever says so.
    Locks: the loan.
    Raises: SuspenseAlreadyPlaced, SuspenseRefused.
    """
    loan = Loan.objects.select_for_update().get(pk=loan_id)
    suspense = Suspense.objects.select_related("payment").get(pk=suspense_id)
    if suspense.currency != loan.currency:
        raise SuspenseRefused(
            _("This money is in {theirs} and the loan in {ours}: it can only be sent back.").format(
                theirs=suspense.currency, ours=loan.currency
            )
        )
    changed = Suspense.objects.filter(
        pk=suspense_id, resolved_at__isnull=True, going_back=0
    ).update(resolution=Suspense.Resolution.POSTED, note=reason, resolved_by=actor, resolved_at=now)
    if changed != 1 or not take_key(
        object_id=suspense.object_id,
        kind=PostingKey.EntryKind.PAYMENT,
        now=now,
        provider=suspense.provider,
    ):
        raise SuspenseAlreadyPlaced(
            _("This money has found its place already, or is on its way back.")
        )
    try:
        payment = _post(suspense, loan, actor, now)
    except LoanTakesNoPayments as error:
        raise SuspenseRefused(str(error)) from error
    record_event(
        stream=loan.stream,
        action="payments.suspense_posted",
        actor=actor,
        at=now,
        payload={
            "object": suspense.object_id,
            "amount": suspense.amount,
            "currency": suspense.currency,
            "reason": reason,
        },
    )
    return payment


def _post(suspense: Suspense, loan: Loan, actor: User, now: datetime) -> Payment:
    line = BankLine.objects.filter(suspense=suspense).first()
    if line is not None:
        return post_transfer(line=line, loan=loan, actor=actor, now=now)
    came_on = _came_on(suspense)
    entry = record_payment(
        loan_id=loan.pk,
        amount=suspense.amount,
        effective_date=came_on,
        reference=suspense.object_id,
        actor=actor,
        now=now,
    )
    keep_entry(
        object_id=suspense.object_id,
        kind=PostingKey.EntryKind.PAYMENT,
        entry=entry,
        provider=suspense.provider,
    )
    payment = _payment_of(suspense, loan, actor, now)
    Payment.objects.filter(pk=payment.pk).update(
        status=Status.SUCCEEDED,
        amount_received=suspense.amount,
        intent_id=suspense.object_id,
        entry=entry,
        needs_review=False,
        succeeded_at=now,
        updated_at=now,
    )
    payment.refresh_from_db()
    tell_received(payment, paid_on=came_on, now=now)
    transaction.on_commit(
        lambda: payment_settled.send(sender=Payment, payment_id=payment.pk), robust=True
    )
    return payment


def _payment_of(suspense: Suspense, loan: Loan, actor: User, now: datetime) -> Payment:
    """Give the attempt that this money ends, or write one: refunds find money by its attempt."""
    begun = suspense.payment
    if begun is not None and begun.entry_id is None and begun.loan_id == loan.pk:
        return begun
    if begun is not None and begun.entry_id is None:
        # Its money went elsewhere: the attempt must not wait for it, nor go by its name.
        Payment.objects.filter(pk=begun.pk, status__in=Payment.TRANSITIONS[Status.CANCELED]).update(
            status=Status.CANCELED, needs_review=False, updated_at=now
        )
        Payment.objects.filter(pk=begun.pk, intent_id=suspense.object_id).update(intent_id="")
    if begun is not None:
        Payment.objects.filter(pk=begun.pk).update(needs_review=False, updated_at=now)
    return Payment.objects.create(
        loan=loan,
        provider=suspense.provider,
        amount=suspense.amount,
        currency=suspense.currency,
        status=Status.FAILED,
        language=loan.borrower.language,
        created_by=actor,
        created_at=now,
        updated_at=now,
    )


def _came_on(suspense: Suspense) -> date:
    return suspense.opened_at.astimezone(lender_zone()).date()


def _set_owner(
    rows: QuerySet[Suspense], suspense_id: int, owner: User, actor: User | None, now: datetime
) -> bool:
    with transaction.atomic():
        changed = rows.filter(pk=suspense_id, resolved_at__isnull=True).update(owner=owner)
        if changed == 1:
            suspense = Suspense.objects.get(pk=suspense_id)
            record_event(
                stream="payments:suspense",
                action="payments.suspense_assigned",
                actor=actor,
                at=now,
                payload={"object": suspense.object_id, "owner": owner.pk},
            )
    return changed == 1
