"""Claim, release, wait, note, hand over, close, reopen: from the right state, by the right one."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from repayments.audit.models import Event
from repayments.cases.models import Case
from repayments.cases.services import (
    CaseAlreadyClaimed,
    CaseAlreadyOpen,
    CaseHasMoved,
    CaseHeldBySomeoneElse,
    NotACaseWorker,
    add_note,
    ask_for_help,
    claim_case,
    close_case,
    reassign_case,
    release_case,
    reopen_case,
    set_waiting,
)
from repayments.contacts.models import Hold
from tests.factories.cases import NOW, make_case, make_colleague, make_late_loan

Status = Case.Status


def events(case: Case, action: str) -> int:
    return Event.objects.filter(stream=case.stream, action=action).count()


def in_state(case: Case, status: str, holder: User) -> Case:
    """Put a case where a row of a table of states wants it."""
    if status in (Status.CLAIMED, Status.WAITING, Status.CLOSED):
        claim_case(case_id=case.pk, actor=holder, now=NOW)
    if status == Status.WAITING:
        set_waiting(case_id=case.pk, until=NOW, reason="a call", actor=holder, now=NOW)
    if status == Status.CLOSED:
        close_case(case_id=case.pk, reason="paid", note="", actor=holder, now=NOW)
    case.refresh_from_db()
    assert case.status == status
    return case


ACTS: dict[str, Any] = {
    "claim": lambda case, actor: claim_case(case_id=case.pk, actor=actor, now=NOW),
    "release": lambda case, actor: release_case(case_id=case.pk, actor=actor, now=NOW),
    "wait": lambda case, actor: set_waiting(
        case_id=case.pk, until=NOW, reason="x", actor=actor, now=NOW
    ),
    "close": lambda case, actor: close_case(
        case_id=case.pk, reason="paid", note="x", actor=actor, now=NOW
    ),
    "reopen": lambda case, actor: reopen_case(case_id=case.pk, reason="x", actor=actor, now=NOW),
}
# What each act makes of each state, done by the one who has the case; None: refused.
OUTCOMES = {
    "claim": {"open": "claimed", "claimed": "claimed", "waiting": "claimed", "closed": None},
    "release": {"open": None, "claimed": "open", "waiting": "open", "closed": None},
    "wait": {"open": None, "claimed": "waiting", "waiting": None, "closed": None},
    "close": {"open": "closed", "claimed": "closed", "waiting": "closed", "closed": None},
    "reopen": {"open": None, "claimed": None, "waiting": None, "closed": "open"},
}


@pytest.mark.django_db
@pytest.mark.parametrize("act", OUTCOMES)
@pytest.mark.parametrize("status", Status.values)
def test_every_act_in_every_state(case: Case, collector: User, act: str, status: str) -> None:
    in_state(case, status, collector)
    expected = OUTCOMES[act][status]

    if expected is None:
        with pytest.raises((CaseHasMoved, CaseAlreadyClaimed)):
            ACTS[act](case, collector)
        expected = status
    else:
        ACTS[act](case, collector)

    case.refresh_from_db()
    assert case.status == expected


@pytest.mark.django_db
def test_a_case_that_somebody_has_is_not_claimed_again(
    case: Case, collector: User, other_collector: User
) -> None:
    claim_case(case_id=case.pk, actor=collector, now=NOW)

    with pytest.raises(CaseAlreadyClaimed):
        claim_case(case_id=case.pk, actor=other_collector, now=NOW)

    case.refresh_from_db()
    assert case.assignee == collector
    assert events(case, "cases.claimed") == 1


@pytest.mark.django_db
def test_a_double_click_claims_once(case: Case, collector: User) -> None:
    for _click in range(2):
        claim_case(case_id=case.pk, actor=collector, now=NOW)

    assert events(case, "cases.claimed") == 1


def _claim_together(case: Case, people: list[User], claim: Any) -> list[str]:
    """Let everybody claim at once; give the outcome of each."""
    start = threading.Barrier(len(people))
    outcomes: list[str] = []

    def run(user: User) -> None:
        try:
            start.wait()
            claim(case_id=case.pk, actor=user, now=NOW)
            outcomes.append("won")
        except CaseAlreadyClaimed:
            outcomes.append("lost")
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(user,)) for user in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


@pytest.mark.django_db(transaction=True)
def test_f28_of_eight_who_claim_at_once_one_wins() -> None:
    case = make_case()
    people = [make_colleague("collector") for _number in range(8)]

    outcomes = _claim_together(case, people, claim_case)

    assert sorted(outcomes) == ["lost"] * 7 + ["won"]
    assert events(case, "cases.claimed") == 1


@pytest.mark.django_db(transaction=True)
def test_f28_without_the_conditional_update_all_of_them_win() -> None:
    """The twin: a claim that reads first and writes after lets everybody in."""
    case = make_case()
    people = [make_colleague("collector") for _number in range(8)]
    all_have_read = threading.Barrier(len(people))

    def claim_carelessly(*, case_id: int, actor: User, now: Any) -> None:
        read = Case.objects.get(pk=case_id)
        all_have_read.wait()
        if read.assignee_id is not None:
            raise CaseAlreadyClaimed
        Case.objects.filter(pk=case_id).update(assignee=actor, status=Status.CLAIMED)

    assert _claim_together(case, people, claim_carelessly).count("won") > 1


@pytest.mark.django_db
@pytest.mark.parametrize("act", ["release", "wait", "close"])
def test_only_a_supervisor_touches_what_a_colleague_has(
    case: Case, collector: User, other_collector: User, supervisor: User, act: str
) -> None:
    claim_case(case_id=case.pk, actor=collector, now=NOW)

    with pytest.raises(CaseHeldBySomeoneElse):
        ACTS[act](case, other_collector)
    case.refresh_from_db()
    assert case.status == Status.CLAIMED

    ACTS[act](case, supervisor)
    case.refresh_from_db()
    assert case.status != Status.CLAIMED


@pytest.mark.django_db
def test_a_case_is_handed_over_to_people_who_work_on_cases_only(
    case: Case, collector: User, other_collector: User, supervisor: User
) -> None:
    claim_case(case_id=case.pk, actor=collector, now=NOW)
    auditor = make_colleague("auditor")

    with pytest.raises(NotACaseWorker):
        reassign_case(case_id=case.pk, assignee=auditor, reason="x", actor=supervisor, now=NOW)
    reassign_case(
        case_id=case.pk, assignee=other_collector, reason="on leave", actor=supervisor, now=NOW
    )

    case.refresh_from_db()
    assert case.assignee == other_collector
    told = Event.objects.get(stream=case.stream, action="cases.reassigned").payload
    assert (told["from"], told["to"]) == (collector.name, other_collector.name)
    assert told["reason"] == "on leave"


@pytest.mark.django_db
def test_waiting_moves_the_next_step(case: Case, collector: User) -> None:
    until = NOW + timedelta(days=5)
    claim_case(case_id=case.pk, actor=collector, now=NOW)
    set_waiting(case_id=case.pk, until=until, reason="salary", actor=collector, now=NOW)

    case.refresh_from_db()
    assert case.due_at == until


@pytest.mark.django_db
def test_a_note_is_kept_on_a_closed_case_too(case: Case, collector: User) -> None:
    in_state(case, Status.CLOSED, collector)
    add_note(case_id=case.pk, text="one more thing", actor=collector, now=NOW)

    assert case.notes.get().text == "one more thing"
    assert events(case, "cases.noted") == 1


@pytest.mark.django_db
def test_a_closed_case_stays_closed_where_a_newer_one_is_open(collector: User) -> None:
    loan = make_late_loan()
    old = in_state(make_case(loan=loan), Status.CLOSED, collector)
    make_case(loan=loan)

    with pytest.raises(CaseAlreadyOpen):
        reopen_case(case_id=old.pk, reason="x", actor=collector, now=NOW)


@pytest.mark.django_db
def test_closing_a_dispute_lifts_its_hold(collector: User) -> None:
    loan = make_late_loan()
    case = ask_for_help(
        loan=loan, kind="dispute", words="I paid.", actor=loan.borrower.user, now=NOW
    )
    assert Hold.objects.filter(lifted_at__isnull=True, name="dispute").count() == 1

    close_case(case_id=case.pk, reason="answered", note="Found it.", actor=collector, now=NOW)

    assert not Hold.objects.filter(lifted_at__isnull=True).exists()
