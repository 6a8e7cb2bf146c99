"""Money goes back, from a borrower's wish to the bank's question, on the running portal.

Web, worker, beat and sandbox are real: what is approved on a staff page reaches the gateway by the
worker, and what the gateway or a bank does afterwards comes by webhook. Each page on the way is
looked at as every other page is.
"""

import time
from base64 import b32encode
from collections.abc import Callable

from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import expect

from repayments.money import format_money
from tests.browser.look import Look
from tests.browser.test_every_page import address, loan_of, page_of_payment, payment_of
from tests.journeys.acts import press
from tests.live.stack import Stack

PERSON = "xiaomei"


def pay_too_much(demo: Stack) -> None:
    """Have the person pay for more than is due, by card, and wait until it is in the books."""
    session = demo.shell(
        f"""
from repayments.clock import now
from repayments.loans.models import Loan
from repayments.payments.services import start_payment
loan = Loan.objects.get(borrower__email={address(PERSON)!r})
result = start_payment(
    loan_id=loan.pk, purpose="other", amount=250_000, payoff_quote_id=None, language="en",
    actor=None, now=now(),
).session_id
"""
    )
    demo.sandbox.control(f"sessions/{session}/pay", card="4242")
    demo.wait_until(lambda: payment_of(demo, PERSON)["status"] == "succeeded")


def hire_supervisor(demo: Stack) -> tuple[str, Callable[[], str]]:
    """Give the demo somebody who may send money back: their e-mail address, and what their phone
    shows."""
    secret = b32encode(b"a supervisor's phone").decode()
    email = demo.shell(
        f"""
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.auth.models import Group
from accounts.models import User
user = User.objects.filter(email="qian.yu@demo.example").first()
if user is None:
    # The demo is one for all tests of this folder: another may have hired already.
    user = User.objects.create_user("qian.yu@demo.example", name="Qian Yu", is_staff=True)
    user.groups.add(Group.objects.get(name="supervisor"))
    TOTP.activate(user, {secret!r})
result = user.email
"""
    )

    def code() -> str:
        # Not in the last moments of a code, which would be the next one's by the time it is read.
        while time.time() % 30 > 25:
            time.sleep(0.2)
        return format_hotp_value(hotp_value(secret, int(time.time()) // 30))

    return str(email), code


def refund(demo: Stack) -> dict[str, object]:
    return demo.rows("SELECT * FROM payments_refund ORDER BY id DESC")[0]


def becomes(demo: Stack, status: str) -> Callable[[], bool]:
    return lambda: refund(demo)["status"] == status


def test_money_left_over_goes_back_and_a_bank_asks(look: Look) -> None:
    demo, page = look.stack, look.page
    pay_too_much(demo)
    demo.sign_in(page, address(PERSON))
    left_over = f"/loans/{loan_of(demo, PERSON)}/left-over/"
    receipt = page_of_payment(demo, PERSON)
    look.open("/")
    look.open(receipt)
    look.open(left_over)
    press(page)
    expect(page.locator("[data-focus]")).to_be_focused()
    look.here(left_over)
    page.locator("[name=choice][value=refund]").check()
    press(page)
    expect(page).to_have_url(f"{demo.url}/loans/{loan_of(demo, PERSON)}/")
    look.open(left_over)

    supervisor, code = hire_supervisor(demo)
    demo.sign_in(page, supervisor, second_factor=True)
    look.dark = True
    pk = refund(demo)["id"]
    look.open("/admin/payments/refund/")
    look.open(f"/admin/payments/refund/propose/payment/{payment_of(demo, PERSON)['id']}/")
    decide = f"/admin/payments/refund/{pk}/decide/approve/"
    look.open(decide)
    page.locator("[name=note]").fill("Paid ahead by mistake.")
    page.locator("[name=code]").fill("000000")
    page.locator("form:has([name=code]) button.default").click()
    expect(page.locator(".errorlist")).to_be_visible()
    look.here(decide)
    page.locator("[name=code]").fill(code())
    page.locator("form:has([name=code]) button.default").click()
    demo.wait_until(becomes(demo, "succeeded"))

    sent = refund(demo)
    demo.sign_in(page, address(PERSON))
    look.dark = False
    page.goto(demo.url + receipt)
    amount = format_money(int(str(sent["amount"])), "CNY", "en")
    expect(page.locator("#back + ul")).to_contain_text(amount)

    demo.sandbox.control(f"refunds/{sent['refund_id']}/fail")
    demo.wait_until(becomes(demo, "failed"))
    charge = payment_of(demo, PERSON)["charge_id"]
    made = demo.sandbox.control(f"charges/{charge}/dispute")["dispute"]
    demo.wait_until(lambda: demo.rows("SELECT * FROM payments_dispute"))
    look.open(receipt)
    demo.sign_in(page, supervisor, second_factor=True)
    look.called += ["needs_response", "general"]  # the gateway's own words, for operators
    look.open("/admin/payments/dispute/")
    demo.sandbox.control(f"disputes/{made['id']}/win")
    demo.wait_until(lambda: demo.rows("SELECT * FROM payments_dispute WHERE status = 'won'"))
    (held,) = demo.rows("SELECT lifted_at FROM contacts_hold WHERE name = 'payment_dispute'")
    assert held["lifted_at"] is not None
    demo.sign_in(page, address(PERSON))
    look.open(receipt)
