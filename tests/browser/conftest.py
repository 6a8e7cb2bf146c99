"""The demo's people on one running portal, for every test of this folder."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.look import Look
from tests.live.stack import Laid, Stack, demo_laid, running_stack

expect.set_options(timeout=20_000)


@pytest.fixture(scope="session")
def demo(laid: Laid) -> Iterator[Stack]:
    """The demo, on SQLite whatever the run: pages do not depend on the engine."""
    # Nothing here waits for a sweep; sweeps would only take time from pages.
    with demo_laid(laid) as seeded, running_stack(seeded, SWEEP_SECONDS="10") as stack:
        yield stack


@pytest.fixture
def look(demo: Stack, browser: Browser) -> Iterator[Look]:
    """A window that is looked at closely; ends by telling all that was wrong."""
    context = browser.new_context()
    lender = demo.shell("from django.conf import settings; result = settings.LENDER_NAME")
    looked = Look(demo, context.new_page(), called=[lender])
    yield looked
    context.close()
    assert not looked.faults, "\n".join(looked.faults)
