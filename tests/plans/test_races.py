"""F28: two acts at once on one plan have one winner, on the real engine.

The twins take the guards away, and then the race shows.
"""

import threading
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest
from django.db import connection, connections

from repayments.audit.models import Event
from repayments.loans.models import Loan
from repayments.plans import services
from repayments.plans.models import InstallmentPlan
from repayments.plans.services import PlanAlreadyOpen, PlanMovedOn
from tests.factories.accounts import make_user
from tests.factories.contracts import NOW, TODAY
from tests.factories.plans import get_plan, make_late_loan, make_offer, make_referred, propose

pytestmark = pytest.mark.django_db(transaction=True)

PROPOSE: Any = import_module("repayments.plans.services.propose")
ANSWER: Any = import_module("repayments.plans.services.answer")


def at_once(*works: Callable[[], object]) -> list[object]:
    """Run all together; gives what each returned or raised."""
    results: list[object] = [None] * len(works)
    gate = threading.Barrier(len(works))

    def run(position: int, work: Callable[[], object]) -> None:
        try:
            gate.wait(20)
            results[position] = work()
        except Exception as error:  # noqa: BLE001 - looked at by the test
            results[position] = error
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=run, args=(position, work)) for position, work in enumerate(works)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def kinds(results: list[object]) -> list[str]:
    return sorted(type(result).__name__ for result in results)


def count_events(loan: Loan, *actions: str) -> int:
    names = [f"plans.{action}" for action in actions]
    return Event.objects.filter(stream=loan.stream, action__in=names).count()


def take(offer: InstallmentPlan) -> Callable[[], object]:
    return lambda: services.accept_counter(
        plan_id=offer.pk, actor=offer.loan.borrower.user, now=NOW, as_of=TODAY
    )


def move_blindly(plan: InstallmentPlan, to: str, **fields: Any) -> None:
    """What ``move`` would be without its condition."""
    InstallmentPlan.objects.filter(pk=plan.pk).update(status=to, **fields)
    plan.status = to


def test_of_two_proposals_at_once_one_is_taken() -> None:
    loan = make_late_loan()

    results = at_once(lambda: propose(loan), lambda: propose(loan))

    assert kinds(results) == ["InstallmentPlan", "PlanAlreadyOpen"]
    assert InstallmentPlan.objects.filter(loan=loan).count() == 1
    assert count_events(loan, "proposed") == 1


def test_the_unique_constraint_alone_lets_one_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PROPOSE, "_make_way", lambda loan, **fields: None)
    loan = make_late_loan()

    results = at_once(lambda: propose(loan), lambda: propose(loan))

    assert kinds(results) == ["InstallmentPlan", "PlanAlreadyOpen"]
    refused = next(result for result in results if isinstance(result, PlanAlreadyOpen))
    assert "already a proposal" in str(refused)


def test_without_the_guards_two_proposals_stand_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PROPOSE, "_make_way", lambda loan, **fields: None)
    loan = make_late_loan()
    constraint = next(
        one for one in InstallmentPlan._meta.constraints if one.name == "plans_plan_one_open"
    )
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX plans_plan_one_open")
    try:
        results = at_once(lambda: propose(loan), lambda: propose(loan))
    finally:
        found = InstallmentPlan.objects.filter(loan=loan).count()
        InstallmentPlan.objects.filter(loan=loan).update(status="withdrawn")
        with connection.schema_editor() as editor:
            editor.add_constraint(InstallmentPlan, constraint)

    assert kinds(results) == ["InstallmentPlan", "InstallmentPlan"]
    assert found == 2


def test_an_offer_taken_twice_at_once_is_taken_once() -> None:
    offer = make_offer()

    results = at_once(take(offer), take(offer))

    assert kinds(results) == ["InstallmentPlan", "PlanMovedOn"]
    assert count_events(offer.loan, "offer_taken") == 1


def test_without_the_condition_an_offer_is_taken_twice_twin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    offer = make_offer()
    monkeypatch.setattr(PROPOSE, "move", move_blindly)

    results = at_once(take(offer), take(offer))

    assert kinds(results) == ["InstallmentPlan", "InstallmentPlan"]
    assert count_events(offer.loan, "offer_taken") == 2


def accept_and_withdraw(plan: InstallmentPlan) -> list[object]:
    officer = make_user(is_staff=True)
    return at_once(
        lambda: services.accept_plan(
            plan_id=plan.pk, reason="fine", actor=officer, now=NOW, as_of=TODAY
        ),
        lambda: services.withdraw_plan(plan_id=plan.pk, actor=plan.loan.borrower.user, now=NOW),
    )


def test_of_accepting_and_taking_back_at_once_one_wins() -> None:
    plan = make_referred()

    results = accept_and_withdraw(plan)

    assert kinds(results) == ["InstallmentPlan", "PlanMovedOn"]
    winner = next(result for result in results if isinstance(result, InstallmentPlan))
    assert get_plan(plan).status == winner.status
    assert count_events(plan.loan, "accepted", "withdrawn") == 1


def test_without_the_condition_both_believe_they_won_twin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = make_referred()
    monkeypatch.setattr(PROPOSE, "move", move_blindly)
    monkeypatch.setattr(ANSWER, "move", move_blindly)

    results = accept_and_withdraw(plan)

    assert kinds(results) == ["InstallmentPlan", "InstallmentPlan"]
    assert count_events(plan.loan, "accepted", "withdrawn") == 2


@pytest.mark.parametrize("to", InstallmentPlan.Status.values)
def test_every_pair_of_states_moves_only_as_the_table_says(to: str) -> None:
    from repayments.plans.services.states import move

    plan = make_referred()
    for before in InstallmentPlan.Status.values:
        InstallmentPlan.objects.filter(pk=plan.pk).update(status=before)
        if before in InstallmentPlan.TRANSITIONS[to]:
            move(plan, to)
            assert get_plan(plan).status == to
        else:
            with pytest.raises(PlanMovedOn):
                move(plan, to)
            assert get_plan(plan).status == before
