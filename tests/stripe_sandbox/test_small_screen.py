"""The payer's pages in a browser without scripts, as wide as the smallest telephone."""

from collections.abc import Iterator

import pytest
import stripe
from playwright.sync_api import Browser, Page

from tests.sandbox_server import Sandbox
from tests.stripe_sandbox.calls import line_item, session_params


@pytest.fixture
def telephone(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": 320, "height": 640}, java_script_enabled=False, locale="en-US"
    )
    yield context.new_page()
    context.close()


def overflow(page: Page) -> float:
    """How many pixels of content stand out to the right; asked from outside the page's scripts."""
    widths = [box["x"] + box["width"] for item in page.locator("body *:visible").all()
              if (box := item.bounding_box())]  # fmt: skip
    return max(0, *widths, 320) - 320


def test_card_and_code_are_paid_without_scripts_on_320_pixels(
    sandbox: Sandbox, client: stripe.StripeClient, telephone: Page
) -> None:
    items = [line_item(12345), line_item(99_000_00, quantity=2)]
    made = client.v1.checkout.sessions.create(session_params(locale="en", line_items=items))
    telephone.goto(made.url)
    assert overflow(telephone) == 0

    telephone.fill("#email", "lin@example.com")
    telephone.click("button[value=wechat_pay]")
    assert telephone.locator("img.code").bounding_box()
    assert overflow(telephone) == 0
    telephone.click("button[value=expire]")
    assert overflow(telephone) == 0

    telephone.click("a.cancel")
    telephone.fill("#email", "lin@example.com")
    telephone.fill("#number", "4000 0025 0000 3155")
    telephone.fill("#expiry", "12/34")
    telephone.fill("#cvc", "123")
    telephone.fill("#holder", "Lin Xia")
    # The key that sends a form presses its first button, which must be the card's.
    telephone.press("#holder", "Enter")
    telephone.wait_for_url("**/authenticate")
    assert overflow(telephone) == 0
    telephone.route("https://portal.test/**", lambda route: route.fulfill(body="back"))
    telephone.click("button[value=pass]")
    telephone.wait_for_url("https://portal.test/return?**")
    assert client.v1.checkout.sessions.retrieve(made.id).payment_status == "paid"
