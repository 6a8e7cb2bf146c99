"""Staff read mandates and charges, and stop them for a borrower who calls."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import Borrower
from repayments.audit.models import Event
from repayments.clock import now, today
from repayments.contacts.models import Message
from repayments.loans.models import Loan
from repayments.payments.models import AutopayCharge, Mandate
from repayments.payments.services import announce_charges
from tests.factories.payments import make_mandate
from tests.payments.autopay_acts import announced, at
from tests.payments.conftest import make_loan
from tests.payments.test_refunds_staff import hire

pytestmark = pytest.mark.django_db

LIST = "/admin/payments/mandate/"


@pytest.fixture
def loan(borrower: Borrower) -> Loan:
    """A loan of which nothing is late."""
    return make_loan(borrower, "L-1", days_ago=5)


@pytest.fixture
def mandate(loan: Loan) -> Mandate:
    return make_mandate(loan, now=now())


@pytest.fixture
def row(mandate: Mandate, loan: Loan) -> AutopayCharge:
    return announced(loan, after=today())


@pytest.fixture
def desk(db: None) -> Client:
    """Somebody who answers the telephone."""
    found: Client = hire("collector")[0]
    return found


@pytest.fixture
def mine(loan: Loan) -> Client:
    client = Client()
    client.force_login(loan.borrower.user)
    return client


def stop_url(mandate: Mandate) -> str:
    return f"{LIST}{mandate.pk}/stop/"


def text(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def told(template: str) -> int:
    return Message.objects.filter(business_key__startswith=f"{template}:").count()


def test_the_list_says_whose_card_is_charged_when_and_under_which_words(
    desk: Client, mandate: Mandate, row: AutopayCharge
) -> None:
    page = text(desk.get(LIST))

    assert "L-1" in page
    assert str(mandate.card) in page
    assert mandate.consent_version in page
    shown = desk.get(LIST).context["cl"].result_list[0]
    assert shown.next_charge_on == row.charge_on


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ("q=L-1", 1),
        ("q=B-1", 1),
        ("q=nobody", 0),
        ("status__exact=active", 1),
        ("status__exact=ended", 0),
        ("end_reason__exact=staff", 0),
    ],
)
def test_the_list_is_searched_and_filtered(
    desk: Client, row: AutopayCharge, asked: str, found: int
) -> None:
    assert len(desk.get(f"{LIST}?{asked}").context["cl"].result_list) == found


def test_a_mandate_leads_to_its_charges_and_payments(
    desk: Client, mandate: Mandate, row: AutopayCharge, other_borrower: Borrower
) -> None:
    other = make_loan(other_borrower, "L-2", days_ago=5)
    make_mandate(other, now=now(), number=2)
    announced(other, after=today())
    link = f"/admin/payments/autopaycharge/?q={mandate.public_id}"
    page = desk.get(f"{LIST}{mandate.pk}/change/").content.decode()
    assert link in page
    # Whoever opens the gateway's page for a card could save one.
    assert "setup_url" not in page

    charges = desk.get(link).context["cl"].result_list

    assert [one.pk for one in charges] == [row.pk]


@pytest.mark.parametrize("count", [1, 8])
def test_the_lists_take_as_many_queries_for_many_rows(
    desk: Client,
    borrower: Borrower,
    count: int,
    django_assert_max_num_queries: Any,
) -> None:
    for number in range(count):
        made = make_loan(borrower, f"M-{number}", days_ago=5)
        make_mandate(made, now=now(), number=number)
    announce_charges(as_of=today() + timedelta(days=20), now=at(today(), 1))
    desk.get(LIST)

    # Session, user, the session's own row, second factor, permissions of two kinds; count, rows;
    # what each filter offers.
    with django_assert_max_num_queries(9):
        desk.get(LIST)
    with django_assert_max_num_queries(9):
        desk.get("/admin/payments/autopaycharge/")


def test_staff_stop_it_by_telephone_and_the_borrower_reads_who_did(
    desk: Client, mine: Client, loan: Loan, mandate: Mandate, row: AutopayCharge
) -> None:
    assert stop_url(mandate) in desk.get(f"{LIST}{mandate.pk}/change/").content.decode()
    assert desk.get(stop_url(mandate)).status_code == 200
    asked = {"what": "all", "note": "Called at ten: the card is lost."}

    first = desk.post(stop_url(mandate), asked, follow=True)
    second = desk.post(stop_url(mandate), asked, follow=True)

    mandate.refresh_from_db()
    row.refresh_from_db()
    assert (mandate.status, mandate.end_reason) == ("ended", "staff")
    assert row.status == AutopayCharge.Status.SKIPPED
    assert "Automatic payment is stopped, and the borrower is told." in text(first)
    assert "had already been stopped" in text(second)
    assert told("autopay_ended") == 1
    event = Event.objects.get(action="payments.autopay_ended")
    assert event.payload["note"] == "Called at ten: the card is lost."
    assert event.actor_id is not None
    page = text(mine.get(f"/loans/{loan.public_id}/autopay/"))
    assert "Automatic payment ended on" in page
    assert "We stopped it, as you asked us to." in page
    # The colleague's words are not the borrower's to read.
    assert "Called at ten" not in page


def test_one_charge_alone_is_left_out_and_stays_so(
    desk: Client, mine: Client, loan: Loan, mandate: Mandate, row: AutopayCharge
) -> None:
    asked = {"what": str(row.pk), "note": "Pays this one in cash."}

    first = desk.post(stop_url(mandate), asked, follow=True)
    desk.post(stop_url(mandate), asked, follow=True)
    announce_charges(as_of=row.due_date - timedelta(days=6), now=now())

    row.refresh_from_db()
    mandate.refresh_from_db()
    assert (row.status, row.reason, mandate.status) == ("skipped", "staff", "active")
    assert "The charge is left out, and the borrower is told." in text(first)
    assert told("autopay_left_out") == 1
    assert AutopayCharge.objects.filter(due_date=row.due_date).count() == 1
    page = text(mine.get(f"/loans/{loan.public_id}/autopay/"))
    assert "left out by us, as you asked us to" in page


def test_two_presses_that_both_saw_it_open_stop_once(
    desk: Client, mandate: Mandate, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.post(stop_url(mandate), {"what": "all", "note": "Called."})
    # What the second press read before the first one wrote.
    monkeypatch.setattr(
        "repayments.payments.views.staff_autopay.get_object_or_404",
        lambda found, pk: Mandate(
            pk=pk, loan=mandate.loan, customer=mandate.customer, card=mandate.card, status="active"
        ),
    )

    answer = desk.post(stop_url(mandate), {"what": "all", "note": "Called."}, follow=False)

    assert answer.status_code == 302
    assert told("autopay_ended") == 1
    assert Event.objects.filter(action="payments.autopay_ended").count() == 1


@pytest.mark.parametrize(
    ("asked", "field"),
    [({"what": "all", "note": ""}, "note"), ({"what": "7", "note": "x"}, "what"), ({}, "what")],
)
def test_without_a_reason_or_a_charge_of_this_mandate_nothing_is_stopped(
    desk: Client, mandate: Mandate, asked: dict[str, str], field: str
) -> None:
    answer = desk.post(stop_url(mandate), asked)

    assert answer.status_code == 200
    assert answer.context["form"].errors[field]
    mandate.refresh_from_db()
    assert mandate.status == "active"


def test_who_only_reads_stops_nothing(mandate: Mandate) -> None:
    client, user = hire("plan_officer")
    user.user_permissions.add(*Permission.objects.filter(codename="view_mandate"))

    assert client.get(f"{LIST}{mandate.pk}/change/").status_code == 200
    assert client.post(stop_url(mandate), {"what": "all", "note": "x"}).status_code == 403
    assert client.put(stop_url(mandate)).status_code == 405
    assert Client().get(stop_url(mandate)).status_code == 302
    mandate.refresh_from_db()
    assert mandate.status == "active"
