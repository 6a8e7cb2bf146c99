"""Entries balance, are numbered without gaps, and are posted once."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from repayments.ledger.models import Account, Book, JournalEntry
from repayments.ledger.services import (
    AlreadyPosted,
    UnbalancedEntry,
    balance_as_of,
    get_balances,
    post_entry,
    reverse_entry,
    verify_ledger,
)

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 4, tzinfo=UTC)


@pytest.fixture
def book() -> Any:
    return Book.objects.create(currency="CNY")


def post(
    book: Book,
    amount: int = 100,
    *,
    reference: str = "r1",
    on: date = date(2026, 3, 1),
    **fields: Any,
) -> Any:
    return post_entry(
        book_id=book.pk,
        kind=JournalEntry.Kind.FEE,
        reference=reference,
        effective_date=on,
        posted_at=NOW,
        postings={Account.FEE_RECEIVABLE: amount, Account.FEE_INCOME: -amount},
        actor=None,
        **fields,
    )


def test_an_entry_moves_the_balances_it_names(book: Book) -> None:
    post(book)
    balances = get_balances(book_id=book.pk)
    assert (balances[Account.FEE_RECEIVABLE], balances[Account.FEE_INCOME]) == (100, -100)
    assert sum(balances.values()) == 0


def test_postings_that_do_not_sum_to_zero_are_refused(book: Book) -> None:
    with pytest.raises(UnbalancedEntry):
        post_entry(
            book_id=book.pk,
            kind=JournalEntry.Kind.FEE,
            reference="r1",
            effective_date=date(2026, 3, 1),
            posted_at=NOW,
            postings={Account.FEE_RECEIVABLE: 100, Account.FEE_INCOME: -99},
            actor=None,
        )
    assert not book.entries.exists()


def test_an_entry_that_moves_nothing_is_refused(book: Book) -> None:
    with pytest.raises(UnbalancedEntry):
        post(book, 0)


def test_a_repeat_is_refused_and_leaves_no_gap(book: Book) -> None:
    post(book)
    with pytest.raises(AlreadyPosted):
        post(book)
    post(book, reference="r2")
    assert list(book.entries.order_by("seq").values_list("seq", flat=True)) == [1, 2]
    assert verify_ledger() is None


def test_the_same_reference_in_another_book_is_another_entry(book: Book) -> None:
    post(book)
    post(Book.objects.create(currency="CNY"))
    assert JournalEntry.objects.count() == 2


def test_a_reversal_is_the_mirror_and_happens_once(book: Book) -> None:
    entry = post(book)
    when = {"effective_date": date(2026, 3, 2), "posted_at": NOW, "actor": None}
    reverse_entry(entry=entry, reference="x1", **when)
    assert set(get_balances(book_id=book.pk).values()) == {0}
    with pytest.raises(DatabaseError), transaction.atomic():
        reverse_entry(entry=entry, reference="x2", **when)
    assert verify_ledger() is None


def test_a_past_balance_is_rebuilt_from_entries(book: Book) -> None:
    post(book, 100, on=date(2026, 3, 1))
    post(book, 50, reference="r2", on=date(2026, 3, 5))
    assert balance_as_of(book_id=book.pk, day=date(2026, 2, 28))[Account.FEE_RECEIVABLE] == 0
    assert balance_as_of(book_id=book.pk, day=date(2026, 3, 4))[Account.FEE_RECEIVABLE] == 100
    assert balance_as_of(book_id=book.pk, day=date(2026, 3, 5))[Account.FEE_RECEIVABLE] == 150


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_posting SET amount = amount + 1",
        "DELETE FROM ledger_posting",
        "UPDATE ledger_journalentry SET reference = 'other'",
        "DELETE FROM ledger_journalentry",
    ],
)
def test_fault_46_f29_the_database_refuses_to_change_what_is_posted(
    book: Book, statement: str
) -> None:
    post(book)
    refused = pytest.raises(DatabaseError, match="append-only")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
