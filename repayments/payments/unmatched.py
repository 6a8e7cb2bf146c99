"""What staff see of money that fits nothing, and which loans it may be for; writes nothing."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from repayments.loans.models import Loan
from repayments.payments.models import Suspense

MOST_ROWS = 200
MOST_SUGGESTIONS = 5
SHORTEST_NAME = 2


@dataclass(frozen=True)
class UnmatchedRow:
    """One sum; ``amount`` in minor units, ``days`` since it came."""

    pk: int
    amount: int
    currency: str
    cause: str
    text: str
    days: int
    owner: str


def list_unmatched(*, now: datetime) -> list[UnmatchedRow]:
    """List what waits, the oldest first. One query."""
    rows = (
        Suspense.objects.filter(resolved_at__isnull=True)
        .select_related("owner", "payment__loan", "bank_line")
        .order_by("opened_at")
    )
    return [
        UnmatchedRow(
            pk=row.pk,
            amount=row.amount,
            currency=row.currency,
            cause=row.get_cause_display(),
            text=_known(row),
            days=(now - row.opened_at).days,
            owner=str(row.owner or ""),
        )
        for row in rows[:MOST_ROWS]
    ]


def suggest_loans(suspense: Suspense) -> list[Loan]:
    """Name loans that unmatched money may be for, of its currency, the likeliest first.

    By the attempt it was paid with, by a loan's number in the text, or by the payer's name.
    """
    loans = Loan.objects.filter(currency=suspense.currency).select_related("borrower")
    found: list[Loan] = []
    if suspense.payment is not None:
        found += loans.filter(pk=suspense.payment.loan_id)
    line = getattr(suspense, "bank_line", None)
    if line is not None:
        words = [word for word in line.text.replace(",", " ").split() if len(word) > SHORTEST_NAME]
        found += loans.filter(number__in=words)[:MOST_SUGGESTIONS]
        if len(line.payer) >= SHORTEST_NAME:
            by_name = Q(borrower__legal_name=line.payer) | Q(borrower__user__name=line.payer)
            found += loans.filter(by_name).exclude(status=Loan.Status.CLOSED)[:MOST_SUGGESTIONS]
    return list({loan.pk: loan for loan in found}.values())[:MOST_SUGGESTIONS]


def _known(row: Suspense) -> str:
    line = getattr(row, "bank_line", None)
    if line is not None:
        return " · ".join(filter(None, [line.booked_on.isoformat(), line.payer, line.text]))
    if row.payment is not None:
        return f"{row.payment.loan.number} · {row.object_id}"
    return row.object_id
