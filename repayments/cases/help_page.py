"""What a borrower sees of help with one loan: own requests, who is in charge, every contact."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.utils.translation import gettext as _

from repayments.cases.models import ASKED_BY_BORROWERS, Case
from repayments.cases.sentences import purpose_words
from repayments.contacts.models import ContactAttempt, Message
from repayments.loans.models import Loan

CONTACTS_SHOWN = 50


@dataclass(frozen=True)
class Request:
    """What the borrower asked, and by when a person answers.

    Attributes:
        answer: what a person wrote back, if anything; it stays when the case is opened again.
        closed_at: None while a person works on it.
    """

    kind: str
    words: str
    asked_at: datetime
    answer_by: datetime
    answer: str
    answered_at: datetime | None
    closed_at: datetime | None


@dataclass(frozen=True)
class Contact:
    at: datetime
    channel: str
    what_for: str


@dataclass(frozen=True)
class HelpPage:
    """``open_requests`` by kind; ``with_person_since`` once somebody works on the account."""

    open_requests: dict[str, Request]
    closed: list[Request]
    with_person_since: datetime | None
    contacts: list[Contact]


def get_help_page(*, loan: Loan) -> HelpPage:
    """Gather the help page of a loan; the view has checked whose it is."""
    cases = list(Case.objects.filter(loan=loan).order_by("-opened_at")[:50])
    own = [case for case in cases if case.kind in ASKED_BY_BORROWERS]
    claimed = [
        case.claimed_at
        for case in cases
        if case.status in (Case.Status.CLAIMED, Case.Status.WAITING) and case.claimed_at
    ]
    return HelpPage(
        open_requests={
            case.kind: _request(case) for case in own if case.status != Case.Status.CLOSED
        },
        closed=[_request(case) for case in own if case.status == Case.Status.CLOSED][:10],
        with_person_since=min(claimed, default=None),
        contacts=_contacts(loan),
    )


def _request(case: Case) -> Request:
    return Request(
        kind=case.kind,
        words=case.request,
        asked_at=case.opened_at,
        answer_by=case.due_at,
        answer=case.answer,
        answered_at=case.answered_at,
        closed_at=case.closed_at,
    )


def _contacts(loan: Loan) -> list[Contact]:
    """List what reached the person about this loan, newest first; nothing that was never sent."""
    messages = (
        Message.objects.filter(borrower_id=loan.borrower_id, status=Message.Status.SENT)
        .filter(Q(subject=loan.stream) | Q(subject=""))
        .order_by("-sent_at")
    )
    attempts = ContactAttempt.objects.filter(
        borrower_id=loan.borrower_id, subject=loan.stream
    ).order_by("-at")
    found = [
        Contact(
            row.sent_at or row.created_at, row.get_channel_display(), purpose_words(row.purpose)
        )
        for row in messages[:CONTACTS_SHOWN]
    ] + [
        Contact(row.at, row.get_channel_display(), _outcome(row))
        for row in attempts[:CONTACTS_SHOWN]
    ]
    return sorted(found, key=lambda contact: contact.at, reverse=True)[:CONTACTS_SHOWN]


def _outcome(attempt: ContactAttempt) -> str:
    words = {
        ContactAttempt.Outcome.CONNECTED: _("a person spoke with you"),
        ContactAttempt.Outcome.NO_ANSWER: _("a person tried to reach you"),
        ContactAttempt.Outcome.INVALID: _("a person tried to reach you"),
        ContactAttempt.Outcome.LEFT_MESSAGE: _("a person left you a message"),
    }
    return words.get(ContactAttempt.Outcome(attempt.outcome), _("a person tried to reach you"))
