"""One case on one page: what it tells, what it lets whom do."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import User
from repayments.audit.models import Event
from repayments.cases.models import Case
from repayments.cases.services import claim_case, close_case
from repayments.contacts.models import ContactAttempt, Decision
from repayments.contacts.services import place_hold
from tests.factories.cases import (
    NOW,
    TODAY,
    make_case,
    make_colleague,
    make_debtor,
    make_late_loan,
    make_plan,
    sign_in_staff,
)

pytestmark = pytest.mark.django_db


def url_of(case: Case) -> str:
    return reverse("admin:cases_case_change", args=[case.pk])


def act_url(case: Case, act: str) -> str:
    return reverse("admin:cases_case_act", args=[case.pk, act])


@pytest.fixture(autouse=True)
def _a_tuesday_morning() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


def test_it_replaces_the_change_form(case: Case) -> None:
    assert url_of(case) == f"/admin/cases/case/{case.pk}/"


def test_the_story_stands_on_one_page(desk: Client, case: Case) -> None:
    place_hold(
        borrower=case.borrower,
        name="hardship",
        subject=case.loan.stream,
        reason="x",
        actor=None,
        now=NOW,
    )
    page = desk.get(url_of(case)).content.decode()

    for part in (
        "Opened on day 45 after the due date",
        "45 days late",
        "Case opened (late payment)",
        "Hold placed: hardship",
        case.borrower.phone,
        "Claim this case",
    ):
        assert part in page, part


def statements_of(client: Client, case: Case) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url_of(case)).status_code == 200
    return len(queries)


def test_it_costs_the_same_whatever_has_happened(desk: Client, case: Case) -> None:
    desk.get(url_of(case))  # the look is recorded once an hour
    before = statements_of(desk, case)
    for number in range(12):
        desk.post(act_url(case, "note"), {"text": f"note {number}"})
    desk.get(url_of(case))

    # session, user and their rows (8), permissions (2), case, this hour's look, figures (4),
    # addresses (twice, for the call form), holds, plan, streams (2), events, messages, payments,
    # calls, notes
    assert statements_of(desk, case) == before <= 30


def test_looking_is_recorded_once_an_hour(desk: Client, collector: User, case: Case) -> None:
    looks = Event.objects.filter(stream=case.stream, action="cases.viewed", actor=collector)
    for _look in range(3):
        desk.get(url_of(case))
    assert looks.count() == 1

    with time_machine.travel(NOW + timedelta(minutes=61), tick=False):
        desk.get(url_of(case))
    assert looks.count() == 2


def test_an_unknown_case_is_not_found(desk: Client) -> None:
    assert desk.get("/admin/cases/case/987654321/").status_code == 404


def test_the_page_itself_only_reads(desk: Client, case: Case) -> None:
    assert desk.post(url_of(case)).status_code == 405
    assert desk.get(act_url(case, "claim")).status_code == 405


def test_an_act_that_does_not_exist_is_not_found(desk: Client, case: Case) -> None:
    assert desk.post(act_url(case, "delete")).status_code == 404


def test_who_comes_second_gets_409(desk: Client, case: Case, other_collector: User) -> None:
    claim_case(case_id=case.pk, actor=other_collector, now=NOW)

    response = desk.post(act_url(case, "claim"))

    assert response.status_code == 409
    assert f"{other_collector.name} has this case already." in response.content.decode()
    assert "Nothing was done twice." in response.content.decode()


def test_closing_asks_how_it_ended(desk: Client, case: Case) -> None:
    response = desk.post(act_url(case, "close"), {"reason": "", "note": ""})
    case.refresh_from_db()
    assert case.status == "open"
    assert "This field is required." in response.content.decode()

    desk.post(act_url(case, "close"), {"reason": "answered", "note": "All is well."})
    case.refresh_from_db()
    assert (case.status, case.close_reason, case.close_note) == (
        "closed",
        "answered",
        "All is well.",
    )


@pytest.mark.parametrize(("days", "is_good"), [(-1, False), (0, False), (1, True), (91, False)])
def test_waiting_takes_a_day_that_comes(
    desk: Client, collector: User, case: Case, days: int, is_good: bool
) -> None:
    claim_case(case_id=case.pk, actor=collector, now=NOW)
    until = (TODAY + timedelta(days=days)).isoformat()

    desk.post(act_url(case, "wait"), {"until": until, "reason": "salary day"})

    case.refresh_from_db()
    assert case.status == ("waiting" if is_good else "claimed")


def test_a_plan_to_decide_is_shown(desk: Client) -> None:
    loan = make_late_loan()
    plan = make_plan(loan, answer_due_at=NOW + timedelta(days=2), note="Half now, please.")
    case = make_case(loan=loan, kind="plan_review", reason="plan_referred", plan=plan)

    assert "Half now, please." in desk.get(url_of(case)).content.decode()


# --- Calls --------------------------------------------------------------------------------------


def test_a_call_is_allowed_by_the_gate_then_logged_once(
    desk: Client, collector: User, case: Case
) -> None:
    asked = desk.post(act_url(case, "call"), {"address": case.borrower.phone})
    decision = Decision.objects.get()
    assert (decision.verdict, decision.channel, decision.actor) == ("allow", "voice", collector)
    assert "You may call now:" in desk.get(asked["Location"]).content.decode()

    outcome = {"decision": decision.pk, "outcome": "connected", "note": "Pays on Friday."}
    desk.post(act_url(case, "log"), outcome)
    again = desk.post(act_url(case, "log"), outcome)

    attempt = ContactAttempt.objects.get()
    assert (attempt.decision, attempt.outcome, attempt.actor) == (decision, "connected", collector)
    assert again.status_code == 409
    assert "Pays on Friday." in desk.get(url_of(case)).content.decode()


def test_cn1_at_night_the_page_says_why_not(collector: User, case: Case) -> None:
    with time_machine.travel(NOW + timedelta(hours=13), tick=False):  # 23:00 in Shanghai
        desk = sign_in_staff(collector)
        asked = desk.post(act_url(case, "call"), {"address": case.borrower.phone})
        page = desk.get(asked["Location"]).content.decode()

    assert Decision.objects.get().verdict == "defer"
    assert "Nobody is called at this hour." in page
    assert "08:00" in page
    assert "Log the call" not in page


def test_under_a_hold_nobody_is_called(desk: Client, case: Case) -> None:
    place_hold(
        borrower=case.borrower,
        name="dispute",
        subject=case.loan.stream,
        reason="x",
        actor=None,
        now=NOW,
    )
    asked = desk.post(act_url(case, "call"), {"address": case.borrower.phone})

    assert Decision.objects.get().verdict == "refuse"
    assert "This person may not be called" in desk.get(asked["Location"]).content.decode()


def test_a_call_that_was_not_allowed_is_not_logged(
    desk: Client, case: Case, other_collector: User
) -> None:
    theirs = sign_in_staff(other_collector)
    theirs.post(act_url(case, "call"), {"address": case.borrower.phone})
    decision = Decision.objects.get()

    response = desk.post(
        act_url(case, "log"), {"decision": decision.pk, "outcome": "connected", "note": ""}
    )

    assert response.status_code == 409
    assert not ContactAttempt.objects.exists()


def test_only_numbers_of_this_person_are_called(desk: Client, case: Case) -> None:
    desk.post(act_url(case, "call"), {"address": make_debtor().phone})

    assert not Decision.objects.exists()


def test_an_old_permission_to_call_is_no_permission(desk: Client, case: Case) -> None:
    desk.post(act_url(case, "call"), {"address": case.borrower.phone})
    decision = Decision.objects.get()
    with time_machine.travel(NOW + timedelta(hours=3), tick=False):
        response = desk.post(
            act_url(case, "log"), {"decision": decision.pk, "outcome": "connected", "note": ""}
        )

    assert response.status_code == 409


# --- Who may do what ----------------------------------------------------------------------------


def test_what_one_may_not_do_is_neither_shown_nor_done(case: Case) -> None:
    auditor = sign_in_staff(make_colleague("auditor"))

    page = auditor.get(url_of(case)).content.decode()

    assert "What you can do" not in page.split("<aside")[0]
    assert "Claim this case" not in page
    for act in ("claim", "note", "close", "call", "reassign", "release", "wait", "reopen", "log"):
        assert auditor.post(act_url(case, act), {"text": "x"}).status_code == 403, act
    case.refresh_from_db()
    assert case.status == "open"


def test_a_supervisor_hands_a_case_to_a_colleague(
    case: Case, collector: User, supervisor: User
) -> None:
    sign_in_staff(supervisor).post(
        act_url(case, "reassign"), {"assignee": collector.pk, "reason": "knows the person"}
    )

    case.refresh_from_db()
    assert case.assignee == collector


def test_markup_in_a_borrowers_words_stays_words(desk: Client) -> None:
    loan = make_late_loan(borrower=make_debtor(legal_name="<script>alert(1)</script>"))
    case = make_case(
        loan=loan, kind="complaint", reason="complaint_made", request="<img src=x onerror=alert(2)>"
    )
    for page in (desk.get(url_of(case)), desk.get("/admin/queue/")):
        assert "<script>alert" not in page.content.decode()
        assert "<img src=x" not in page.content.decode()


def test_a_closed_case_can_be_opened_again_with_a_reason(
    desk: Client, collector: User, case: Case
) -> None:
    close_case(case_id=case.pk, reason="mistake", note="x", actor=collector, now=NOW)

    desk.post(act_url(case, "reopen"), {"reason": "it was none"})

    case.refresh_from_db()
    assert (case.status, case.close_reason, case.assignee) == ("open", "", None)
