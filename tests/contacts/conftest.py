"""The person written to, and a way out that keeps what it was given."""

from collections.abc import Iterator

import pytest

from accounts.models import Borrower
from repayments.contacts.receivers import hasten_message
from repayments.contacts.services import send, sweep
from repayments.contacts.signals import message_queued
from tests.factories.contacts import MORNING, RecordingTransport, make_borrower


@pytest.fixture
def borrower(db: None) -> Borrower:
    return make_borrower()


@pytest.fixture
def transport(monkeypatch: pytest.MonkeyPatch) -> RecordingTransport:
    recording = RecordingTransport()
    monkeypatch.setattr(send, "get_transport", lambda channel: recording)
    monkeypatch.setattr(sweep, "get_transport", lambda channel: recording)
    return recording


@pytest.fixture(autouse=True)
def _nothing_is_sent_by_itself() -> Iterator[None]:
    """Leave queued messages where they are, so that a test says when each is sent."""
    message_queued.disconnect(dispatch_uid="contacts.hasten_message")
    yield
    message_queued.connect(hasten_message, dispatch_uid="contacts.hasten_message")


@pytest.fixture
def hastened(monkeypatch: pytest.MonkeyPatch, _nothing_is_sent_by_itself: None) -> None:
    """Send what is queued as soon as it is committed, on the morning of the tests."""
    message_queued.connect(hasten_message, dispatch_uid="contacts.hasten_message")
    monkeypatch.setattr("repayments.clock.now", lambda: MORNING)
