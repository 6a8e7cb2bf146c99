"""Costs outside the schedule: charge a fee, waive a fee or penalty interest."""

from datetime import date, datetime

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from repayments.audit.services import record_event
from repayments.ledger.models import Account, JournalEntry
from repayments.ledger.services import OWN_NUMBER
from repayments.loans.models import Charge, Loan
from repayments.loans.services.payments import apply_again, finish
from repayments.loans.services.received import PENALTY_WAIVER
from repayments.loans.services.replay import must_rework, replay, rewind
from repayments.loans.services.schedules import LoanNotActive
from repayments.loans.services.work import Work


class WaiverTooLarge(Exception):
    """More would be waived than is still open; nothing was changed."""


@transaction.atomic
def charge_fee(
    *,
    loan_id: int,
    amount: int,
    reason: str,
    charged_on: date,
    actor: User | None,
    now: datetime,
) -> Charge:
    """Charge a fee; a day in the past is as if it had been charged then.

    Args:
        amount: whole minor units, above zero.
        reason: as the borrower will read it.
    Locks: the loan.
    Raises: LoanNotActive; ValueError for an amount below one.
    """
    if amount < 1:
        raise ValueError("a fee is at least one minor unit")
    work = Work(loan_id=loan_id, actor=actor, now=now)
    if work.loan.status != Loan.Status.ACTIVE:
        raise LoanNotActive(_("This loan is not running, so no fee can be charged."))
    came_late = must_rework(work, charged_on)
    if came_late:
        rewind(work, charged_on)
    entry = work.post(
        kind=JournalEntry.Kind.FEE,
        reference=f"fee:{charged_on.isoformat()}:{OWN_NUMBER}",
        on=charged_on,
        postings={Account.FEE_RECEIVABLE: amount, Account.FEE_INCOME: -amount},
    )
    charge = Charge.objects.create(
        loan=work.loan,
        kind=Charge.Kind.FEE,
        charged_on=charged_on,
        amount=amount,
        reason=reason,
        entry=entry,
    )
    work.reload()
    if came_late:
        replay(work, charged_on, apply_again)
    else:
        work.apply_waiting(work.today)
    record_event(
        stream=work.loan.stream,
        action="loans.fee_charged",
        actor=actor,
        at=now,
        payload={"charge": charge.pk, "amount": amount, "reason": reason},
    )
    finish(work)
    charge.refresh_from_db()
    return charge


@transaction.atomic
def waive_charge(
    *,
    charge_id: int,
    amount: int | None = None,
    reason: str,
    actor: User | None,
    now: datetime,
) -> Charge:
    """Waive what is open of a fee or of posted penalty interest, or part of it.

    Args:
        amount: whole minor units; None for all that is open.
    Locks: the loan.
    Raises: WaiverTooLarge.
    """
    loan_id = Charge.objects.values_list("loan_id", flat=True).get(pk=charge_id)
    work = Work(loan_id=loan_id, actor=actor, now=now)
    charge = Charge.objects.get(pk=charge_id)
    is_open = charge.amount - charge.paid - charge.waived - charge.withdrawn
    waived = is_open if amount is None else amount
    changed = (
        Charge.objects.filter(
            pk=charge_id,
            amount__gte=F("paid") + F("waived") + F("withdrawn") + waived,
        ).update(waived=F("waived") + waived)
        if waived > 0
        else 0
    )
    if changed != 1:
        raise WaiverTooLarge(_("There is not that much left to waive."))
    is_penalty = charge.kind == Charge.Kind.PENALTY
    account = Account.PENALTY_RECEIVABLE if is_penalty else Account.FEE_RECEIVABLE
    name = PENALTY_WAIVER if is_penalty else "fee_waiver:"
    work.post(
        kind=JournalEntry.Kind.WAIVER,
        reference=f"{name}{charge_id}:{OWN_NUMBER}",
        on=work.today,
        postings={Account.WAIVER_EXPENSE: waived, account: -waived},
    )
    record_event(
        stream=work.loan.stream,
        action="loans.charge_waived",
        actor=actor,
        at=now,
        payload={"charge": charge_id, "amount": waived, "reason": reason},
    )
    work.reload()
    finish(work)
    charge.refresh_from_db()
    return charge
