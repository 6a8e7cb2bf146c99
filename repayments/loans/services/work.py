"""One loan under its lock, while a service changes it: billing, posting penalty, moving money.

What holds after each step: the books' receivables are what current rows and open charges still owe
of what is billed, ``unapplied`` is what payments have left over, and every amount paid is backed by
``Allocation`` rows. The lock is the loan's row; where an engine has none (SQLite), the conditional
updates and the constraints ``paid ≤ billed ≤ due`` refuse what a second writer would do.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime

from django.db.models import F
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from repayments.clock import lender_zone
from repayments.ledger.models import Account, JournalEntry
from repayments.ledger.services import OWN_NUMBER, post_entry
from repayments.loans.allocation import Line, allocate
from repayments.loans.models import Allocation, Charge, Component, Installment, Loan
from repayments.loans.reckoning import CHARGE, ROW, RowState, Snapshot, split_key
from repayments.loans.services.received import Money, Received
from repayments.loans.snapshots import load_snapshot

RECEIVABLE_OF = {
    Component.PRINCIPAL: Account.PRINCIPAL_RECEIVABLE,
    Component.INTEREST: Account.INTEREST_RECEIVABLE,
    Component.FEES: Account.FEE_RECEIVABLE,
    Component.PENALTY: Account.PENALTY_RECEIVABLE,
}
PAID_FIELD = {
    Component.PRINCIPAL: "principal_paid",
    Component.INTEREST: "interest_paid",
    Component.FEES: "fee_paid",
}


class LoanChanged(Exception):
    """Someone else changed the loan between reading and writing; nothing was written."""


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
        self.received = Received(self.loan)

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
                name = f"{name}:again:{OWN_NUMBER}"
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
                reference=f"penalty:{on.isoformat()}:{OWN_NUMBER}",
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
                self._bill(row_id, interest, fee, on, f"installment:{row_id}:early:{OWN_NUMBER}")
        made = []
        for line in lines:
            kind, pk = split_key(line)
            made.append(
                Allocation(
                    installment_id=pk if kind == ROW else None,
                    charge_id=pk if kind == CHARGE else None,
                    component=line.component,
                    amount=line.amount,
                )
            )
        self._move_paid(made)
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
        self._move_paid(rows, sign=-1)

    def _move_paid(self, rows: Sequence[Allocation], *, sign: int = 1) -> None:
        """Add allocations to what their installments and charges were paid, a statement each."""
        moves: dict[tuple[type[Charge | Installment], int], dict[str, int]] = {}
        for row in rows:
            if row.charge_id is not None:
                sums, name = moves.setdefault((Charge, row.charge_id), {}), "paid"
            else:
                assert row.installment_id is not None  # by a constraint it is one or the other
                sums = moves.setdefault((Installment, row.installment_id), {})
                name = PAID_FIELD[Component(row.component)]
            sums[name] = sums.get(name, 0) + sign * row.amount
        for (model, pk), sums in moves.items():
            changed = model._default_manager.filter(pk=pk).update(
                **{name: F(name) + amount for name, amount in sums.items()}
            )
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
            money = self.received.list_money(before=before) if days else []
            if not money:
                return
            on = max(min(days), money[0].on)
            barrier = self.received.barrier()
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
            reference=f"entry:{source.pk}:{OWN_NUMBER}",
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
        return self.received.list_money(before=(on, source.seq if source else None))


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
