"""People to write to, and messages on their way."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from accounts.models import Borrower, User
from repayments.contacts.models import Message, MessageTemplate, MessageTemplateVersion
from repayments.contacts.services import queue_message
from repayments.contacts.transports import Outgoing

SHANGHAI = ZoneInfo("Asia/Shanghai")
# A Tuesday morning in Shanghai.
MORNING = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
LOAN = "loan:11111111-1111-4111-8111-111111111111"
_numbers = count(1)


def shanghai(text: str) -> datetime:
    """Give a moment of Shanghai's wall clock, "2026-11-24 21:59:59"."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def make_borrower(**fields: Any) -> Borrower:
    number = next(_numbers)
    values = {
        "reference": f"B-{number}",
        "legal_name": "林晓",
        "email": f"lin{number}@example.com",
        "phone": f"+86138000{number:05d}",
        **fields,
    }
    return Borrower.objects.create(**values)


def make_staff(**fields: Any) -> User:
    return User.objects.create_user(f"staff{next(_numbers)}@example.com", is_staff=True, **fields)


def queue_reminder(borrower: Borrower, *, now: datetime = MORNING, **fields: Any) -> Message:
    """Queue a message of the class that hours, caps and holds apply to."""
    values: dict[str, Any] = {
        "template_key": "reminder_late_1",
        "purpose": "test",
        "subject": LOAN,
        "business_key": f"test:{next(_numbers)}",
        "context": {"date": "2026-11-23"},
        **fields,
    }
    return queue_message(borrower=borrower, now=now, **values)


def make_draft(author: User, *, channel: str = "email", **fields: Any) -> MessageTemplateVersion:
    """Store a draft fit to be published; ``fields`` make it unfit."""
    template = MessageTemplate.objects.get(key="reminder_due", channel=channel)
    text = "{lender} {link} {stop_link}" if channel == "sms" else "{lender} {name} {date} {link}"
    values: dict[str, Any] = {
        "subject_zh": "" if channel == "sms" else "来自{lender}的提示",
        "subject_en": "" if channel == "sms" else "A note from {lender}",
        "text_zh": text,
        "text_en": text,
        **fields,
    }
    return MessageTemplateVersion.objects.create(
        template=template, number=next(_numbers) + 1, author=author, **values
    )


class RecordingTransport:
    """A way out that keeps what it was given; ``failure`` is raised after it took the message."""

    def __init__(self, *, is_idempotent: bool = False) -> None:
        self.is_idempotent = is_idempotent
        self.keeps_secret = False
        self.sent: list[Outgoing] = []
        self.failure: BaseException | None = None

    def send(self, outgoing: Outgoing) -> str:
        self.sent.append(outgoing)
        if self.failure:
            raise self.failure
        return f"recorded:{outgoing.key}"


def later(moment: datetime, **span: int) -> datetime:
    return moment + timedelta(**span)
