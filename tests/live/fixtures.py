"""The real processes for tests of any folder: one set a test module, started on a copy.

A plugin of all tests (see ``tests/conftest.py``), so that a run lays the database once.
"""

import os
from collections.abc import Iterator

import pytest
from django.conf import settings

from tests.live.stack import Laid, Stack, laid_database, running_stack


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "laid" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.live)
            # A worker has all looks at pages, another one all that waits for sweeps and mail: each
            # shares what it started, and while one waits the other works.
            looks = "demo" in getattr(item, "fixturenames", ())
            item.add_marker(pytest.mark.xdist_group("browser" if looks else "live"))


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
