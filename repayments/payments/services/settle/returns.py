"""Money of a payment that the gateway sent back or a bank took: in the books, whole, once.

A payment gives no more than it holds, so news in an unlucky order leaves an entry short: a refund
that is told of before an earlier one is known to have failed. A person is asked, and when money of
that payment comes again the short entry is exchanged for the whole one. Holds: the posting key
names the one entry that counts; books and gateway end at the same cent in every order of news.
What a key, an entry and a row are named by is in ``RETURNS``. Locks: the caller holds those of
loan and payment.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Sum

from accounts.models import User
from repayments.audit.services import record_event
from repayments.ledger.models import Account, JournalEntry, Posting
from repayments.loans.services import LoanChanged, restore_money, return_money, returned_amount
from repayments.payments.models import Dispute, Payment, PostingKey, Provider, Refund
from repayments.payments.services.settle.posting import day_within, keep_entry, take_key
from repayments.payments.services.settle.source import ask_a_person

Kind = PostingKey.EntryKind


@dataclass(frozen=True)
class Names:
    """How one sort of return is called: its entry, the key that undoes it, its row's field."""

    entry_kind: str
    undo: str
    field: str
    action: str  # recorded where more went than is left


RETURNS = {
    Kind.REFUND: Names(
        JournalEntry.Kind.REFUND, Kind.REFUND_REVERSAL, "entry", action="payments.refund_exceeds"
    ),
    Kind.CHARGEBACK: Names(
        JournalEntry.Kind.CHARGEBACK,
        Kind.CHARGEBACK_REVERSAL,
        "withdrawn_entry",
        action="payments.dispute_exceeds",
    ),
}


@dataclass(frozen=True)
class _Went:
    """One return that stands, as its row and its key tell of it."""

    row: Refund | Dispute
    kind: PostingKey.EntryKind
    object_id: str
    amount: int
    entry: JournalEntry | None
    key: PostingKey


def post_return(
    payment: Payment,
    *,
    kind: PostingKey.EntryKind,
    object_id: str,
    amount: int,
    went_at: datetime,
    actor: User | None,
    now: datetime,
) -> JournalEntry | None:
    """Post what went back of a payment, as far as the payment still holds it.

    Args:
        kind: of ``RETURNS``.
        amount: minor units that truly moved.
    Returns: the entry; None where it was posted before, or nothing is left.
    """
    if not take_key(object_id=object_id, kind=kind, now=now, moved_at=went_at):
        return None
    names = RETURNS[kind]
    part = min(amount, _left_of(payment))
    if part < amount:
        ask_a_person(payment, action=names.action, missing=amount - part, now=now)
    if not part:
        return None
    assert payment.entry_id is not None
    assert payment.succeeded_at is not None
    entry = return_money(
        entry_id=payment.entry_id,
        amount=part,
        kind=names.entry_kind,
        reference=object_id,
        effective_date=day_within(went_at, since=payment.succeeded_at, until=now),
        actor=actor,
        now=now,
    )
    keep_entry(object_id=object_id, kind=kind, entry=entry)
    return entry


def undo_return(
    payment: Payment,
    *,
    kind: PostingKey.EntryKind,
    object_id: str,
    entry_id: int,
    now: datetime,
) -> JournalEntry:
    """Let money that came again count again; the caller has taken the key that undoes it.

    Args:
        kind: of ``RETURNS``.
        entry_id: the entry of the return.
    """
    entry = restore_money(
        entry_id=entry_id,
        reference=object_id,
        effective_date=day_within(now, since=now, until=now),
        actor=None,
        now=now,
    )
    keep_entry(object_id=object_id, kind=RETURNS[kind].undo, entry=entry)
    return entry


def complete_returns(payment: Payment, now: datetime) -> None:
    """Exchange entries that are short for whole ones, as far as the payment holds so much again.

    It holds that for all of them as soon as no more went away than had come.
    """
    for went in _list_standing(payment):
        posted = amount_of(went.entry)
        if posted < went.amount <= posted + _left_of(payment):
            _exchange(went, payment, now)


def _exchange(went: _Went, payment: Payment, now: datetime) -> None:
    assert payment.entry_id is not None
    names = RETURNS[went.kind]
    if went.entry is None:
        assert payment.succeeded_at is not None
        moved_at = went.key.moved_at or went.key.created_at
        on = day_within(moved_at, since=payment.succeeded_at, until=now)
    else:
        on = went.entry.effective_date
        restore_money(
            entry_id=went.entry.pk,
            reference=f"{went.object_id}:short",
            effective_date=on,
            actor=None,
            now=now,
        )
    whole = return_money(
        entry_id=payment.entry_id,
        amount=went.amount,
        kind=names.entry_kind,
        reference=f"{went.object_id}:whole",
        effective_date=on,
        actor=went.entry.actor if went.entry else None,
        now=now,
    )
    changed = (
        type(went.row)
        .objects.filter(pk=went.row.pk, **{names.field: went.entry})
        .update(**{names.field: whole})
    )
    if changed != 1:
        raise LoanChanged("another exchange of the same return was first")
    keep_entry(object_id=went.object_id, kind=went.kind, entry=whole)
    record_event(
        stream=payment.loan.stream,
        action="payments.return_completed",
        actor=None,
        at=now,
        payload={
            "payment": str(payment.public_id),
            "object": went.object_id,
            "amount": went.amount - amount_of(went.entry),
            "currency": payment.currency,
        },
    )


def _list_standing(payment: Payment) -> Iterator[_Went]:
    """The returns of a payment at the gateway that did not come again, in the order of their news.

    Those of which a part came again are for a person: their key of undoing is taken.
    """
    rows: dict[tuple[str, str], tuple[Refund | Dispute, int, JournalEntry | None]] = {}
    sent = Refund.objects.filter(payment=payment, status=Refund.Status.SUCCEEDED)
    for refund in sent.select_related("entry__actor"):
        rows[(refund.refund_id, Kind.REFUND)] = (refund, refund.amount, refund.entry)
    taken = Dispute.objects.filter(payment=payment, withdrawn__gt=0)
    for dispute in taken.select_related("withdrawn_entry__actor"):
        rows[(dispute.dispute_id, Kind.CHARGEBACK)] = (
            dispute,
            dispute.withdrawn,
            dispute.withdrawn_entry,
        )
    keys = PostingKey.objects.filter(
        provider=Provider.STRIPE, object_id__in={name for name, _kind in rows}
    ).order_by("pk")
    found = {(key.object_id, key.entry_kind): key for key in keys}
    for (object_id, kind), key in found.items():
        if (object_id, kind) not in rows or (object_id, RETURNS[Kind(kind)].undo) in found:
            continue
        row, amount, entry = rows[(object_id, kind)]
        yield _Went(row, Kind(kind), object_id, amount, entry, key)


def _left_of(payment: Payment) -> int:
    assert payment.entry_id is not None
    return (payment.amount_received or 0) - returned_amount(entry_id=payment.entry_id)


def amount_of(entry: JournalEntry | None) -> int:
    """What a return took out of the books, in minor units."""
    if entry is None:
        return 0
    moved = Posting.objects.filter(entry=entry, account=Account.CLEARING)
    return -(moved.aggregate(total=Sum("amount"))["total"] or 0)
