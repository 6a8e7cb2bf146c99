"""One loan under its lock, while a service changes it: billing, posting penalty, moving money.

What holds after each step: the books' receivables are what current rows and open charges still owe
of what is billed, ``unapplied`` is what payments have left over, and every amount paid is backed by
``Allocation`` rows. The lock is the loan's row; where an engine has none (SQLite), the conditional
updates and the constraints ``paid ≤ billed ≤ due`` refuse what a second writer would do.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from django.db.models import F, Q, Sum
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from repayments.clock import lender_zone
from repayments.ledger.models import Account, Book, JournalEntry, Posting
from repayments.ledger.services import post_entry
from repayments.loans.allocation import Line, allocate
from repayments.loans.models import Allocation, Charge, Component, Installment, Loan
from repayments.loans.reckoning import CHARGE, ROW, RowState, Snapshot, split_key
from repayments.loans.snapshots import load_snapshot

RECEIVABLE_OF = {
    Component.PRINCIPAL: Account.PRINCIPAL_RECEIVABLE,
    Component.INTEREST: Account.INTEREST_RECEIVABLE,
    Component.FEES: Account.FEE_RECEIVABLE,
    Component.PENALTY: Account.PENALTY_RECEIVABLE,
}
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
PAID_FIELD = {
    Component.PRINCIPAL: "principal_paid",
    Component.INTEREST: "interest_paid",
    Component.FEES: "fee_paid",
}


class LoanChanged(Exception):
    """Someone else changed the loan between reading and writing; nothing was written."""


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
    """

    day: date
    seq: int
    again: frozenset[int] = frozenset()


class Work:
    """The loan's state in the books, kept in step with a snapshot of its rows."""

    def __init__(self, *, loan_id: int, actor: User | None, now: datetime) -> None:
        """Lock the loan; the caller holds the transaction."""
        self.loan = (
            Loan.objects.select_for_update(of=("self",))
            .select_related("product", "book")
            .get(pk=loan_id)
        )
        self.actor = actor
        self.now = now
        self.today = now.astimezone(lender_zone()).date()
        self.state: Snapshot = load_snapshot(self.loan)
        self._barrier: list[Barrier | None] = []

    def reload(self) -> None:
        self.state = load_snapshot(self.loan)

    def post(
        self,
        *,
        kind: str,
        reference: str,
        on: date,
        postings: dict[str, int],
        reverses: JournalEntry | None = None,
    ) -> JournalEntry:
        return post_entry(
            book_id=self.loan.book_id,
            kind=kind,
            reference=reference,
            effective_date=on,
            posted_at=self.now,
            postings=postings,
            actor=self.actor,
            reverses=reverses,
        )

    def next_seq(self) -> int:
        """The number the book's next entry will have; makes a reference unique."""
        last: int = Book.objects.values_list("last_seq", flat=True).get(pk=self.loan.book_id)
        return last + 1

    # --- What falls due -------------------------------------------------------------------------

    def bill_due(self, on: date) -> None:
        """Bill interest and fees of rows due on or before a day, on their due dates."""
        billed = {}
        for row in self.state.rows:
            if row.due_date > on:
                continue
            interest = row.interest_due - row.interest_billed
            fee = row.fee_due - row.fee_billed
            if not interest and not fee:
                continue
            name = f"installment:{row.id}"
            if self._is_taken(name):
                name = f"{name}:again:{self.next_seq()}"
            self._bill(row.id, interest, fee, row.due_date, name)
            billed[row.id] = replace(row, interest_billed=row.interest_due, fee_billed=row.fee_due)
        self._keep_rows(billed)

    def _keep_rows(self, changed: dict[int, RowState]) -> None:
        rows = tuple(changed.get(row.id, row) for row in self.state.rows)
        self.state = replace(self.state, rows=rows)

    def move_unapplied(self, amount: int) -> None:
        """Keep the snapshot in step with what an entry just moved into ``unapplied``."""
        self.state = replace(self.state, unapplied=self.state.unapplied + amount)

    def _is_taken(self, reference: str) -> bool:
        """Whether an installment was billed under this name before, and had it taken back."""
        return JournalEntry.objects.filter(
            book_id=self.loan.book_id,
            kind__in=[JournalEntry.Kind.INTEREST, JournalEntry.Kind.FEE],
            reference=reference,
        ).exists()

    def _bill(self, row_id: int, interest: int, fee: int, on: date, reference: str) -> None:
        changed = Installment.objects.filter(pk=row_id).update(
            interest_billed=F("interest_billed") + interest, fee_billed=F("fee_billed") + fee
        )
        if changed != 1:
            raise LoanChanged(_("This loan has just changed. Please look again."))
        if interest:
            self.post(
                kind=JournalEntry.Kind.INTEREST,
                reference=reference,
                on=on,
                postings={
                    Account.INTEREST_RECEIVABLE: interest,
                    Account.INTEREST_INCOME: -interest,
                },
            )
        if fee:
            self.post(
                kind=JournalEntry.Kind.FEE,
                reference=reference,
                on=on,
                postings={Account.FEE_RECEIVABLE: fee, Account.FEE_INCOME: -fee},
            )

    def post_penalty(self, on: date) -> None:
        """Post penalty interest up to a day as one charge, and move the mark along."""
        if not self.loan.penalty_rate:
            return
        through = self.loan.penalty_through
        if through is not None and through >= on:
            return
        amount = self.state.unposted_penalty(on)
        if amount:
            since = self.state.past_due_since(on) or on
            entry = self.post(
                kind=JournalEntry.Kind.PENALTY,
                reference=f"penalty:{on.isoformat()}:{self.next_seq()}",
                on=on,
                postings={Account.PENALTY_RECEIVABLE: amount, Account.INTEREST_INCOME: -amount},
            )
            Charge.objects.create(
                loan=self.loan,
                kind=Charge.Kind.PENALTY,
                charged_on=on,
                from_date=max(since, through) if through else since,
                through_date=on,
                amount=amount,
                entry=entry,
            )
        Loan.objects.filter(pk=self.loan.pk).update(penalty_through=on)
        self.loan.penalty_through = on
        if amount:
            self.reload()
        self.state = replace(self.state, penalty_through=on)

    def post_penalty_if_any(self, on: date) -> None:
        if self.state.unposted_penalty(on):
            self.post_penalty(on)

    # --- Money ----------------------------------------------------------------------------------

    def pay_lines(self, lines: Iterable[Line], on: date) -> list[Allocation]:
        """Mark lines as paid, billing first what is paid before it is billed.

        Returns: the allocation rows, not stored yet: their entry is posted next.
        """
        lines = list(lines)
        if not lines:
            return []
        after = self.state.with_lines(lines)
        rows = {row.id: row for row in after.rows}
        for row_id in {pk for kind, pk in map(split_key, lines) if kind == ROW}:
            row = rows[row_id]
            interest = max(row.interest_paid - row.interest_billed, 0)
            fee = max(row.fee_paid - row.fee_billed, 0)
            if interest or fee:
                self._bill(
                    row_id, interest, fee, on, f"installment:{row_id}:early:{self.next_seq()}"
                )
        made = []
        for line in lines:
            kind, pk = split_key(line)
            self._move_paid(kind, pk, line.component, line.amount)
            made.append(
                Allocation(
                    installment_id=pk if kind == ROW else None,
                    charge_id=pk if kind == CHARGE else None,
                    component=line.component,
                    amount=line.amount,
                )
            )
        self.state = after
        self._keep_rows(
            {
                row.id: replace(
                    row,
                    interest_billed=max(row.interest_billed, row.interest_paid),
                    fee_billed=max(row.fee_billed, row.fee_paid),
                )
                for row in after.rows
            }
        )
        return made

    def take_back(self, rows: Sequence[Allocation]) -> None:
        """Mark allocations as unpaid again."""
        for row in rows:
            if row.installment_id is not None:
                self._move_paid(ROW, row.installment_id, row.component, -row.amount)
            elif row.charge_id is not None:
                self._move_paid(CHARGE, row.charge_id, row.component, -row.amount)

    def _move_paid(self, kind: str, pk: int, component: str, amount: int) -> None:
        if kind == ROW:
            name = PAID_FIELD[Component(component)]
            changed = Installment.objects.filter(pk=pk).update(**{name: F(name) + amount})
        else:
            changed = Charge.objects.filter(pk=pk).update(paid=F("paid") + amount)
        if changed != 1:
            raise LoanChanged(_("This loan has just changed. Please look again."))

    def apply_waiting(
        self, through: date, *, before: tuple[date, int | None] | None = None
    ) -> None:
        """Apply money that waits to what falls due up to a day, each on its due date.

        Args:
            before: only payments that count before this day and entry number (None: by its end).
        """
        while self.state.unapplied > 0:
            days = [row.due_date for row in self.state.due_rows(through)]
            days += [charge.charged_on for charge in self.state.open_charges(through)]
            money = self.list_money(before=before) if days else []
            if not money:
                return
            on = max(min(days), money[0].on)
            barrier = self.barrier()
            if barrier is not None:
                on = max(on, barrier.day)
            if on > through:
                return
            self.post_penalty_if_any(on)
            self.bill_due(on)
            result = allocate(
                min(money[0].rest, self.state.unapplied),
                self.state.list_dues(on),
                self.state.order,
                self.state.strategy,
            )
            if not result.lines:
                return
            self.apply_lines(money[0].entry, result.lines, on)

    def apply_lines(self, source: JournalEntry, lines: Sequence[Line], on: date) -> None:
        """Move money of an earlier payment from ``unapplied`` onto lines."""
        made = self.pay_lines(lines, on)
        entry = self.post(
            kind=JournalEntry.Kind.APPLICATION,
            reference=f"entry:{source.pk}:{self.next_seq()}",
            on=on,
            postings={
                Account.UNAPPLIED: sum(line.amount for line in lines),
                **receivable_postings(made),
            },
        )
        store(entry, made)
        self.move_unapplied(-sum(line.amount for line in lines))

    def list_older(self, on: date, source: JournalEntry | None) -> list[Money]:
        """Money with something left that counts before a payment of this day (None: a new one)."""
        if self.state.unapplied <= 0:
            return []
        return self.list_money(before=(on, source.seq if source else None))

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
        if barrier is None or (entry.seq <= barrier.seq and entry.pk not in barrier.again):
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
        schedule = self.loan.schedules.filter(is_current=True).select_related("replaces").first()
        while schedule is not None:
            if schedule.reason in (schedule.Reason.PLAN, schedule.Reason.PLAN_BROKEN):
                found.append(Barrier(schedule.effective_date, schedule.after_seq))
                break
            schedule = schedule.replaces
        fixed = JournalEntry.objects.filter(
            book_id=self.loan.book_id,
            reversed_by__isnull=True,
        ).filter(
            Q(kind=JournalEntry.Kind.OPENING)
            | Q(kind=JournalEntry.Kind.WAIVER, reference__startswith=PENALTY_WAIVER)
        )
        found += [Barrier(day, seq) for day, seq in fixed.values_list("effective_date", "seq")]
        if not found:
            return None
        seq = max(one.seq for one in found)
        came_again = JournalEntry.objects.filter(
            book_id=self.loan.book_id,
            kind=JournalEntry.Kind.REVERSAL,
            seq__gt=seq,
            reverses__kind__in=RETURNS,
            reverses__seq__lte=seq,
        )
        again = {source_of(one.pk, one.kind, one.reference) for one in came_again}
        return Barrier(max(one.day for one in found), seq, frozenset(again))


def source_of(entry_id: int, kind: str, reference: str) -> int:
    """The payment whose money an entry moved: itself, or the one its reference names."""
    if kind in NAMING_A_PAYMENT:
        return int(reference.split(":")[1])
    return entry_id


def receivable_postings(made: Iterable[Allocation]) -> dict[str, int]:
    """Credit the receivables that allocations pay."""
    postings: dict[str, int] = {}
    for row in made:
        account = RECEIVABLE_OF[Component(row.component)]
        postings[account] = postings.get(account, 0) - row.amount
    return postings


def store(entry: JournalEntry, made: Sequence[Allocation]) -> None:
    for row in made:
        row.entry = entry
    Allocation.objects.bulk_create(made)
