"""Takes the pictures in ``docs/screenshots`` of the demo as it runs: ``make screenshots``.

The day is fixed, so a picture changes only where a page does.
"""

import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

from playwright.sync_api import Browser, Page, sync_playwright

from tests.journeys.acts import GOOD, fill_card, press
from tests.live.stack import ROOT, Stack, demo_laid, laid_database, running_stack

FOLDER = ROOT / "docs" / "screenshots"
LANGUAGES = {"en": "en", "zh": "zh-hans"}
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 900}
MOST_BYTES = 200_000


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        sys.exit("Chromium is needed for pictures of pages.")
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (
        laid_database() as laid,
        demo_laid(laid) as seeded,
        running_stack(seeded) as stack,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        for name, short, person, show in PICTURES:
            language = LANGUAGES[short]
            take(browser, stack, f"{name}-{short}-390", language, person, show, PHONE)
            if name in ON_DESKS:
                take(browser, stack, f"{name}-{short}-1280", language, person, show, DESK)
        browser.close()


def take(
    browser: Browser,
    stack: Stack,
    name: str,
    language: str,
    person: str,
    show: Callable[[Stack, Page], None],
    viewport: dict[str, int],
) -> None:
    """Take one picture: what somebody sees first, without scrolling."""
    context = browser.new_context(
        viewport=viewport,
        # Sharp on a phone's screen and small enough for a repository.
        device_scale_factor=1.75 if viewport is PHONE else 1,
        locale="zh-CN" if language == "zh-hans" else "en-GB",
        reduced_motion="reduce",
    )
    context.add_cookies([{"name": "django_language", "value": language, "url": stack.url}])
    page = context.new_page()
    stack.sign_in(page, f"{person}@demo.example", second_factor=person == "collector")
    show(stack, page)
    page.wait_for_load_state("networkidle")
    path = FOLDER / f"{name}.png"
    page.screenshot(path=path)
    context.close()
    assert path.stat().st_size <= MOST_BYTES, f"{path.name}: {path.stat().st_size} bytes"
    sys.stdout.write(f"{path.relative_to(Path.cwd())}\n")


def show_home(stack: Stack, page: Page) -> None:
    page.goto(stack.url)


def show_pay(stack: Stack, page: Page) -> None:
    page.goto(stack.url)
    page.locator('main a[href*="/pay/"]').first.click()


def show_receipt(stack: Stack, page: Page) -> None:
    """Pay a part of the loan, and look at its receipt."""
    show_pay(stack, page)
    page.locator("[name=purpose][value=other]").check()
    page.locator("[name=amount]").fill("1000")
    press(page, "/pay/")
    press(page, "/pay/start/")
    fill_card(page, GOOD)
    page.wait_for_url(f"{stack.url}/payments/**")
    stack.wait_until(lambda: page.reload() and page.locator("main dl.pairs dd").count() > 4)


def show_payoff(stack: Stack, page: Page) -> None:
    page.goto(stack.url)
    page.locator('main a[href^="/loans/"]').first.click()
    page.goto(re.sub(r"(/loans/[0-9a-f-]+/).*", r"\1payoff/", page.url))


def show_autopay(stack: Stack, page: Page) -> None:
    show_payoff(stack, page)
    page.goto(page.url.replace("/payoff/", "/autopay/"))


def show_answer(stack: Stack, page: Page) -> None:
    page.goto(stack.url)
    page.locator('main a[href$="/plan/"]').first.click()


def show_contract(stack: Stack, page: Page) -> None:
    page.goto(stack.url)
    page.locator('main a.button[href*="/contracts/"]').first.click()


def accept_and_show_agreement(stack: Stack, page: Page) -> None:
    show_answer(stack, page)
    page.locator('main form[action$="/accept/"] button').click()
    page.locator('main a.button[href*="/contracts/"]').first.click()


def show_queue(stack: Stack, page: Page) -> None:
    page.goto(f"{stack.url}/admin/queue/?tab=mine")


def show_case(stack: Stack, page: Page) -> None:
    show_queue(stack, page)
    page.locator("[data-row] a").first.click()


# In this order: the English agreement to sign is there once the English offer is accepted.
PICTURES: list[tuple[str, str, str, Callable[[Stack, Page], None]]] = [
    ("home", "en", "jianguo", show_home),
    ("home", "zh", "jianguo", show_home),
    ("pay", "en", "jianguo", show_pay),
    ("pay", "zh", "jianguo", show_pay),
    ("payoff", "en", "oliver", show_payoff),
    ("payoff", "zh", "xiaomei", show_payoff),
    ("autopay", "en", "oliver", show_autopay),
    ("autopay", "zh", "xiaomei", show_autopay),
    ("receipt", "en", "oliver", show_receipt),
    ("receipt", "zh", "xiaomei", show_receipt),
    ("plan", "zh", "emma", show_answer),
    ("plan", "en", "emma", show_answer),
    ("sign", "en", "emma", accept_and_show_agreement),
    ("sign", "zh", "haoran", show_contract),
    ("queue", "en", "collector", show_queue),
    ("queue", "zh", "collector", show_queue),
    ("case", "en", "collector", show_case),
    ("case", "zh", "collector", show_case),
]
ON_DESKS = {"home", "queue"}

if __name__ == "__main__":
    main()
