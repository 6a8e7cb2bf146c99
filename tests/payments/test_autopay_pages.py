"""The page of automatic payment: what it says, and what its buttons do."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

import repayments
from accounts.models import Borrower
from repayments.clock import now, today
from repayments.contacts.models import Message
from repayments.home import _describe_autopay
from repayments.loans.models import Loan
from repayments.payments.autopay_consents import CONSENT_VERSION, text_of
from repayments.payments.models import AutopayCharge, Mandate
from tests.factories.payments import make_mandate
from tests.payments.autopay_acts import announced, charge, set_up
from tests.payments.conftest import make_loan
from tests.sandbox_server import Sandbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def loan(borrower: Borrower) -> Loan:
    return make_loan(borrower, "L-1", days_ago=5)


@pytest.fixture
def url(loan: Loan) -> str:
    return f"/loans/{loan.public_id}/autopay/"


@pytest.fixture
def mine(client: Client, loan: Loan) -> Client:
    client.force_login(loan.borrower.user)
    return client


def text(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


AGREED = {"agree": "on", "version": CONSENT_VERSION, "card": "another"}


def test_before_the_page_says_what_would_be_taken_and_how_to_stop_it(
    mine: Client, loan: Loan, url: str
) -> None:
    page = text(mine.get(url))

    assert text_of("en") in page
    assert "What would be taken" in page
    assert "¥1,066.19" in page
    assert "your loan does not depend on it" in page
    assert "Up to 3 working days before a charge" in page


def test_agreeing_leads_to_the_gateways_page_and_back(
    sandbox: Sandbox, mine: Client, loan: Loan, url: str, django_capture_on_commit_callbacks: Any
) -> None:
    answer = mine.post(url, AGREED)
    mandate = Mandate.objects.get()
    assert answer.url == mandate.setup_url
    assert mandate.agreed_ip == "127.0.0.1"
    done = sandbox.control(f"sessions/{mandate.session_id}/pay", card="4242")["redirect_to"]
    assert done.endswith(f"{url}return/")

    with django_capture_on_commit_callbacks(execute=True):
        back = mine.get(f"{url}return/")

    page = text(mine.get(back.url))
    assert "Automatic payment is on" in page
    assert "Visa ending in 4242" in page


def test_without_consent_nothing_begins(mine: Client, loan: Loan, url: str) -> None:
    answer = mine.post(url, {"version": CONSENT_VERSION, "card": "another"})

    assert answer.status_code == 422
    assert "Automatic payment starts only if you agree." in text(answer)
    assert not Mandate.objects.exists()


def test_old_words_are_a_conflict(mine: Client, loan: Loan, url: str) -> None:
    assert mine.post(url, {**AGREED, "version": "2020-01-01"}).status_code == 409
    assert not Mandate.objects.exists()


def test_the_box_is_not_ticked_beforehand(mine: Client, url: str) -> None:
    box = re.search(r"<input[^>]*name=\"agree\"[^>]*>", mine.get(url).content.decode())

    assert box is not None
    assert "checked" not in box[0]


def test_opening_the_way_back_changes_nothing(
    sandbox: Sandbox, mine: Client, loan: Loan, url: str, django_capture_on_commit_callbacks: Any
) -> None:
    mine.post(url, AGREED)

    with django_capture_on_commit_callbacks(execute=True):
        back = mine.get(f"{url}return/")

    assert Mandate.objects.get().status == Mandate.Status.PENDING
    page = mine.get(back.url)
    assert "We are asking whether your card was saved." in text(page)
    assert 'hx-get="' in page.content.decode()


def test_the_part_that_waits_brings_the_whole_page_once_the_card_is_here(
    mine: Client, loan: Loan, url: str
) -> None:
    mandate = make_mandate(loan, now=now(), status=Mandate.Status.PENDING)
    headers = {"HX-Request": "true"}
    assert 'id="pending"' in mine.get(f"{url}?returned=1&look=1", headers=headers).content.decode()

    Mandate.objects.filter(pk=mandate.pk).update(status=Mandate.Status.ACTIVE)

    assert mine.get(f"{url}?returned=1&look=2", headers=headers)["HX-Redirect"] == url


def test_what_is_announced_can_be_left_out_on_the_page(mine: Client, loan: Loan, url: str) -> None:
    make_mandate(loan, now=now())
    row = announced(loan, after=today())
    assert "Announced: never more than this." in text(mine.get(url))

    answer = mine.post(f"{url}skip/", {"due_date": row.due_date.isoformat()}, follow=True)

    row.refresh_from_db()
    assert (row.status, row.reason) == (AutopayCharge.Status.SKIPPED, "borrower")
    assert "This charge is left out. Please pay what is due yourself." in text(answer)
    assert "left out, as you asked" in text(answer)
    again = mine.post(f"{url}skip/", {"due_date": row.due_date.isoformat()})
    assert again.status_code == 409


@pytest.mark.parametrize("day", ["", "soon", "2026-02-31", "2031-01-01"])
def test_a_day_without_a_charge_cannot_be_left_out(
    mine: Client, loan: Loan, url: str, day: str
) -> None:
    make_mandate(loan, now=now())

    assert mine.post(f"{url}skip/", {"due_date": day}).status_code == 404


def test_the_stop_button_stops_at_once_and_twice_does_no_harm(
    mine: Client, loan: Loan, url: str
) -> None:
    mandate = make_mandate(loan, now=now())

    first = mine.post(f"{url}stop/", follow=True)
    second = mine.post(f"{url}stop/", follow=True)

    mandate.refresh_from_db()
    assert (mandate.status, mandate.end_reason) == ("ended", "borrower")
    assert "Automatic payment has been stopped." in text(first)
    assert "had already been stopped" in text(second)
    assert Message.objects.filter(business_key__startswith="autopay_ended").count() == 1


def test_what_became_of_a_charge_is_shown_with_its_receipt(
    sandbox: Sandbox, mine: Client, loan: Loan, url: str
) -> None:
    set_up(sandbox, loan, now())
    payment = charge(announced(loan, after=today()))

    page = mine.get(url)

    assert payment.get_absolute_url() in page.content.decode()
    assert "charged" in text(page)


@pytest.mark.parametrize("status", [Loan.Status.PAID_OFF, Loan.Status.PENDING_SIGNATURE])
def test_a_loan_that_does_not_run_offers_nothing(
    mine: Client, loan: Loan, url: str, status: str
) -> None:
    Loan.objects.filter(pk=loan.pk).update(status=status)

    page = mine.get(url)

    assert "This loan has no payments to make by itself." in text(page)
    assert 'name="agree"' not in page.content.decode()


@pytest.mark.parametrize("path", ["", "return/", "stop/", "skip/"])
def test_strangers_get_404_and_the_anonymous_sign_in(
    client: Client, url: str, other_borrower: Borrower, path: str
) -> None:
    ask = client.post if path in ("stop/", "skip/") else client.get
    assert ask(url + path).url.startswith("/accounts/login/")
    client.force_login(other_borrower.user)
    assert ask(url + path).status_code == 404


def test_wrong_methods_get_405(mine: Client, url: str) -> None:
    assert mine.get(f"{url}stop/").status_code == 405
    assert mine.get(f"{url}skip/").status_code == 405
    assert mine.post(f"{url}return/").status_code == 405
    assert mine.put(url).status_code == 405


def test_the_page_takes_a_set_number_of_queries(
    mine: Client, loan: Loan, url: str, django_assert_max_num_queries: Any
) -> None:
    make_mandate(loan, now=now())
    announced(loan, after=today())
    mine.get(url)

    # session, user, the session's own row; loan; mandate and card; announced, skipped; profile;
    # snapshot 3; last amount; workdays and stage of each line; past; cards
    with django_assert_max_num_queries(19):
        mine.get(url)


# The home page


def test_the_home_page_says_what_the_card_is_charged_next(mine: Client, loan: Loan) -> None:
    assert "Automatic payment" not in text(mine.get("/"))
    make_mandate(loan, now=now())
    assert "Automatic payment is on. We write to you before each charge." in text(mine.get("/"))
    row = announced(loan, after=today())

    page = text(mine.get("/"))

    assert "Your card is charged ¥1,066.19 on" in page
    assert row.announced_amount == 106_619


def test_the_home_page_asks_one_query_for_it(
    mine: Client, loan: Loan, django_assert_num_queries: Any
) -> None:
    make_mandate(loan, now=now())
    with django_assert_num_queries(1):
        assert _describe_autopay(loan)


def test_no_plan_and_no_contract_asks_for_automatic_payment(loan: Loan) -> None:
    """US-21: credit does not depend on it, so the rooms that grant it do not know of it."""
    root = Path(repayments.__file__).parent
    for room in ("plans", "contracts", "loans"):
        for path in (root / room).rglob("*.py"):
            source = path.read_text().lower()
            assert "mandate" not in source, path
            assert "autopay" not in source, path
