"""Putting many messages of one kind into the outbox at once, for imports and nightly work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from accounts.models import Borrower
from repayments.contacts import rendering, secrets
from repayments.contacts.models import Channel, Message
from repayments.contacts.services.queue import (
    MissingValue,
    address_on_record,
    published_version,
)


@dataclass(frozen=True, kw_only=True)
class NewMessage:
    """One message of many; see ``queue_message`` for its parts."""

    borrower: Borrower
    subject: str
    business_key: str
    context: Mapping[str, str]
    secret: Mapping[str, str] = field(default_factory=dict)
    expires_at: datetime | None = None


@transaction.atomic
def queue_messages(
    *,
    template_key: str,
    purpose: str,
    messages: Sequence[NewMessage],
    channel: str = Channel.EMAIL,
    now: datetime,
) -> int:
    """Store messages with the words published at this moment, in a few statements.

    Keys that are there already are passed over. Nobody is told on commit: the minute's sweep sends
    them in its own batches, as thousands of tasks at once would only stand in line.

    Returns: how many were given, new or not.
    Raises: UnknownTemplate, MissingValue.
    """
    version = published_version(template_key, channel)
    needed, used = rendering.needed_values(version), rendering.used_values(version)
    rows = []
    for new in messages:
        missing = needed - set(new.context) - set(new.secret)
        if missing:
            raise MissingValue(f"{template_key} needs {', '.join(sorted(missing))}")
        hidden = {key: text for key, text in new.secret.items() if key in used}
        user = new.borrower.user if new.borrower.user_id else None
        rows.append(
            Message(
                borrower=new.borrower,
                subject=new.subject,
                purpose=purpose,
                business_key=new.business_key,
                channel=channel,
                address=address_on_record(new.borrower, user, channel),
                language=user.language if user else new.borrower.language,
                template_version=version,
                context={key: str(text) for key, text in new.context.items() if key in used},
                secret=secrets.encrypt(hidden),
                not_before=now,
                expires_at=new.expires_at,
                created_at=now,
            )
        )
    Message.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500)
    return len(rows)
