"""The check of the books finds each kind of fault and names the row."""

import json
import logging
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from repayments.append_only import lifted
from repayments.ledger.models import Account, Balance, Book, JournalEntry
from repayments.ledger.services import post_entry, verify_ledger
from repayments.ledger.tasks import check_books

pytestmark = pytest.mark.django_db


@pytest.fixture
def entry() -> Any:
    book = Book.objects.create(currency="CNY")
    for number in range(2):
        made = post_entry(
            book_id=book.pk,
            kind="fee",
            reference=str(number),
            effective_date=date(2026, 3, 1),
            posted_at=datetime(2026, 3, 1, tzinfo=UTC),
            postings={Account.FEE_RECEIVABLE: 5, Account.FEE_INCOME: -5},
            actor=None,
        )
    return made


def tamper(statement: str, *values: object) -> None:
    with lifted(), connection.cursor() as cursor:
        cursor.execute(statement, values)


def test_books_that_are_right_pass(entry: JournalEntry, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("verify_ledger", "--json")
    assert json.loads(capsys.readouterr().out) == {"ok": True, "fault": None}


def test_a_changed_posting_is_named(entry: JournalEntry) -> None:
    tamper("UPDATE ledger_posting SET amount = 6 WHERE entry_id = %s AND amount = 5", entry.pk)
    fault = verify_ledger()
    assert (fault.book, fault.entry, fault.reason) == (entry.book_id, entry.pk, "sums to 1")


def test_an_entry_without_postings_is_named(entry: JournalEntry) -> None:
    tamper("DELETE FROM ledger_posting WHERE entry_id = %s", entry.pk)
    assert verify_ledger().reason == "has no postings"


def test_a_missing_entry_is_named(entry: JournalEntry) -> None:
    tamper("DELETE FROM ledger_posting WHERE entry_id = %s", entry.pk)
    tamper("DELETE FROM ledger_journalentry WHERE id = %s", entry.pk)
    assert verify_ledger().reason == "has 1 entries where 2 were posted"


def test_a_wrong_balance_is_named_and_the_command_fails(
    entry: JournalEntry, capsys: pytest.CaptureFixture[str]
) -> None:
    Balance.objects.filter(account=Account.FEE_RECEIVABLE).update(amount=11)
    with pytest.raises(SystemExit) as exit_code:
        call_command("verify_ledger", "--json")
    assert exit_code.value.code == 1
    found = json.loads(capsys.readouterr().out)
    assert found["ok"] is False
    assert found["fault"]["book"] == entry.book_id
    assert found["fault"]["reason"] == ("fee_receivable: 11 is cached, the postings sum to 10")


def test_the_nightly_check_complains_aloud(
    entry: JournalEntry, caplog: pytest.LogCaptureFixture
) -> None:
    Balance.objects.filter(account=Account.FEE_INCOME).update(amount=-11)
    with caplog.at_level(logging.CRITICAL):
        check_books()
        check_books()
    assert caplog.text.count("verify_ledger found a fault") == 2
    assert JournalEntry.objects.count() == 2
