"""What the minute's sweep looks for: due rows, stale rows, secrets whose use is over."""

from datetime import datetime, timedelta

from django.db.models import Q

from repayments.contacts.models import Message
from repayments.contacts.secrets import WIPED
from repayments.contacts.transports import NotSent, get_transport

Status = Message.Status

BATCH = 2000
# Longer than the longest call of a transport.
STALE_AFTER = timedelta(seconds=60)
KEEP_SHOWN_SECRETS = timedelta(days=1)


def list_due_messages(*, now: datetime) -> list[int]:
    """List the ids of messages whose time has come, longest waiting first, at most ``BATCH``."""
    return list(
        Message.objects.filter(status=Status.DUE, not_before__lte=now)
        .order_by("not_before", "pk")
        .values_list("pk", flat=True)[:BATCH]
    )


def return_stale_messages(*, now: datetime) -> int:
    """Make due again what a dead worker left ``sending``, where handing over twice does no harm.

    On other channels such a row may have reached the person: it stays for staff (F10).
    """
    returned = 0
    stale = Message.objects.filter(status=Status.SENDING, claimed_at__lte=now - STALE_AFTER)
    for channel in set(stale.values_list("channel", flat=True)):
        try:
            if not get_transport(channel).is_idempotent:
                continue
        except NotSent:
            pass  # Without a way out nothing has left.
        returned += stale.filter(channel=channel).update(status=Status.DUE, claimed_at=None)
    return returned


def wipe_secrets(*, now: datetime) -> int:
    """Empty secrets that are of no use any more: expired, or shown for a day after sending."""
    return (
        Message.objects.exclude(secret=WIPED)
        .filter(
            Q(expires_at__lte=now) | Q(status=Status.SENT, sent_at__lte=now - KEEP_SHOWN_SECRETS)
        )
        .update(secret=WIPED)
    )
