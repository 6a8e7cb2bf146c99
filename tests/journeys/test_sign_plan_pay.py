"""A borrower who reads English: from the lender's tape to a plan that is signed and paid into.

Real processes, a real browser at 390 px. The days move; amounts are worked out here by hand.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.contracts.samples import run_tool
from tests.journeys.acts import (
    DECLINED,
    GOOD,
    LEVEL,
    Mailbox,
    fill_card,
    open_account,
    press,
    sign_contract,
    write_tape,
    yuan,
)
from tests.live.card_data import find_card_data
from tests.live.stack import Stack


@pytest.fixture
def english(browser: Browser, browser_context_args: dict[str, str]) -> Iterator[Page]:
    """A phone of 390 px whose browser asks for English."""
    context = browser.new_context(**{**browser_context_args, "locale": "en-GB"})
    yield context.new_page()
    context.close()


def test_a_borrower_signs_agrees_a_plan_and_pays_once(
    stack: Stack, english: Page, tmp_path: Path
) -> None:
    page = english
    mailbox = Mailbox(stack, page.context.new_page(), "grace@example.com")

    # The lender's tape brings the loan; an invitation goes out by itself.
    stack.move_to("2026-12-01T09:30")
    tape = write_tape(tmp_path / "tape.csv", {"status": "pending_signature"})
    report = json.loads(stack.manage("import_loans", str(tape), "--json"))
    assert (report["loans"]["created"], report["invited"]) == (1, 1)

    open_account(page, mailbox, second_fact="9001")

    # The loan contract: read, agree, confirm, sign; the loan begins.
    to_sign = page.get_by_role("link", name="Read and sign", exact=True)
    stack.wait_until(lambda: page.reload() and to_sign.count())
    expect(page.get_by_role("heading", name="To do")).to_be_visible()
    to_sign.click()
    expect(page.locator("main")).to_contain_text(yuan(1_200_000)[1:])
    sign_contract(page, mailbox, "Grace Hill")
    expect(page.get_by_role("heading", level=1)).to_have_text("Signed and complete")
    check_download(page, stack, tmp_path)
    assert loan_of(stack)["status"] == "active"
    assert entries(stack) == [("disbursement", 1_200_000)]

    # Nineteen days late: the home says how much, and offers a way out.
    stack.move_to("2027-01-20T10:00")
    page.goto(stack.url)
    expect(page.locator("main section").first).to_contain_text(yuan(LEVEL))
    expect(page.locator("main section").first).to_contain_text("19 days late")
    page.get_by_role("link", name="I can't pay this now: make a plan").click()

    # Thirty-six months are more than the rules allow; the answer stands on the same page.
    plan_url = page.url
    page.locator("[name=way][value=count]").check()
    page.locator("[name=count]").fill("36")
    page.locator("[name=first_due]").fill("2027-02-10")
    page.get_by_role("button", name="Show what it costs").click()
    expect(page.locator("#preview")).to_contain_text("36 payments")
    page.get_by_role("button", name="Send this proposal").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("We suggest a change")
    assert page.url == plan_url
    offer = page.get_by_role("table", name="Your proposal and our offer")
    payments = offer.get_by_role("row").filter(has_text="Payments")
    expect(payments.get_by_role("cell")).to_have_text(["36", "24"])
    expect(payments).to_contain_text("different")
    expect(page.locator("main")).to_contain_text("24 months")

    # The offer, its agreement, and the new schedule.
    page.get_by_role("button", name="Accept this offer").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your plan is accepted")
    page.get_by_role("link", name="Sign your plan agreement").click()
    sign_contract(page, mailbox, "Grace Hill")
    rows = current_rows(stack)
    assert len(rows) == 24
    assert sum(row["principal_due"] for row in rows) == 1_200_000
    first = rows[0]["principal_due"] + rows[0]["interest_due"] + rows[0]["fee_due"]
    page.goto(stack.url)
    expect(page.locator("main section").first).to_contain_text(yuan(first))
    expect(page.locator("main section").first).not_to_contain_text("late")

    # The first payment of the plan: one card is refused, the next one pays.
    page.locator('main a[href*="/pay/"]').first.click()
    page.locator("[name=purpose][value=next]").check()
    expect(page.locator("#preview")).to_contain_text(yuan(rows[0]["interest_due"]))
    press(page, "/pay/")
    expect(page.locator("main")).to_contain_text(yuan(first))
    page.get_by_role("button", name=f"Pay {yuan(first)}").click()
    expect(page).to_have_url(re.compile(re.escape(stack.sandbox.base_url)))
    fill_card(page, DECLINED)
    expect(page.get_by_role("alert")).to_be_visible()
    assert "payment" not in [kind for kind, _amount in entries(stack)]
    fill_card(page, GOOD)

    # Received, once, and shown to the cent where it went.
    expect(page).to_have_url(re.compile(rf"{re.escape(stack.url)}/payments/[0-9a-f-]+/"))
    stack.wait_until(lambda: payments_of(stack) == [("succeeded", first)])
    # The refused try is kept too, whichever of the two was told of first.
    stack.wait_until(lambda: declines_of(stack) == ["card_declined"])
    page.reload()
    receipt = page.get_by_role("region", name="Receipt")
    expect(receipt).to_contain_text(yuan(first))
    for part in ("principal", "interest"):
        line = receipt.locator("dl > div").filter(has_text=f"{part.capitalize()} due 10 Feb")
        expect(line.locator("dd")).to_have_text(yuan(rows[0][f"{part}_due"]))
    stack.sandbox.wait_until_idle()
    posted = [amount for kind, amount in entries(stack) if kind == "payment"]
    assert posted == [first]
    page.reload()
    assert [amount for kind, amount in entries(stack) if kind == "payment"] == [first]
    stack.manage("verify_ledger")
    stack.manage("verify_audit")
    stack.manage("verify_invariants")

    assert_documents_are_genuine(stack, tmp_path)
    assert find_card_data(stack) == []


def check_download(page: Page, stack: Stack, folder: Path) -> None:
    """Take the signed PDF from the page and let poppler judge it, which knows nothing of ours."""
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download the signed PDF").click()
    waiting.value.save_as(folder / "contract.pdf")
    assert (folder / "contract.pdf").read_bytes().startswith(b"%PDF-")
    if not (shutil.which("pdfsig") and shutil.which("certutil")):
        # The story goes on; the tests of sealing are skipped and say which tool is missing.
        return
    (folder / "nss").mkdir()
    run_tool("certutil", "-N", "-d", "sql:nss", "--empty-password", cwd=folder)
    root = str(Path(stack.environment["SEALING_KEYS_DIR"]) / "ca.crt")
    add = ("certutil", "-A", "-d", "sql:nss", "-n", "ca", "-t", "CT,C,C", "-i", root)
    run_tool(*add, cwd=folder)
    said = run_tool("pdfsig", "-nssdir", "sql:nss", "contract.pdf", cwd=folder)
    assert said.count("Signature is Valid") == 2, said
    assert said.count("Certificate is Trusted") == 2, said
    assert "Total document signed" in said.partition("Signature #2")[2]


def assert_documents_are_genuine(stack: Stack, folder: Path) -> None:
    """Check both contracts as anyone could: with the portal's command, and with another's tool."""
    references = stack.rows("SELECT reference FROM contracts_contract ORDER BY id")
    assert len(references) == 2
    for row in references:
        kit = folder / row["reference"]
        stack.manage("export_contract", row["reference"], str(kit))
        file = kit / "contract.pdf"
        verdict = json.loads(stack.manage("verify_contract", str(file), "--json"))
        assert verdict["verdict"] == "genuine"
        assert len(verdict["signatures"]) == 2
        told = subprocess.run(  # noqa: S603 - a tool of the system, a file of ours
            ["pdfsig", "-nocert", str(file)],  # noqa: S607
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        assert told.count("Signature Validation: Signature is Valid.") == 2
        assert told.count("Total document signed") == 1


def loan_of(stack: Stack) -> dict[str, object]:
    (loan,) = stack.rows("SELECT * FROM loans_loan")
    return loan


def entries(stack: Stack) -> list[tuple[str, int]]:
    """The journal: kind and amount of each entry, oldest first."""
    sql = """
        SELECT e.kind, SUM(CASE WHEN p.amount > 0 THEN p.amount ELSE 0 END) AS amount
        FROM ledger_journalentry e JOIN ledger_posting p ON p.entry_id = e.id
        GROUP BY e.id, e.kind ORDER BY e.id
    """
    return [(row["kind"], row["amount"]) for row in stack.rows(sql)]


def current_rows(stack: Stack) -> list[dict[str, int]]:
    return stack.rows("SELECT * FROM loans_installment WHERE is_current ORDER BY number")


def payments_of(stack: Stack) -> list[tuple[str, int]]:
    rows = stack.rows("SELECT status, amount_received FROM payments_payment")
    return [(row["status"], row["amount_received"]) for row in rows]


def declines_of(stack: Stack) -> list[str]:
    rows = stack.rows("SELECT payload FROM audit_event WHERE action = 'payments.declined'")
    payloads = [row["payload"] for row in rows]
    return [(json.loads(one) if isinstance(one, str) else one)["code"] for one in payloads]
