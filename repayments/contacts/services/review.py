"""What a person decides about messages that a machine must not decide: stuck and failed ones."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from repayments.audit.services import record_event
from repayments.contacts.models import Message
from repayments.contacts.secrets import WIPED

Status = Message.Status


class MessageMovedOn(Exception):
    """The message is no longer stuck or failed; nothing was changed."""


def mark_message_sent(*, message_id: int, reason: str, actor: User, now: datetime) -> Message:
    """Record that a stuck message did reach the person.

    Raises: MessageMovedOn.
    """
    return _settle(
        message_id=message_id,
        sources=[Status.SENDING],
        target=Status.SENT,
        action="contacts.message_marked_sent",
        reason=reason,
        actor=actor,
        now=now,
        sent_at=now,
        secret=WIPED,
    )


def send_message_again(*, message_id: int, reason: str, actor: User, now: datetime) -> Message:
    """Make a stuck or failed message due again; the gate is asked as for any other.

    Raises: MessageMovedOn.
    """
    return _settle(
        message_id=message_id,
        sources=Message.TRANSITIONS[Status.DUE],
        target=Status.DUE,
        action="contacts.message_sent_again",
        reason=reason,
        actor=actor,
        now=now,
        not_before=now,
        claimed_at=None,
        attempts=0,
    )


@transaction.atomic
def _settle(
    *,
    message_id: int,
    sources: list[str],
    target: str,
    action: str,
    reason: str,
    actor: User,
    now: datetime,
    **values: Any,
) -> Message:
    message = Message.objects.get(pk=message_id)
    changed = Message.objects.filter(pk=message_id, status__in=sources).update(
        status=target, error="", **values
    )
    if changed != 1:
        raise MessageMovedOn(_("This message has moved on meanwhile."))
    record_event(
        stream=message.subject or f"message:{message.public_id}",
        action=action,
        actor=actor,
        at=now,
        payload={"message": str(message.public_id), "reason": reason},
    )
    message.refresh_from_db()
    return message
