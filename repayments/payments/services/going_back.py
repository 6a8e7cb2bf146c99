"""How much of money received is held back: refunds that may still go, and what went already.

``going_back`` rises by one conditional update before anything is promised, and the row's check
constraint stands behind it; so two refunds whose sum is above the money cannot both be proposed,
with locks or without. It is counted anew, under the lock, when one of them ends.
"""

from django.db.models import F, QuerySet, Sum

from repayments.loans.services import returned_amount
from repayments.payments.models import Dispute, Payment, Refund, Suspense


def hold_back(source: Payment | Suspense, amount: int) -> bool:
    """Hold an amount of received money for a refund; False if so much is not there any more."""
    more = F("going_back") + amount
    if isinstance(source, Suspense):
        changed = Suspense.objects.filter(
            pk=source.pk, resolved_at__isnull=True, going_back__lte=F("amount") - amount
        ).update(going_back=more)
    else:
        changed = Payment.objects.filter(
            pk=source.pk, entry__isnull=False, going_back__lte=F("amount_received") - amount
        ).update(going_back=more)
    return changed == 1


def count_going_back(source: Payment | Suspense) -> None:
    """Count anew what is held back; the caller holds the lock of loan and payment, or suspense.

    It never passes what was received: where the gateway moved more, a person looks.
    """
    live = Refund.objects.filter(status__in=Refund.LIVE)
    if isinstance(source, Suspense):
        taken = Dispute.objects.filter(suspense=source).aggregate(total=Sum("withdrawn"))["total"]
        held = _total(live.filter(suspense=source)) + (taken or 0)
        Suspense.objects.filter(pk=source.pk).update(going_back=min(held, source.amount))
        return
    waiting = _total(live.filter(payment=source, entry__isnull=True))
    gone = returned_amount(entry_id=source.entry_id) if source.entry_id else 0
    most = source.amount_received or 0
    Payment.objects.filter(pk=source.pk).update(going_back=min(waiting + gone, most))


def _total(refunds: QuerySet[Refund]) -> int:
    return refunds.aggregate(total=Sum("amount"))["total"] or 0
