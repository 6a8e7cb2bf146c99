"""What every settling shares: the locks in their order, the key that posts once, the day it counts.

Locks are taken loan first, then payment; on SQLite the transaction itself is the lock. The key is
the proof: one row a provider, object and kind of entry, over all books.
"""

from datetime import date, datetime

from repayments.clock import lender_zone
from repayments.inserting import insert_new
from repayments.ledger.models import JournalEntry
from repayments.loans.models import Loan
from repayments.payments.models import Payment, PostingKey, Provider


def lock_payment(payment_id: int) -> Payment:
    """Lock loan, then payment, which comes with its loan and whose it is; needs a transaction.

    SQLite's transactions are the lock there.
    """
    loan = (
        Loan.objects.select_for_update(of=("self",))
        .select_related("borrower__user")
        .get(payments=payment_id)
    )
    payment: Payment = Payment.objects.select_for_update().get(pk=payment_id)
    payment.loan = loan
    return payment


def take_key(
    *,
    object_id: str,
    kind: str,
    now: datetime,
    provider: str = Provider.STRIPE,
    moved_at: datetime | None = None,
) -> bool:
    """Take the right to post an object; False if it was posted already, in whatever book.

    Args:
        kind: a ``PostingKey.EntryKind``.
        moved_at: when money that went back moved at the gateway.
    """
    key = PostingKey(
        provider=provider,
        object_id=object_id,
        entry_kind=kind,
        created_at=now,
        moved_at=moved_at,
    )
    return insert_new(key, key=("provider", "object_id", "entry_kind"))


def keep_entry(
    *, object_id: str, kind: str, entry: JournalEntry, provider: str = Provider.STRIPE
) -> None:
    """Let a key name the entry it was taken for."""
    PostingKey.objects.filter(provider=provider, object_id=object_id, entry_kind=kind).update(
        entry=entry
    )


def day_within(moment: datetime, *, since: datetime, until: datetime) -> date:
    """Give the lender's day of a moment, held within two others.

    The bounds matter where a demonstration has moved the portal's clock away from the gateway's.
    """
    return min(max(moment, since), until).astimezone(lender_zone()).date()
