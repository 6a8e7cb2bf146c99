"""What a borrower does with a plan before it is agreed: propose, take an offer, ask a person, take
it back. The rules answer in the same transaction, so a proposal is never without an answer."""

from datetime import date, datetime, time
from functools import partial
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from repayments.clock import lender_zone
from repayments.loans.calendar import add_workdays
from repayments.loans.models import Loan
from repayments.plans.amounts import AmountsRefused, PlanAmounts, Wish, keep_amounts, work_out
from repayments.plans.evaluation import ACCEPTED, COUNTERED, PERSON, Answer, Finding, evaluate
from repayments.plans.models import InstallmentPlan, PlanPolicy
from repayments.plans.queries import (
    get_debt,
    get_facts,
    get_open_plan,
    get_policy,
    has_changed,
    limits_of,
    list_given,
)
from repayments.plans.services.agree import end_contract, is_dead
from repayments.plans.services.states import (
    FiguresChanged,
    PlanAlreadyOpen,
    PlanMovedOn,
    PlanNotPossible,
    Status,
    lock,
    lock_loan,
    move,
    record,
)
from repayments.plans.services.store import create_plan, offer_ends_at, put_amounts, tell_borrower
from repayments.plans.signals import plan_referred

# The hour, in the lender's zone, by which a person has answered.
ANSWER_BY = time(17, 0)
ASKED = Finding("asked")


@transaction.atomic
def propose_plan(
    *,
    loan_id: int,
    wish: Wish,
    note: str = "",
    actor: User | None,
    now: datetime,
    as_of: date,
) -> InstallmentPlan:
    """Propose a plan, and answer it by the lender's rules at once.

    A lender's offer that waits for the borrower is turned down by a new proposal; the borrower's
    own must be taken back first.

    Args:
        note: the borrower's words, for a person.
    Returns: the proposal, as answered: accepted; countered, with ``plan.counter`` the offer; or
        still proposed, with ``answer_due_at``.
    Locks: the loan.
    Raises: AmountsRefused and its kinds, PlanNotPossible, PlanAlreadyOpen.
    """
    loan = lock_loan(loan_id)
    check_loan(loan)
    amounts = work_out(get_debt(loan=loan, as_of=as_of), wish)
    _make_way(loan, actor=actor, now=now)
    plan = create_plan(
        loan=loan,
        amounts=amounts,
        source=InstallmentPlan.Source.BORROWER,
        now=now,
        note=note,
    )
    record(plan, "proposed", actor=actor, at=now, payload=_outline(amounts))
    policy = get_policy(loan=loan)
    if policy is None:
        # Without limits no rule may say yes.
        answer = Answer(PERSON, (Finding("no_policy"),))
    else:
        limits = limits_of(policy, product_cap=loan.product.annual_cost_cap)
        answer = evaluate(amounts, limits, get_facts(loan=loan, debt=amounts.debt, now=now))
    _give_answer(plan, answer, policy or PlanPolicy(currency=loan.currency), now=now, as_of=as_of)
    return plan


def accept_counter(
    *, plan_id: int, actor: User | None, now: datetime, as_of: date
) -> InstallmentPlan:
    """Take the lender's offer; its agreement then waits for a signature.

    Raises: PlanMovedOn; FiguresChanged, after the offer was worked out anew, to be seen first.
    """
    refresh_amounts(plan_id=plan_id, actor=actor, now=now, as_of=as_of)
    with transaction.atomic():
        plan = lock(plan_id)
        check_loan(plan.loan)
        check_stands(plan, now=now, as_of=as_of)
        if not plan.is_offer:
            raise PlanMovedOn
        move(plan, Status.ACCEPTED, decided_by=actor, decided_at=now, reason_code="offer_taken")
        record(plan, "offer_taken", actor=actor, at=now)
        return plan


@transaction.atomic
def ask_for_person(
    *, plan_id: int, note: str = "", actor: User | None, now: datetime, as_of: date
) -> InstallmentPlan:
    """Ask for a person's answer instead of the rule's (PV-6).

    Args:
        plan_id: an offer of the rules. The borrower's own proposal goes to the person, worked out
            for today; or a proposal that rules alone answered.
    Returns: the plan that waits for a person.
    Raises: PlanMovedOn, AmountsRefused where the proposal's dates are past.
    """
    offer = lock(plan_id)
    check_loan(offer.loan)
    proposal = offer.counter_of
    if proposal is None or not offer.is_offer:
        raise PlanMovedOn
    move(offer, Status.WITHDRAWN, ended_at=now, reason_code="person_asked")
    record(offer, "offer_turned_down", actor=actor, at=now, payload={"why": "person_asked"})
    debt = get_debt(loan=offer.loan, as_of=as_of)
    plan = create_plan(
        loan=offer.loan,
        amounts=keep_amounts(debt, list_given(proposal)),
        source=InstallmentPlan.Source.BORROWER,
        now=now,
        note=note or proposal.note,
    )
    record(plan, "proposed", actor=actor, at=now, payload={"again": str(proposal.public_id)})
    policy = get_policy(loan=offer.loan) or PlanPolicy(currency=offer.loan.currency)
    answer = Answer(PERSON, (ASKED, *read_findings(proposal)))
    _give_answer(plan, answer, policy, now=now, as_of=as_of)
    return plan


@transaction.atomic
def withdraw_plan(*, plan_id: int, actor: User | None, now: datetime) -> InstallmentPlan:
    """Take a proposal back, or turn an offer down, before it is agreed.

    Raises: PlanMovedOn if it was answered, agreed or ended before.
    """
    plan = lock(plan_id)
    move(plan, Status.WITHDRAWN, ended_at=now)
    record(plan, "withdrawn", actor=actor, at=now)
    return plan


@transaction.atomic
def cancel_plan(*, plan_id: int, actor: User | None, now: datetime) -> InstallmentPlan:
    """End an agreed plan before it is signed; its agreement can no longer be signed then.

    Raises: PlanMovedOn if it was signed or ended before.
    """
    plan = lock(plan_id)
    if plan.status not in (Status.ACCEPTED, Status.AWAITING_SIGNATURE):
        raise PlanMovedOn
    end_contract(plan, reason="plan_canceled", actor=actor, now=now)
    move(plan, Status.CANCELED, ended_at=now)
    record(plan, "canceled", actor=actor, at=now)
    return plan


def refresh_amounts(
    *, plan_id: int, actor: User | None, now: datetime, as_of: date
) -> InstallmentPlan:
    """Work a proposal out anew if money moved since, and say so.

    Raises: FiguresChanged, with the new figures stored for all to see.
    """
    with transaction.atomic():
        plan = lock(plan_id)
        changed = plan.status == Status.PROPOSED and has_changed(plan)
        if changed:
            check_loan(plan.loan)
            try:
                amounts = keep_amounts(get_debt(loan=plan.loan, as_of=as_of), list_given(plan))
            except AmountsRefused as error:
                raise FiguresChanged(OUT_OF_DATE) from error
            put_amounts(plan, amounts)
            record(plan, "worked_out_anew", actor=actor, at=now, payload=_outline(amounts))
    if changed:
        raise FiguresChanged
    return plan


OUT_OF_DATE = _("The first date of this plan has passed. Please choose new dates.")


def check_loan(loan: Loan) -> None:
    """Raises: PlanNotPossible where the loan does not run."""
    if loan.status == Loan.Status.PENDING_SIGNATURE:
        raise PlanNotPossible(_("Please sign your loan contract first."))
    if loan.status != Loan.Status.ACTIVE:
        raise PlanNotPossible


def check_stands(plan: InstallmentPlan, *, now: datetime, as_of: date) -> None:
    """Check that a proposal's figures and dates still hold; its loan is locked.

    Raises: FiguresChanged, PlanMovedOn.
    """
    if has_changed(plan):
        raise FiguresChanged
    if plan.expires_at is not None and plan.expires_at <= now:
        raise PlanMovedOn(_("This offer is no longer open. You can propose a plan again."))
    if plan.rows.order_by("number").values_list("due_date", flat=True)[0] < as_of:
        raise FiguresChanged(OUT_OF_DATE)


def answer_due(policy: PlanPolicy, as_of: date) -> datetime:
    """By when a person answers: 17:00 in the lender's zone, so many workdays on."""
    day = add_workdays(as_of, policy.answer_within_workdays)
    return datetime.combine(day, ANSWER_BY, tzinfo=lender_zone())


def store_findings(answer: Answer) -> dict[str, Any]:
    """Findings as they are kept with a plan; ``read_findings`` reads them back."""
    return {"rules": [{"code": one.code, **one.facts} for one in answer.findings]}


def read_findings(plan: InstallmentPlan) -> tuple[Finding, ...]:
    rules = plan.reason_facts.get("rules", [])
    return tuple(
        Finding(rule["code"], {name: value for name, value in rule.items() if name != "code"})
        for rule in rules
    )


def _give_answer(
    plan: InstallmentPlan, answer: Answer, policy: PlanPolicy, *, now: datetime, as_of: date
) -> None:
    reasons: dict[str, Any] = {
        "reason_code": answer.reason_code,
        "reason_facts": store_findings(answer),
    }
    if answer.verdict == ACCEPTED:
        move(plan, Status.ACCEPTED, decided_at=now, **reasons)
        record(plan, "accepted", actor=None, at=now, payload={"by": "rule"})
    elif answer.verdict == COUNTERED and answer.counter is not None:
        move(plan, Status.COUNTERED, decided_at=now, **reasons)
        counter = create_plan(
            loan=plan.loan,
            amounts=answer.counter,
            source=InstallmentPlan.Source.RULE,
            now=now,
            counter_of=plan,
            expires_at=offer_ends_at(policy, answer.counter, now),
        )
        payload = {"by": "rule", "rule": answer.reason_code, **_outline(answer.counter)}
        record(counter, "countered", actor=None, at=now, payload=payload)
    else:
        fields = {**reasons, "answer_due_at": answer_due(policy, as_of)}
        InstallmentPlan.objects.filter(pk=plan.pk).update(**fields)
        for name, value in fields.items():
            setattr(plan, name, value)
        record(plan, "referred", actor=None, at=now, payload={"rule": answer.reason_code})
        tell_borrower(plan, "plan_referred", now=now)
        transaction.on_commit(
            partial(plan_referred.send_robust, sender=InstallmentPlan, plan_id=plan.pk)
        )


def _make_way(loan: Loan, *, actor: User | None, now: datetime) -> None:
    """Clear an offer the borrower passes over, or a plan whose agreement has ended."""
    waiting = get_open_plan(loan=loan)
    if waiting is None:
        return
    waiting.loan = loan
    if waiting.status == Status.PROPOSED and waiting.is_offer:
        move(waiting, Status.WITHDRAWN, ended_at=now, reason_code="new_proposal")
        payload = {"why": "new_proposal"}
        record(waiting, "offer_turned_down", actor=actor, at=now, payload=payload)
    elif is_dead(waiting):
        move(waiting, Status.CANCELED, ended_at=now, reason_code="not_signed")
        record(waiting, "canceled", actor=actor, at=now, payload={"why": "not_signed"})
    else:
        raise PlanAlreadyOpen


def _outline(amounts: PlanAmounts) -> dict[str, Any]:
    return {
        "payments": len(amounts.rows),
        "first": amounts.first_due.isoformat(),
        "last": amounts.ends_on.isoformat(),
        "total": amounts.total,
    }
