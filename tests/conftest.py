"""What every test runs under; people and situations are in the rooms' own conftest files."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.conf import settings
from django.test import TransactionTestCase
from django.utils import translation
from pytest_django import DjangoDbBlocker

from tests.restore import keep_laid_rows

pytest_plugins = ["tests.live.fixtures"]


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Let a test with real transactions leave behind what migrations had laid, and no more.

    Django empties all tables after such a test. That would be refused by the append-only triggers,
    and the tests after it would miss the policies and message templates that migrations bring.
    """
    with django_db_blocker.unblock():
        put_back = keep_laid_rows(Path(settings.VAR_DIR))
    original = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]

    def restore(self: TransactionTestCase) -> None:
        put_back()

    TransactionTestCase._fixture_teardown = restore  # type: ignore[attr-defined]
    yield
    TransactionTestCase._fixture_teardown = original  # type: ignore[attr-defined]


# The same examples each time: a run fails for what was changed. HYPOTHESIS_PROFILE=wide looks anew.
hypothesis.settings.register_profile("suite", derandomize=True, deadline=None)
hypothesis.settings.register_profile("wide", deadline=None, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """The system's Chromium; without its sandbox, which containers do not allow."""
    arguments = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-extensions"]
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": arguments}


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """A phone of 390 px that asks for Chinese, as most borrowers' do."""
    phone = {
        "viewport": {"width": 390, "height": 844},
        "locale": "zh-CN",
        "timezone_id": "Asia/Shanghai",
    }
    return {**browser_context_args, **phone}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database-only",
        action="store_true",
        help="only the tests that use a database, which another engine could change",
    )


@pytest.fixture(autouse=True)
def language_of_the_reader() -> None:
    """Forget the language that the request of an earlier test spoke in this thread."""
    translation.deactivate()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--database-only"):
        others = [item for item in items if not uses_database(item)]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if uses_database(item)]
    no_postgresql = pytest.mark.skip(reason="needs PostgreSQL: give TEST_DATABASE_URL")
    no_browser = pytest.mark.skip(reason="needs Chromium, which is not installed here")
    for item in items:
        if {"page", "browser", "context"} & fixtures_of(item):
            item.add_marker(pytest.mark.browser)
            if not CHROMIUM:
                item.add_marker(no_browser)
        if item.get_closest_marker("postgresql") and not settings.ON_POSTGRESQL:
            item.add_marker(no_postgresql)


def fixtures_of(item: pytest.Item) -> set[str]:
    return set(getattr(item, "fixturenames", ()))


# They look at files, words and pages, which no engine could change: one run of them is enough.
OF_ANY_ENGINE = {
    "contracts/test_evidence_pages.py",
    "contracts/test_evidence_text.py",
    "contracts/test_hostile.py",
    "contracts/test_kit.py",
    "contracts/test_names.py",
    "contracts/test_opinions.py",
    "contracts/test_pages.py",
    "contracts/test_tamper.py",
    "contracts/test_template_pages.py",
    "contracts/test_verify_page.py",
    "payments/test_declined_words.py",
    "payments/test_foreign_ids.py",
}


def uses_database(item: pytest.Item) -> bool:
    if "/".join(item.path.parts[-2:]) in OF_ANY_ENGINE:
        return False
    named = {"db", "transactional_db", "live_server", "laid"} & fixtures_of(item)
    return bool(named or item.get_closest_marker("django_db"))
