"""Stopping messages to an address, and starting them again: the person's own word."""

from datetime import datetime

from django.db import transaction

from accounts.models import Borrower, User
from repayments.audit.services import record_event
from repayments.contacts.models import ContactPoint
from repayments.contacts.services.decide import lock_borrower


@transaction.atomic
def stop_messages(
    *, borrower: Borrower, channel: str, address: str, actor: User | None, now: datetime
) -> ContactPoint:
    """Stop messages to an address; stopping twice changes nothing.

    What the person asks for (codes, receipts, answers) and what the law requires still goes out.

    Args:
        actor: None where a signed link stands in for a sign-in.
    """
    lock_borrower(borrower)
    point, _created = ContactPoint.objects.get_or_create(
        borrower=borrower, channel=channel, address=address, defaults={"created_at": now}
    )
    changed = ContactPoint.objects.filter(pk=point.pk, opted_out_at__isnull=True).update(
        opted_out_at=now
    )
    if changed:
        _record("contacts.messages_stopped", borrower, channel, actor, now)
    point.refresh_from_db()
    return point


@transaction.atomic
def start_messages(
    *, borrower: Borrower, channel: str, address: str, actor: User | None, now: datetime
) -> None:
    """Let messages to an address go out again; does nothing where they were not stopped."""
    lock_borrower(borrower)
    changed = ContactPoint.objects.filter(
        borrower=borrower, channel=channel, address=address, opted_out_at__isnull=False
    ).update(opted_out_at=None)
    if changed:
        _record("contacts.messages_started", borrower, channel, actor, now)


def _record(
    action: str, borrower: Borrower, channel: str, actor: User | None, now: datetime
) -> None:
    record_event(
        stream=f"borrower:{borrower.public_id}",
        action=action,
        actor=actor,
        at=now,
        payload={"channel": channel},
    )
