"""Sending one message: claim and decide, hand over with no transaction open, record.

A worker may die between any two of the three. Before the first commit nothing happened; after it
the row stays ``sending``, and only ``return_stale_messages`` or a person brings it back (F10).
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from repayments.contacts import rechecks, rendering
from repayments.contacts.models import Decision, Message
from repayments.contacts.rendering import Rendered, RenderError
from repayments.contacts.secrets import WIPED, SecretUnreadable
from repayments.contacts.services.decide import decide
from repayments.contacts.transports import NotSent, OutcomeUnknown, Outgoing, get_transport

logger = logging.getLogger(__name__)
Status = Message.Status

MAX_ATTEMPTS = 6
LONGEST_WAIT = timedelta(minutes=60)


@dataclass(frozen=True)
class _Claim:
    message: Message
    rendered: Rendered


def send_message(*, message_id: int, now: datetime) -> None:
    """Send a due message if it is still wanted and the gate allows it at this moment.

    May be called any number of times, by any number of workers: one of them sends. Whoever comes
    second, or too early, finds the row moved on and does nothing.
    """
    try:
        claim = _claim(message_id, now)
    except Exception:
        logger.exception("message %s could not be prepared", message_id)
        _postpone(message_id, Status.DUE, "could not be prepared", now)
        return
    if claim is None:
        return
    message = claim.message
    outgoing = Outgoing(
        key=str(message.public_id),
        channel=message.channel,
        address=message.address,
        rendered=claim.rendered,
    )
    try:
        transport = get_transport(message.channel)
        reference = transport.send(outgoing)
    except NotSent as refusal:
        if refusal.is_final:
            _move(message_id, Status.SENDING, Status.FAILED, error=str(refusal)[:500], secret=WIPED)
        else:
            _postpone(message_id, Status.SENDING, str(refusal), now)
        return
    except OutcomeUnknown as silence:
        # It may have arrived: it stays as it is, and staff are shown it.
        logger.warning("message %s: outcome unknown", message_id)
        Message.objects.filter(pk=message_id, status=Status.SENDING).update(
            error=str(silence)[:500] or "outcome unknown"
        )
        return
    sent: dict[str, Any] = {"sent_at": now, "provider_reference": reference[:120], "error": ""}
    if not transport.keeps_secret:
        sent["secret"] = WIPED
    _move(message_id, Status.SENDING, Status.SENT, **sent)


@transaction.atomic
def _claim(message_id: int, now: datetime) -> _Claim | None:
    """Take the row, ask once more whether it is wanted and allowed, and make the words.

    All of it is one transaction: what the decision saw is true when the claim commits.
    """
    claimed = Message.objects.filter(
        pk=message_id, status__in=Message.TRANSITIONS[Status.SENDING], not_before__lte=now
    ).update(status=Status.SENDING, claimed_at=now, attempts=F("attempts") + 1)
    if claimed != 1:
        logger.info("message %s has moved on", message_id)
        return None
    message = Message.objects.select_related("borrower", "template_version__template").get(
        pk=message_id
    )
    if message.attempts > MAX_ATTEMPTS:
        # Whoever held it before did not come back to say why.
        _move(message_id, Status.SENDING, Status.FAILED, error="too many tries", secret=WIPED)
        return None
    if message.expires_at and message.expires_at <= now:
        _move(message_id, Status.SENDING, Status.CANCELED, error="expired", secret=WIPED)
        return None
    if not rechecks.is_still_wanted(message, now):
        _move(message_id, Status.SENDING, Status.CANCELED, error="no longer wanted", secret=WIPED)
        return None
    if not message.address:
        _move(message_id, Status.SENDING, Status.FAILED, error="no address on record", secret=WIPED)
        return None
    decision = decide(
        borrower=message.borrower,
        channel=message.channel,
        address=message.address,
        message_class=message.template_version.template.message_class,
        subject=message.subject,
        now=now,
        actor=None,
        message=message,
    )
    if decision.verdict == Decision.Verdict.DEFER:
        _move(
            message_id,
            Status.SENDING,
            Status.DUE,
            not_before=decision.until,
            claimed_at=None,
            attempts=F("attempts") - 1,
        )
        return None
    if decision.verdict == Decision.Verdict.REFUSE:
        _move(message_id, Status.SENDING, Status.REFUSED, error=decision.code, secret=WIPED)
        return None
    try:
        return _Claim(message, rendering.render_message(message))
    except (RenderError, SecretUnreadable) as error:
        _move(
            message_id,
            Status.SENDING,
            Status.FAILED,
            error=f"cannot be written: {error}"[:500],
            secret=WIPED,
        )
        return None


def _move(message_id: int, source: str, target: str, **values: Any) -> None:
    """Move the row by a conditional update, whose row count tells whether it was still there."""
    assert source in Message.TRANSITIONS.get(target, [])
    changed = Message.objects.filter(pk=message_id, status=source).update(status=target, **values)
    if changed != 1:
        logger.warning("message %s was no longer %s", message_id, source)


def _postpone(message_id: int, source: str, reason: str, now: datetime) -> None:
    """Let the row be tried again later, at doubling distance; after the last try it has failed."""
    attempts = Message.objects.filter(pk=message_id).values_list("attempts", flat=True).first()
    if attempts is None:
        logger.warning("message %s does not exist", message_id)
        return
    if source == Status.DUE:
        # The claim was rolled back, and its count with it.
        attempts += 1
    if attempts >= MAX_ATTEMPTS:
        values: dict[str, Any] = {"status": Status.FAILED, "secret": WIPED}
    else:
        wait = min(timedelta(minutes=2**attempts / 2), LONGEST_WAIT)
        values = {"status": Status.DUE, "not_before": now + wait, "claimed_at": None}
    Message.objects.filter(pk=message_id, status=source).update(
        attempts=attempts, error=reason[:500], **values
    )
