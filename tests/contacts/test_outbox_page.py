"""The development outbox: there in development alone, with codes and links to follow."""

from datetime import timedelta

import pytest
from django.test import Client

from accounts.models import Borrower
from repayments.contacts.services import queue_message, send_message, wipe_secrets
from tests.factories.contacts import MORNING, queue_reminder


def queue_code(borrower: Borrower) -> int:
    return queue_message(
        borrower=borrower,
        template_key="sign_in_code",
        purpose="sign_in_code",
        subject="",
        business_key="code:1",
        context={},
        secret={"code": "483920"},
        expires_at=MORNING + timedelta(minutes=5),
        now=MORNING,
    ).pk


def test_outside_development_there_is_no_such_page(client: Client, borrower: Borrower) -> None:
    queue_code(borrower)

    answer = client.get("/dev/outbox/")

    assert answer.status_code == 404
    assert b"483920" not in answer.content


def test_development_sees_codes_and_links_newest_first(
    client: Client, borrower: Borrower, settings: pytest.FixtureRequest
) -> None:
    settings.DEVELOPMENT_OUTBOX = True  # type: ignore[attr-defined]
    queue_reminder(borrower)
    send_message(message_id=queue_code(borrower), now=MORNING)

    page = client.get("/dev/outbox/").content.decode()

    assert "483920" in page
    assert 'data-status="sent"' in page
    assert '<a href="https://portal.example/">' in page
    assert page.index("sign_in_code") < page.index("reminder_late_1")

    wipe_secrets(now=MORNING + timedelta(minutes=5))
    later = client.get("/dev/outbox/")
    assert later.status_code == 200
    assert "483920" not in later.content.decode()


def test_other_methods_are_refused(client: Client, db: None) -> None:
    assert client.post("/dev/outbox/").status_code == 405


def test_the_number_of_queries_does_not_grow_with_the_messages(
    client: Client,
    borrower: Borrower,
    settings: pytest.FixtureRequest,
    django_assert_num_queries: object,
) -> None:
    settings.DEVELOPMENT_OUTBOX = True  # type: ignore[attr-defined]
    for _message in range(5):
        queue_reminder(borrower)

    # The messages with person, words and template.
    with django_assert_num_queries(1):  # type: ignore[operator]
        client.get("/dev/outbox/")
