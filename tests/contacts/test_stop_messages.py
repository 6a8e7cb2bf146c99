"""Stopping messages by the link in one: no sign-in, nothing changes on GET, one click works."""

import pytest
from django.test import Client

from accounts.models import Borrower
from repayments.audit.models import Event
from repayments.contacts.models import ContactPoint
from repayments.contacts.rendering import stop_token
from repayments.contacts.services import start_messages, stop_messages
from tests.factories.contacts import MORNING, queue_reminder


def link(borrower: Borrower, **fields: object) -> str:
    return f"/messages/stop/{stop_token(queue_reminder(borrower, **fields).public_id)}/"


def stopped(borrower: Borrower) -> list[str]:
    points = ContactPoint.objects.filter(borrower=borrower, opted_out_at__isnull=False)
    return list(points.values_list("address", flat=True))


def test_opening_the_link_changes_nothing(client: Client, borrower: Borrower) -> None:
    for method in (client.get, client.head):
        answer = method(link(borrower))
        assert answer.status_code == 200

    assert stopped(borrower) == []


def test_confirming_stops_and_starting_again_starts(client: Client, borrower: Borrower) -> None:
    page = link(borrower)

    answer = client.post(page, {"action": "stop"}, follow=True)
    assert stopped(borrower) == [borrower.email]
    assert answer.context["is_stopped"] is True

    client.post(page, {"action": "start"})
    assert stopped(borrower) == []
    recorded = Event.objects.filter(stream=f"borrower:{borrower.public_id}")
    assert list(recorded.order_by("seq").values_list("action", flat=True)) == [
        "contacts.messages_stopped",
        "contacts.messages_started",
    ]


def test_rfc_8058_one_click_of_a_mail_program_needs_no_token_of_a_page(
    borrower: Borrower,
) -> None:
    client = Client(enforce_csrf_checks=True)

    answer = client.post(link(borrower), {"List-Unsubscribe": "One-Click"})

    assert answer.status_code == 302
    assert stopped(borrower) == [borrower.email]


def test_a_link_of_a_text_message_stops_text_messages(client: Client, borrower: Borrower) -> None:
    client.post(link(borrower, channel="sms"), {"action": "stop"})

    assert stopped(borrower) == [borrower.phone]


@pytest.mark.django_db
@pytest.mark.parametrize("token", ["x", "00000000-0000-4000-8000-000000000000:forged"])
def test_a_token_that_is_not_ours_is_not_found(client: Client, token: str) -> None:
    assert client.get(f"/messages/stop/{token}/").status_code == 404
    assert client.post(f"/messages/stop/{token}/").status_code == 404


def test_other_methods_are_refused(client: Client, borrower: Borrower) -> None:
    assert client.put(link(borrower)).status_code == 405


def test_the_link_names_no_person(borrower: Borrower) -> None:
    page = link(borrower)

    assert borrower.email not in page
    assert str(borrower.public_id) not in page


@pytest.mark.django_db
def test_stopping_twice_and_starting_what_runs_change_nothing(borrower: Borrower) -> None:
    values = {"borrower": borrower, "channel": "email", "address": "a@b.example", "actor": None}
    start_messages(**values, now=MORNING)  # type: ignore[arg-type]
    for _again in range(2):
        stop_messages(**values, now=MORNING)  # type: ignore[arg-type]

    assert Event.objects.filter(stream=f"borrower:{borrower.public_id}").count() == 1
