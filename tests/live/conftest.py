"""The real processes, one set a test module, and a phone that looks at them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tests.live.stack import Laid, Stack, laid_database, running_stack

HERE = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.live)
            # One worker has all of them: two stacks at once would be slow on two cores.
            item.add_marker(pytest.mark.xdist_group("live"))


@pytest.fixture(scope="session")
def laid() -> Iterator[Laid]:
    """The migrated database: PostgreSQL in a run on PostgreSQL, else SQLite."""
    server = os.environ["DATABASE_URL"] if settings.ON_POSTGRESQL else ""
    with laid_database(server) as made:
        yield made


@pytest.fixture(scope="module")
def stack(laid: Laid) -> Iterator[Stack]:
    """Web, worker, beat and sandbox, running; on Redis too in a run on production's engines."""
    redis_url = os.environ.get("TEST_REDIS_URL", "") if settings.ON_POSTGRESQL else ""
    with running_stack(laid, redis_url) as running:
        yield running
