"""What happened on a loan, entry by entry, as its borrower reads it. Reads the books, writes nothing."""

from dataclasses import dataclass, field
from datetime import date

from django.db.models import Sum
from django.utils.translation import gettext as _

from repayments.ledger.models import Account, JournalEntry
from repayments.loans.models import Allocation, Component, Loan

SHOWN = {
    JournalEntry.Kind.DISBURSEMENT,
    JournalEntry.Kind.OPENING,
    JournalEntry.Kind.PAYMENT,
    JournalEntry.Kind.FEE,
    JournalEntry.Kind.PENALTY,
    JournalEntry.Kind.WAIVER,
    JournalEntry.Kind.REFUND,
    JournalEntry.Kind.REVERSAL,
    JournalEntry.Kind.WRITE_OFF,
}
RECEIVABLES = [
    Account.PRINCIPAL_RECEIVABLE,
    Account.INTEREST_RECEIVABLE,
    Account.FEE_RECEIVABLE,
    Account.PENALTY_RECEIVABLE,
    Account.UNAPPLIED,
]


@dataclass(frozen=True)
class ActivityLine:
    """One entry: ``amount`` is what it moved, in minor units; ``parts`` is where money went."""

    entry_id: int
    date: date
    text: str
    amount: int
    parts: list[tuple[str, int]] = field(default_factory=list)


def list_activity(*, loan: Loan, limit: int = 50) -> list[ActivityLine]:
    """Give the newest entries a borrower cares about, newest first, in two queries."""
    entries = list(
        JournalEntry.objects.filter(book_id=loan.book_id, kind__in=SHOWN)
        .filter(postings__account__in=RECEIVABLES)
        .annotate(moved=Sum("postings__amount"))
        .order_by("-effective_date", "-seq")[:limit]
    )
    parts: dict[int, list[tuple[str, int]]] = {}
    rows = (
        Allocation.objects.filter(entry__in=entries)
        .values_list("entry_id", "component")
        .annotate(total=Sum("amount"))
    )
    for entry_id, component, total in rows:
        parts.setdefault(entry_id, []).append((str(Component(component).label), total))
    return [
        ActivityLine(
            entry.pk,
            entry.effective_date,
            _words(entry.kind),
            abs(entry.moved),
            parts.get(entry.pk, []),
        )
        for entry in entries
    ]


def _words(kind: str) -> str:
    return {
        JournalEntry.Kind.DISBURSEMENT: _("Paid out to you"),
        JournalEntry.Kind.OPENING: _("Taken over from our records"),
        JournalEntry.Kind.PAYMENT: _("Your payment"),
        JournalEntry.Kind.FEE: _("Fee"),
        JournalEntry.Kind.PENALTY: _("Penalty interest"),
        JournalEntry.Kind.WAIVER: _("Waived"),
        JournalEntry.Kind.REFUND: _("Refund to you"),
        JournalEntry.Kind.REVERSAL: _("Taken back"),
        JournalEntry.Kind.WRITE_OFF: _("Written off"),
    }[JournalEntry.Kind(kind)]
