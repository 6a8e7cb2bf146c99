"""What every test runs under; people and situations are in the rooms' own conftest files."""

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.test import TransactionTestCase

from repayments.append_only import lifted


@pytest.fixture(autouse=True, scope="session")
def _restore_after_transactional_tests() -> Iterator[None]:
    """Empty the tables past the append-only triggers, then put back what migrations had laid.

    So policies and message templates are there for each test, whatever ran before it.
    """
    original = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]

    def restore(self: TransactionTestCase) -> None:
        for alias in self._databases_names(include_mirrors=False):  # type: ignore[attr-defined]
            with lifted():
                call_command(
                    "flush",
                    verbosity=0,
                    interactive=False,
                    database=alias,
                    reset_sequences=False,
                    # Content types come back with the rest, under the keys they had.
                    inhibit_post_migrate=True,
                )
            connection = connections[alias]
            laid = getattr(connection, "_test_serialized_contents", "")
            connection.creation.deserialize_db_from_string(laid)

    TransactionTestCase._fixture_teardown = restore  # type: ignore[attr-defined]
    yield
    TransactionTestCase._fixture_teardown = original  # type: ignore[attr-defined]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    skip = pytest.mark.skip(reason="needs PostgreSQL: give TEST_DATABASE_URL to make test")
    for item in items:
        if item.get_closest_marker("postgresql") and not settings.ON_POSTGRESQL:
            item.add_marker(skip)
