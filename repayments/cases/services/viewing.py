"""The record of who on the staff looked at whose data."""

from datetime import datetime, timedelta

from accounts.models import User
from repayments.audit.models import Event
from repayments.audit.services import record_event
from repayments.cases.models import Case

# One event a person, page and hour: a reload or a page further down is the same look.
SAME_LOOK = timedelta(hours=1)


def record_case_viewed(*, case: Case, actor: User, now: datetime) -> None:
    """Record that a member of staff opened a case, at most once an hour."""
    _record_look(stream=case.stream, action="cases.viewed", actor=actor, now=now)


def record_queue_viewed(*, actor: User, now: datetime) -> None:
    """Record that a member of staff saw the names in the queue, at most once an hour."""
    _record_look(stream=f"staff:{actor.pk}", action="cases.queue_viewed", actor=actor, now=now)


def _record_look(*, stream: str, action: str, actor: User, now: datetime) -> None:
    # Asked outside a transaction, or every look would wait for SQLite's one writer. Two looks at
    # once may both be recorded, which does no harm.
    seen = Event.objects.filter(
        stream=stream, action=action, actor=actor, at__gt=now - SAME_LOOK, at__lte=now
    )
    if not seen.exists():
        record_event(stream=stream, action=action, actor=actor, at=now)
