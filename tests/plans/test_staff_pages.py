"""Staff answer a proposal, each time with a reason, on a page between."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from repayments.audit.models import Event
from repayments.loans.models import Loan
from repayments.plans.models import InstallmentPlan, PlanPolicy
from tests.factories.cases import make_colleague, sign_in_staff
from tests.factories.plans import get_plan, make_offer, make_referred
from tests.plans.test_propose_page import text, typed

ACTS = ["accept/", "counter/", "decline/"]


def url(plan: InstallmentPlan, act: str = "") -> str:
    return f"/admin/plans/installmentplan/{plan.pk}/decide/{act}"


@pytest.fixture
def plan(loan: Loan) -> InstallmentPlan:
    return make_referred(loan)


def test_the_page_shows_what_a_person_weighs(staff: Client, plan: InstallmentPlan) -> None:
    answer = staff.get(url(plan))

    words = text(answer)
    assert answer.status_code == 200
    assert "The sum is large, so a person decides and not a rule." in words
    assert plan.loan.borrower.legal_name in words
    assert "Thu 3 Dec, 17:00" in words
    event = Event.objects.get(stream=plan.loan.stream, action="plans.viewed_by_staff")
    assert event.actor is not None


def test_a_plan_is_accepted_with_a_reason(
    staff: Client, plan: InstallmentPlan, officer: User
) -> None:
    assert staff.get(url(plan, "accept/")).status_code == 200

    answer = staff.post(url(plan, "accept/"), {"act": "accept", "reason": "Steady income."})

    assert answer.status_code == 302
    plan = get_plan(plan)
    assert (plan.status, plan.decided_by) == ("accepted", officer)


def test_an_accepted_plan_gets_its_agreement_from_the_worker(
    staff: Client, plan: InstallmentPlan, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        staff.post(url(plan, "accept/"), {"act": "accept", "reason": "Steady income."})

    assert get_plan(plan).status == "awaiting_signature"


def test_a_plan_is_declined_with_a_reason(staff: Client, plan: InstallmentPlan) -> None:
    staff.post(url(plan, "decline/"), {"act": "decline", "reason": "No income shown."})

    assert (get_plan(plan).status, get_plan(plan).reason_note) == ("declined", "No income shown.")


def test_another_offer_is_looked_at_then_sent(staff: Client, plan: InstallmentPlan) -> None:
    form = staff.get(url(plan, "counter/"))
    assert form.context["entry"].form["count"].value() == 12

    preview = staff.post(url(plan, "counter/"), typed(count="6", reason="Shorter."))
    assert len(preview.context["amounts"].rows) == 6
    assert get_plan(plan).status == "proposed"

    staff.post(url(plan, "counter/"), typed(count="6", reason="Shorter.", act="counter"))
    offer = get_plan(get_plan(plan).counter)
    assert (offer.source, offer.rows.count()) == ("staff", 6)


@pytest.mark.parametrize("act", ["accept", "decline", "counter"])
def test_without_a_reason_nothing_is_done(staff: Client, plan: InstallmentPlan, act: str) -> None:
    answer = staff.post(url(plan, f"{act}/"), typed(act=act, reason=" "))

    assert answer.status_code == 200
    assert answer.context["form"].errors
    assert get_plan(plan).status == "proposed"


def test_bad_figures_stand_on_the_form(staff: Client, plan: InstallmentPlan) -> None:
    answer = staff.post(url(plan, "counter/"), typed(count="61", reason="x", act="counter"))

    assert answer.context["entry"].errors
    assert get_plan(plan).status == "proposed"


def test_who_comes_second_gets_409(staff: Client, plan: InstallmentPlan) -> None:
    staff.post(url(plan, "decline/"), {"act": "decline", "reason": "No."})

    answer = staff.post(url(plan, "accept/"), {"act": "accept", "reason": "Yes."})

    assert answer.status_code == 409
    assert get_plan(plan).status == "declined"


def test_an_offer_waits_for_the_borrower(staff: Client, loan: Loan) -> None:
    offer = make_offer(loan)

    assert not staff.get(url(offer)).context["can_answer"]
    answer = staff.post(url(offer, "accept/"), {"act": "accept", "reason": "Yes."})
    assert answer.status_code == 409


@pytest.mark.parametrize("role", ["collector", "auditor"])
def test_who_may_not_answer_is_refused(plan: InstallmentPlan, role: str, on_the_day: None) -> None:
    client = sign_in_staff(make_colleague(role))

    for act in ["", *ACTS]:
        assert client.get(url(plan, act)).status_code == 403


def test_borrowers_and_the_anonymous_go_to_sign_in(
    client: Client, signed_in: Client, plan: InstallmentPlan
) -> None:
    for act in ["", *ACTS]:
        assert "/login/" in Client().get(url(plan, act)).headers["Location"]


def test_an_unknown_act_is_404_and_a_wrong_method_405(staff: Client, plan: InstallmentPlan) -> None:
    assert staff.get(url(plan, "forget/")).status_code == 404
    assert staff.put(url(plan, "accept/")).status_code == 405


def test_lists_and_pages_of_the_admin_open(staff: Client, plan: InstallmentPlan) -> None:
    assert staff.get("/admin/plans/installmentplan/").status_code == 200
    page = staff.get(f"/admin/plans/installmentplan/{plan.pk}/change/")
    assert page.status_code == 200
    assert url(plan) in page.content.decode()


def test_a_change_of_limits_is_on_record(db: None) -> None:
    client = sign_in_staff(make_colleague("supervisor"))
    policy = PlanPolicy.objects.get(currency="CNY")
    address = f"/admin/plans/planpolicy/{policy.pk}/change/"
    form = client.get(address).context["adminform"].form
    values = {name: value for name, value in form.initial.items() if value is not None}

    client.post(address, values | {"longest_months": 36})

    policy.refresh_from_db()
    assert policy.longest_months == 36
    event = Event.objects.get(stream="policy", action="plans.policy_changed")
    assert event.payload["changed"] == {"longest_months": "36"}
