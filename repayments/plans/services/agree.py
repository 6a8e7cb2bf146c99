"""The agreement of an accepted plan: issued, issued anew when money moved, ended with the plan.

The document is made outside any transaction; the plan is joined to it in a second one. A crash in
between leaves an accepted plan that the sweep takes up again.
"""

import logging
from datetime import date, datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from repayments.contracts.models import Contract
from repayments.contracts.services import (
    ContractMovedOn,
    ContractRefused,
    issue_contract,
    void_contract,
)
from repayments.loans.services import ScheduleRow
from repayments.money import round_percent
from repayments.plans.amounts import AmountsRefused, PlanAmounts, keep_amounts
from repayments.plans.models import InstallmentPlan, PlanPolicy
from repayments.plans.queries import (
    get_debt,
    get_policy,
    has_changed,
    list_given,
    newest_entry,
    stored_amounts,
)
from repayments.plans.services.states import PlanMovedOn, Status, lock, move, record
from repayments.plans.services.store import offer_ends_at, put_amounts

logger = logging.getLogger(__name__)

ENDED = (
    Contract.Status.DECLINED,
    Contract.Status.EXPIRED,
    Contract.Status.VOIDED,
)
"""An agreement in one of these will not be signed any more."""


class AgreementNotMade(Exception):
    """The document could not be made; the plan stays accepted and the sweep tries again."""

    def __init__(self) -> None:
        super().__init__(_("Your agreement is being prepared."))


def issue_agreement(*, plan_id: int, now: datetime, as_of: date) -> InstallmentPlan:
    """Issue the agreement of an accepted plan; then it waits for the borrower's signature.

    Figures that money has changed since are worked out anew first. Doing it twice at once is
    harmless: the slower one's document is void before anybody can sign it.

    Returns: the plan; as it is where it is not accepted, or has its agreement already.
    Raises: AgreementNotMade.
    """
    plan = _read(plan_id)
    if plan.status != Status.ACCEPTED:
        return plan
    if has_changed(plan):
        _work_out_anew(plan_id, now=now, as_of=as_of)
        plan = _read(plan_id)
        if plan.status != Status.ACCEPTED:
            return plan
    contract = _issue(plan, stored_amounts(plan), supersedes=None, now=now)
    try:
        with transaction.atomic():
            seq, plan = plan.after_seq, lock(plan_id)
            if plan.after_seq != seq:
                # Worked out anew while the document was made.
                raise PlanMovedOn
            move(plan, Status.AWAITING_SIGNATURE, contract=contract, expires_at=contract.expires_at)
            payload = {"contract": contract.reference}
            record(plan, "agreement_issued", actor=None, at=now, payload=payload)
    except PlanMovedOn:
        void_contract(contract_id=contract.pk, reason="plan_moved_on", actor=None, now=now)
        plan = _read(plan_id)
    return plan


def renew_agreement(
    *, plan_id: int, now: datetime, as_of: date, is_asked_for: bool = False
) -> bool:
    """Replace an unsigned agreement by one with today's figures, if money moved since.

    The dates and amounts stay; the last payments take up the difference. A plan whose dates have
    passed, or with nothing left to repay, is canceled instead.

    Args:
        is_asked_for: replace it although no money moved: staff want it made anew.
    Returns: whether anything was done.
    Raises: AgreementNotMade.
    """
    plan = _read(plan_id)
    if plan.status != Status.AWAITING_SIGNATURE or plan.contract is None:
        return False
    current = _newest(plan.contract)
    if current == plan.contract and not has_changed(plan) and not is_asked_for:
        return False
    if current.status not in Contract.TRANSITIONS[Contract.Status.SUPERSEDED]:
        return False
    # Read before the debt: what is posted in between shows as a change in the next round.
    seq = newest_entry(loan=plan.loan)
    try:
        amounts = keep_amounts(get_debt(loan=plan.loan, as_of=as_of), list_given(plan))
    except AmountsRefused:
        _cancel(plan_id, why="out_of_date", now=now)
        return True
    try:
        contract = _issue(plan, amounts, supersedes=current, now=now)
    except ContractMovedOn:
        return False
    with transaction.atomic():
        plan = lock(plan_id)
        changed = InstallmentPlan.objects.filter(
            pk=plan_id, status=Status.AWAITING_SIGNATURE
        ).update(contract=contract, expires_at=contract.expires_at)
        if changed == 1:
            put_amounts(plan, amounts, after_seq=seq)
            payload = {"contract": contract.reference}
            record(plan, "agreement_renewed", actor=None, at=now, payload=payload)
    return True


def reissue_agreement(
    *, contract: Contract, actor: User | None, now: datetime, as_of: date
) -> Contract:
    """Make a plan's agreement anew at staff's word; registered for the plans' kind of contract.

    Raises: ContractMovedOn where the plan no longer waits for a signature, ContractRefused.
    """
    waiting = InstallmentPlan.objects.filter(contract=contract, status=Status.AWAITING_SIGNATURE)
    plan_id = waiting.values_list("pk", flat=True).first()
    if plan_id is None:
        raise ContractMovedOn(
            _("The plan of this agreement has ended. The borrower can propose a new one.")
        )
    try:
        done = renew_agreement(plan_id=plan_id, now=now, as_of=as_of, is_asked_for=True)
    except AgreementNotMade as error:
        raise ContractRefused("template_faulty", str(error)) from error
    newest = Contract.objects.filter(supersedes=contract).first()
    if not done or newest is None:
        raise ContractMovedOn()
    return newest


def end_contract(plan: InstallmentPlan, *, reason: str, actor: User | None, now: datetime) -> None:
    """Make a plan's agreement void, so that it can no longer be signed.

    Raises: PlanMovedOn where it is signed already.
    """
    if plan.contract is None:
        return
    contract = _newest(plan.contract)
    if contract.status in ENDED:
        return
    try:
        void_contract(contract_id=contract.pk, reason=reason, actor=actor, now=now)
    except ContractMovedOn as error:
        if not is_dead(plan):
            raise PlanMovedOn from error


def is_dead(plan: InstallmentPlan) -> bool:
    """Tell whether a plan waits for a signature that cannot come any more."""
    if plan.status != Status.AWAITING_SIGNATURE or plan.contract is None:
        return False
    contract = _newest(plan.contract)
    contract.refresh_from_db(fields=["status"])
    return contract.status in ENDED


def cancel_unsigned(*, plan_id: int, now: datetime) -> bool:
    """End a plan whose agreement was declined, ran out or is void.

    Returns: whether it was ended by this call.
    """
    if not is_dead(_read(plan_id)):
        return False
    return _cancel(plan_id, why="not_signed", now=now)


def _cancel(plan_id: int, *, why: str, now: datetime) -> bool:
    with transaction.atomic():
        plan = lock(plan_id)
        try:
            end_contract(plan, reason=why, actor=None, now=now)
            move(plan, Status.CANCELED, ended_at=now, reason_code=why)
        except PlanMovedOn:
            return False
        record(plan, "canceled", actor=None, at=now, payload={"why": why})
    return True


def _work_out_anew(plan_id: int, *, now: datetime, as_of: date) -> None:
    """Keep an accepted plan's dates and amounts for today's debt, or cancel it where that fails."""
    with transaction.atomic():
        plan = lock(plan_id)
        if plan.status != Status.ACCEPTED:
            return
        try:
            amounts = keep_amounts(get_debt(loan=plan.loan, as_of=as_of), list_given(plan))
        except AmountsRefused:
            move(plan, Status.CANCELED, ended_at=now, reason_code="out_of_date")
            record(plan, "canceled", actor=None, at=now, payload={"why": "out_of_date"})
            return
        put_amounts(plan, amounts)
        payload = {"total": amounts.total, "payments": len(amounts.rows)}
        record(plan, "worked_out_anew", actor=None, at=now, payload=payload)


def _issue(
    plan: InstallmentPlan, amounts: PlanAmounts, *, supersedes: Contract | None, now: datetime
) -> Contract:
    policy = get_policy(loan=plan.loan) or PlanPolicy(currency=plan.loan.currency)
    terms = {
        "effective_on": amounts.debt.as_of.isoformat(),
        "break_grace_days": str(policy.break_grace_days),
    }
    if amounts.cost is not None:
        # Counted on the whole debt of the day, of which fees and interest owed are a part.
        terms["annual_cost_simple"] = str(round_percent(amounts.cost.simple))
        terms["annual_cost_compound"] = str(round_percent(amounts.cost.compound))
    try:
        return issue_contract(
            kind="plan",
            loan=plan.loan,
            terms=terms,
            schedule=as_schedule(amounts),
            expires_at=offer_ends_at(policy, amounts, now),
            actor=None,
            now=now,
            supersedes=supersedes,
        )
    except ContractRefused as refusal:
        logger.error("no agreement can be made for plan %s: %s", plan.public_id, refusal.reason)
        raise AgreementNotMade from refusal


def as_schedule(amounts: PlanAmounts) -> list[ScheduleRow]:
    """A plan's rows as rows of the loan's next schedule."""
    return [
        ScheduleRow(
            due_date=row.due_date, principal=row.principal, interest=row.interest, fee=row.fee
        )
        for row in amounts.rows
    ]


def _read(plan_id: int) -> InstallmentPlan:
    related = ("contract", "loan__borrower__user", "loan__product", "loan__book")
    plan: InstallmentPlan = InstallmentPlan.objects.select_related(*related).get(pk=plan_id)
    return plan


def _newest(contract: Contract) -> Contract:
    """Follow a chain of replaced contracts to its end."""
    while True:
        later = Contract.objects.filter(supersedes=contract).first()
        if later is None:
            return contract
        contract = later
