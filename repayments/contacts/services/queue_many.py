"""Putting many messages of one kind into the outbox at once, for imports and nightly work."""

import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from django.db import transaction

from repayments.contacts import rendering, secrets
from repayments.contacts.models import Channel, Message
from repayments.contacts.services.queue import (
    MissingValue,
    published_version,
)
from repayments.inserting import insert_rows

_COLUMNS = (
    "public_id", "borrower_id", "subject", "purpose", "business_key", "channel", "address",
    "language", "template_version_id", "context", "secret", "not_before", "expires_at", "status",
    "attempts", "provider_reference", "error", "created_at",
)  # fmt: skip


class NewMessage(NamedTuple):
    """One message of many; see ``queue_message`` for its parts.

    ``address`` and ``language`` are given, because whoever has ten thousand messages has read them
    already.
    """

    borrower_id: int
    address: str
    language: str
    subject: str
    business_key: str
    context: Mapping[str, str]
    secret: Mapping[str, str] = {}
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

    Returns: how many were stored.
    Raises: UnknownTemplate, MissingValue.
    """
    version = published_version(template_key, channel)
    needed, used = rendering.needed_values(version), rendering.used_values(version)
    known = _known_keys([new.business_key for new in messages])
    rows = []
    for new in messages:
        if not needed <= new.context.keys() | new.secret.keys():
            missing = needed - set(new.context) - set(new.secret)
            raise MissingValue(f"{template_key} needs {', '.join(sorted(missing))}")
        if new.business_key in known:
            continue
        shown = {key: str(text) for key, text in new.context.items() if key in used}
        hidden = {key: text for key, text in new.secret.items() if key in used}
        rows.append(
            (
                uuid.uuid4().hex,
                new.borrower_id,
                new.subject,
                purpose,
                new.business_key,
                str(channel),
                new.address,
                new.language,
                version.pk,
                json.dumps(shown),
                secrets.encrypt(hidden),
                now,
                new.expires_at,
                "due",
                0,
                "",
                "",
                now,
            )
        )
    insert_rows("contacts_message", _COLUMNS, rows)
    return len(rows)


def _known_keys(keys: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(keys), 500):
        rows = Message.objects.filter(business_key__in=keys[start : start + 500])
        found |= set(rows.values_list("business_key", flat=True))
    return found
