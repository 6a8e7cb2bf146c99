"""Every page, in both languages, at 390 and 1280 px: no fault for axe, no scroll sideways at 320
and 390 px, no violation of the content policy, nothing said in the console."""

import re
from uuid import UUID

import pytest
from playwright.sync_api import expect

from tests.browser.look import PHONE, Look
from tests.journeys.acts import DECLINED, GOOD, Mailbox, fill_card, press, wait_out_costs
from tests.live.stack import Stack

# Six people whose home is all that differs; the others are looked at more closely below.
HOMES = ["xiaomei", "oliver", "lifang", "factory", "guiying"]


def address(person: str) -> str:
    return f"{person}@demo.example"


def loan_of(demo: Stack, person: str) -> str:
    (row,) = demo.rows(
        "SELECT l.public_id FROM loans_loan l JOIN accounts_borrower b ON b.id = l.borrower_id"
        " WHERE b.email = %s",
        address(person),
    )
    return dashed(row["public_id"])


def dashed(public_id: object) -> str:
    """Write an identifier as addresses do; SQLite keeps it without dashes."""
    return str(UUID(str(public_id)))


@pytest.mark.parametrize("person", HOMES)
def test_the_home_of(person: str, look: Look) -> None:
    look.stack.sign_in(look.page, address(person))

    look.open("/")


def test_the_pages_of_somebody_late(look: Look) -> None:
    look.stack.sign_in(look.page, address("jianguo"))
    loan = loan_of(look.stack, "jianguo")
    look.dark = True

    look.open("/")
    look.open(f"/loans/{loan}/")
    look.open(f"/loans/{loan}/pay/")
    look.open(f"/loans/{loan}/payoff/")
    look.open(f"/loans/{loan}/plan/")
    look.open(f"/loans/{loan}/statements/")
    look.open(look.page.locator("main .list a").first.get_attribute("href") or "")
    look.open("/documents/")
    look.open("/help/", lands=f"/help/{loan}/")
    look.open("/account/")


def test_what_is_folded(look: Look) -> None:
    """Details are closed when a page loads, and axe passes over what is hidden."""
    look.stack.sign_in(look.page, address("jianguo"))
    loan = loan_of(look.stack, "jianguo")
    look.page.add_init_script(
        """addEventListener("DOMContentLoaded", () =>
            document.querySelectorAll("main details").forEach((each) => { each.open = true; }))"""
    )

    look.open("/")
    look.open(f"/loans/{loan}/")
    look.open(f"/loans/{loan}/plan/")
    look.open(f"/help/{loan}/")


def test_public_pages(look: Look) -> None:
    look.open("/accounts/login/")
    look.open("/illustration/")
    look.open("/illustration/?principal=12000&annual_rate=12&installments=12")
    look.open("/verify/")
    look.open("/accessibility/")
    look.open("/offline/")
    look.open("/accounts/password/reset/")


def test_activation_and_its_mistake(look: Look) -> None:
    token = look.stack.shell(
        """
from accounts.models import Borrower
from accounts.services import invite_borrower
from repayments.clock import now
borrower = Borrower.objects.create(
    reference="C-80001", legal_name="New Person", email="new@demo.example",
    phone="+8613800138999", language="en",
)
result = invite_borrower(borrower=borrower, now=now())[1]
"""
    )

    look.open(f"/activate/{token}/", lands="/activate/")
    look.page.locator("[name=second_fact]").fill("0000")
    press(look.page)
    expect(look.page.locator("[data-focus]")).to_be_focused()
    look.open("/activate/none/", lands="/activate/")


def test_the_code_at_sign_in(look: Look) -> None:
    look.page.goto(f"{look.stack.url}/accounts/login/")
    look.page.locator("#id_email").fill(address("xiaomei"))
    look.page.locator("form", has=look.page.locator("#id_email")).locator("[type=submit]").click()
    expect(look.page.locator("[name=code]")).to_be_visible()

    look.here("/accounts/login/code/confirm/")


def test_paying_step_by_step(look: Look) -> None:
    demo, page = look.stack, look.page
    demo.sign_in(page, address("oliver"))
    pay = f"/loans/{loan_of(demo, 'oliver')}/pay/"

    page.goto(demo.url + pay)
    page.locator("[name=purpose][value=other]").check()
    page.locator("[name=amount]").fill("12.345")
    press(page, "/pay/")
    expect(page.locator("[data-focus]")).to_be_focused()
    look.here(pay)
    page.locator("[name=amount]").fill("100")
    press(page, "/pay/")
    expect(page.locator("[name=review]")).to_be_attached()
    look.here(pay)
    press(page, "/pay/start/")
    expect(page).to_have_url(re.compile(re.escape(demo.sandbox.base_url)))
    fill_card(page, DECLINED)
    look.open(page_of_payment(demo))
    page.locator(f'main a[href^="{demo.sandbox.base_url}"]').click()
    fill_card(page, GOOD)
    demo.wait_until(lambda: page_state(demo) == "succeeded")
    look.open(page_of_payment(demo))


def payment_of(demo: Stack, person: str) -> dict[str, object]:
    """The newest attempt of somebody's."""
    return demo.rows(
        "SELECT p.* FROM payments_payment p JOIN loans_loan l ON l.id = p.loan_id"
        " JOIN accounts_borrower b ON b.id = l.borrower_id WHERE b.email = %s ORDER BY p.id DESC",
        address(person),
    )[0]


def page_of_payment(demo: Stack, person: str = "oliver") -> str:
    return f"/payments/{dashed(payment_of(demo, person)['public_id'])}/"


def page_state(demo: Stack, person: str = "oliver") -> str:
    return str(payment_of(demo, person)["status"])


def test_a_plan_with_a_mistake_and_an_offer(look: Look) -> None:
    demo, page = look.stack, look.page
    demo.sign_in(page, address("jianguo"))
    plan = f"/loans/{loan_of(demo, 'jianguo')}/plan/"
    page.goto(demo.url + plan)
    page.locator("[name=way][value=count]").check()
    page.locator("[name=count]").fill("many")
    page.locator("[name=act][value=preview]:not(.hidden-text)").click()
    expect(page.locator("[aria-invalid=true]")).to_have_count(1)
    look.here(plan)

    demo.sign_in(page, address("emma"))
    look.open("/")
    look.open(f"/loans/{loan_of(demo, 'emma')}/plan/")
    for _language in look.languages(PHONE):
        # The offer and the answer to it are on a phone's first screen.
        for each in (page.locator("main .big"), page.locator("form[action$='/accept/'] button")):
            expect(each).to_be_in_viewport(ratio=1)
    demo.sign_in(page, address("factory"))
    (row,) = demo.rows("SELECT public_id FROM plans_installmentplan WHERE status = 'active'")
    look.open(f"/plans/{dashed(row['public_id'])}/")


def test_signing_step_by_step(look: Look) -> None:
    demo, page = look.stack, look.page
    mailbox = Mailbox(demo, page.context.new_page(), address("haoran"))
    demo.sign_in(page, address("haoran"))
    look.open("/")
    (row,) = demo.rows(
        "SELECT c.public_id FROM contracts_contract c JOIN loans_loan l ON l.id = c.loan_id"
        " WHERE l.status = 'pending_signature'"
    )
    contract = f"/contracts/{dashed(row['public_id'])}/"

    look.open(contract)
    wait_out_costs(page)
    press(page, "/costs/")
    expect(page).to_have_url(re.compile("/read/$"))
    look.here(f"{contract}read/")
    press(page)
    expect(page).to_have_url(re.compile("/agree/$"))
    press(page)
    expect(page.locator("[data-focus]")).to_be_focused()
    look.here(f"{contract}agree/")
    for box in page.locator("main [type=checkbox]").all():
        box.check()
    press(page)
    expect(page).to_have_url(re.compile("/code/$"))
    look.here(f"{contract}code/")
    press(page, "/code/send/")
    expect(page.locator("[name=code]")).to_be_visible()
    look.here(f"{contract}code/")
    page.locator("[name=code]").fill(mailbox.code("signing_code"))
    press(page)
    expect(page).to_have_url(re.compile("/sign/$"))
    look.here(f"{contract}sign/")
    page.locator("main [name=name]").fill("陈浩然")
    press(page)
    expect(page.locator("[name=review]")).to_be_attached()
    look.here(f"{contract}sign/")
    look.open(f"{contract}decline/")


def test_a_signed_contract(look: Look) -> None:
    demo = look.stack
    demo.sign_in(look.page, address("xiaomei"))
    (row,) = demo.rows(
        "SELECT c.public_id FROM contracts_contract c JOIN loans_loan l ON l.id = c.loan_id"
        " JOIN accounts_borrower b ON b.id = l.borrower_id"
        " WHERE c.status = 'completed' AND b.email = %s",
        address("xiaomei"),
    )
    contract = f"/contracts/{dashed(row['public_id'])}/"

    look.open(contract)
    look.open(f"{contract}read/")


def test_staff_pages(look: Look) -> None:
    demo, page = look.stack, look.page
    demo.sign_in(page, address("collector"), second_factor=True)
    (case,) = demo.rows("SELECT id FROM cases_case WHERE kind = 'collections'")
    look.dark = True

    look.open("/admin/")
    look.open("/admin/queue/?tab=unassigned")
    look.open("/admin/queue/?tab=mine")
    look.open(f"/admin/cases/case/{case['id']}/")
    look.open("/admin/loans/loan/")
    demo.sign_in(page, address("officer"), second_factor=True)
    look.open("/admin/plans/installmentplan/")
