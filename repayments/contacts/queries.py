"""What pages and other rooms read here: holds in force, contacts of a debt, stuck messages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet

from accounts.models import Borrower
from repayments import clock
from repayments.contacts.facts import get_profile, open_holds
from repayments.contacts.models import ContactAttempt, ContactPoint, Message
from repayments.contacts.rendering import Rendered, RenderError, paragraphs, render_message
from repayments.contacts.secrets import SecretUnreadable

# Staff see what a transport left open for longer than this (F10).
STUCK_AFTER = timedelta(minutes=15)


@dataclass(frozen=True)
class Contact:
    """One contact on record: ``kind`` is "message", with its purpose, or "attempt"."""

    at: datetime
    kind: str
    channel: str
    what: str
    status: str


@dataclass(frozen=True)
class ShownMessage:
    """A message of the outbox in its words, for the development page."""

    template_key: str
    channel_name: str
    address: str
    at: datetime
    status: str
    status_name: str
    error: str
    subject: str
    paragraphs: list[list[tuple[str, str]]]


def has_hold(borrower: Borrower, subject: str, blocks: str, *, now: datetime | None = None) -> bool:
    """Tell whether a hold in force blocks something on this subject of a person.

    Args:
        subject: an audit stream; holds on the whole person count too.
        blocks: contact, call, sms, placement, fees, interest or legal.
        now: this moment if not given.
    """
    moment = now or clock.now()
    holds = open_holds(borrower, subject, moment)
    if not holds:
        return False
    day = moment.astimezone(clock.lender_zone()).date()
    profile = get_profile(borrower.jurisdiction, day)
    if profile is None:
        return True
    rules = [profile.holds.get(hold.name) for hold in holds]
    # A hold the profile does not know blocks everything.
    return any(rule is None or blocks in rule.blocks for rule in rules)


def is_stopped(*, borrower: Borrower, channel: str, address: str) -> bool:
    """Tell whether the person stopped messages to this address."""
    return ContactPoint.objects.filter(
        borrower=borrower, channel=channel, address=address, opted_out_at__isnull=False
    ).exists()


def list_contacts(*, borrower: Borrower, subject: str, limit: int = 100) -> Sequence[Contact]:
    """List the messages and logged attempts of one debt, newest first."""
    messages = Message.objects.filter(borrower=borrower, subject=subject).order_by("-created_at")
    attempts = ContactAttempt.objects.filter(borrower=borrower, subject=subject).order_by("-at")
    found = [
        Contact(row.sent_at or row.created_at, "message", row.channel, row.purpose, row.status)
        for row in messages[:limit]
    ] + [Contact(row.at, "attempt", row.channel, row.note, row.outcome) for row in attempts[:limit]]
    return sorted(found, key=lambda contact: contact.at, reverse=True)[:limit]


def list_stuck_messages(*, now: datetime) -> QuerySet[Message]:
    """List messages of which nobody knows whether they went out: a person must look (F10)."""
    return Message.objects.filter(
        status=Message.Status.SENDING, claimed_at__lte=now - STUCK_AFTER
    ).order_by("claimed_at")


def list_shown_messages(*, limit: int = 50) -> list[ShownMessage]:
    """List the newest messages in their words, secret values included while they are kept."""
    rows = Message.objects.select_related("borrower", "template_version__template").order_by("-pk")
    return [_shown(message) for message in rows[:limit]]


def _shown(message: Message) -> ShownMessage:
    try:
        rendered = render_message(message)
        error = message.error
    except (RenderError, SecretUnreadable) as trouble:
        rendered, error = Rendered(subject="", text=""), message.error or str(trouble)
    return ShownMessage(
        template_key=message.template_version.template.key,
        channel_name=message.get_channel_display(),
        address=message.address,
        at=message.sent_at or message.created_at,
        status=message.status,
        status_name=message.get_status_display(),
        error=error,
        subject=rendered.subject,
        paragraphs=paragraphs(rendered.text),
    )
