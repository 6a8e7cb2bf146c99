"""What a borrower asks a person for: hardship, a dispute, a complaint, a question."""

from datetime import datetime

from django.db import transaction
from django.urls import reverse

from accounts.models import User
from repayments.cases.models import Case, CaseKind
from repayments.cases.services.open import open_case
from repayments.cases.services.work import add_note
from repayments.clock import lender_zone
from repayments.contacts.facts import get_profile
from repayments.contacts.services import place_hold, queue_message
from repayments.loans.models import Loan

REASONS = {
    CaseKind.HARDSHIP: "hardship_told",
    CaseKind.DISPUTE: "dispute_raised",
    CaseKind.COMPLAINT: "complaint_made",
    CaseKind.QUESTION: "question_asked",
}
# Requests under which the person is left in peace until they are answered (rules.md 9).
HOLDS = {CaseKind.HARDSHIP, CaseKind.DISPUTE, CaseKind.COMPLAINT}


@transaction.atomic
def ask_for_help(*, loan: Loan, kind: str, words: str, actor: User, now: datetime) -> Case:
    """Open a case in the borrower's own words, and hold back what the request stops.

    A second request of the same kind adds its words to the open case.

    Args:
        kind: one of ``REASONS``.
        actor: the borrower; the view has checked that the loan is theirs.
    Returns: the case, with the day by which a person answers in ``due_at``.
    """
    case = open_case(
        kind=kind,
        reason=REASONS[CaseKind(kind)],
        actor=actor,
        now=now,
        loan=loan,
        request=words,
    )
    # Compared by words: a double tap sends the same ones twice.
    if case.request != words and not case.notes.filter(author=actor, text=words).exists():
        add_note(case_id=case.pk, text=words, actor=actor, now=now)
    queue_message(
        borrower=loan.borrower,
        template_key="help_received",
        purpose="help_received",
        subject=loan.stream,
        business_key=f"help_received:{case.public_id}",
        context={"link": reverse("cases:help", args=[loan.public_id])},
        now=now,
    )
    if kind in HOLDS and _profile_knows(kind, loan, now):
        place_hold(
            borrower=loan.borrower,
            name=kind,
            subject=loan.stream,
            reason=f"case {case.public_id}",
            actor=actor,
            now=now,
        )
    return case


def _profile_knows(name: str, loan: Loan, now: datetime) -> bool:
    """Tell whether the conduct rules of the person's place have such a hold.

    Where there are no rules at all the hold is placed: it then stops everything.
    """
    day = now.astimezone(lender_zone()).date()
    profile = get_profile(loan.borrower.jurisdiction, day)
    return profile is None or name in profile.holds
