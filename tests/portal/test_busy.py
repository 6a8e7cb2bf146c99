"""Who meets the database busy is asked back kindly; nothing is half done, no word is lost.

The locks are real: another connection holds the loan (PostgreSQL) or the whole file (SQLite), as
the close of a night does.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from html import unescape

import pytest
import time_machine
from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import Borrower
from portal.busy import BusyDatabaseMiddleware, answer_busy, server_error
from repayments.audit.models import Event
from repayments.cases.models import Case
from repayments.contacts.models import Hold, Message
from repayments.loans.models import Loan
from repayments.payments.models import GatewayEvent
from tests.factories.cases import NOW, make_debtor, make_late_loan
from tests.payments.conftest import signed

pytestmark = pytest.mark.django_db(transaction=True)

WORDS = 'My factory closed; "until spring" & <later>.'


@pytest.fixture(autouse=True)
def _a_tuesday_morning() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def borrower() -> Borrower:
    return make_debtor()


@pytest.fixture
def loan(borrower: Borrower) -> Loan:
    return make_late_loan(borrower=borrower)


@pytest.fixture
def phone(borrower: Borrower) -> Client:
    client = Client(raise_request_exception=False, enforce_csrf_checks=True)
    assert borrower.user is not None
    client.force_login(borrower.user)
    return client


@pytest.fixture
def impatient() -> Iterator[None]:
    """Wait for locks for a moment only, not for as long as a page does."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET lock_timeout = '200ms'")
        else:
            cursor.execute("PRAGMA busy_timeout = 200")
    yield
    connection.close()


@contextmanager
def held(sql: str, *values: object) -> Iterator[None]:
    """Keep a transaction open in a connection of its own after this statement."""
    other = connection.copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            if connection.vendor == "sqlite":
                cursor.execute("BEGIN IMMEDIATE")
            else:
                cursor.execute(sql, values)
        yield
        other.rollback()
    finally:
        other.close()


def held_loan(loan: Loan) -> AbstractContextManager[None]:
    return held("SELECT id FROM loans_loan WHERE id = %s FOR UPDATE", loan.pk)


def ask(client: Client, loan: Loan) -> HttpResponse:
    """Send a request for help, as a browser does that has opened the page."""
    token = client.cookies["csrftoken"].value
    address = reverse("cases:help", args=[loan.public_id])
    return client.post(address, {"kind": "hardship", "words": WORDS, "csrfmiddlewaretoken": token})


def fields_of(page: str) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page)
    return {unescape(name): unescape(value) for name, value in found}


def written() -> list[int]:
    return [model.objects.count() for model in (Case, Event, Hold, Message)]


@pytest.mark.usefixtures("impatient")
def test_f19_a_form_sent_into_a_held_lock_changes_nothing_and_can_be_sent_again(
    phone: Client, loan: Loan
) -> None:
    phone.get(reverse("cases:help", args=[loan.public_id]))
    before = written()

    with held_loan(loan):
        answer = ask(phone, loan)

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "60"
    assert "no-store" in answer.headers["Cache-Control"]
    assert written() == before
    page = answer.content.decode()
    assert "Please try again in a minute" in page
    address = re.findall(r'<form method="post" action="([^"]+)"', page)
    assert address == [reverse("cases:help", args=[loan.public_id])]

    assert phone.post(address[0], fields_of(page)).status_code == 302
    assert Case.objects.get().request == WORDS


@pytest.mark.usefixtures("impatient")
def test_twin_without_the_held_lock_the_form_goes_through(phone: Client, loan: Loan) -> None:
    phone.get(reverse("cases:help", args=[loan.public_id]))

    assert ask(phone, loan).status_code == 302


@pytest.mark.usefixtures("impatient")
def test_without_the_answer_it_would_be_a_500(
    phone: Client, loan: Loan, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone.get(reverse("cases:help", args=[loan.public_id]))
    monkeypatch.setattr("portal.busy.is_busy", lambda error: False)

    with held_loan(loan):
        assert ask(phone, loan).status_code == 500


@pytest.mark.usefixtures("impatient")
def test_f19_the_gateway_is_told_plainly_to_deliver_again(client: Client) -> None:
    body = json.dumps(
        {
            "id": "evt_held",
            "object": "event",
            "type": "customer.created",
            "livemode": False,
            "data": {"object": {"id": "cus_1", "object": "customer"}},
        }
    ).encode()

    def deliver() -> HttpResponse:
        return client.post(
            "/payments/webhook/",
            body,
            content_type="application/json",
            headers={"Stripe-Signature": signed(body, sent_at=int(NOW.timestamp()))},
        )

    with held("LOCK TABLE payments_gatewayevent IN EXCLUSIVE MODE"):
        answer = deliver()

    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert answer.content == b""
    assert not GatewayEvent.objects.exists()
    assert deliver().status_code == 200
    assert GatewayEvent.objects.get().event_id == "evt_held"


# --- What the answer says, without a lock ---------------------------------------------------------


@pytest.fixture
def busy(impatient: None) -> OperationalError:
    """An error that the engine itself raised, waiting for a lock."""
    with held("LOCK TABLE loans_loan"):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                # On SQLite the transaction alone waits, as its writing does.
                cursor.execute("LOCK TABLE loans_loan")
        except OperationalError as error:
            return error
    raise AssertionError("nothing was held")


def meet(error: Exception) -> Callable[[HttpRequest], HttpResponse | None]:
    def answer(request: HttpRequest) -> HttpResponse | None:
        return BusyDatabaseMiddleware(lambda _request: HttpResponse()).process_exception(
            request, error
        )

    return answer


def test_a_page_offers_itself_again(busy: OperationalError) -> None:
    answer = meet(busy)(RequestFactory().get("/loans/?page=2&x=1"))

    assert answer is not None
    page = answer.content.decode()
    assert answer.status_code == 503
    assert 'href="/loans/?page=2&amp;x=1"' in page
    assert "<form" not in page


def test_a_part_of_a_page_stays_in_its_place(busy: OperationalError) -> None:
    request = RequestFactory().get("/", headers={"HX-Request": "true"})
    request.htmx = True

    answer = meet(busy)(request)

    assert answer is not None
    assert answer.status_code == 503
    assert answer.headers["HX-Reswap"] == "innerHTML"
    page = answer.content.decode()
    assert "Nothing was lost" in page
    assert "<html" not in page


def test_it_speaks_the_language_of_the_reader(phone: Client, loan: Loan, impatient: None) -> None:
    phone.cookies[settings.LANGUAGE_COOKIE_NAME] = "zh-hans"
    phone.get(reverse("cases:help", args=[loan.public_id]))

    with held_loan(loan):
        answer = ask(phone, loan)

    assert '<html lang="zh-Hans">' in answer.content.decode()


def test_a_password_never_comes_back_in_the_page(busy: OperationalError) -> None:
    answer = meet(busy)(RequestFactory().post("/", {"login": "a@b.example", "password": "geheim"}))

    assert answer is not None
    page = answer.content.decode()
    assert "geheim" not in page
    assert "a@b.example" not in page
    assert "Use Back in your browser" in page


def test_other_trouble_is_no_matter_of_waiting() -> None:
    assert meet(OperationalError("no such table"))(RequestFactory().get("/")) is None
    assert meet(ValueError("busy"))(RequestFactory().get("/")) is None


@pytest.mark.parametrize("has_ended", [False, True])
def test_around_the_views_nobody_is_told_to_repeat_what_may_be_done(
    busy: OperationalError, has_ended: bool
) -> None:
    request = RequestFactory().post("/", {"words": "kept"})
    if has_ended:
        request.resolver_match = object()  # type: ignore[assignment]

    try:
        raise busy
    except OperationalError:
        answer = server_error(request)

    page = answer.content.decode()
    assert answer.status_code == 503
    assert ("look at your home page before you send it again" in page) is has_ended
    assert ('value="kept"' in page) is not has_ended


def test_around_the_views_other_trouble_stays_a_500() -> None:
    try:
        raise ValueError("not busy")
    except ValueError:
        assert server_error(RequestFactory().get("/")).status_code == 500


def test_a_preview_that_met_it_says_so_and_works_again_after_it(
    live_server: LiveServer, page: Page, phone: Client, loan: Loan
) -> None:
    key = phone.cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": "sessionid", "value": key, "url": live_server.url}])
    page.goto(live_server.url + reverse("payments:pay", args=[loan.public_id]))
    preview = page.locator("#preview")
    expect(preview).not_to_be_empty()
    usual = preview.inner_text()
    request = RequestFactory().post("/")
    request.htmx = True
    answer = answer_busy(request)
    page.route(
        "**/pay/",
        lambda route: route.fulfill(
            status=503, headers=dict(answer.items()), body=answer.content.decode()
        ),
    )
    amount = page.locator("[name=amount]")

    amount.fill("100")
    expect(preview).to_contain_text("Nothing was lost")
    expect(amount).to_have_value("100")

    page.unroute("**/pay/")
    amount.fill("200")
    expect(preview).not_to_contain_text("Nothing was lost")
    assert preview.inner_text() != usual
