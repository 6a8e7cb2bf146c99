"""How a contract moves, and how each move is put on record. Callers hold the transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.models import User
from repayments.audit.services import record_event
from repayments.contracts.models import Contract
from repayments.contracts.origin import Origin
from repayments.loans.models import Loan

SIGNED = (
    Contract.Status.BORROWER_SIGNED,
    Contract.Status.SEALING,
    Contract.Status.SEAL_FAILED,
    Contract.Status.COMPLETED,
)
CAN_BE_SIGNED = (Contract.Status.SENT, Contract.Status.VIEWED, Contract.Status.CONSENTED)


class ContractMovedOn(Exception):
    """The contract is not in the state this step needs; nothing was changed."""

    message = _("This document has changed since the page was opened. Nothing was done.")

    def __init__(self, message: Any = None) -> None:
        super().__init__(message or self.message)


class AlreadySigned(ContractMovedOn):
    """The borrower has signed; a second signature is never stored."""

    message = _("You have already signed this document. It counts once.")


class ContractExpired(ContractMovedOn):
    """Its time to sign is over."""

    message = _("The time to sign this document is over. We can send you a new one.")


class ContractClosed(ContractMovedOn):
    """It was declined, withdrawn, replaced, or has run out."""

    message = _("This document can no longer be signed.")


def lock(contract_id: int) -> Contract:
    """Lock the loan, then its contract, and return the contract as it stands now."""
    loan_id = Contract.objects.values_list("loan_id", flat=True).get(pk=contract_id)
    Loan.objects.select_for_update().get(pk=loan_id)
    contract: Contract = (
        Contract.objects.select_for_update(of=("self",))
        .select_related("loan__borrower__user", "template_version__template")
        .get(pk=contract_id)
    )
    return contract


def move(contract: Contract, to: str, **fields: Any) -> None:
    """Change the state and only from where `Contract.TRANSITIONS` allows it.

    Raises: AlreadySigned, ContractClosed or ContractMovedOn when it is elsewhere.
    """
    changed = Contract.objects.filter(pk=contract.pk, status__in=Contract.TRANSITIONS[to]).update(
        status=to, **fields
    )
    # SQLite knows no row locks: the row count is the real guard.
    if changed != 1:
        raise refusal(contract)
    contract.status = to
    for name, value in fields.items():
        setattr(contract, name, value)


def refusal(contract: Contract) -> ContractMovedOn:
    """Say why a step is not possible, by the state the contract is in now."""
    status = Contract.objects.values_list("status", flat=True).get(pk=contract.pk)
    if status in SIGNED:
        return AlreadySigned()
    if status == Contract.Status.EXPIRED:
        return ContractExpired()
    if status in {
        Contract.Status.DECLINED,
        Contract.Status.VOIDED,
        Contract.Status.SUPERSEDED,
    }:
        return ContractClosed()
    return ContractMovedOn()


def record(
    contract: Contract,
    action: str,
    *,
    actor: User | None,
    at: datetime,
    origin: Origin | None = None,
    payload: Mapping[str, Any] | None = None,
) -> None:
    """Write an event of this contract: who, what, when, from where."""
    record_event(
        stream=contract.stream,
        action=f"contracts.{action}",
        actor=actor,
        at=at,
        payload={
            "reference": contract.reference,
            **(payload or {}),
            **(origin.as_payload() if origin else {}),
        },
    )
