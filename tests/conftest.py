"""What every test runs under; people and situations are in the rooms' own conftest files."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import TransactionTestCase
from pytest_django import DjangoDbBlocker

from repayments.append_only import lifted


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Let a test with real transactions leave behind what migrations had laid, and no more.

    Django empties all tables after such a test. That would be refused by the append-only triggers,
    and the tests after it would miss the policies and message templates that migrations bring.
    """
    with django_db_blocker.unblock():
        laid = connection.creation.serialize_db_to_string()
    original = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]

    def restore(self: TransactionTestCase) -> None:
        with lifted():
            # Content types come back with the rest, under the keys they had.
            call_command("flush", verbosity=0, interactive=False, inhibit_post_migrate=True)
        connection.creation.deserialize_db_from_string(laid)

    TransactionTestCase._fixture_teardown = restore  # type: ignore[attr-defined]
    yield
    TransactionTestCase._fixture_teardown = original  # type: ignore[attr-defined]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    skip = pytest.mark.skip(reason="needs PostgreSQL: give TEST_DATABASE_URL to make test")
    for item in items:
        if item.get_closest_marker("postgresql") and not settings.ON_POSTGRESQL:
            item.add_marker(skip)
