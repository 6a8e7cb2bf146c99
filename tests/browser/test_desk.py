"""Transfers, promises and the gateway for its operator, on the running portal."""

import os

from playwright.sync_api import expect

from tests.browser.look import Look
from tests.browser.test_every_page import address, loan_of
from tests.browser.test_money_back import hire_supervisor
from tests.journeys.acts import press

PERSON = "oliver"

LEFT_LYING = """
from datetime import timedelta
from accounts.models import User
from repayments.clock import now, today
from repayments.payments.models import BankLine, ClearingCheck, FailedCall, Suspense
clerk = User.objects.filter(is_staff=True).first()
suspense = Suspense.objects.create(
    provider="bank", object_id="id:lying", amount=52_300, currency="CNY", cause="unknown_loan",
    opened_at=now() - timedelta(hours=30),
)
BankLine.objects.create(
    line_key="id:lying", booked_on=today() - timedelta(days=2), amount=52_300, currency="CNY",
    payer="Oliver Reed", text="for the car", suspense=suspense, recorded_by=clerk,
    recorded_at=now(),
)
FailedCall.objects.create(
    at=now(), what="listing disputes", kind="GatewayMisconfigured", code="permission_denied",
    request_id="req_1aB2",
)
ClearingCheck.objects.create(
    date=today() - timedelta(days=1), provider="stripe", currency="CNY", gateway_total=5_000,
    books_total=4_000, checked_at=now(),
    differences=[{"object": "pi_1", "kind": "payment", "gateway": 5_000, "books": 4_000}],
)
result = suspense.pk
"""


def test_transfers_promises_and_the_operators_page(look: Look) -> None:
    demo, page = look.stack, look.page
    demo.sign_in(page, address(PERSON))
    loan = f"/loans/{loan_of(demo, PERSON)}"
    look.open(f"{loan}/pay/transfer/")
    shot(look, "transfer")
    promise = f"{loan}/promise/"
    look.open(promise)
    page.locator("[name=amount]").fill("0")
    press(page)
    expect(page.locator("[data-focus]")).to_be_focused()
    look.here(promise)
    day = str(demo.shell("from repayments.clock import today; result = today().isoformat()"))
    page.locator("[name=amount]").fill("100")
    page.locator("[name=promised_for]").fill(day)
    press(page)
    look.open(promise)
    shot(look, "promise")
    look.open("/")

    pk = demo.shell(LEFT_LYING)
    supervisor, _code = hire_supervisor(demo)
    demo.sign_in(page, supervisor, second_factor=True)
    look.dark = True
    look.called += ["Oliver Reed", "for the car", "listing disputes", "permission_denied"]
    # The columns of a statement, as its file names them.
    look.called += ["booked_on、amount、currency、text", "reference、payer、line_id"]
    look.open("/admin/payments/failedcall/gateway/")
    shot(look, "gateway")
    look.open("/admin/payments/bankline/")
    look.open("/admin/payments/bankline/record/")
    look.open("/admin/payments/bankline/unmatched/")
    shot(look, "unmatched")
    look.open(f"/admin/payments/bankline/unmatched/{pk}/")
    shot(look, "place")
    look.open("/admin/payments/promisetopay/note/")
    statement = "/admin/payments/bankline/statement/"
    look.open(statement)
    page.locator("[name=file]").set_input_files(
        {
            "name": "statement.csv",
            "mimeType": "text/csv",
            "buffer": b"booked_on,amount,currency,text\nsoon,1,CNY,x\n",
        }
    )
    page.locator("form[enctype] button.default").click()
    expect(page.get_by_role("status")).to_be_visible()
    look.here(statement)
    shot(look, "statement")


def shot(look: Look, name: str) -> None:
    folder = os.environ.get("SHOTS")
    if folder:
        look.page.screenshot(path=f"{folder}/{name}.png", full_page=True)
