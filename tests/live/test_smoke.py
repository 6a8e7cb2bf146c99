"""The four processes start together, and talk to each other."""

import urllib.error
import urllib.request

import pytest
from playwright.sync_api import Page

from tests.axe import axe
from tests.live.stack import Stack


def test_home_leads_a_stranger_to_sign_in(stack: Stack) -> None:
    with urllib.request.urlopen(stack.url, timeout=10) as answer:  # noqa: S310 - our address
        assert answer.status == 200
        assert "/login/" in answer.url
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_the_sandbox_is_well(stack: Stack) -> None:
    assert stack.sandbox.control("health")


def test_the_webhook_of_a_stranger_is_refused(stack: Stack) -> None:
    request = urllib.request.Request(  # noqa: S310 - our address
        f"{stack.url}/payments/webhook/", data=b"{}", headers={"Stripe-Signature": "t=1,v1=0"}
    )

    with pytest.raises(urllib.error.HTTPError) as refusal:
        urllib.request.urlopen(request, timeout=10)  # noqa: S310 - our address

    assert refusal.value.code == 400
    refusal.value.close()


def test_beat_sends_a_sweep_and_the_worker_runs_it(stack: Stack) -> None:
    def ran() -> bool:
        lines = stack.log("worker").splitlines()
        return any("sweep_messages" in line and "succeeded" in line for line in lines)

    stack.wait_until(ran)


def test_a_worker_killed_and_started_again_goes_on(stack: Stack) -> None:
    stack.kill("worker")
    before = stack.log("worker").count("succeeded")
    stack.start("worker")

    stack.wait_until(lambda: stack.log("worker").count("succeeded") > before)


def test_the_clock_can_be_moved_while_they_run(stack: Stack) -> None:
    stack.move_to("2027-02-28T09:30")

    assert stack.shell("from repayments.clock import today\nresult = today()") == "2027-02-28"


def test_the_sign_in_page_has_no_fault_of_accessibility(stack: Stack, page: Page) -> None:
    page.goto(stack.url)

    assert axe(page) == []
