"""Placing and lifting the named blocks on a person."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import Borrower, User
from repayments.audit.services import record_event
from repayments.clock import lender_zone
from repayments.contacts.facts import get_profile
from repayments.contacts.models import Hold
from repayments.contacts.services.decide import lock_borrower


class HoldNotOpen(Exception):
    """The hold was lifted before; nothing was changed."""


@transaction.atomic
def place_hold(
    *,
    borrower: Borrower,
    name: str,
    subject: str,
    reason: str,
    actor: User | None,
    now: datetime,
    ends_at: datetime | None = None,
) -> Hold:
    """Block a person, or one subject of theirs, under a name the conduct profile knows.

    From the commit on no message goes out that the hold stops. Placing an open hold again gives
    the one there is.

    Args:
        subject: an audit stream; "" for everything of this person.
        ends_at: if not given, the days the profile allows for this hold, or open-ended.
    """
    lock_borrower(borrower)
    # What has run out stands in the way of a new one of the same name.
    Hold.objects.filter(
        borrower=borrower, subject=subject, name=name, lifted_at__isnull=True, ends_at__lte=now
    ).update(lifted_at=now)
    hold, created = Hold.objects.get_or_create(
        borrower=borrower,
        subject=subject,
        name=name,
        lifted_at=None,
        defaults={
            "reason": reason,
            "starts_at": now,
            "ends_at": ends_at or _usual_end(borrower, name, now),
            "placed_by": actor,
        },
    )
    if created:
        record_event(
            stream=_stream(hold),
            action="contacts.hold_placed",
            actor=actor,
            at=now,
            payload={"hold": name, "reason": reason},
        )
    return hold


@transaction.atomic
def lift_hold(*, hold_id: int, actor: User | None, now: datetime, reason: str = "") -> Hold:
    """End a hold.

    Raises: HoldNotOpen.
    """
    hold = Hold.objects.select_related("borrower").get(pk=hold_id)
    lock_borrower(hold.borrower)
    changed = Hold.objects.filter(pk=hold_id, lifted_at__isnull=True).update(
        lifted_at=now, lifted_by=actor
    )
    if changed != 1:
        raise HoldNotOpen(_("This hold has already been lifted."))
    record_event(
        stream=_stream(hold),
        action="contacts.hold_lifted",
        actor=actor,
        at=now,
        payload={"hold": hold.name, "reason": reason},
    )
    hold.refresh_from_db()
    return hold


def _usual_end(borrower: Borrower, name: str, now: datetime) -> datetime | None:
    profile = get_profile(borrower.jurisdiction, now.astimezone(lender_zone()).date())
    rule = profile.holds.get(name) if profile else None
    return now + timedelta(days=rule.days) if rule and rule.days else None


def _stream(hold: Hold) -> str:
    return hold.subject or f"borrower:{hold.borrower.public_id}"
