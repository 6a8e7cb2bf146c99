"""Money of a payment that went back, or may: what its page says of it, and what is left over.

Facts and sentences for pages; nothing is written here.
"""

from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Max, QuerySet, Sum
from django.utils.translation import gettext as _

from repayments.clock import lender_zone
from repayments.loans.models import Loan
from repayments.loans.queries import Position
from repayments.loans.services import returned_amount
from repayments.payments.models import CreditChoice, Dispute, Payment, Refund

Status = Refund.Status


@dataclass(frozen=True)
class MoneyBack:
    """One refund or one question of the payer's bank. ``tone``: ok, info, warn or error.

    ``is_gone``: what the payment had brought is not here any more.
    """

    tone: str
    title: str
    text: str
    amount: int
    date: date
    is_gone: bool = False


@dataclass(frozen=True)
class CreditOffer:
    """Money paid beyond what was owed: ``amount`` in minor units, and the payments it is of."""

    amount: int
    currency: str
    parts: list[tuple[int, int]]
    can_keep: bool


def list_money_back(payment: Payment) -> list[MoneyBack]:
    """Tell what went back of a payment, or may, newest first; two queries.

    Refunds that staff only think about, or turned down unasked, are not the borrower's to read.
    """
    refunds = Refund.objects.filter(payment=payment) | Refund.objects.filter(
        suspense__payment=payment
    )
    refunds = refunds.select_related("entry").order_by("-created_at")
    lines = [_refund_line(one, payment) for one in refunds if _is_shown(one)]
    disputes = Dispute.objects.filter(payment=payment).select_related(
        "withdrawn_entry", "reinstated_entry"
    )
    lines += [_dispute_line(one) for one in disputes.order_by("-opened_at")]
    return sorted(lines, key=lambda line: line.date, reverse=True)


def _is_shown(refund: Refund) -> bool:
    if refund.origin == Refund.Origin.BORROWER:
        return True
    if refund.status in (Status.PROPOSED, Status.DECLINED, Status.WITHDRAWN):
        return False
    # Refused before anything was sent: nobody was told of it.
    return bool(refund.refund_id) or refund.status not in (Status.FAILED, Status.CANCELED)


def _refund_line(refund: Refund, payment: Payment) -> MoneyBack:
    on = refund.updated_at
    if refund.status == Status.PROPOSED:
        return _line(
            refund,
            refund.created_at,
            "info",
            _("You asked for money back"),
            _("A person looks at it and answers you."),
        )
    if refund.status in (Status.DECLINED, Status.WITHDRAWN):
        text = _("We did not send it back. It counts on your loan as before.")
        title = _("You asked for money back")
        return _line(
            refund, on, "info", title, " ".join(filter(None, [text, refund.decision_note]))
        )
    if refund.status == Status.SUCCEEDED:
        text = _("It usually takes 5 to 10 working days until you see it on your account.")
        if refund.entry is not None:
            on_day = refund.entry.effective_date
        else:
            on_day = on.astimezone(lender_zone()).date()
        # A second charge that went back leaves the first one what it is.
        is_gone = refund.payment_id is not None or payment.entry_id is None
        title = _("Sent back to you")
        return MoneyBack("ok", title, text, refund.amount, on_day, is_gone=is_gone)
    if refund.status in (Status.FAILED, Status.CANCELED):
        text = _(
            "The money is not lost: it counts on your loan as before. We get in touch with you."
        )
        return _line(refund, on, "warn", _("A refund did not arrive"), text)
    text = _("It is on its way. It usually takes 5 to 10 working days.")
    return _line(refund, on, "info", _("Being sent back to you"), text)


def _line(refund: Refund, at: datetime, tone: str, title: str, text: str) -> MoneyBack:
    return MoneyBack(tone, title, text, refund.amount, at.astimezone(lender_zone()).date())


def _dispute_line(dispute: Dispute) -> MoneyBack:
    taken, returned = dispute.withdrawn_entry, dispute.reinstated_entry
    if taken is not None and returned is not None:
        title = _("Your bank gave this payment back")
        text = _("It had questioned the payment and took it back. It counts again.")
        return MoneyBack("ok", title, text, dispute.amount, returned.effective_date)
    if taken is not None:
        title = _("Your bank took this payment back")
        text = (
            _("What it had paid is due again. If you did not ask your bank for that, call us.")
            if dispute.status == "lost"
            else _("It questions the payment. Until it decides, what it had paid is due again.")
        )
        return MoneyBack("warn", title, text, dispute.amount, taken.effective_date, is_gone=True)
    day = (dispute.closed_at or dispute.opened_at).astimezone(lender_zone()).date()
    if dispute.closed_at is not None:
        title = _("Your bank had a question about this payment")
        return MoneyBack("info", title, _("It is answered. Nothing changes."), dispute.amount, day)
    title = _("Your bank questions this payment")
    text = _("We answer your bank. So far nothing changes. If it is a mistake, call us.")
    return MoneyBack("info", title, text, dispute.amount, day)


def left_of(payment: Payment) -> int:
    """What of a payment has not gone back, in minor units; a query only where something may."""
    received = payment.amount_received or 0
    if not payment.going_back or payment.entry_id is None:
        return received
    return received - returned_amount(entry_id=payment.entry_id)


# --- Left over ----------------------------------------------------------------------------------


def get_credit_offer(*, loan: Loan, position: Position) -> CreditOffer | None:
    """Find money that waits beyond what is owed and that its borrower may choose about.

    Once chosen, nobody asks again until more money has come. No query where nothing waits.
    """
    if position.unapplied <= 0:
        return None
    payments = _refundable(loan)
    latest = payments.aggregate(at=Max("succeeded_at"))["at"]
    if latest is None or CreditChoice.objects.filter(loan=loan, made_at__gte=latest).exists():
        return None
    waiting = Refund.objects.filter(
        payment__loan=loan, entry__isnull=True, status__in=Refund.LIVE
    ).aggregate(total=Sum("amount"))["total"]
    left = position.unapplied - (waiting or 0)
    parts = []
    for payment in payments.order_by("-succeeded_at", "-pk"):
        part = min(payment.refundable, left)
        if part > 0:
            parts.append((payment.pk, part))
            left -= part
    if not parts:
        return None
    amount = sum(part for _payment, part in parts)
    return CreditOffer(amount, loan.currency, parts, loan.status == Loan.Status.ACTIVE)


def _refundable(loan: Loan) -> QuerySet[Payment]:
    """Payments of a loan that are in the books and that no bank has taken back."""
    payments = Payment.objects.filter(loan=loan, entry__isnull=False, succeeded_at__isnull=False)
    blocked = Dispute.objects.filter(payment__loan=loan).exclude(status__in=Dispute.REFUNDABLE)
    return payments.exclude(pk__in=blocked.values("payment"))
