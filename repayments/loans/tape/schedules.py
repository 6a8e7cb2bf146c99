"""The rows of a tape's loan: worked out from its terms, or given in the second file.

It refuses to know what is stored; paid rows are what the tape says was paid before the portal.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

from repayments.ledger.models import Account, JournalEntry
from repayments.loans.amortization import InvalidTerms, amortize
from repayments.loans.models import Loan
from repayments.loans.tape.checking import (
    ROWS,
    TAPE,
    CellReader,
    GivenRow,
    LoanRow,
    UncountedRow,
    add_terms_fault,
    count_given_row,
    status_of,
)
from repayments.loans.tape.faults import Faults
from repayments.loans.tape.reading import RawRow
from repayments.money import MAX_DIGITS, decimal_text

MOST_DUE = 10**MAX_DIGITS
"""Minor units a loan may come to with all its interest: as much as any amount."""


class PlannedRow(NamedTuple):
    """One installment to be; whole minor units. A tuple, because a tape has millions of them."""

    number: int
    start_date: date
    due_date: date
    principal_due: int
    interest_due: int
    fee_due: int
    principal_paid: int = 0
    interest_paid: int = 0
    fee_paid: int = 0

    @property
    def has_payment(self) -> bool:
        return bool(self.principal_paid or self.interest_paid or self.fee_paid)


@dataclass(frozen=True)
class Opening:
    """The first entry of a loan's books."""

    kind: str
    effective_date: date
    postings: dict[str, int]


@dataclass(frozen=True)
class Plan:
    """What a loan of the tape is to be here."""

    row: LoanRow
    digest: str
    status: str
    rows: Sequence[PlannedRow]
    opening: Opening | None


def plan_loan(
    row: LoanRow, digest: str, given: Sequence[GivenRow] | None, *, faults: Faults, today: date
) -> Plan | None:
    """Work out schedule, status and opening entry; None after adding the faults."""
    rows = _given(row, given) if given is not None else _worked_out(row, faults)
    if rows is None:
        return None
    total = left = unpaid = 0
    for _number, _start, _due_date, principal, interest, fee, *paid in rows:
        total += principal + interest + fee
        left += principal - paid[0]
        unpaid += principal + interest + fee - sum(paid)
    if total >= MOST_DUE:
        CellReader(row.raw, TAPE, faults).fault("principal", "too_large")
        return None
    status = status_of(row, today)
    if not unpaid:
        status = Loan.Status.PAID_OFF
    return Plan(row, digest, status, rows, _open(row, rows, left, status, today))


def read_given(
    row: LoanRow, uncounted: Sequence[UncountedRow] | None, *, has_file: bool, faults: Faults
) -> list[GivenRow] | None:
    """Check the given rows of a custom loan against its terms; None after adding the faults."""
    cells = CellReader(row.raw, TAPE, faults)
    if uncounted is None:
        cells.fault("amortization" if not has_file else "loan_number", _MISSING[has_file])
        return None
    given = []
    for one in uncounted:
        counted = count_given_row(one, row.terms.currency, faults=faults)
        if counted is not None:
            given.append(counted)
    if not cells.is_good():
        return None
    _check_order(row, given, faults)
    if not cells.is_good():
        return None
    if len(given) != row.terms.installments:
        cells.fault("installments", "wrong_row_count", found=len(given))
    if given[0].due_date != row.terms.first_due_on:
        cells.fault("first_due_on", "first_due_differs", date=given[0].due_date)
    repaid = sum(one.principal_due for one in given)
    if repaid != row.terms.principal:
        cells.fault("principal", "sum_differs", found=decimal_text(repaid, row.terms.currency))
    if row.paid_installments and any(any(one.paid) for one in given):
        paid = [one.is_paid for one in given[: row.paid_installments]]
        if not all(paid):
            cells.fault("paid_installments", "paid_differs")
    if row.status == Loan.Status.PENDING_SIGNATURE and any(any(one.paid) for one in given):
        cells.fault("status", "pending_but_paid")
    return given if cells.is_good() else None


_MISSING = {False: "needs_rows", True: "no_rows_given"}


def _check_order(row: LoanRow, given: Sequence[GivenRow], faults: Faults) -> None:
    previous: GivenRow | None = None
    for number, one in enumerate(given, start=1):
        cells = CellReader(
            RawRow(one.line, {"number": str(one.number), "due_date": str(one.due_date)}),
            ROWS,
            faults,
        )
        if previous is not None and one.number == previous.number:
            cells.fault("number", "repeated_row", other=previous.line)
            return
        if one.number != number:
            cells.fault("number", "wrong_number", number=number)
            return
        if previous is None:
            if one.due_date <= row.terms.disbursed_on:
                cells.fault("due_date", "before_disbursement")
        elif one.due_date <= previous.due_date:
            cells.fault("due_date", "not_in_order")
        previous = one


def _given(row: LoanRow, given: Sequence[GivenRow]) -> list[PlannedRow]:
    # A count of paid installments speaks where the rows themselves say nothing of payments.
    said = any(any(one.paid) for one in given)
    planned, start = [], row.terms.disbursed_on
    for one in given:
        due = (one.principal_due, one.interest_due, one.fee_due)
        paid = due if not said and one.number <= row.paid_installments else one.paid
        planned.append(PlannedRow(one.number, start, one.due_date, *due, *paid))
        start = one.due_date
    return planned


def _worked_out(row: LoanRow, faults: Faults) -> list[PlannedRow] | None:
    try:
        rows = amortize(row.terms)
    except InvalidTerms as error:
        add_terms_fault(CellReader(row.raw, TAPE, faults), error)
        return None
    if row.terms.installment_amount is not None and not any(rows[-1][3:-2]):
        # More than a rounding: with such an installment the count cannot be the contract's.
        CellReader(row.raw, TAPE, faults).fault("installment_amount", "repaid_too_soon")
        return None
    planned, start = [], row.terms.disbursed_on
    for number, due_date, _days, *due, _before, _after in rows:
        paid = due if number <= row.paid_installments else _NOTHING
        planned.append(PlannedRow(number, start, due_date, *due, *paid))
        start = due_date
    return planned


_NOTHING = (0, 0, 0)


def _open(
    row: LoanRow, rows: Sequence[PlannedRow], left: int, status: str, today: date
) -> Opening | None:
    """Open the books as ``services.create_loan`` does: paid out whole, or taken over part way."""
    if status == Loan.Status.PENDING_SIGNATURE:
        return None
    paid = [one for one in rows if one.has_payment]
    if not paid:
        return Opening(
            JournalEntry.Kind.DISBURSEMENT,
            row.terms.disbursed_on,
            {Account.PRINCIPAL_RECEIVABLE: left, Account.CLEARING: -left},
        )
    if not left:
        return None
    # Installments paid ahead of their day must not push the books into the future.
    return Opening(
        JournalEntry.Kind.OPENING,
        min(paid[-1].due_date, today),
        {Account.PRINCIPAL_RECEIVABLE: left, Account.OPENING: -left},
    )
