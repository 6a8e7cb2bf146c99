"""What this room does at others' word: the loan contract's own effect, hastened seals and letters,
and whether a message about a document is still wanted."""

from datetime import date, datetime
from typing import Any

from accounts.models import User
from repayments.contacts.models import Message
from repayments.contracts.models import Contract, SettlementLetter, SigningChallenge
from repayments.contracts.services import ContractMovedOn
from repayments.contracts.services.remind import is_reminder_for
from repayments.contracts.tasks import make_letter, seal_contract, seal_letter, void_letters
from repayments.loans.models import Loan
from repayments.loans.services import LoanAlreadyActive, activate_loan


def activate_signed_loan(
    *, contract: Contract, actor: User | None, now: datetime, as_of: date
) -> None:
    """Make the loan active in the transaction of its signature.

    A contract in the place of a completed one finds it active, and leaves it so.

    Raises: ContractMovedOn where the loan no longer waits for one.
    """
    old = contract.supersedes
    if old is not None and old.status == Contract.Status.COMPLETED:
        if not Loan.objects.filter(pk=contract.loan_id, status=Loan.Status.ACTIVE).exists():
            raise ContractMovedOn()
        return
    try:
        activate_loan(loan_id=contract.loan_id, actor=actor, now=now, as_of=as_of)
    except LoanAlreadyActive as refusal:
        raise ContractMovedOn(str(refusal)) from refusal


def hasten_sealing(*, contract_id: int, **kwargs: Any) -> None:
    """Seal at once what the minute's sweep would seal too."""
    seal_contract.delay_on_commit(contract_id=contract_id)


def hasten_letter(*, loan_id: int, **kwargs: Any) -> None:
    """Make at once the letter that the minute's sweep would make too."""
    make_letter.delay_on_commit(loan_id=loan_id)


def hasten_letter_seal(*, letter_id: int, **kwargs: Any) -> None:
    """Seal at once what the minute's sweep would seal too."""
    seal_letter.delay_on_commit(letter_id=letter_id)


def hasten_voiding(*, loan_id: int, **kwargs: Any) -> None:
    """Mark at once the letters that the minute's sweep would mark too."""
    void_letters.delay_on_commit(loan_id=loan_id)


def is_letter_still_true(message: Message, now: datetime) -> bool:
    """Nobody is told of a letter that became void before the message went out."""
    public_id = message.business_key.partition(":")[2]
    return SettlementLetter.objects.in_force().filter(public_id=public_id).exists()


def is_contract_still_to_sign(message: Message, now: datetime) -> bool:
    """Nobody is asked to sign what they signed, declined, or can no longer sign."""
    public_id = message.business_key.partition(":")[2]
    contract = Contract.objects.to_sign().filter(public_id=public_id).first()
    return contract is not None and (contract.expires_at is None or contract.expires_at > now)


def is_sign_reminder_still_wanted(message: Message, now: datetime) -> bool:
    """Nobody is reminded of what they signed or need not sign, or of a day that was moved."""
    public_id = message.business_key.split(":")[1]
    contract = Contract.objects.to_sign().filter(public_id=public_id, expires_at__gt=now).first()
    return contract is not None and is_reminder_for(message.business_key, contract)


def is_code_still_open(message: Message, now: datetime) -> bool:
    """A code that was replaced, used, or ran out is not sent."""
    challenge_id = message.business_key.partition(":")[2]
    return SigningChallenge.objects.filter(
        pk=challenge_id, used_at=None, voided_at=None, expires_at__gt=now
    ).exists()
