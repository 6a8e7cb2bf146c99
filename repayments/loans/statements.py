"""What happened on a loan in a month, with the balances it began and ended with.

Read from the books alone, by the days entries count from: the same month read later may show what
became known since, and it always adds up. What was posted and taken back while the loan was
reckoned anew cancels out and is left out; nobody owed it. Amounts are whole minor units, positive
where they are owed, negative where they are the borrower's.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import date, timedelta
from io import StringIO

from django.db.models import Min
from django.utils.translation import gettext as _

from repayments.dates import add_months
from repayments.ledger.models import Account, JournalEntry
from repayments.ledger.services import balance_as_of
from repayments.loans.activity import words_for
from repayments.loans.models import Loan
from repayments.loans.queries import WorkingRow
from repayments.money import decimal_text

Kind = JournalEntry.Kind
FAMILY = (Kind.PAYMENT, Kind.APPLICATION, Kind.REALLOCATION)
RETURNS = (Kind.REFUND, Kind.CHARGEBACK)


class NoSuchStatement(Exception):
    """The loan had not begun by the end of the month, or the month has not begun."""


@dataclass(frozen=True)
class Parts:
    """Parts of a balance, or of what changed it; ``unapplied`` is money paid ahead."""

    principal: int = 0
    interest: int = 0
    fees: int = 0
    penalty: int = 0
    unapplied: int = 0

    def __add__(self, other: "Parts") -> "Parts":
        return Parts(*(one + two for one, two in zip(astuple(self), astuple(other), strict=True)))

    @property
    def total(self) -> int:
        return sum(astuple(self))

    @property
    def labeled(self) -> list[tuple[str, int]]:
        """The parts that are not zero, each with its name."""
        amounts = zip(part_labels(), astuple(self), strict=True)
        return [(label, amount) for label, amount in amounts if amount]


ACCOUNTS = {
    Account.PRINCIPAL_RECEIVABLE: "principal",
    Account.INTEREST_RECEIVABLE: "interest",
    Account.FEE_RECEIVABLE: "fees",
    Account.PENALTY_RECEIVABLE: "penalty",
    Account.UNAPPLIED: "unapplied",
}


@dataclass(frozen=True)
class Movement:
    """One event of the month: what it was, and how it changed each part."""

    date: date
    text: str
    group: str
    parts: Parts

    @property
    def amount(self) -> int:
        """What it added to the debt; below zero where it lowered it, zero where it moved money."""
        return self.parts.total


@dataclass(frozen=True)
class Statement:
    """A month of a loan; ``last_day`` is inclusive, and today where the month is not over."""

    loan: Loan
    month: date
    last_day: date
    is_complete: bool
    opening: Parts
    closing: Parts
    movements: list[Movement]

    @property
    def sums(self) -> list[tuple[str, int]]:
        """The movements by what they were; with the opening total they make the closing total."""
        sums: dict[str, int] = {}
        for movement in self.movements:
            if movement.amount:
                sums[movement.group] = sums.get(movement.group, 0) + movement.amount
        return list(sums.items())

    @property
    def balances(self) -> list[tuple[str, int, int]]:
        """Name, opening and closing of each part that ever stood in the month."""
        rows = zip(part_labels(), astuple(self.opening), astuple(self.closing), strict=True)
        return [row for row in rows if row[1] or row[2]]


def part_labels() -> list[str]:
    return [_("Principal"), _("Interest"), _("Fees"), _("Penalty interest"), _("Paid ahead")]


def list_statement_months(*, loan: Loan, as_of: date) -> list[date]:
    """Give the first day of each month from the loan's first entry to the day, newest first."""
    entries = JournalEntry.objects.filter(book_id=loan.book_id)
    first = entries.aggregate(first=Min("effective_date"))["first"]
    if first is None:
        return []
    months, month = [], as_of.replace(day=1)
    while month >= first.replace(day=1):
        months.append(month)
        month = add_months(month, -1)
    return months


def get_statement(*, loan: Loan, month: date, as_of: date) -> Statement:
    """Read the statement of a month.

    Args:
        month: its first day.
        as_of: today; of the month that runs the statement goes up to it.
    Raises: NoSuchStatement.
    """
    if month > as_of:
        raise NoSuchStatement
    end = add_months(month, 1) - timedelta(days=1)
    last_day = min(end, as_of)
    began = JournalEntry.objects.filter(book_id=loan.book_id, effective_date__lte=last_day)
    if not began.exists():
        raise NoSuchStatement
    entries = (
        began.filter(effective_date__gte=month)
        .select_related("reverses")
        .prefetch_related("postings")
        .order_by("effective_date", "seq")
    )
    return Statement(
        loan=loan,
        month=month,
        last_day=last_day,
        is_complete=end < as_of,
        opening=_balance(loan, month - timedelta(days=1)),
        closing=_balance(loan, last_day),
        movements=_list_movements(entries),
    )


def _balance(loan: Loan, day: date) -> Parts:
    return _parts(balance_as_of(book_id=loan.book_id, day=day).items())


def _parts(amounts: Iterable[tuple[str, int]]) -> Parts:
    return Parts(
        **{ACCOUNTS[Account(name)]: amount for name, amount in amounts if name in ACCOUNTS}
    )


def _list_movements(entries: Iterable[JournalEntry]) -> list[Movement]:
    groups: dict[tuple[str, int, date], list[JournalEntry]] = {}
    for entry in entries:
        groups.setdefault(_key(entry), []).append(entry)
    movements = []
    for together in groups.values():
        parts = Parts()
        for entry in together:
            parts += _parts((one.account, one.amount) for one in entry.postings.all())
        if any(astuple(parts)):
            text, group = _describe(together)
            movements.append(Movement(together[0].effective_date, text, group, parts))
    return movements


def _key(entry: JournalEntry) -> tuple[str, int, date]:
    """What belongs to one event: entries that moved one payment's money on one day, or an entry and
    the mirror that undid it."""
    day = entry.effective_date
    if entry.kind == Kind.PAYMENT:
        return "payment", entry.pk, day
    if entry.kind in FAMILY and entry.reference.startswith("entry:"):
        return "payment", int(entry.reference.split(":")[1]), day
    undone = entry.reverses
    if undone is not None and undone.kind not in (Kind.PAYMENT, *RETURNS):
        return "entry", undone.pk, day
    return "entry", entry.pk, day


def _describe(together: Sequence[JournalEntry]) -> tuple[str, str]:
    """Say what an event was, and under which sum it counts."""
    payment = next((one for one in together if one.kind == Kind.PAYMENT), None)
    entry = payment or together[0]
    kind = Kind(entry.kind)
    if kind in (Kind.APPLICATION, Kind.REALLOCATION):
        if any(":returned:" in one.reference for one in together):
            return _("Owed again, because money went back"), _("Money moved")
        return _("Money you had paid ahead was used"), _("Money moved")
    if kind == Kind.RECLASS:
        return _("Penalty interest moved into the new schedule"), _("Money moved")
    if kind == Kind.INTEREST:
        return _("Interest added"), _("Interest")
    undone = entry.reverses.kind if entry.reverses else None
    group = {
        Kind.DISBURSEMENT: _("Paid out to you"),
        Kind.OPENING: _("Taken over from our records"),
        Kind.FEE: _("Fees"),
        Kind.PENALTY: _("Penalty interest"),
        Kind.PAYMENT: _("Your payments"),
        Kind.REFUND: _("Money that went back to you"),
        Kind.CHARGEBACK: _("Money that went back to you"),
        Kind.REVERSAL: _("Your payments") if undone in RETURNS else _("Payments taken back"),
        Kind.WAIVER: _("Waived"),
        Kind.WRITE_OFF: _("Written off"),
    }[kind]
    return words_for(entry), group


def write_csv(statement: Statement) -> str:
    """Write a statement as CSV: a line each for the opening, every movement, and the closing."""
    currency = statement.loan.currency
    out = StringIO()
    writer = csv.writer(out)

    def write(day: date, text: str, parts: Parts) -> None:
        amounts = [decimal_text(amount, currency) for amount in (*astuple(parts), parts.total)]
        writer.writerow([day.isoformat(), _as_text(text), *amounts, currency])

    names = [field.name for field in fields(Parts)]
    writer.writerow(["date", "what", *names, "total", "currency"])
    write(statement.month, _("Owed at the start"), statement.opening)
    for movement in statement.movements:
        write(movement.date, movement.text, movement.parts)
    write(statement.last_day, _("Owed at the end"), statement.closing)
    return out.getvalue()


def _as_text(cell: str) -> str:
    """Keep a spreadsheet from reading words as a formula."""
    return f"'{cell}" if cell.lstrip().startswith(("=", "+", "-", "@")) else cell


def working_of_statement(statement: Statement) -> list[WorkingRow]:
    """How the closing total comes about: the opening, what changed it, the sum."""
    return [
        WorkingRow(label=_("Owed at the start"), amount=statement.opening.total),
        *(WorkingRow(label=label, amount=amount) for label, amount in statement.sums),
        WorkingRow(label=_("Owed at the end"), amount=statement.closing.total, total=True),
    ]
