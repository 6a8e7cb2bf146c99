"""Proposals, offers and plans in force, made by the real services."""

from datetime import date, datetime
from typing import Any

from repayments.loans.models import Loan
from repayments.plans import services
from repayments.plans.amounts import COUNT, Wish
from repayments.plans.models import InstallmentPlan, PlanPolicy
from tests.factories import contracts
from tests.factories.contracts import NOW, TODAY
from tests.factories.loans import make_overdue_loan

FIRST = date(2026, 12, 15)


def make_late_loan(**fields: Any) -> Loan:
    """A loan ten days late, of a borrower who can sign in."""
    return make_overdue_loan(as_of=TODAY, **fields)


def wish(count: int = 12, first_due: date = FIRST) -> Wish:
    """So many months from a date on: within the policy, unless said otherwise."""
    return Wish(way=COUNT, first_due=first_due, count=count)


def propose(loan: Loan, wished: Wish | None = None, **fields: Any) -> InstallmentPlan:
    values = {"actor": loan.borrower.user, "now": NOW, "as_of": TODAY} | fields
    return services.propose_plan(loan_id=loan.pk, wish=wished or wish(), **values)


def make_offer(loan: Loan | None = None) -> InstallmentPlan:
    """An offer of the rules, for a proposal that runs too long."""
    proposal = propose(loan or make_late_loan(), wish(count=36))
    assert proposal.status == "countered"
    return get_plan(proposal.counter)


def make_referred(loan: Loan | None = None, wished: Wish | None = None) -> InstallmentPlan:
    """A proposal that waits for a person, because the sum is large."""
    PlanPolicy.objects.update(person_above=1)
    plan = propose(loan or make_late_loan(), wished)
    assert plan.answer_due_at is not None
    return get_plan(plan)


def make_to_sign(loan: Loan | None = None) -> InstallmentPlan:
    """An accepted plan whose agreement is with the borrower."""
    plan = propose(loan or make_late_loan())
    services.issue_agreement(plan_id=plan.pk, now=NOW, as_of=TODAY)
    return get_plan(plan)


def sign(plan: InstallmentPlan, *, now: datetime = NOW) -> None:
    """Walk a plan's agreement through the ceremony, up to the signature."""
    assert plan.contract is not None
    contracts.consent(plan.contract, now=now)
    contracts.pass_code(plan.contract, now=now)
    contracts.sign(plan.contract, now=now)


def make_active(loan: Loan | None = None) -> InstallmentPlan:
    plan = make_to_sign(loan)
    sign(plan)
    return get_plan(plan)


def get_plan(plan: InstallmentPlan) -> InstallmentPlan:
    """The plan as stored now."""
    related = ("loan__borrower__user", "loan__product", "loan__book", "contract", "counter_of")
    found: InstallmentPlan = InstallmentPlan.objects.select_related(*related).get(pk=plan.pk)
    return found
