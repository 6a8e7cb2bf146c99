"""Automatic payment on the running portal: agreed to, a card saved at the gateway, removed again.

Web, worker and sandbox are real: the card is typed on the gateway's page, and the portal hears of
it by webhook. Each page on the way is looked at as every other page is.
"""

from playwright.sync_api import expect

from tests.browser.look import Look
from tests.browser.test_every_page import address, loan_of
from tests.journeys.acts import GOOD, fill_card, press

PERSON = "xiaomei"


def test_automatic_payment_from_consent_to_the_end(look: Look) -> None:
    demo, page = look.stack, look.page
    demo.sign_in(page, address(PERSON))
    autopay = f"/loans/{loan_of(demo, PERSON)}/autopay/"
    look.open(autopay)
    look.open("/account/cards/")

    page.goto(demo.url + autopay)
    press(page, autopay)
    expect(page.get_by_role("alert")).to_be_visible()
    look.here(autopay)
    page.locator("[name=agree]").check()
    press(page, autopay)
    page.wait_for_url(f"{demo.sandbox.base_url}/**")
    fill_card(page, GOOD)

    # The part that waits brings the page once the card is here.
    page.wait_for_url(f"{demo.url}{autopay}*")
    expect(page.locator(f'form[action="{autopay}stop/"]')).to_be_visible()
    look.open(autopay)
    look.open("/account/cards/")
    look.open("/")

    page.goto(demo.url + "/account/cards/")
    page.locator('form[action$="/remove/"] button').click()
    expect(page.locator('form[action$="/remove/"]')).to_have_count(0)
    page.goto(demo.url + autopay)
    expect(page.locator(f'form[action="{autopay}stop/"]')).to_have_count(0)
