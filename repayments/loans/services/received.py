"""The money a loan has received: what each payment counts for, from which day, what is left of it.

Read from the books, under the lock that ``Work`` holds; nothing here writes.
"""

from dataclasses import dataclass
from datetime import date

from django.db.models import Q, Sum

from repayments.ledger.models import Account, JournalEntry, Posting
from repayments.loans.models import Allocation, Loan

PENALTY_WAIVER = "penalty_waiver:"
RETURNS = (JournalEntry.Kind.REFUND, JournalEntry.Kind.CHARGEBACK)
RECEIPTS = (JournalEntry.Kind.PAYMENT, JournalEntry.Kind.REVERSAL, *RETURNS)
NAMING_A_PAYMENT = (
    JournalEntry.Kind.APPLICATION,
    JournalEntry.Kind.REALLOCATION,
    JournalEntry.Kind.REVERSAL,
    *RETURNS,
)
"""Kinds whose reference is ``entry:<id>:…``, the id being that of the payment's entry."""


@dataclass
class Money:
    """What one payment, or one opening credit, has left to apply."""

    entry: JournalEntry
    on: date
    rest: int


@dataclass(frozen=True)
class Barrier:
    """What was settled for good: the book's entries up to ``seq`` are not applied anew.

    ``again``: payments from before it that had gone back by then, and came again after it.
    ``plan_day``: when the plan in force began, up to which penalty interest was reckoned. A waiver
    reckons none: what runs between it and the last reckoning is still to come.
    """

    day: date
    seq: int
    again: frozenset[int] = frozenset()
    plan_day: date | None = None

    def keeps(self, entry: JournalEntry) -> bool:
        """Whether a payment came before it, and what it covered stays as it was."""
        return entry.seq <= self.seq and entry.pk not in self.again


class Received:
    """What came in for one loan, read anew at each call; the barrier is read once."""

    def __init__(self, loan: Loan) -> None:
        self.loan = loan
        self._barrier: list[Barrier | None] = []

    def list_money(self, *, before: tuple[date, int | None] | None = None) -> list[Money]:
        """Payments and opening credits with something left, in the order they count."""
        barrier = self.barrier()
        entries = list(
            JournalEntry.objects.filter(
                book_id=self.loan.book_id,
                kind__in=[JournalEntry.Kind.PAYMENT, JournalEntry.Kind.OPENING],
            )
        )
        credits = Posting.objects.filter(
            entry__book_id=self.loan.book_id,
            entry__kind=JournalEntry.Kind.OPENING,
            entry__reversed_by__isnull=True,
            account=Account.UNAPPLIED,
        )
        received = self.net_received()
        received |= {pk: -amount for pk, amount in credits.values_list("entry_id", "amount")}
        used = self.used_by_source()
        money = [
            Money(entry, self.day_of(entry, barrier), rest)
            for entry in entries
            if (rest := received.get(entry.pk, 0) - used.get(entry.pk, 0)) > 0
        ]
        if before is not None:
            day, seq = before
            money = [
                one
                for one in money
                if one.on < day or (one.on == day and (seq is None or one.entry.seq < seq))
            ]
        return sorted(money, key=lambda one: (one.on, one.entry.seq))

    def net_received(self) -> dict[int, int]:
        """What each payment counts for: received, less what went back and did not come again."""
        net: dict[int, int] = {}
        rows = Posting.objects.filter(
            entry__book_id=self.loan.book_id, entry__kind__in=RECEIPTS, account=Account.CLEARING
        ).values_list("entry_id", "entry__kind", "entry__reference", "amount")
        for entry_id, kind, reference, amount in rows:
            source = source_of(entry_id, kind, reference)
            net[source] = net.get(source, 0) + amount
        return net

    def used_by_source(self) -> dict[int, int]:
        """What each payment has applied, in all the entries that moved its money."""
        used: dict[int, int] = {}
        rows = (
            Allocation.objects.filter(entry__book_id=self.loan.book_id)
            .values_list("entry_id", "entry__kind", "entry__reference")
            .annotate(total=Sum("amount"))
        )
        for entry_id, kind, reference, total in rows:
            source = source_of(entry_id, kind, reference)
            used[source] = used.get(source, 0) + total
        return used

    def day_of(self, entry: JournalEntry, barrier: Barrier | None) -> date:
        """The day a payment counts: its own, or that of the plan it came too late for."""
        if barrier is None or barrier.keeps(entry):
            return entry.effective_date
        return max(entry.effective_date, barrier.day)

    def barrier(self) -> Barrier | None:
        """``_find_barrier``, read once: no service moves it under its own feet."""
        if not self._barrier:
            self._barrier = [self._find_barrier()]
        return self._barrier[0]

    def _find_barrier(self) -> Barrier | None:
        """The last point that later news of earlier money does not reopen.

        A signed plan fixes the rows it was signed with; a waiver of penalty interest fixes the
        penalty it waived; opening balances fix what came before the portal.
        """
        found: list[Barrier] = []
        plan_day: date | None = None
        schedule = self.loan.schedules.filter(is_current=True).select_related("replaces").first()
        while schedule is not None:
            if schedule.reason in (schedule.Reason.PLAN, schedule.Reason.PLAN_BROKEN):
                plan_day = schedule.effective_date
                found.append(Barrier(plan_day, schedule.after_seq))
                break
            schedule = schedule.replaces
        fixes = Q(kind=JournalEntry.Kind.OPENING) | Q(
            kind=JournalEntry.Kind.WAIVER, reference__startswith=PENALTY_WAIVER
        )
        comes_again = Q(kind=JournalEntry.Kind.REVERSAL, reverses__kind__in=RETURNS)
        entries = list(
            JournalEntry.objects.filter(
                (fixes & Q(reversed_by__isnull=True)) | comes_again, book_id=self.loan.book_id
            ).select_related("reverses")
        )
        came_again = [one for one in entries if one.kind == JournalEntry.Kind.REVERSAL]
        fixed = [one for one in entries if one.kind != JournalEntry.Kind.REVERSAL]
        found += [Barrier(one.effective_date, one.seq) for one in fixed]
        if not found:
            return None
        seq = max(one.seq for one in found)
        again = {
            source_of(one.pk, one.kind, one.reference)
            for one in came_again
            if one.reverses is not None and one.reverses.seq <= seq < one.seq
        }
        return Barrier(max(one.day for one in found), seq, frozenset(again), plan_day)


def source_of(entry_id: int, kind: str, reference: str) -> int:
    """The payment whose money an entry moved: itself, or the one its reference names."""
    if kind in NAMING_A_PAYMENT:
        return int(reference.split(":")[1])
    return entry_id
