"""The person written to, and a way out that keeps what it was given."""

import pytest

from accounts.models import Borrower
from repayments.contacts.services import send, sweep
from tests.factories.contacts import RecordingTransport, make_borrower


@pytest.fixture
def borrower(db: None) -> Borrower:
    return make_borrower()


@pytest.fixture
def transport(monkeypatch: pytest.MonkeyPatch) -> RecordingTransport:
    recording = RecordingTransport()
    monkeypatch.setattr(send, "get_transport", lambda channel: recording)
    monkeypatch.setattr(sweep, "get_transport", lambda channel: recording)
    return recording
