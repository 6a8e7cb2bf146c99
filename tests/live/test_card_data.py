"""A card is typed on the gateway's page, and nothing of it stays with us."""

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.acts import GOOD, Mailbox, fill_card, open_account, press, write_tape
from tests.live.card_data import find_card_data
from tests.live.stack import Stack


@pytest.fixture
def english(browser: Browser, browser_context_args: dict[str, str]) -> Iterator[Page]:
    context = browser.new_context(**{**browser_context_args, "locale": "en-GB"})
    yield context.new_page()
    context.close()


def test_fault_48_a_card_payment_leaves_no_card_data_behind(
    stack: Stack, english: Page, tmp_path: Path
) -> None:
    expect.set_options(timeout=20_000)
    page = english
    mailbox = Mailbox(stack, page.context.new_page(), "grace@example.com")
    stack.move_to("2027-01-02T09:30")
    stack.manage("import_loans", str(write_tape(tmp_path / "tape.csv", {})))
    open_account(page, mailbox, second_fact="9001")
    page.locator('main a[href*="/pay/"]').first.click()
    press(page, "/pay/")
    press(page, "/pay/start/")
    fill_card(page, GOOD)
    paid = "SELECT id FROM payments_payment WHERE status = 'succeeded'"
    stack.wait_until(lambda: stack.rows(paid))
    stack.sandbox.wait_until_idle()
    assert stack.rows("SELECT id FROM payments_gatewayevent")

    assert find_card_data(stack) == []

    # The search would have found one in each of the places.
    stack.shell(
        f"""
from repayments.audit.services import record_event
from repayments.clock import now
from repayments.contracts import blobs
record_event(
    stream="policy", action="test.planted", actor=None, at=now(), payload=dict(note={GOOD!r})
)
blobs.write_file(b"card {GOOD} cvc: 123")
result = True
"""
    )
    with (stack.folder / "web.log").open("a") as log:
        log.write(f"POST card[number]={GOOD.replace(' ', '')}\n")
    message = {"body": b64encode(json.dumps([[GOOD], {}, {}]).encode()).decode()}
    (stack.folder / "broker" / "processed" / "planted.msg").write_text(json.dumps(message))

    found = find_card_data(stack)

    places = {one.place for one in found}
    assert {"audit_event.payload", "web.log", "planted.msg"} <= places
    # The file's name is its hash; it holds a code besides.
    assert len(places) == 4
    assert [one.kind for one in found].count("code") == 1
