"""Refunds as they live: whole or in parts, at once or pending, and those that fail later.

A refund takes its amount from the account when it is made, pending or not; one that fails or is
canceled gives it back by a balance transaction of its own. Every function runs inside the
caller's transaction; amounts are whole minor units.
"""

from typing import Any

from django.db.models import F

from . import agenda, cards, clock, representations
from .balance import record_balance
from .currencies import check_step, display
from .errors import InvalidRequest, RequestRefused
from .identifiers import new_id
from .models import Charge, Refund
from .webhooks import emit

PENDING, SUCCEEDED, FAILED, CANCELED = "pending", "succeeded", "failed", "canceled"
# From which states each one is reached: a refund may fail after it had succeeded.
TRANSITIONS = {
    SUCCEEDED: (PENDING,),
    FAILED: (PENDING, SUCCEEDED),
    CANCELED: (PENDING,),
}
# The cards whose refunds end later do so within the hour.
SETTLES_SECONDS = 3600
# Alipay takes nothing back later than this.
LONGEST_SECONDS = {"alipay": 90 * 86_400, "wechat_pay": 180 * 86_400}


def make_refund(
    charge: Charge,
    *,
    amount: int | None = None,
    reason: str = "",
    metadata: dict[str, str] | None = None,
    status: str = "",
) -> Refund:
    """Give back all that is left of a charge, or `amount` of it.

    Args:
        status: pending or succeeded; what its card is made for if left out.
    Raises: RequestRefused if the charge cannot be refunded, or not by so much.
    """
    _check_refundable(charge)
    remaining = charge.amount - charge.amount_refunded
    amount = remaining if amount is None else amount
    if amount < 1:
        raise InvalidRequest(
            "Invalid positive integer", code="parameter_invalid_integer", param="amount"
        )
    check_step(amount, charge.currency, "amount")
    changed = Charge.objects.filter(pk=charge.pk, amount_refunded__lte=F("amount") - amount).update(
        amount_refunded=F("amount_refunded") + amount
    )
    if changed != 1:
        raise RequestRefused(
            f"Refund amount ({display(amount, charge.currency)}) is greater than unrefunded "
            f"amount on charge ({display(remaining, charge.currency)})",
            param="amount",
        )
    charge.refresh_from_db()
    behavior = charge.payment_method.behavior
    refund = Refund.objects.create(
        stripe_id=new_id("re"),
        created=clock.now(),
        charge=charge,
        amount=amount,
        status=status or (PENDING if behavior == cards.REFUND_PENDING else SUCCEEDED),
        reason=reason,
        metadata=metadata or {},
    )
    refund.balance_transaction_id = record_balance(
        "refund" if charge.payment_method.type == "card" else "payment_refund",
        -amount,
        charge.currency,
        refund.stripe_id,
        reporting_category="refund",
    )
    refund.save()
    emit("refund.created", representations.refund(refund))
    emit("charge.refunded", representations.charge(charge))
    if behavior == cards.REFUND_FAILS:
        agenda.put_down(agenda.REFUND_FAILS, refund.stripe_id, seconds=SETTLES_SECONDS)
    elif refund.status == PENDING and behavior == cards.REFUND_PENDING:
        agenda.put_down(agenda.REFUND_SUCCEEDS, refund.stripe_id, seconds=SETTLES_SECONDS)
    if refund.status == SUCCEEDED:
        _announce_reference(refund)
    return refund


def succeed(refund: Refund) -> None:
    """A pending refund has reached the payer."""
    _move(refund, SUCCEEDED)
    _tell_of_change(refund, {"status": PENDING})
    _announce_reference(refund)


def fail(refund: Refund, *, reason: str = "unknown", status: str = FAILED) -> None:
    """The bank sent it back, or it was called off: the amount is the business's again."""
    before = refund.status
    _move(refund, status, failure_reason=reason if status == FAILED else "")
    refund.failure_balance_transaction_id = record_balance(
        "refund_failure",
        refund.amount,
        refund.charge.currency,
        refund.stripe_id,
        reporting_category="refund_failure",
    )
    refund.save(update_fields=["failure_balance_transaction_id"])
    Charge.objects.filter(pk=refund.charge.pk).update(
        amount_refunded=F("amount_refunded") - refund.amount
    )
    refund.charge.refresh_from_db()
    _tell_of_change(refund, {"status": before})
    if status == FAILED:
        emit("refund.failed", representations.refund(refund))


def _move(refund: Refund, status: str, **changes: Any) -> None:
    agenda.strike(refund.stripe_id)
    changed = Refund.objects.filter(pk=refund.pk, status__in=TRANSITIONS[status]).update(
        status=status, **changes
    )
    refund.refresh_from_db()
    if changed != 1:
        raise RequestRefused(f"This refund has a status of {refund.status}.")


def _tell_of_change(refund: Refund, previous: dict[str, Any]) -> None:
    answer = representations.refund(refund)
    emit("refund.updated", answer, previous=previous)
    emit("charge.refund.updated", answer, previous=previous)


def _announce_reference(refund: Refund) -> None:
    """The acquirer's reference follows; `refund.updated` carries it and nothing of the money."""
    if refund.charge.payment_method.type != "card":
        return
    before = representations.refund(refund)["destination_details"]
    refund.reference_known = True
    refund.save()
    _tell_of_change(refund, {"destination_details": before})


def _check_refundable(charge: Charge) -> None:
    if not charge.succeeded:
        raise RequestRefused(
            f"Charge {charge.stripe_id} has not been successfully paid; it cannot be refunded.",
            code="charge_not_refundable",
        )
    if not all(dispute.is_charge_refundable for dispute in charge.disputes.all()):
        raise RequestRefused(
            f"Charge {charge.stripe_id} has been charged back; cannot issue a refund.",
            code="charge_disputed",
        )
    if charge.amount_refunded == charge.amount:
        raise RequestRefused(
            f"Charge {charge.stripe_id} has already been refunded.",
            code="charge_already_refunded",
        )
    longest = LONGEST_SECONDS.get(charge.payment_method.type)
    if longest is not None and clock.now() > charge.created + longest:
        raise RequestRefused(
            f"Charge {charge.stripe_id} is too old: {charge.payment_method.type} payments can be "
            f"refunded within {longest // 86_400} days.",
            code="charge_not_refundable",
        )
