"""What a borrower wants done with money beyond what was owed: keep it here, or have it back."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from repayments.audit.services import record_event
from repayments.clock import lender_zone
from repayments.loans.models import Loan
from repayments.loans.queries import get_position
from repayments.payments.models import CreditChoice, Refund
from repayments.payments.money_back import get_credit_offer
from repayments.payments.services.refund import propose_refund


class NothingLeftOver(Exception):
    """Nothing waits to be chosen about any more; nothing was changed."""


@transaction.atomic
def choose_credit(*, loan_id: int, choice: str, actor: User, now: datetime) -> CreditChoice:
    """Keep what a borrower chose about money left over; to send it back is proposed to staff.

    Args:
        choice: a ``CreditChoice.Choice``; a loan that is paid off keeps nothing.
    Locks: the loan.
    Raises: NothingLeftOver if it was chosen, applied or sent back meanwhile; RefundRefused.
    """
    loan = (
        Loan.objects.select_for_update(of=("self",))
        .select_related("product", "book", "borrower")
        .get(pk=loan_id)
    )
    as_of = now.astimezone(lender_zone()).date()
    offer = get_credit_offer(loan=loan, position=get_position(loan=loan, as_of=as_of))
    keeps = choice == CreditChoice.Choice.KEEP
    if offer is None or (keeps and not offer.can_keep):
        raise NothingLeftOver(_("Nothing is left over to choose about any more."))
    chosen = CreditChoice.objects.create(loan=loan, amount=offer.amount, choice=choice, made_at=now)
    record_event(
        stream=loan.stream,
        action="payments.credit_chosen",
        actor=actor,
        at=now,
        payload={"choice": choice, "amount": offer.amount, "currency": offer.currency},
    )
    for payment_id, part in [] if keeps else offer.parts:
        propose_refund(
            payment_id=payment_id,
            amount=part,
            reason=Refund.Reason.OVERPAID,
            note="",
            actor=actor,
            origin=Refund.Origin.BORROWER,
            now=now,
        )
    return chosen
