"""Posting to the books, and checking them. Callers lock the loan first; the book's own row is the
second guard, taken by the update that numbers the entry."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection, transaction
from django.db.models import Count, F, Max, Q, Sum
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from repayments.inserting import insert_new
from repayments.ledger.models import Account, Balance, Book, JournalEntry, Posting
from repayments.time_limits import lift_time_limit

OWN_NUMBER = "<seq>"
"""In a reference: the number that the entry gets, for what may happen to a book more than once."""


class UnbalancedEntry(Exception):
    """The postings do not sum to zero; nothing was written."""


class AlreadyPosted(Exception):
    """This book has an entry of this kind and reference; nothing was written."""


@dataclass(frozen=True)
class BookFault:
    """The first row of the books that does not hold, and why."""

    book: int
    entry: int | None
    reason: str


def post_entry(
    *,
    book_id: int,
    kind: str,
    reference: str,
    effective_date: date,
    posted_at: datetime,
    postings: Mapping[str, int],
    actor: User | None,
    reverses: JournalEntry | None = None,
) -> JournalEntry:
    """Write one entry with its postings and bring the cached balances along.

    Args:
        postings: account to signed minor units, debit positive; zeros are left out.
        reference: unique with the kind within the book; it is what makes a repeat harmless.
            ``OWN_NUMBER`` in it becomes the entry's number.
    Raises: UnbalancedEntry; AlreadyPosted.
    """
    lines = {account: amount for account, amount in postings.items() if amount}
    if not lines or sum(lines.values()) != 0:
        raise UnbalancedEntry(f"{kind} {reference}: {dict(postings)}")
    # No savepoint: a taken reference raises nothing in the database, and any other error is the end
    # of the caller's transaction.
    with transaction.atomic(savepoint=False):
        seq = _take_number(book_id)
        entry = JournalEntry(
            book_id=book_id,
            seq=seq,
            kind=kind,
            reference=reference.replace(OWN_NUMBER, str(seq)),
            effective_date=effective_date,
            posted_at=posted_at,
            actor=actor,
            reverses=reverses,
        )
        is_new = insert_new(entry, key=("book", "kind", "reference"))
        if is_new:
            Posting.objects.bulk_create(
                Posting(entry=entry, account=account, amount=amount)
                for account, amount in lines.items()
            )
            _move_balances(book_id, lines)
        else:
            Book.objects.filter(pk=book_id).update(last_seq=F("last_seq") - 1)
    if not is_new:
        raise AlreadyPosted(_("This has already been posted."))
    return entry


def _take_number(book_id: int) -> int:
    """Number the book's next entry; the update locks the book's row until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ledger_book SET last_seq = last_seq + 1 WHERE id = %s RETURNING last_seq",
            [book_id],
        )
        [(seq,)] = cursor.fetchall()
    return int(seq)


def _move_balances(book_id: int, lines: Mapping[str, int]) -> None:
    # The ORM's upsert replaces; this one adds, in one statement for all accounts.
    rows = ", ".join(["(%s, %s, %s)"] * len(lines))
    values = [value for account in sorted(lines) for value in (book_id, account, lines[account])]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO ledger_balance (book_id, account, amount) VALUES {rows} "  # noqa: S608 - placeholders alone
            "ON CONFLICT (book_id, account) "
            "DO UPDATE SET amount = ledger_balance.amount + excluded.amount",
            values,
        )


def reverse_entry(
    *,
    entry: JournalEntry,
    reference: str,
    effective_date: date,
    posted_at: datetime,
    actor: User | None,
    kind: str = JournalEntry.Kind.REVERSAL,
) -> JournalEntry:
    """Post the mirror image of an entry; an entry is reversed at most once (the key is unique).

    Args:
        kind: another kind tells a correction of the portal's own from one of money.
    """
    lines = dict(entry.postings.values_list("account", "amount"))
    return post_entry(
        book_id=entry.book_id,
        kind=kind,
        reference=reference,
        effective_date=effective_date,
        posted_at=posted_at,
        postings={account: -amount for account, amount in lines.items()},
        actor=actor,
        reverses=entry,
    )


def get_balances(*, book_id: int) -> dict[str, int]:
    """Give every account of a book, zeros included, from the cache."""
    found = dict(Balance.objects.filter(book_id=book_id).values_list("account", "amount"))
    return {account: found.get(account, 0) for account in Account.values}


def balance_as_of(*, book_id: int, day: date) -> dict[str, int]:
    """Rebuild the balances at the end of a day by replaying the entries effective up to it."""
    sums = (
        Posting.objects.filter(entry__book_id=book_id, entry__effective_date__lte=day)
        .values("account")
        .annotate(total=Sum("amount"))
        .values_list("account", "total")
    )
    found = dict(sums)
    return {account: found.get(account, 0) for account in Account.values}


@transaction.atomic
def verify_ledger() -> BookFault | None:
    """Check every entry, number and cached balance; name the first row that does not hold."""
    lift_time_limit()
    for check in (_unbalanced_entries, _missing_numbers, _wrong_balances):
        for fault in check():
            return fault
    return None


def _unbalanced_entries() -> Iterable[BookFault]:
    rows = (
        JournalEntry.objects.annotate(total=Sum("postings__amount"))
        .filter(~Q(total=0) | Q(total__isnull=True))
        .order_by("pk")
        .values_list("book_id", "pk", "total")[:1]
    )
    for book, entry, total in rows:
        reason = "has no postings" if total is None else f"sums to {total}"
        yield BookFault(book, entry, reason)


def _missing_numbers() -> Iterable[BookFault]:
    rows = (
        Book.objects.annotate(count=Count("entries"), highest=Max("entries__seq"))
        .exclude(last_seq=F("count"), highest=F("count"))
        .exclude(last_seq=0, count=0)
        .order_by("pk")
        .values_list("pk", "count", "last_seq")[:1]
    )
    for book, count, last in rows:
        yield BookFault(book, None, f"has {count} entries where {last} were posted")


def _wrong_balances() -> Iterable[BookFault]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT book_id, account, SUM(derived), SUM(cached) FROM (
                SELECT e.book_id, p.account, p.amount AS derived, 0 AS cached
                FROM ledger_posting p JOIN ledger_journalentry e ON e.id = p.entry_id
                UNION ALL
                SELECT book_id, account, 0, amount FROM ledger_balance
            ) AS both_sides
            GROUP BY book_id, account HAVING SUM(derived) <> SUM(cached)
            ORDER BY book_id, account LIMIT 1
            """
        )
        for book, account, derived, cached in cursor.fetchall():
            yield BookFault(
                book, None, f"{account}: {cached} is cached, the postings sum to {derived}"
            )
