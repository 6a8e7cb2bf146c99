"""Automatic payment over the days, at 390 px: a card saved, a notice a week ahead, the charge on
the day, and a stop. Real processes; the days pass by the portal's clock."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.acts import GOOD, LEVEL, Mailbox, fill_card, open_account, press, write_tape
from tests.live.stack import Stack


@pytest.fixture
def english(browser: Browser, browser_context_args: dict[str, str]) -> Iterator[Page]:
    """A phone of 390 px whose browser asks for English."""
    context = browser.new_context(**{**browser_context_args, "locale": "en-GB"})
    yield context.new_page()
    context.close()


def test_a_card_is_charged_on_the_day_that_was_announced(
    stack: Stack, english: Page, tmp_path: Path
) -> None:
    page = english
    mailbox = Mailbox(stack, page.context.new_page(), "grace@example.com")
    stack.move_to("2026-12-20T09:30")
    stack.manage("import_loans", str(write_tape(tmp_path / "tape.csv", {})))
    open_account(page, mailbox, second_fact="9001")

    # Agreed to, and a card saved on the gateway's page; a copy of the words comes.
    page.goto(stack.url)
    page.locator('main a[href^="/loans/"]').first.click()
    page.goto(re.sub(r"(/loans/[0-9a-f-]+/).*", r"\1autopay/", page.url))
    autopay = page.url
    page.locator("[name=agree]").check()
    press(page, "/autopay/")
    fill_card(page, GOOD)
    expect(page.locator('form[action$="/stop/"]')).to_be_visible()
    assert "I allow the lender to charge my saved card" in mailbox.next_letter("autopay_started")

    # A week ahead the close of the day announces day and amount.
    stack.move_to("2026-12-25T10:00")
    notice = mailbox.next_letter("autopay_notice")
    assert "1 January 2027" in notice
    assert "¥1,066.19" in notice
    page.goto(autopay)
    expect(page.locator('form[action$="/skip/"]')).to_be_visible()
    assert payments(stack) == []

    # On the day the sweep charges it, once.
    stack.move_to("2027-01-01T10:00")
    stack.wait_until(lambda: [row["status"] for row in payments(stack)] == ["succeeded"])
    (paid,) = payments(stack)
    assert (paid["amount_received"], paid["channel"]) == (LEVEL, "autopay")
    mailbox.next_letter("payment_received")
    page.goto(autopay)
    page.locator('main a[href^="/payments/"]').first.click()
    expect(page.get_by_role("region", name="Receipt")).to_contain_text("¥1,066.19")

    # Stopped; nothing more is announced.
    page.goto(autopay)
    page.locator('form[action$="/stop/"] button').click()
    assert "You stopped it." in mailbox.next_letter("autopay_ended")
    stack.move_to("2027-01-26T10:00")
    stack.wait_until(
        lambda: stack.rows(
            "SELECT 1 FROM loans_dayclose WHERE date = '2027-01-26' AND finished_at IS NOT NULL"
        )
    )
    assert len(stack.rows("SELECT 1 FROM payments_autopaycharge")) == 1


def payments(stack: Stack) -> list[dict[str, object]]:
    return stack.rows("SELECT status, channel, amount_received FROM payments_payment ORDER BY id")
