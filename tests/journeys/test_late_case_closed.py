"""A borrower who reads Chinese, late on a loan, and a collector who reads English.

Days pass by the close that beat starts; nothing but the clock is moved. The loan: 12,000.00 at 12 %
in 12 payments, the first due on 5 January 2027.
"""

import base64
import hashlib
import hmac
import json
import re
import struct
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.journeys.acts import (
    GOOD,
    LEVEL,
    Mailbox,
    fill_card,
    open_account,
    press,
    sign_in_by_code,
    write_tape,
    yuan,
)
from tests.live.stack import Stack

CHEN = {
    "loan_number": "HL-2026-00011",
    "borrower_reference": "C-90011",
    "legal_name": "陈静",
    "email": "chenjing@example.com",
    "phone": "+8613800139011",
    "language": "zh-hans",
    "first_due_on": "2027-01-05",
}
LI = {
    **CHEN,
    "loan_number": "HL-2026-00012",
    "borrower_reference": "C-90012",
    "legal_name": "李建国",
    "email": "jianguo@example.com",
    "phone": "+8613800139012",
}
BOTH = [CHEN["email"], LI["email"]]
PASSWORD = "queue-and-case-2027"


def test_reminders_keep_hours_and_a_case_is_worked_to_its_end(
    stack: Stack, page: Page, browser: Browser, tmp_path: Path
) -> None:
    stack.move_to("2026-12-01T10:00")
    tape = write_tape(tmp_path / "tape.csv", CHEN, LI)
    report = json.loads(stack.manage("import_loans", str(tape), "--json"))
    assert (report["loans"]["created"], report["invited"]) == (2, 2)
    li = Mailbox(stack, page.context.new_page(), LI["email"])
    open_account(page, li, second_fact="9012")

    # Three days before: made at half past ten in the evening, kept until the morning.
    stack.move_to("2027-01-02T22:30")
    stack.wait_until(lambda: reminders(stack) == {"before_3": 2})
    let_sweeps_pass(stack)
    assert [row["status"] for row in stack.outbox(purpose="reminder")] == ["due", "due"]
    stack.move_to("2027-01-03T08:30")
    stack.wait_until(lambda: sent(stack) == {"before_3": BOTH})

    # On the day, and a day late.
    stack.move_to("2027-01-05T10:00")
    stack.wait_until(lambda: sent(stack).get("due_day") == BOTH)
    stack.move_to("2027-01-06T10:00")
    stack.wait_until(lambda: sent(stack).get("late_1") == BOTH)
    assert reminders(stack) == {"before_3": 2, "due_day": 2, "late_1": 2}

    # A week late: one pays in the morning, before the reminders of the day go out at nine.
    stack.move_to("2027-01-12T07:00")
    stack.wait_until(lambda: reminders(stack).get("late_7") == 2)
    stack.move_to("2027-01-12T08:30")
    page.context.clear_cookies()
    sign_in_by_code(page, li)
    expect(page.locator("main section").first).to_contain_text(yuan(LEVEL))
    page.locator('main a[href*="/pay/"]').first.click()
    press(page, "/pay/")
    press(page, "/pay/start/")
    fill_card(page, GOOD)
    expect(page).to_have_url(re.compile(rf"{re.escape(stack.url)}/payments/[0-9a-f-]+/"))
    stack.wait_until(lambda: paid(stack) == [(LI["loan_number"], LEVEL)])
    stack.move_to("2027-01-12T09:05")
    stack.wait_until(lambda: sent(stack).get("late_7") == [CHEN["email"]])
    let_sweeps_pass(stack)
    assert statuses(stack, "late_7") == {CHEN["email"]: "sent", LI["email"]: "canceled"}
    stack.move_to("2027-01-20T10:00")
    stack.wait_until(lambda: sent(stack).get("late_15") == [CHEN["email"]])
    assert reminders(stack)["late_15"] == 1

    # The policy's day: thirty days late, not one sooner.
    stack.move_to("2027-02-03T10:00")
    stack.wait_until(lambda: closed_days(stack)[-1] == "2027-02-03")
    assert stack.rows("SELECT id FROM cases_case") == []
    stack.move_to("2027-02-04T10:00")
    (case,) = stack.wait_until(lambda: stack.rows("SELECT * FROM cases_case"))
    assert (case["kind"], case["status"]) == ("collections", "open")
    assert json.loads(case["reason_facts"]) == {
        "days_late": 30,
        "amount": LEVEL,
        "currency": "CNY",
    }

    work_the_case(stack, browser.new_page(), case["id"])
    assert_everybody_heard_once(stack)
    stack.manage("verify_ledger")
    stack.manage("verify_audit")


def work_the_case(stack: Stack, page: Page, pk: int) -> None:
    """A collector comes in with two factors, claims the case, writes a note and closes it."""
    code = make_collector(stack)
    page.goto(f"{stack.url}/admin/queue/")
    page.locator("[name=login]").fill("collector@example.com")
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("form", has=page.locator("[name=password]")).locator("[type=submit]").click()
    expect(page).to_have_url(re.compile("/2fa/authenticate/"))
    page.locator("[name=code]").fill(code())
    page.locator("main form", has=page.locator("[name=code]")).locator(
        "[type=submit]"
    ).first.click()
    expect(page).to_have_url(f"{stack.url}/admin/queue/")

    row = page.get_by_role("row").filter(has_text="陈静")
    expect(page.locator("[data-row]")).to_have_count(1)
    expect(row).to_contain_text(yuan(LEVEL))
    expect(row.locator('[data-label="Days late"]')).to_have_text("30")
    row.get_by_role("button", name="Claim 陈静").click()
    row.get_by_role("link", name="陈静").click()
    expect(page).to_have_url(re.compile(rf"/admin/cases/case/{pk}/"))

    story = page.locator(".story")
    # Five reminders of the first payment, one of the second.
    expect(story.locator(".message")).to_have_count(6)
    write = page.locator("details", has=page.get_by_text("Write a note", exact=True))
    write.locator("summary").click()
    write.locator("textarea").fill("她的店在装修，下月重新开张。")
    write.get_by_role("button", name="Write a note").click()
    expect(story).to_contain_text("她的店在装修，下月重新开张。")

    close = page.locator("details", has=page.get_by_text("Close the case", exact=True))
    close.locator("summary").click()
    close.get_by_role("button", name="Close the case").click()
    # Without a reason nothing happens, and what is missing is said at the field.
    expect(page.locator("details[open] .errorlist")).not_to_have_count(0)
    assert stack.rows("SELECT status FROM cases_case") == [{"status": "claimed"}]
    close.locator("[name=reason]").select_option("no_action")
    close.locator("[name=note]").fill("She pays next month when the shop opens.")
    close.get_by_role("button", name="Close the case").click()
    expect(page.locator("main, #content").first).to_contain_text(
        "She pays next month when the shop opens."
    )
    (case,) = stack.rows("SELECT * FROM cases_case")
    assert (case["status"], case["close_reason"]) == ("closed", "no_action")
    acts = stack.rows("SELECT action FROM audit_event WHERE actor_id IS NOT NULL ORDER BY id")
    assert [row["action"] for row in acts if row["action"].startswith("cases.")][-1:] == [
        "cases.closed"
    ]
    page.goto(f"{stack.url}/admin/queue/?tab=mine")
    expect(page.locator("[data-row]")).to_have_count(0)


def make_collector(stack: Stack) -> Callable[[], str]:
    """Make a member of staff with a second factor; give what their phone would show."""
    secret = base64.b32encode(b"a collector's phone!").decode()
    stack.shell(
        f"""
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth.models import Group
from accounts.models import User
user = User.objects.create_user(
    "collector@example.com", {PASSWORD!r}, name="Min Zhao", language="en", is_staff=True
)
user.groups.add(Group.objects.get(name="collector"))
TOTP.activate(user, {secret!r})
result = user.pk
"""
    )

    def code() -> str:
        # RFC 6238 with its defaults, as on any phone.
        counter = struct.pack(">Q", int(time.time()) // 30)
        digest = hmac.digest(base64.b32decode(secret), counter, hashlib.sha1)
        at = digest[-1] & 15
        return f"{(int.from_bytes(digest[at : at + 4], 'big') & 0x7FFFFFFF) % 10**6:06d}"

    return code


def let_sweeps_pass(stack: Stack, count: int = 3) -> None:
    """Wait until sweeps that began after this moment have ended."""

    def ended() -> int:
        lines = stack.log("worker").splitlines()
        return sum("sweep_messages" in line and "succeeded" in line for line in lines)

    before = ended()
    stack.wait_until(lambda: ended() >= before + count)


def reminders(stack: Stack) -> dict[str, int]:
    rows = stack.rows("SELECT kind, COUNT(*) AS count FROM reminders_reminder GROUP BY kind")
    return {row["kind"]: row["count"] for row in rows}


def sent(stack: Stack) -> dict[str, list[str]]:
    """Whom each kind of reminder has reached."""
    reached: dict[str, list[str]] = {}
    for (kind, address), status in _reminder_statuses(stack).items():
        if status == "sent":
            reached.setdefault(kind, []).append(address)
    return {kind: sorted(addresses) for kind, addresses in reached.items()}


def statuses(stack: Stack, kind: str) -> dict[str, str]:
    found = _reminder_statuses(stack)
    return {address: status for (of, address), status in found.items() if of == kind}


def _reminder_statuses(stack: Stack) -> dict[tuple[str, str], str]:
    sql = """
        SELECT r.kind, m.address, m.status
        FROM reminders_reminder r JOIN contacts_message m ON m.id = r.message_id
        JOIN loans_installment i ON i.id = r.installment_id AND i.number = 1
    """
    return {(row["kind"], row["address"]): row["status"] for row in stack.rows(sql)}


def paid(stack: Stack) -> list[tuple[str, int]]:
    sql = """
        SELECT l.number, p.amount_received FROM payments_payment p
        JOIN loans_loan l ON l.id = p.loan_id WHERE p.status = 'succeeded'
    """
    return [(row["number"], row["amount_received"]) for row in stack.rows(sql)]


def closed_days(stack: Stack) -> list[str]:
    sql = "SELECT date FROM loans_dayclose WHERE finished_at IS NOT NULL ORDER BY date"
    return [str(row["date"]) for row in stack.rows(sql)]


def assert_everybody_heard_once(stack: Stack) -> None:
    """No message stands twice, none is left half-way, and all went out by day."""
    rows = stack.outbox(purpose="reminder")
    keys = [row["business_key"] for row in rows]
    assert len(keys) == len(set(keys))
    assert {row["status"] for row in rows} == {"sent", "canceled"}
    hours = stack.shell(
        """
from repayments.clock import lender_zone
from repayments.contacts.models import Message
sent = Message.objects.filter(purpose="reminder", status="sent")
result = sorted({row.sent_at.astimezone(lender_zone()).hour for row in sent})
"""
    )
    assert hours
    assert all(8 <= hour < 22 for hour in hours)
