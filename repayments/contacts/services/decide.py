"""Asking the gate, and keeping its answer."""

from datetime import datetime

from django.db import transaction

from accounts.models import Borrower, User
from repayments.clock import lender_zone
from repayments.contacts import gate
from repayments.contacts.facts import collect_facts, get_profile
from repayments.contacts.models import Decision, Message
from repayments.contacts.profiles import ProfileInvalid

NO_PROFILE = "none"


@transaction.atomic
def decide(
    *,
    borrower: Borrower | None,
    channel: str,
    address: str,
    message_class: str,
    subject: str,
    now: datetime,
    actor: User | None,
    message: Message | None = None,
) -> Decision:
    """Ask whether a contact may happen now, and store the answer with its rule and profile version.

    An allow takes its slot of every cap in this transaction: the person's row is locked, so a
    second decision about the same person waits for it. For a call the slot is given back to
    "connected" by the logged attempt that names the decision.

    Args:
        borrower: None for a member of staff, to whom only ``account`` messages go.
        message_class: the template's class, or "call" for what is spoken.
        subject: the debt it is about, as an audit stream.
        message: the outbox row asked for, if any.
    Returns: the stored decision; ``until`` is set if the verdict is to defer.
    """
    answer, profile_name = _ask(borrower, channel, address, message_class, subject, now, message)
    return Decision.objects.create(
        borrower=borrower,
        message=message,
        subject=subject,
        channel=channel,
        address=address,
        message_class=message_class,
        verdict=answer.verdict,
        code=answer.code,
        rule_id=answer.rule_id,
        until=answer.until,
        profile_version=profile_name,
        actor=actor,
        at=now,
    )


def lock_borrower(borrower: Borrower) -> None:
    """Make decisions about one person stand in line (PostgreSQL; SQLite's writers already do)."""
    Borrower.objects.select_for_update(no_key=True).values_list("pk").get(pk=borrower.pk)


def _ask(
    borrower: Borrower | None,
    channel: str,
    address: str,
    message_class: str,
    subject: str,
    now: datetime,
    message: Message | None,
) -> tuple[gate.Answer, str]:
    if borrower is None:
        if message_class == "account":
            return gate.Answer(gate.ALLOW), NO_PROFILE
        return gate.Answer(gate.REFUSE, "no_person"), NO_PROFILE
    lock_borrower(borrower)
    try:
        profile = get_profile(borrower.jurisdiction, now.astimezone(lender_zone()).date())
    except ProfileInvalid:
        profile = None
    if profile is None:
        # Fail closed: without rules nothing goes out.
        return gate.Answer(gate.REFUSE, "no_profile"), NO_PROFILE
    facts = collect_facts(
        borrower=borrower,
        channel=channel,
        subject=subject,
        profile=profile,
        now=now,
        message_id=message.pk if message else None,
    )
    inquiry = gate.Inquiry(
        channel=channel,
        address=address,
        subject=subject,
        message_class=message_class,
        template_key=message.template_version.template.key if message else "",
    )
    return gate.decide(inquiry, facts, profile, now), profile.name
