"""P5: every past balance can be rebuilt, and the replay of all entries equals the cache."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repayments.ledger.models import Account, Book
from repayments.ledger.services import balance_as_of, get_balances, post_entry, verify_ledger

pytestmark = pytest.mark.django_db

START = date(2026, 1, 1)
amounts = st.integers(-(10**12), 10**12).filter(bool)
entries = st.lists(
    st.tuples(
        st.integers(0, 60),
        st.sampled_from(Account.values),
        st.sampled_from(Account.values),
        amounts,
    ).filter(lambda entry: entry[1] != entry[2]),
    max_size=12,
)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(entries=entries, ask=st.integers(-1, 61))
def test_p5_replay_equals_what_a_plain_sum_says(entries: Any, ask: Any) -> None:
    book = Book.objects.create(currency="CNY")
    for number, (day, debit, credit, amount) in enumerate(entries):
        post_entry(
            book_id=book.pk,
            kind="fee",
            reference=str(number),
            effective_date=START + timedelta(days=day),
            posted_at=datetime(2026, 3, 1, tzinfo=UTC),
            postings={debit: amount, credit: -amount},
            actor=None,
        )
    expected = dict.fromkeys(Account.values, 0)
    for day, debit, credit, amount in entries:
        if day <= ask:
            expected[debit] += amount
            expected[credit] -= amount
    assert balance_as_of(book_id=book.pk, day=START + timedelta(days=ask)) == expected
    last = START + timedelta(days=100)
    assert balance_as_of(book_id=book.pk, day=last) == get_balances(book_id=book.pk)
    assert verify_ledger() is None
