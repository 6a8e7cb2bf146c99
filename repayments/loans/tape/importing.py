"""A whole tape, all or nothing: read, check against what is here, write, report.

Rows go through in chunks of some hundreds within one transaction. From the first fault on nothing
more is written, checking goes on to the last row, and in the end everything is rolled back.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import islice
from pathlib import Path

from django.db import IntegrityError, OperationalError, reset_queries, transaction

from accounts.models import User
from repayments.audit.services import record_event
from repayments.loans import billing
from repayments.loans.models import Product
from repayments.loans.services.figures import refresh_figures
from repayments.loans.signals import loans_imported
from repayments.loans.tape import columns, existing, people, staging, writing
from repayments.loans.tape.checking import (
    ROWS,
    TAPE,
    CellReader,
    GivenRow,
    LoanRow,
    UncountedRow,
    check_state,
    digest_of,
    read_given_row,
    read_loan,
)
from repayments.loans.tape.faults import Faults
from repayments.loans.tape.reading import RawRow, read_rows
from repayments.loans.tape.schedules import Plan, plan_loan, read_given
from repayments.time_limits import lift_time_limit

CHUNK = 500
STREAM = "import"


class TapeCollides(Exception):
    """Somebody else wrote the same rows, or held them for too long; nothing is kept."""


@dataclass
class Counts:
    created: int = 0
    changed: int = 0
    unchanged: int = 0


@dataclass
class Report:
    """What an import did, or would have done; ``faults`` counts what stands in the way."""

    rows: int = 0
    loans: Counts = field(default_factory=Counts)
    borrowers: Counts = field(default_factory=Counts)
    invited: int = 0
    faults: int = 0

    @property
    def has_news(self) -> bool:
        loans, borrowers = self.loans, self.borrowers
        return any(
            (loans.created, loans.changed, borrowers.created, borrowers.changed, self.invited)
        )


def import_tape(
    *,
    path: Path,
    rows_path: Path | None,
    dry_run: bool,
    invite: bool,
    faults: Faults,
    actor: User | None,
    now: datetime,
    as_of: date,
    progress: Callable[[int], None] = lambda rows: None,
) -> Report:
    """Import a tape; with any fault, or as a dry run, the database stays as it was.

    Args:
        path, rows_path: the tape, and the rows of its custom loans.
        invite: send each borrower without a sign-in, who never had one, the link to open it.
        faults: takes what is wrong.
        as_of: the lender's day; installments due by it are billed.
        progress: told how many rows were read.
    Raises: TapeCollides.
    """
    try:
        with transaction.atomic():
            tape = _Tape(path, rows_path, faults, actor, now, as_of, write=not dry_run)
            report = tape.run(invite=invite, progress=progress)
            staging.drop()
            if faults.count or dry_run:
                transaction.set_rollback(True)
    except (IntegrityError, OperationalError) as error:
        raise TapeCollides(str(error)) from error
    return report


class _Tape:
    """One import under way; the caller holds its transaction."""

    def __init__(
        self,
        path: Path,
        rows_path: Path | None,
        faults: Faults,
        actor: User | None,
        now: datetime,
        as_of: date,
        *,
        write: bool,
    ) -> None:
        self._path = path
        self._rows_path = rows_path
        self._faults = faults
        self._actor = actor
        self._now = now
        self._as_of = as_of
        self._write = write
        self._report = Report()
        self._products = dict(Product.objects.values_list("key", "pk"))
        self._source = ""

    @property
    def _may_write(self) -> bool:
        return self._write and not self._faults.count

    def run(self, *, invite: bool, progress: Callable[[int], None]) -> Report:
        lift_time_limit()
        staging.create()
        self._source = _hash_file(self._path)
        if self._rows_path is not None:
            self._stage_given_rows(self._rows_path)
        rows = read_rows(
            self._path,
            file=TAPE,
            required=columns.REQUIRED,
            optional=columns.OPTIONAL,
            faults=self._faults,
        )
        while chunk := list(islice(rows, CHUNK)):
            self._take(chunk)
            self._report.rows += len(chunk)
            progress(self._report.rows)
            # With DEBUG on, Django would keep every statement.
            reset_queries()
        self._check_as_a_whole()
        self._report.faults = self._faults.count
        if not self._faults.count:
            self._report.invited = self._invite() if invite else 0
        if self._may_write and self._report.has_news:
            self._finish()
        return self._report

    def _stage_given_rows(self, path: Path) -> None:
        rows = read_rows(
            path, file=ROWS, required=columns.ROW_REQUIRED, optional=(), faults=self._faults
        )
        while chunk := list(islice(rows, CHUNK)):
            read = [read_given_row(raw, faults=self._faults) for raw in chunk]
            staging.add_given_rows([row for row in read if row is not None])
        staging.index_given_rows()

    def _take(self, chunk: Sequence[RawRow]) -> None:
        repeated = self._find_repeated(chunk)
        read = [read_loan(raw, faults=self._faults) for raw in chunk]
        rows = [row for row in read if row is not None and row.line not in repeated]
        persons = people.check_persons(rows, faults=self._faults)
        known = existing.find_loans([row.number for row in rows], lock=self._write)
        given = self._find_given(rows)
        plans, changes = [], []
        for row in rows:
            plan = self._plan(row, known.get(row.number), given)
            if plan is None:
                continue
            loan = known.get(row.number)
            if loan is None:
                plans.append(plan)
            else:
                changes.append((loan, plan))
        self._report.loans.created += len(plans)
        self._report.loans.changed += len(changes)
        sorted_people = people.sort(persons)
        for name in ("created", "changed", "unchanged"):
            more = len(getattr(sorted_people, name))
            setattr(self._report.borrowers, name, getattr(self._report.borrowers, name) + more)
        written: dict[str, int] = {}
        if self._may_write:
            people.write(sorted_people, actor=self._actor, now=self._now)
            written = writing.write_loans(
                plans, changes, products=self._products, source=self._source, actor=self._actor,
                now=self._now,
            )  # fmt: skip
        staging.add_loans(
            [
                (_number(raw), raw.line, int(_is_custom(raw)), written.get(_number(raw)))
                for raw in chunk
                if raw.line not in repeated and _number(raw)
            ]
        )

    def _find_repeated(self, chunk: Sequence[RawRow]) -> set[int]:
        """Report rows whose loan an earlier row has, even where one of the two is faulty."""
        numbers = [_number(raw) for raw in chunk]
        lines = {number: line for number, (line,) in staging.find_loans(numbers).items()}
        repeated = set()
        for raw, number in zip(chunk, numbers, strict=True):
            if not number:
                continue
            if number in lines:
                CellReader(raw, TAPE, self._faults).fault(
                    "loan_number", "repeated_loan", other=lines[number]
                )
                repeated.add(raw.line)
            else:
                lines[number] = raw.line
        return repeated

    def _find_given(self, rows: Iterable[LoanRow]) -> dict[str, list[UncountedRow]]:
        custom = [row.number for row in rows if row.is_custom]
        return staging.given_rows(custom) if custom and self._rows_path is not None else {}

    def _plan(
        self,
        row: LoanRow,
        loan: existing.KnownLoan | None,
        uncounted: dict[str, list[UncountedRow]],
    ) -> Plan | None:
        """Say what is to be done with a row; None if nothing is, or nothing can be."""
        faults = self._faults
        cells = CellReader(row.raw, TAPE, faults)
        given: list[GivenRow] | None = None
        if row.is_custom:
            given = read_given(
                row,
                uncounted.get(row.number),
                has_file=self._rows_path is not None,
                faults=faults,
            )
            if given is None:
                return None
        digest = digest_of(row, given)
        if loan is not None and loan.digest == digest:
            self._report.loans.unchanged += 1
            return None
        if row.product not in self._products:
            cells.fault("product", "unknown_product", row.product)
        if loan is not None:
            if loan.borrower_reference != row.person.reference:
                cells.fault("borrower_reference", "other_borrower")
            if loan.currency != row.terms.currency:
                cells.fault("currency", "other_currency")
            if loan.refusal:
                cells.fault("loan_number", loan.refusal)
        is_sound = check_state(row, faults=faults, today=self._as_of)
        if not (is_sound and cells.is_good()):
            return None
        return plan_loan(row, digest, given, faults=faults, today=self._as_of)

    def _check_as_a_whole(self) -> None:
        for line, email in staging.emails_of_others():
            self._faults.add(TAPE, line, "email", "email_taken", email)
        if self._rows_path is not None:
            for line, number in staging.stray_rows():
                self._faults.add(ROWS, line, "loan_number", "rows_without_loan", number)

    def _invite(self) -> int:
        if not self._may_write:
            return people.count_uninvited(new=self._report.borrowers.created)
        return people.invite(now=self._now)

    def _finish(self) -> None:
        """Bill what is due, set the figures right and say what was done."""
        billing.bill_imported(as_of=self._as_of, now=self._now)
        for loan_ids in staging.written_loans():
            refresh_figures(loan_ids=loan_ids, as_of=self._as_of)
            transaction.on_commit(_Announcement(loan_ids), robust=True)
        record_event(
            stream=STREAM,
            action="loans.tape_imported",
            actor=self._actor,
            at=self._now,
            payload={
                "file": self._path.name[:100],
                "sha256": self._source,
                "rows": self._report.rows,
                "loans_created": self._report.loans.created,
                "loans_changed": self._report.loans.changed,
                "borrowers_created": self._report.borrowers.created,
                "borrowers_changed": self._report.borrowers.changed,
                "invited": self._report.invited,
            },
        )


@dataclass(frozen=True)
class _Announcement:
    """Tells higher rooms of some hundred loans once they are there to stay."""

    loan_ids: list[int]

    def __call__(self) -> None:
        loans_imported.send(sender=None, loan_ids=self.loan_ids)


def _number(raw: RawRow) -> str:
    return existing.plain_number(raw.cells["loan_number"])


def _is_custom(raw: RawRow) -> bool:
    return raw.cells["amortization"].strip() == "custom"


def _hash_file(path: Path) -> str:
    try:
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
