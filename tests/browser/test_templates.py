"""Words of contracts, written and published by keyboard alone, on the running portal."""

import os
import time
from base64 import b32encode

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import Page, expect

from tests.browser.look import Look
from tests.live.stack import Stack

SECRET = b32encode(b"an officer's own phone").decode()


def hire(demo: Stack, name: str) -> str:
    return str(
        demo.shell(
            f"""
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth.models import Group
from accounts.models import User
user = User.objects.create_user("{name}@demo.example", name="{name}", is_staff=True)
user.groups.add(Group.objects.get(name="contract_officer"))
TOTP.activate(user, {SECRET!r})
result = user.email
"""
        )
    )


def code() -> str:
    while time.time() % 30 > 25:
        time.sleep(0.2)
    return format_hotp_value(hotp_value(SECRET, int(time.time()) // 30))


def press_by_keyboard(page: Page, selector: str) -> None:
    """Reach a control by the Tab key alone, then press it."""
    for _ in range(300):
        if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
            page.keyboard.press("Enter")
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"{selector} is not reached by keyboard")


def test_a_version_is_written_and_published_by_keyboard(look: Look) -> None:
    demo, page = look.stack, look.page
    (template,) = demo.rows("SELECT id FROM contracts_contracttemplate WHERE kind = 'plan'")
    base = f"/admin/contracts/contracttemplate/{template['id']}"
    look.dark = True
    demo.sign_in(page, hire(demo, "lin.wen"), second_factor=True)

    look.open("/admin/contracts/contracttemplate/")
    look.open(f"{base}/change/")
    shot(look, "template")
    press_by_keyboard(page, "form[action$='/start/'] button")
    page.wait_for_url(f"**{base}/versions/2/edit/")
    look.open(f"{base}/versions/2/edit/")

    press_by_keyboard(page, "button[value='add:2']")
    expect(page.locator("#id_c3_zh_heading")).to_be_focused()
    for field, words in {
        "zh_heading": "银行卡",
        "zh_text": "借款人可更换银行卡𠮷。",
        "en_heading": "Your card",
        "en_text": "You may change your card {cards}.",
    }.items():
        page.locator(f"#id_c3_{field}").fill(words)
    page.locator("#id_c3_en_heading").press("Enter")
    expect(page.locator("[role=alert]")).to_be_focused()
    expect(page.locator("[role=alert] li a")).to_have_count(2)
    expect(page.locator("#id_c3_en_text")).to_have_value("You may change your card {cards}.")
    look.here(f"{base}/versions/2/edit/")
    shot(look, "template-edit")
    page.locator("#id_c3_zh_text").fill("借款人可随时更换银行卡。")
    page.locator("#id_c3_en_text").fill("You may change your card at any time.")
    page.locator("#id_c3_en_heading").press("Enter")
    page.wait_for_url(f"**{base}/versions/2/")

    demo.sign_in(page, hire(demo, "he.ping"), second_factor=True)
    look.open(f"{base}/versions/2/")
    shot(look, "template-version")
    expect(page.locator("ins").nth(1)).to_be_visible()
    page.locator("[name=code]").fill(code())
    page.keyboard.press("Enter")
    expect(page.locator(".messagelist .success")).to_be_visible()
    look.open(f"{base}/versions/2/")


def shot(look: Look, name: str) -> None:
    folder = os.environ.get("SHOTS")
    if folder:
        for width in (390, 1280):
            for language in look.languages(width):
                look.page.screenshot(path=f"{folder}/{name}-{width}-{language}.png", full_page=True)
