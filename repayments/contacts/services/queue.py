"""Putting a message into the outbox, in the transaction that makes it true."""

from collections.abc import Mapping
from datetime import datetime
from functools import partial

from django.db import transaction

from accounts.models import Borrower, User
from repayments.contacts import rendering, secrets
from repayments.contacts.models import Channel, Message, MessageTemplateVersion
from repayments.contacts.signals import message_queued
from repayments.inserting import insert_new


class UnknownTemplate(Exception):
    """No published words have this key and channel."""


class MissingValue(Exception):
    """The words need a value that was not given."""


def queue_message(
    *,
    borrower: Borrower | None,
    template_key: str,
    purpose: str,
    subject: str,
    business_key: str,
    context: Mapping[str, str],
    secret: Mapping[str, str] | None = None,
    channel: str = Channel.EMAIL,
    address: str | None = None,
    not_before: datetime | None = None,
    expires_at: datetime | None = None,
    recipient: User | None = None,
    now: datetime,
) -> Message:
    """Store one message to be sent, with the words published at this moment.

    Values the words do not use are not kept. An ISO date among the values is written out in the
    person's language; ``link`` may be a path and is the home page where it is not given. Whether
    the message may go out is asked when it is sent.

    Args:
        borrower: None for a member of staff, who is then ``recipient``.
        purpose: what the recheck at sending is registered under.
        subject: what it is about, as an audit stream; "" for nothing in particular.
        business_key: unique in the project; the same key again gives the message already there.
        context: flat texts for the placeholders.
        secret: values stored encrypted and emptied after sending (codes, single-use links).
        address: where to, if not the address on record.
        not_before: aware; now if not given.
        expires_at: aware; from then on the message is of no use and is not sent.
    Returns: the message as stored. It has no address if none is on record; sending it then fails,
        visibly, and the caller's act stands.
    Raises: UnknownTemplate, MissingValue.
    """
    version = published_version(template_key, channel)
    hidden = {**(secret or {})}
    missing = rendering.needed_values(version) - set(context) - set(hidden)
    if missing:
        raise MissingValue(f"{template_key} needs {', '.join(sorted(missing))}")
    used = rendering.used_values(version)
    user = recipient or (borrower.user if borrower else None)
    message = Message(
        business_key=business_key,
        borrower=borrower,
        subject=subject,
        purpose=purpose,
        channel=channel,
        address=address or address_on_record(borrower, user, channel),
        language=_language(borrower, user),
        template_version=version,
        context={key: str(text) for key, text in context.items() if key in used},
        secret=secrets.encrypt({key: text for key, text in hidden.items() if key in used}),
        not_before=not_before or now,
        expires_at=expires_at,
        created_at=now,
    )
    if not insert_new(message, key=("business_key",)):
        return Message.objects.get(business_key=business_key)
    if message.not_before <= now:
        # Robust: where this fails the sweep sends it, and the act it belongs to stands.
        transaction.on_commit(
            partial(message_queued.send_robust, sender=Message, message_id=message.pk)
        )
    return message


def published_version(template_key: str, channel: str) -> MessageTemplateVersion:
    version = (
        MessageTemplateVersion.objects.filter(
            template__key=template_key,
            template__channel=channel,
            status=MessageTemplateVersion.Status.PUBLISHED,
        )
        .select_related("template")
        .first()
    )
    if version is None:
        raise UnknownTemplate(f"{template_key} ({channel})")
    return version


def address_on_record(borrower: Borrower | None, user: User | None, channel: str) -> str:
    """Give the address a person signs in with before the one on the lender's record."""
    if channel == Channel.EMAIL:
        return (user.email if user else "") or (borrower.email if borrower else "")
    if channel in {Channel.SMS, Channel.VOICE}:
        return (user.phone if user else "") or (borrower.phone if borrower else "")
    return ""


def _language(borrower: Borrower | None, user: User | None) -> str:
    if user:
        return user.language
    return borrower.language if borrower else ""
