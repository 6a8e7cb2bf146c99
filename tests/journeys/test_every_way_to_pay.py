"""Every way to pay on the gateway's page, at 390 px: 3-D Secure, wallets at once and days later,
and a payoff by a quote for a later day. Real processes; money counts when it has come."""

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.journeys.acts import Mailbox, fill_card, open_account, press, write_tape
from tests.live.card_data import find_card_data
from tests.live.stack import Stack

SECURED = "4000 0025 0000 3155"


@pytest.fixture
def english(browser: Browser, browser_context_args: dict[str, str]) -> Iterator[Page]:
    """A phone of 390 px whose browser asks for English."""
    context = browser.new_context(**{**browser_context_args, "locale": "en-GB"})
    yield context.new_page()
    context.close()


def test_card_with_confirmation_wallets_and_a_quoted_payoff(
    stack: Stack, english: Page, tmp_path: Path
) -> None:
    page = english
    mailbox = Mailbox(stack, page.context.new_page(), "grace@example.com")
    stack.move_to("2027-01-02T09:30")
    stack.manage("import_loans", str(write_tape(tmp_path / "tape.csv", {})))
    open_account(page, mailbox, second_fact="9001")
    (loan,) = stack.rows("SELECT * FROM loans_loan")

    # 3-D Secure: a confirmation that fails takes nothing, and the next one pays.
    go_to_gateway(page, stack, amount="100")
    fill_card(page, SECURED)
    page.locator("[name=result][value=fail]").click()
    page.get_by_role("link", name="Go back").click()
    assert received(stack) == []
    fill_card(page, SECURED)
    page.locator("[name=result][value=pass]").click()
    arrives(page, stack, [10_000])
    expect(page.get_by_role("region", name="Receipt")).to_contain_text("card")

    # A wallet that refuses, and then approves.
    go_to_gateway(page, stack, amount="200")
    page.locator("[name=method][value=alipay]").click()
    page.locator("[name=outcome][value=fail]").click()
    page.get_by_role("link", name="Go back").click()
    page.locator("[name=method][value=alipay]").click()
    page.locator("[name=outcome][value=approve]").click()
    arrives(page, stack, [10_000, 20_000])
    expect(page.get_by_role("region", name="Receipt")).to_contain_text("Alipay")

    # A wallet whose money takes days: on its way, nobody is asked again, then received.
    go_to_gateway(page, stack, amount="300")
    page.locator("[name=method][value=wechat_pay]").click()
    page.locator("[name=outcome][value=later]").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your payment is on its way")
    stack.wait_until(lambda: statuses(stack)[-1] == "processing")
    page.goto(f"{stack.url}/")
    page.locator('main a[href*="/pay/"]').first.click()
    expect(page.locator("main")).to_contain_text("You need not pay again.")
    intent = stack.rows("SELECT intent_id FROM payments_payment ORDER BY id")[-1]["intent_id"]
    stack.sandbox.control(f"payment_intents/{intent}/conclude", outcome="succeed")
    stack.wait_until(lambda: received(stack) == [10_000, 20_000, 30_000])

    # Pay it all off by a day: the quote is honored to the cent, and the loan ends.
    page.goto(f"{stack.url}/loans/{dashed(loan['public_id'])}/payoff/")
    page.locator("#id_day").fill("2027-01-12")
    expect(page.locator("#preview")).to_contain_text("12 January 2027")
    page.locator("#preview form button").click()
    expect(page.locator("[name=purpose][value=payoff]")).to_be_checked()
    press(page, "/pay/")
    press(page, "/pay/start/")
    fill_card(page, "4242 4242 4242 4242")
    (quote,) = stack.rows("SELECT * FROM loans_payoffquote")
    arrives(page, stack, [10_000, 20_000, 30_000, quote["total"]])
    assert str(quote["good_through"]) == str(date(2027, 1, 12))
    (loan,) = stack.rows("SELECT * FROM loans_loan")
    assert (loan["status"], loan["outstanding_principal"]) == ("paid_off", 0)
    stack.manage("verify_ledger")
    stack.manage("verify_invariants")
    assert find_card_data(stack) == []

    # The letter that says so comes by itself, sealed, and is ours as anyone can check.
    issued = "SELECT * FROM contracts_settlementletter WHERE status = 'issued'"
    (letter,) = stack.wait_until(lambda: stack.rows(issued))
    page.goto(f"{stack.url}/loans/{dashed(loan['public_id'])}/letter/")
    with page.expect_download() as download:
        page.locator('main a.button[href$="/letter.pdf"]').click()
    verdict = json.loads(stack.manage("verify_contract", str(download.value.path()), "--json"))
    assert (verdict["verdict"], verdict["reason"]) == ("genuine", "letter_on_record")
    assert verdict["sha256"] == letter["final_id"]
    Mailbox(stack, page, "grace@example.com").link("settlement_letter", "/letters/")


def go_to_gateway(page: Page, stack: Stack, *, amount: str) -> None:
    page.goto(f"{stack.url}/")
    page.locator('main a[href*="/pay/"]').first.click()
    page.locator("[name=purpose][value=other]").check()
    page.locator("[name=amount]").fill(amount)
    press(page, "/pay/")
    press(page, "/pay/start/")
    expect(page).to_have_url(re.compile(re.escape(stack.sandbox.base_url)))


def arrives(page: Page, stack: Stack, amounts: list[int]) -> None:
    """Come back, and see the money in the books and on the page."""
    expect(page).to_have_url(re.compile(rf"{re.escape(stack.url)}/payments/[0-9a-f-]+/"))
    stack.wait_until(lambda: received(stack) == amounts)
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Received")


def received(stack: Stack) -> list[int]:
    """What has come, in the books, oldest first."""
    sql = """
        SELECT p.amount FROM ledger_posting p JOIN ledger_journalentry e ON e.id = p.entry_id
        WHERE e.kind = 'payment' AND p.account = 'clearing' ORDER BY e.id
    """
    return [row["amount"] for row in stack.rows(sql)]


def statuses(stack: Stack) -> list[str]:
    return [row["status"] for row in stack.rows("SELECT status FROM payments_payment ORDER BY id")]


def dashed(public_id: object) -> str:
    text = str(public_id).replace("-", "")
    return "-".join([text[:8], text[8:12], text[12:16], text[16:20], text[20:]])
