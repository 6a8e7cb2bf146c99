"""What people do in journeys: open an account, sign, pay at the gateway, come in with two factors.

Elements are found by role, name, address or field, never by words that are translated.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.live.stack import Stack

DECLINED = "4000 0000 0000 0002"
GOOD = "4242 4242 4242 4242"
# The page of costs may not be left sooner (contracts.services.COST_READING_SECONDS).
COST_READING_SECONDS = 10

# 12,000.00 at 1 % a month in 12 payments: 1,066.185…
LEVEL = 106_619
TAPE_COLUMNS = {
    "loan_number": "HL-2026-00001",
    "borrower_reference": "C-90001",
    "borrower_kind": "person",
    "legal_name": "Grace Hill",
    "email": "grace@example.com",
    "phone": "+8613800139001",
    "language": "en",
    "time_zone": "Asia/Shanghai",
    "jurisdiction": "CN",
    "currency": "CNY",
    "principal": "12000.00",
    "annual_rate": "12",
    "installments": "12",
    "every": "1",
    "unit": "months",
    "disbursed_on": "2026-12-01",
    "first_due_on": "2027-01-01",
    "amortization": "equal_installment",
    "interest_method": "declining",
    "interest_period": "per_installment",
    "day_count": "actual_365",
    "rounding": "half_even",
    "installment_multiple": "0.01",
    "status": "active",
}


def write_tape(path: Path, *rows: dict[str, str]) -> Path:
    """Write a loan tape of rows that differ from ``TAPE_COLUMNS`` in the given cells."""
    lines = [",".join(TAPE_COLUMNS)]
    lines += [",".join({**TAPE_COLUMNS, **row}.values()) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@dataclass
class Mailbox:
    """The development outbox, read as a person reads mail, in a window of its own."""

    stack: Stack
    page: Page
    address: str
    read: Counter[str] = field(default_factory=Counter)

    def next_letter(self, template: str) -> str:
        """Give the text of the next message by its template, once it is sent."""
        letter = self.page.locator(
            f'article[data-template="{template}"][data-status="sent"][data-to="{self.address}"]'
        )

        def arrived() -> str:
            self.page.goto(f"{self.stack.url}/dev/outbox/")
            return letter.first.inner_text() if letter.count() > self.read[template] else ""

        try:
            text = self.stack.wait_until(arrived)
        except AssertionError as late:
            kept = ("purpose", "address", "status", "not_before", "error")
            rows = [[row[name] for name in kept] for row in self.stack.outbox()]
            raise AssertionError(f"no {template} for {self.address} among {rows}") from late
        self.read[template] += 1
        return text

    def link(self, template: str, path: str) -> str:
        """Give the first address in the newest such message that leads to this path."""
        text = self.next_letter(template)
        found = re.search(rf"{re.escape(self.stack.url)}{path}\S*", text)
        assert found, f"no link to {path} in: {text}"
        return found[0]

    def code(self, template: str) -> str:
        text = self.next_letter(template)
        found = re.search(r"(?<!\d)\d{6}(?!\d)", text)
        assert found, f"no code of six digits in: {text}"
        return found[0]


def open_account(page: Page, mailbox: Mailbox, second_fact: str) -> None:
    """Follow the link of the invitation and answer its question; ends on the home page."""
    page.goto(mailbox.link("invitation", "/activate/"))
    # The token has left the address.
    expect(page).to_have_url(f"{mailbox.stack.url}/activate/")
    page.locator("[name=second_fact]").fill(second_fact)
    press(page)
    expect(page).to_have_url(f"{mailbox.stack.url}/")


def sign_in_by_code(page: Page, mailbox: Mailbox) -> None:
    """Ask for a code and come in with it, as most borrowers do."""
    page.goto(f"{mailbox.stack.url}/accounts/login/")
    page.locator("#id_email").fill(mailbox.address)
    page.locator("form", has=page.locator("#id_email")).locator("[type=submit]").click()
    page.locator("[name=code]").fill(mailbox.code("sign_in_code"))
    press(page)
    expect(page).to_have_url(f"{mailbox.stack.url}/")


def press(page: Page, action: str = "") -> None:
    """Press the main button of the page, or of the form that goes to an address ending so."""
    form = f'form[action$="{action}"] ' if action else ""
    page.locator(f"main {form}button.button:not(.quiet)[type=submit]").first.click()


def sign_contract(page: Page, mailbox: Mailbox, name: str) -> None:
    """Go through the ceremony from its first page; ends where it says that it is sealed."""
    assert "/contracts/" in page.url
    contract_url = page.url
    wait_out_costs(page)
    press(page, "/costs/")
    expect(page).to_have_url(re.compile(r"/read/$"))
    page.locator("[data-end]").scroll_into_view_if_needed()
    expect(page.locator("[name=reached_end]")).to_have_value("yes")
    press(page)
    expect(page).to_have_url(re.compile(r"/agree/$"))
    for box in page.locator("main [type=checkbox]").all():
        expect(box).not_to_be_checked()
        box.check()
    press(page)
    expect(page).to_have_url(re.compile(r"/code/$"))
    press(page, "/code/send/")
    page.locator("[name=code]").fill(mailbox.code("signing_code"))
    press(page)
    expect(page).to_have_url(re.compile(r"/sign/$"))
    page.locator("main [name=name]").fill(name)
    press(page)
    press(page, "/sign/finish/")
    expect(page).to_have_url(contract_url)
    # The page waits by itself for the seal; its end is a file to take away.
    download = page.locator('main a.button[href$="/contract.pdf"]')
    expect(download).to_be_visible(timeout=60_000)


def wait_out_costs(page: Page) -> None:
    """Let the page of costs stand open as long as it must."""
    page.wait_for_timeout((COST_READING_SECONDS + 0.2) * 1000)


def fill_card(page: Page, number: str) -> None:
    """Type a card on the gateway's page and press its button."""
    expect(page.locator("#number")).to_be_visible()
    if page.locator("#email").count():
        page.locator("#email").fill("payer@example.com")
    page.locator("#number").fill(number)
    page.locator("#expiry").fill("12/40")
    page.locator("#cvc").fill("123")
    page.locator("#holder").fill("GRACE HILL")
    page.locator("button[name=method][value=card]").click()


def yuan(minor: int) -> str:
    """Write an amount as pages show it: 123456 → ¥1,234.56."""
    return f"¥{minor / 100:,.2f}"
