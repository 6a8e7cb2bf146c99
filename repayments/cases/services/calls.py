"""Calling a borrower: the gate is asked first, the outcome is logged after, both for ever."""

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from repayments.cases.models import Case
from repayments.cases.services.open import record_case_event
from repayments.cases.services.work import CaseHasMoved, CaseHeldBySomeoneElse, is_held_by_another
from repayments.contacts.models import Channel, ContactAttempt, Decision
from repayments.contacts.services import decide

# What the gate calls what is spoken.
CALL_CLASS = "call"
# An allow is for this call, not for the rest of the day.
ALLOW_STANDS_FOR = timedelta(hours=2)


class CallNotAllowed(Exception):
    """The gate did not allow this call, or its answer is too old; nothing was logged."""


class CallAlreadyLogged(Exception):
    """The outcome of this call is on record; nothing was changed."""


@transaction.atomic
def ask_to_call(*, case_id: int, address: str, actor: User, now: datetime) -> Decision:
    """Ask the gate whether this number may be called at this moment, and keep the answer.

    Args:
        address: one of the person's numbers; the form has checked that it is.
    Returns: the stored decision. An allow holds a slot of the day's calls until it is logged.
    Raises: CaseHasMoved when the case is closed or has no person; CaseHeldBySomeoneElse.
    """
    case = _get_workable(case_id, actor)
    return decide(
        borrower=case.borrower,
        channel=Channel.VOICE,
        address=address,
        message_class=CALL_CLASS,
        subject=case.loan.stream if case.loan else "",
        now=now,
        actor=actor,
    )


@transaction.atomic
def log_call(
    *, case_id: int, decision_id: int, outcome: str, note: str, actor: User, now: datetime
) -> ContactAttempt:
    """Put on record how an allowed call went; once.

    Args:
        decision_id: the gate's answer to this actor about this case's loan.
        outcome: a ``ContactAttempt.Outcome``.
    Raises: CallNotAllowed, CallAlreadyLogged, CaseHasMoved, CaseHeldBySomeoneElse.
    """
    case = _get_workable(case_id, actor)
    decision = Decision.objects.filter(
        pk=decision_id,
        borrower=case.borrower,
        subject=case.loan.stream if case.loan else "",
        channel=Channel.VOICE,
        actor=actor,
        verdict=Decision.Verdict.ALLOW,
        at__gt=now - ALLOW_STANDS_FOR,
    ).first()
    if decision is None or case.borrower is None:
        raise CallNotAllowed(_("Ask again before you call: there is no fresh permission."))
    try:
        with transaction.atomic():
            attempt = ContactAttempt.objects.create(
                borrower=case.borrower,
                subject=decision.subject,
                channel=Channel.VOICE,
                address=decision.address,
                outcome=outcome,
                note=note,
                decision=decision,
                actor=actor,
                at=now,
            )
    except IntegrityError as error:
        raise CallAlreadyLogged(_("This call is on record already.")) from error
    record_case_event(
        case=case,
        action="cases.called",
        actor=actor,
        at=now,
        payload={"attempt": attempt.pk, "outcome": outcome},
    )
    return attempt


def _get_workable(case_id: int, actor: User) -> Case:
    case = Case.objects.select_related("loan", "borrower", "assignee").get(pk=case_id)
    if case.status == Case.Status.CLOSED or case.borrower is None:
        raise CaseHasMoved(_("This case is closed."))
    if is_held_by_another(case, actor):
        raise CaseHeldBySomeoneElse(
            _("%(name)s works on this case. Ask a supervisor to hand it over.")
            % {"name": case.assignee}
        )
    return case
