"""Working a case: claim, release, wait, note, hand over, close, reopen.

Every move is one conditional UPDATE whose row count must be 1; who comes second is told so.
"""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from repayments.cases.models import Case, CaseNote
from repayments.cases.services.open import due_moment, get_policy, record_case_event
from repayments.contacts.models import Hold
from repayments.contacts.services import lift_hold, queue_message

# May work on what somebody else holds, and hand it over.
SUPERVISE = "cases.reassign_case"


class CaseAlreadyClaimed(Exception):
    """Somebody else has the case, or it is closed; nothing was changed."""


class CaseHasMoved(Exception):
    """The case left the state this step starts from; nothing was changed."""


class CaseHeldBySomeoneElse(Exception):
    """A colleague works on the case, and the actor is no supervisor; nothing was changed."""


class CaseAlreadyOpen(Exception):
    """Another case of this kind is open for the loan; nothing was changed."""


class MoneyNotPlaced(Exception):
    """The case is of money that has no place yet; nothing was changed."""


class NotACaseWorker(Exception):
    """The person to hand a case to may not work on cases; nothing was changed."""


@transaction.atomic
def claim_case(*, case_id: int, actor: User, now: datetime) -> Case:
    """Take a case that nobody has, or go on with one's own that was waiting.

    Claiming what one has already changes nothing, so that a double click does no harm.

    Raises: CaseAlreadyClaimed when somebody else has it, or it is closed.
    """
    changed = (
        Case.objects.filter(pk=case_id)
        .filter(
            Q(status=Case.Status.OPEN, assignee__isnull=True)
            | Q(status=Case.Status.WAITING, assignee=actor)
        )
        .update(status=Case.Status.CLAIMED, assignee=actor, claimed_at=now)
    )
    case = _get(case_id)
    if changed == 1:
        record_case_event(case=case, action="cases.claimed", actor=actor, at=now)
        return case
    if case.status == Case.Status.CLAIMED and case.assignee_id == actor.pk:
        return case
    if case.status == Case.Status.CLOSED:
        raise CaseAlreadyClaimed(_("This case is closed."))
    raise CaseAlreadyClaimed(
        _("%(name)s has this case already.") % {"name": case.assignee or _("A colleague")}
    )


@transaction.atomic
def release_case(*, case_id: int, actor: User, now: datetime) -> Case:
    """Give a case back to those nobody has. Raises: CaseHeldBySomeoneElse, CaseHasMoved."""
    case = _get(case_id)
    _require_holder(case, actor)
    if case.status == Case.Status.CLOSED:
        raise CaseHasMoved(_("This case is closed."))
    _move(case, Case.Status.OPEN, assignee=None, claimed_at=None)
    record_case_event(case=case, action="cases.released", actor=actor, at=now)
    return case


@transaction.atomic
def set_waiting(*, case_id: int, until: datetime, reason: str, actor: User, now: datetime) -> Case:
    """Let a claimed case rest until a moment; it is due again then.

    Args:
        until: aware, later than ``now``; the form has checked it.
        reason: what is waited for, in words.
    Raises: CaseHeldBySomeoneElse; CaseHasMoved unless it is claimed.
    """
    case = _get(case_id)
    _require_holder(case, actor)
    _move(case, Case.Status.WAITING, due_at=until)
    record_case_event(
        case=case,
        action="cases.waiting",
        actor=actor,
        at=now,
        payload={"until": until.isoformat(), "reason": reason},
    )
    return case


@transaction.atomic
def add_note(*, case_id: int, text: str, actor: User, now: datetime) -> CaseNote:
    """Write a note that stays: on any case, closed ones too."""
    case = _get(case_id)
    note = CaseNote.objects.create(case=case, author=actor, text=text, created_at=now)
    record_case_event(
        case=case, action="cases.noted", actor=actor, at=now, payload={"note": note.pk}
    )
    return note


@transaction.atomic
def reassign_case(*, case_id: int, assignee: User, reason: str, actor: User, now: datetime) -> Case:
    """Give a case, whoever has it, to a colleague. The view has checked that the actor supervises.

    Raises: NotACaseWorker; CaseHasMoved when it is closed.
    """
    if not (assignee.is_active and assignee.is_staff and assignee.has_perm("cases.work_case")):
        raise NotACaseWorker(_("This colleague does not work on cases."))
    case = _get(case_id)
    before = case.assignee
    changed = (
        Case.objects.open()
        .filter(pk=case.pk)
        .update(status=Case.Status.CLAIMED, assignee=assignee, claimed_at=now)
    )
    if changed != 1:
        raise CaseHasMoved(_("This case is closed."))
    case.refresh_from_db()
    record_case_event(
        case=case,
        action="cases.reassigned",
        actor=actor,
        at=now,
        payload={"from": str(before or ""), "to": str(assignee), "reason": reason},
    )
    return case


@transaction.atomic
def close_case(
    *, case_id: int, reason: str, note: str, actor: User, now: datetime, answer: str = ""
) -> Case:
    """Close a case with a reason; a hold that the borrower's request placed ends with it.

    Args:
        reason: a ``Case.CloseReason``.
        note: how it ended, in words.
        answer: what the borrower reads on the help page; a message tells them that it is there.
            An earlier one stays where none is given.
    Raises: CaseHeldBySomeoneElse; CaseHasMoved when it is closed already; MoneyNotPlaced, for that
        case ends by itself with its money's act; ValueError for an answer to somebody who asked
        nothing.
    """
    case = _get(case_id)
    if answer and not case.is_asked_by_borrower:
        raise ValueError(f"case {case.public_id} asks nothing that could be answered")
    if case.assignee_id is not None:
        _require_holder(case, actor)
    if case.suspense is not None and case.suspense.resolved_at is None:
        raise MoneyNotPlaced(
            _(
                "This money has no place yet. Post it to a loan or send it back; "
                "the case then closes by itself."
            )
        )
    _move(
        case,
        Case.Status.CLOSED,
        closed_at=now,
        close_reason=reason,
        close_note=note,
        **({"answer": answer, "answered_at": now} if answer else {}),
    )
    record_case_event(
        case=case,
        action="cases.closed",
        actor=actor,
        at=now,
        payload={"reason": reason, "note": note} | ({"answer": answer} if answer else {}),
    )
    _lift_hold_of(case, actor, now)
    if answer and case.loan:
        queue_message(
            borrower=case.loan.borrower,
            template_key="help_answered",
            purpose="help_answered",
            subject=case.loan.stream,
            # Opened again and closed again, a case is answered again.
            business_key=f"help_answered:{case.public_id}:{now:%Y%m%dT%H%M%S}",
            context={"link": reverse("cases:help", args=[case.loan.public_id])},
            now=now,
        )
    return case


@transaction.atomic
def reopen_case(*, case_id: int, reason: str, actor: User, now: datetime) -> Case:
    """Open a closed case again, for anybody to claim, with a new day to act by.

    Raises: CaseHasMoved when it is open; CaseAlreadyOpen when a newer one of its kind is.
    """
    case = _get(case_id)
    changes: dict[str, Any] = {
        "status": Case.Status.OPEN,
        "assignee": None,
        "claimed_at": None,
        "closed_at": None,
        "close_reason": "",
        "close_note": "",
        "due_at": due_moment(policy=get_policy(case.kind), now=now),
    }
    try:
        with transaction.atomic():
            changed = Case.objects.filter(pk=case.pk, status=Case.Status.CLOSED).update(**changes)
    except IntegrityError as error:
        raise CaseAlreadyOpen(_("A newer case of this kind is open for this loan.")) from error
    if changed != 1:
        raise CaseHasMoved(_("This case is open already."))
    case.refresh_from_db()
    record_case_event(
        case=case, action="cases.reopened", actor=actor, at=now, payload={"reason": reason}
    )
    return case


def is_held_by_another(case: Case, actor: User) -> bool:
    """Tell whether a colleague has the case, and the actor is no supervisor."""
    if case.assignee_id in (None, actor.pk):
        return False
    return not actor.has_perm(SUPERVISE)


def _get(case_id: int) -> Case:
    return Case.objects.select_related("loan", "borrower", "assignee", "suspense").get(pk=case_id)


def _require_holder(case: Case, actor: User) -> None:
    if is_held_by_another(case, actor):
        raise CaseHeldBySomeoneElse(
            _("%(name)s works on this case. Ask a supervisor to hand it over.")
            % {"name": case.assignee}
        )


def _move(case: Case, status: str, **changes: Any) -> None:
    """Move a case from the state and the person it was read with; the row count is the guard."""
    changed = (
        Case.objects.filter(pk=case.pk, status=case.status, assignee=case.assignee)
        .filter(status__in=Case.TRANSITIONS[status])
        .update(status=status, **changes)
    )
    if changed != 1:
        raise CaseHasMoved(_("This case has changed meanwhile."))
    case.refresh_from_db()


def _lift_hold_of(case: Case, actor: User, now: datetime) -> None:
    """End the hold named after the kind of the case, if its loan has one."""
    if case.loan is None or case.borrower is None:
        return
    holds = Hold.objects.filter(
        borrower=case.borrower, subject=case.loan.stream, name=case.kind, lifted_at__isnull=True
    )
    for hold_id in holds.values_list("pk", flat=True):
        lift_hold(hold_id=hold_id, actor=actor, now=now)
