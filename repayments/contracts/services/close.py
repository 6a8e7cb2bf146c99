"""Ends without a signature: the borrower declines, staff void, time runs out."""

from datetime import datetime
from functools import partial

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from repayments.contracts.models import Contract
from repayments.contracts.origin import Origin
from repayments.contracts.services.states import (
    ContractExpired,
    ContractMovedOn,
    lock,
    move,
    record,
)
from repayments.contracts.signals import contract_ended

REASON_LENGTH = 500


class ReasonMissing(Exception):
    """Declining and voiding need a reason."""

    def __init__(self) -> None:
        super().__init__(_("Please tell us why, in a few words."))


@transaction.atomic
def decline_contract(
    *, contract_id: int, reason: str, actor: User, origin: Origin, now: datetime
) -> Contract:
    """Let the borrower say no. Messages about signing end with it.

    Raises: ReasonMissing, states.AlreadySigned, states.ContractExpired, states.ContractClosed.
    """
    words = reason.strip()[:REASON_LENGTH]
    if not words:
        raise ReasonMissing
    contract = lock(contract_id)
    if contract.expires_at is not None and contract.expires_at <= now:
        raise ContractExpired()
    move(contract, Contract.Status.DECLINED, decline_reason=words)
    record(contract, "declined", actor=actor, at=now, origin=origin, payload={"reason": words})
    _tell(contract)
    return contract


@transaction.atomic
def void_contract(*, contract_id: int, reason: str, actor: User | None, now: datetime) -> Contract:
    """Withdraw a contract that is not signed; a new one may then be issued.

    Raises: ReasonMissing, states.AlreadySigned, states.ContractClosed.
    """
    words = reason.strip()[:REASON_LENGTH]
    if not words:
        raise ReasonMissing
    contract = lock(contract_id)
    move(contract, Contract.Status.VOIDED)
    record(contract, "voided", actor=actor, at=now, payload={"reason": words})
    _tell(contract)
    return contract


@transaction.atomic
def change_expiry(
    *, contract_id: int, expires_at: datetime | None, actor: User | None, now: datetime
) -> Contract:
    """Move or clear the day a contract must be signed by; it counts at once.

    Raises: states.ContractMovedOn when it is no longer to be signed.
    """
    contract = lock(contract_id)
    changed = Contract.objects.filter(
        pk=contract.pk, status__in=Contract.TRANSITIONS[Contract.Status.DECLINED]
    ).update(expires_at=expires_at)
    if changed != 1:
        raise ContractMovedOn()
    contract.expires_at = expires_at
    record(
        contract,
        "expiry_changed",
        actor=actor,
        at=now,
        payload={"expires_at": expires_at.isoformat() if expires_at else ""},
    )
    return contract


def expire_contracts(*, now: datetime, limit: int = 500) -> int:
    """End the contracts whose time to sign is over; return how many."""
    over = Contract.objects.filter(
        status__in=Contract.TRANSITIONS[Contract.Status.EXPIRED], expires_at__lte=now
    ).values_list("pk", flat=True)[:limit]
    return sum(_expire(contract_id, now) for contract_id in list(over))


def _expire(contract_id: int, now: datetime) -> int:
    with transaction.atomic():
        contract = lock(contract_id)
        # The day may have been moved while the lock was waited for.
        changed = Contract.objects.filter(
            pk=contract_id,
            status__in=Contract.TRANSITIONS[Contract.Status.EXPIRED],
            expires_at__lte=now,
        ).update(status=Contract.Status.EXPIRED)
        if changed != 1:
            return 0
        record(contract, "expired", actor=None, at=now)
        _tell(contract)
    return 1


def _tell(contract: Contract) -> None:
    transaction.on_commit(
        partial(contract_ended.send_robust, sender=Contract, contract_id=contract.pk)
    )
