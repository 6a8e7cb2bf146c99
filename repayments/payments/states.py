"""What the gateway's objects say of an attempt to pay, and whether its money is what we asked for.

Pure: facts in, answers out. The order in which the news arrived plays no part, so every order ends
in the same state.
"""

from repayments.loans.models import Loan
from repayments.payments.gateway import CheckoutSession, IntentFacts
from repayments.payments.models import Payment, Suspense

Status = Payment.Status


def status_told(session: CheckoutSession | None, intent: IntentFacts | None) -> Status | None:
    """Return the state that a session and its intent stand for; None if there is neither."""
    if intent is not None and intent.status == "succeeded":
        return Status.SUCCEEDED
    # Closing a session cancels its intent: the session says why.
    if session is not None and session.status == "expired":
        return Status.EXPIRED
    if intent is not None and intent.status == "canceled":
        return Status.CANCELED
    if intent is not None and intent.status == "processing":
        return Status.PROCESSING
    if session is not None and session.status == "complete":
        # Complete without money: the method takes days, or it has failed since.
        failed = intent is not None and intent.status == "requires_payment_method"
        return Status.FAILED if failed else Status.PROCESSING
    if intent is not None and intent.status == "requires_action":
        return Status.ACTION_REQUIRED
    return Status.REDIRECTED if session is not None or intent is not None else None


def find_mismatch(payment: Payment, intent: IntentFacts) -> Suspense.Cause | None:
    """Return why this money may not go to the payment's loan; None if all is as asked for.

    Args:
        payment: with its loan.
    """
    ours = {"payment": str(payment.public_id), "loan": str(payment.loan.public_id)}
    if any(intent.metadata.get(name) != value for name, value in ours.items()):
        return Suspense.Cause.UNKNOWN_LOAN
    if payment.entry_id is not None and payment.intent_id != intent.id:
        return Suspense.Cause.SECOND
    if intent.currency != payment.currency or intent.amount_received != payment.amount:
        return Suspense.Cause.AMOUNT
    if payment.loan.status in (Loan.Status.PENDING_SIGNATURE, Loan.Status.CLOSED):
        return Suspense.Cause.NO_PAYMENTS
    return None
