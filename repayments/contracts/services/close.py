"""Ends without a signature: the borrower declines, staff void, time runs out."""

from datetime import datetime
from functools import partial

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from repayments.contacts.services import queue_message
from repayments.contracts.models import Contract
from repayments.contracts.origin import Origin
from repayments.contracts.services.states import (
    CAN_BE_SIGNED,
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
    move(contract, Contract.Status.DECLINED, decline_reason=words, ended_at=now)
    record(contract, "declined", actor=actor, at=now, origin=origin, payload={"reason": words})
    _tell(contract)
    return contract


@transaction.atomic
def void_contract(
    *,
    contract_id: int,
    reason: str,
    actor: User | None,
    now: datetime,
    tells_borrower: bool = False,
) -> Contract:
    """Withdraw a contract that is not signed; a new one may then be issued.

    Args:
        tells_borrower: write to who was shown it. A room that puts another document in its place at
            once writes of that one instead.
    Raises: ReasonMissing, states.AlreadySigned, states.ContractClosed.
    """
    words = reason.strip()[:REASON_LENGTH]
    if not words:
        raise ReasonMissing
    contract = lock(contract_id)
    was_shown = contract.status in CAN_BE_SIGNED
    move(contract, Contract.Status.VOIDED, ended_at=now)
    record(contract, "voided", actor=actor, at=now, payload={"reason": words})
    if tells_borrower and was_shown:
        _write_of_end(contract, now)
    _tell(contract)
    return contract


@transaction.atomic
def change_expiry(
    *,
    contract_id: int,
    expires_at: datetime | None,
    actor: User | None,
    now: datetime,
    reason: str = "",
) -> Contract:
    """Move or clear the day a contract must be signed by; it counts at once, everywhere.

    A contract whose time ran out a moment ago can be given more as long as the sweep has not ended
    it. The frozen document goes on naming the day it was made with; pages say which one counts.

    Raises: states.ContractMovedOn when it is no longer to be signed.
    """
    contract = lock(contract_id)
    changed = Contract.objects.filter(
        pk=contract.pk, status__in=Contract.TRANSITIONS[Contract.Status.DECLINED]
    ).update(expires_at=expires_at)
    if changed != 1:
        raise ContractMovedOn()
    before = contract.expires_at
    contract.expires_at = expires_at
    record(
        contract,
        "expiry_changed",
        actor=actor,
        at=now,
        payload={
            "expires_at": expires_at.isoformat() if expires_at else "",
            "expired_at_before": before.isoformat() if before else "",
            "reason": reason.strip()[:REASON_LENGTH],
        },
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
        ).update(status=Contract.Status.EXPIRED, ended_at=now)
        if changed != 1:
            return 0
        record(contract, "expired", actor=None, at=now)
        _tell(contract)
    return 1


def _write_of_end(contract: Contract, now: datetime) -> None:
    borrower = contract.loan.borrower
    if borrower.user_id is None:
        return
    queue_message(
        borrower=borrower,
        template_key="contract_withdrawn",
        purpose="contract_withdrawn",
        subject=contract.loan.stream,
        business_key=f"contract_withdrawn:{contract.public_id}",
        context={"link": contract.get_absolute_url()},
        now=now,
    )


def _tell(contract: Contract) -> None:
    transaction.on_commit(
        partial(contract_ended.send_robust, sender=Contract, contract_id=contract.pk)
    )
