"""Disputes: inquiries, chargebacks, what they take and give back, and warnings before them.

A chargeback takes the disputed amount and a fee when it begins; winning it gives the amount back
and keeps the fee. An inquiry moves no money until it becomes a chargeback. Every function runs
inside the caller's transaction; amounts are whole minor units.
"""

from . import cards, clock, representations
from .balance import DISPUTE_FEE, record_balance
from .errors import InvalidRequest, RequestRefused
from .identifiers import new_id
from .models import Charge, Dispute, EarlyFraudWarning
from .webhooks import emit

Status = Dispute.Status

INQUIRY = (Status.WARNING_NEEDS_RESPONSE, Status.WARNING_UNDER_REVIEW)
CHARGEBACK = (Status.NEEDS_RESPONSE, Status.UNDER_REVIEW)
# From which states each one is reached.
TRANSITIONS = {
    Status.WARNING_UNDER_REVIEW: (Status.WARNING_NEEDS_RESPONSE,),
    Status.WARNING_CLOSED: INQUIRY,
    Status.NEEDS_RESPONSE: INQUIRY,
    Status.UNDER_REVIEW: (Status.NEEDS_RESPONSE,),
    Status.WON: CHARGEBACK,
    Status.LOST: (*CHARGEBACK, *INQUIRY),
}


def follow_up(charge: Charge) -> None:
    """What the test cards bring upon a charge that has just succeeded."""
    behavior = charge.payment_method.behavior
    if behavior == cards.DISPUTED:
        open_dispute(charge, reason="fraudulent")
    elif behavior == cards.INQUIRED:
        open_dispute(charge, reason="fraudulent", inquiry=True)
    elif behavior == cards.WARNED_OF_FRAUD:
        warn_of_fraud(charge)


def open_dispute(
    charge: Charge,
    *,
    reason: str = "general",
    amount: int | None = None,
    inquiry: bool = False,
    withdraw: bool = True,
) -> Dispute:
    """The cardholder questions a charge.

    Args:
        amount: disputed, at most what was charged; what has not been refunded if left out.
        inquiry: a question that takes no money yet.
        withdraw: take the money of a chargeback now, as Stripe does; else by `withdraw_funds`.
    Raises: InvalidRequest for a charge that did not succeed, is a wallet's or is disputed
        already, and for an amount out of range.
    """
    if not charge.succeeded or charge.payment_method.type != "card":
        raise InvalidRequest("Only a successful card charge can be disputed.")
    if charge.disputes.filter(status__in=(*INQUIRY, *CHARGEBACK)).exists():
        raise InvalidRequest("This charge is disputed already.")
    amount = charge.amount - charge.amount_refunded if amount is None else amount
    if not 0 < amount <= charge.amount:
        raise InvalidRequest(f"The disputed amount must be between 1 and {charge.amount}.")
    dispute = Dispute.objects.create(
        stripe_id=new_id("dp"),
        created=clock.now(),
        charge=charge,
        amount=amount,
        reason=reason,
        status=Status.WARNING_NEEDS_RESPONSE if inquiry else Status.NEEDS_RESPONSE,
    )
    charge.disputed = True
    charge.save(update_fields=["disputed"])
    if not inquiry and withdraw:
        _book_withdrawal(dispute)
    emit("charge.dispute.created", representations.dispute(dispute))
    if dispute.withdrawal_id:
        emit("charge.dispute.funds_withdrawn", representations.dispute(dispute))
    return dispute


def withdraw_funds(dispute: Dispute) -> None:
    """Take the money of a chargeback, or of an inquiry that becomes one; once."""
    if dispute.withdrawal_id or dispute.status not in (*INQUIRY, *CHARGEBACK):
        raise InvalidRequest("Nothing can be withdrawn for this dispute any more.")
    if dispute.status in INQUIRY:
        move(dispute, Status.NEEDS_RESPONSE)
    _book_withdrawal(dispute)
    emit("charge.dispute.funds_withdrawn", representations.dispute(dispute))


def review(dispute: Dispute) -> None:
    """Evidence has gone to the bank, which now considers it."""
    inquiry = dispute.status in INQUIRY
    move(dispute, Status.WARNING_UNDER_REVIEW if inquiry else Status.UNDER_REVIEW)


def win(dispute: Dispute) -> None:
    """The bank decides for the business: the amount comes back, the fee does not."""
    _finish(dispute, Status.WON)
    if dispute.withdrawal_id:
        dispute.reinstatement_id = record_balance(
            "adjustment",
            dispute.amount,
            dispute.charge.currency,
            dispute.stripe_id,
            reporting_category="dispute_reversal",
            description=f"Chargeback reversal for {dispute.charge.stripe_id}",
        )
        dispute.save(update_fields=["reinstatement_id"])
    emit("charge.dispute.closed", representations.dispute(dispute))
    if dispute.reinstatement_id:
        emit("charge.dispute.funds_reinstated", representations.dispute(dispute))


def lose(dispute: Dispute) -> None:
    """The bank decides for the cardholder, or the business gives in: the money stays away."""
    _finish(dispute, Status.LOST)
    emit("charge.dispute.closed", representations.dispute(dispute))


def drop_inquiry(dispute: Dispute) -> None:
    """An inquiry ends without becoming a chargeback."""
    _finish(dispute, Status.WARNING_CLOSED)
    emit("charge.dispute.closed", representations.dispute(dispute))


def warn_of_fraud(charge: Charge, *, fraud_type: str = "unauthorized_use_of_card") -> None:
    """The issuer reports a charge as fraudulent before anybody disputes it."""
    warning = EarlyFraudWarning.objects.create(
        stripe_id=new_id("issfr"), created=clock.now(), charge=charge, fraud_type=fraud_type
    )
    emit("radar.early_fraud_warning.created", representations.early_fraud_warning(warning))


def move(dispute: Dispute, status: Dispute.Status) -> None:
    """Change the state and tell. Raises: RequestRefused if the state does not allow it."""
    before = dispute.status
    _finish(dispute, status)
    emit(
        "charge.dispute.updated",
        representations.dispute(dispute),
        previous={"status": before},
    )


def _finish(dispute: Dispute, status: Dispute.Status) -> None:
    changed = Dispute.objects.filter(pk=dispute.pk, status__in=TRANSITIONS[status]).update(
        status=status
    )
    dispute.refresh_from_db()
    if changed != 1:
        raise RequestRefused(
            f"This dispute has a status of {dispute.status} and cannot become {status}."
        )


def _book_withdrawal(dispute: Dispute) -> None:
    dispute.withdrawal_id = record_balance(
        "adjustment",
        -dispute.amount,
        dispute.charge.currency,
        dispute.stripe_id,
        fee=DISPUTE_FEE,
        reporting_category="dispute",
        description=f"Chargeback withdrawal for {dispute.charge.stripe_id}",
    )
    dispute.save(update_fields=["withdrawal_id"])
