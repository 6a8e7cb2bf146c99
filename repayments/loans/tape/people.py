"""The borrowers of a tape: the same person in every row, one address one person; their invitation.

The lender's record is the tape's to change. What a person has chosen here since they opened their
account, the language, is not; nor is the address they sign in with, which is no part of the record.
"""

import json
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from accounts.models import Borrower, Invitation, User
from accounts.services import hash_token, invite_borrowers
from repayments.audit.services import NewEvent, record_events
from repayments.clock import lender_zone
from repayments.contacts.models import Channel, ContactPoint
from repayments.contacts.services import NewMessage, queue_messages
from repayments.inserting import insert_rows, reserve_ids
from repayments.loans.tape import staging
from repayments.loans.tape.checking import COLUMN_OF_FIELD, TAPE, CellReader, LoanRow, Person
from repayments.loans.tape.faults import Faults


@dataclass
class SortedPeople:
    """People of a tape by what is to be done; ``changed`` with the names of the fields."""

    created: list[Person] = field(default_factory=list)
    changed: list[tuple[Borrower, list[str]]] = field(default_factory=list)
    unchanged: list[Borrower] = field(default_factory=list)


def check_persons(rows: Sequence[LoanRow], *, faults: Faults) -> list[Person]:
    """Check that rows agree with each other about people; give those not met before."""
    references = [row.person.reference for row in rows]
    said = {
        reference: (line, json.loads(facts))
        for reference, (line, facts) in staging.find_borrowers(references).items()
    }
    emails = staging.find_emails([row.person.email for row in rows])
    persons: dict[str, Person] = {}
    new_emails = []
    for row in rows:
        person, cells = row.person, CellReader(row.raw, TAPE, faults)
        facts = [getattr(person, name) for name in Person.FIELDS]
        if person.reference in said:
            line, other_facts = said[person.reference]
            for name, fact, other in zip(Person.FIELDS, facts, other_facts, strict=True):
                if fact != other:
                    cells.fault(COLUMN_OF_FIELD.get(name, name), "borrower_differs", other=line)
            continue
        said[person.reference] = (row.line, facts)
        persons[person.reference] = person
        if person.email in emails:
            cells.fault("email", "repeated_email", other=emails[person.email][0])
        else:
            emails[person.email] = (row.line, person.reference)
            new_emails.append((person.email, row.line, person.reference))
    staging.add_borrowers(
        [(reference, said[reference][0], json.dumps(said[reference][1])) for reference in persons]
    )
    staging.add_emails(new_emails)
    return list(persons.values())


def sort(persons: Sequence[Person]) -> SortedPeople:
    """Compare people with what is on record, in one query."""
    known = {
        borrower.reference: borrower
        for borrower in Borrower.objects.filter(
            reference__in=[person.reference for person in persons]
        )
    }
    result = SortedPeople()
    for person in persons:
        borrower = known.get(person.reference)
        if borrower is None:
            result.created.append(person)
            continue
        differing = []
        for name in Person.FIELDS:
            if name == "language" and borrower.user_id is not None:
                continue
            if getattr(borrower, name) != getattr(person, name):
                setattr(borrower, name, getattr(person, name))
                differing.append(name)
        if differing:
            result.changed.append((borrower, differing))
        else:
            result.unchanged.append(borrower)
    return result


def write(people: SortedPeople, *, actor: User | None, now: datetime) -> None:
    """Store new people with their addresses, and what changed of those known."""
    _create(people.created, now)
    if not people.changed:
        return
    changed = [borrower for borrower, _names in people.changed]
    Borrower.objects.bulk_update(changed, Person.FIELDS, batch_size=100)
    points = ContactPoint.objects.filter(borrower__in=changed)
    known = set(points.values_list("borrower_id", "channel", "address"))
    _add_addresses([(borrower.pk, borrower) for borrower in changed], now, known=known)
    # An invitation that went to an address that was wrong must open nothing.
    moved = [borrower.pk for borrower, names in people.changed if {"email", "phone"} & set(names)]
    Invitation.objects.filter(borrower__in=moved, used_at__isnull=True).delete()
    record_events(
        [
            NewEvent(
                stream=f"account:{borrower.public_id}",
                action="loans.borrower_changed",
                payload={"fields": names},
            )
            for borrower, names in people.changed
        ],
        actor=actor,
        at=now,
    )


def count_uninvited(*, new: int) -> int:
    """Count whom ``invite`` would invite: ``new`` people and those here without an invitation."""
    return new + sum(len(part) for part in staging.uninvited_borrowers())


def invite(*, now: datetime) -> int:
    """Invite the tape's people who have no sign-in and never had an invitation."""
    invited, zone = 0, lender_zone()
    for keys in staging.uninvited_borrowers():
        facts = {
            key: rest
            for key, *rest in Borrower.objects.filter(pk__in=keys).values_list(
                "pk", "email", "language", "legal_name"
            )
        }
        messages = []
        for invitation in invite_borrowers(borrower_ids=keys, now=now):
            email, language, legal_name = facts[invitation.borrower_id]
            until = invitation.expires_at.astimezone(zone).date()
            messages.append(
                NewMessage(
                    invitation.borrower_id,
                    email,
                    language,
                    "",
                    f"invitation:{hash_token(invitation.token)}",
                    {"name": legal_name, "date": until.isoformat()},
                    {"link": f"/activate/{invitation.token}/"},
                    invitation.expires_at,
                )
            )
        invited += queue_messages(
            template_key="invitation", purpose="invitation", messages=messages, now=now
        )
    return invited


def _create(persons: Sequence[Person], now: datetime) -> None:
    keys = reserve_ids(Borrower, len(persons))
    insert_rows(
        Borrower._meta.db_table,
        ("id", "public_id", "reference", *Person.FIELDS, "created_at"),
        [
            (
                key,
                uuid.uuid4(),
                person.reference,
                *(getattr(person, name) for name in Person.FIELDS),
                now,
            )
            for key, person in zip(keys, persons, strict=True)
        ],
    )
    _add_addresses(list(zip(keys, persons, strict=True)), now)


def _add_addresses(
    people: Sequence[tuple[int, Person | Borrower]],
    now: datetime,
    *,
    known: Collection[tuple[int, str, str]] = (),
) -> None:
    points = [
        (key, str(channel), address, True, now)
        for key, borrower in people
        for channel, address in (
            (Channel.EMAIL, borrower.email),
            (Channel.SMS, borrower.phone),
        )
        if address and (key, str(channel), address) not in known
    ]
    insert_rows(
        "contacts_contactpoint",
        ("borrower_id", "channel", "address", "is_active", "created_at"),
        points,
    )
