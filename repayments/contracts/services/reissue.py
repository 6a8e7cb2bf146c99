"""A contract issued anew at staff's word: what is not signed is replaced, the rest pointed at.

What a kind of contract is made of is known to the room that registered it (``kinds``). A contract
that both sides signed is never undone here: the new one says on paper that it takes its place, and
binds once both sides have signed that one.
"""

from datetime import date, datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from repayments.contracts import kinds
from repayments.contracts.models import Contract
from repayments.contracts.services.close import REASON_LENGTH, ReasonMissing
from repayments.contracts.services.issue import CONTRACT_VALID_DAYS, AlreadyReplaced, issue_contract
from repayments.contracts.services.states import ContractMovedOn, record
from repayments.contracts.terms import rows_of_loan
from repayments.loans.models import Loan


class NotToBeReissued(ContractMovedOn):
    """Contracts of this kind are not made here."""

    message = _("A contract of this kind cannot be issued anew here.")


@transaction.atomic
def reissue_contract(
    *, contract_id: int, reason: str, actor: User | None, now: datetime, as_of: date
) -> Contract:
    """Issue a contract anew, with what is true now, and lead the old one's page to it.

    Args:
        reason: kept on the old contract's record with who did it.
        as_of: the lender's day.
    Returns: the new contract, sent to the borrower.
    Raises: ReasonMissing, NotToBeReissued, issue.AlreadyReplaced, issue.ContractAlreadyOpen,
        issue.ContractRefused, states.ContractMovedOn.
    """
    words = reason.strip()[:REASON_LENGTH]
    if not words:
        raise ReasonMissing
    old = Contract.objects.select_related("loan__borrower__user", "loan__product").get(
        pk=contract_id
    )
    reissue = kinds.get(old.kind).reissue
    if reissue is None:
        raise NotToBeReissued()
    if Contract.objects.filter(supersedes=old).exists():
        raise AlreadyReplaced()
    new = reissue(contract=old, actor=actor, now=now, as_of=as_of)
    payload = {"by": new.reference, "reason": words}
    record(old, "reissued", actor=actor, at=now, payload=payload)
    return new


def reissue_loan_contract(
    *, contract: Contract, actor: User | None, now: datetime, as_of: date
) -> Contract:
    """Issue a loan's contract anew from the loan's own rows.

    Raises: states.ContractMovedOn where it is signed and not sealed, or the loan's state has no
        place for a contract of this kind.
    """
    needed = Loan.Status.PENDING_SIGNATURE
    if contract.status == Contract.Status.COMPLETED:
        needed = Loan.Status.ACTIVE
    if contract.loan.status != needed:
        raise ContractMovedOn(_("The loan is not in a state that a contract could be signed for."))
    may_be_signed = contract.status in Contract.TRANSITIONS[Contract.Status.SUPERSEDED]
    return issue_contract(
        kind="loan",
        loan=contract.loan,
        terms={},
        schedule=rows_of_loan(contract.loan),
        expires_at=now + timedelta(days=CONTRACT_VALID_DAYS),
        actor=actor,
        now=now,
        supersedes=contract if may_be_signed else None,
        points_at=None if may_be_signed else contract,
    )
