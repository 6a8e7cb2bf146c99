"""What happened on a loan, entry by entry, as its borrower reads it; reads the books only."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date

from django.db.models import Q, Sum
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
    JournalEntry.Kind.CHARGEBACK,
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
    """Give the newest entries a borrower cares about, newest first, in two queries.

    Penalty interest that was reckoned anew, because money came late or went back, is left out:
    nobody owed it. Parts say where a payment went as it stands now.
    """
    reckoned_anew = Q(kind=JournalEntry.Kind.PENALTY, reversed_by__isnull=False) | Q(
        kind=JournalEntry.Kind.REVERSAL, reverses__kind=JournalEntry.Kind.PENALTY
    )
    entries = list(
        JournalEntry.objects.filter(book_id=loan.book_id, kind__in=SHOWN)
        .exclude(reckoned_anew)
        .filter(postings__account__in=RECEIVABLES)
        .annotate(moved=Sum("postings__amount"))
        .select_related("reverses")
        .order_by("-effective_date", "-seq")[:limit]
    )
    parts = _parts_now(loan)
    return [
        ActivityLine(
            entry.pk,
            entry.effective_date,
            words_for(entry),
            abs(entry.moved),
            parts.get(entry.pk, []),
        )
        for entry in entries
    ]


def _parts_now(loan: Loan) -> dict[int, list[tuple[str, int]]]:
    """Sum the loan's allocations by the payment they belong to and the part of the debt.

    Money applied later or anew names its payment in the reference, "entry:<id>:…".
    """
    rows = Allocation.objects.filter(entry__book_id=loan.book_id).values_list(
        "entry_id", "entry__reverses_id", "entry__reference", "component", "amount"
    )
    sums: dict[int, Counter[str]] = defaultdict(Counter)
    for entry_id, reverses_id, reference, component, amount in rows:
        applied_later = reference.startswith("entry:")
        payment_id = int(reference.split(":")[1]) if applied_later else reverses_id or entry_id
        sums[payment_id][component] += amount
    return {
        payment_id: [(str(Component(part).label), total) for part, total in found.items() if total]
        for payment_id, found in sums.items()
    }


def words_for(entry: JournalEntry) -> str:
    """Say what an entry was, to its borrower."""
    undone = JournalEntry.Kind(entry.reverses.kind) if entry.reverses else None
    if undone in (JournalEntry.Kind.REFUND, JournalEntry.Kind.CHARGEBACK):
        return _("Your payment counts again")
    return {
        JournalEntry.Kind.DISBURSEMENT: _("Paid out to you"),
        JournalEntry.Kind.OPENING: _("Taken over from our records"),
        JournalEntry.Kind.PAYMENT: _("Your payment"),
        JournalEntry.Kind.FEE: _("Fee"),
        JournalEntry.Kind.PENALTY: _("Penalty interest"),
        JournalEntry.Kind.WAIVER: _("Waived"),
        JournalEntry.Kind.REFUND: _("Refund to you"),
        JournalEntry.Kind.CHARGEBACK: _("Taken back by your bank"),
        JournalEntry.Kind.REVERSAL: _("Taken back"),
        JournalEntry.Kind.WRITE_OFF: _("Written off"),
    }[JournalEntry.Kind(entry.kind)]
