"""What is wrong with a tape: one row a fault, in words a person can act on.

A fault names file, line, column, a stable code, a sentence and the value, escaped so that neither a
terminal nor a log is fooled by it. Faults go to a temporary file on disk beyond the first few
hundred, so that a file with a million bad rows costs no more memory than one with ten.
"""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any

from django.utils.translation import gettext_lazy as _

LONGEST_VALUE = 60
_IN_MEMORY = 256 * 1024

REASONS: dict[str, Any] = {
    # The file
    "unreadable": _("This file cannot be read."),
    "empty_file": _("This file is empty. The first line must name the columns."),
    "not_text": _("This is not a text file. Save the table as CSV in UTF-8 and try again."),
    "not_utf8": _("This is not UTF-8 text. Save the file as CSV in UTF-8 and try again."),
    "not_commas": _("The columns must be separated by commas."),
    "missing_column": _("This column is missing from the first line."),
    "unknown_column": _("No column has this name. Remove it or correct the name."),
    "repeated_column": _("This column is named twice."),
    "no_rows": _("The file names columns but has no rows."),
    # The row
    "bad_quotes": _("The quotation marks in this row do not match."),
    "line_too_long": _("This line is too long to be a row of this table."),
    "wrong_cell_count": _("This row has %(found)s cells, the first line names %(expected)s."),
    "empty_row": _("This row is empty. Remove it."),
    # The cell
    "missing": _("This cell must not be empty."),
    "formula": _("A text must not start with = + - @ or a tab: a spreadsheet would run it."),
    "hidden_characters": _("This text has line breaks, control or invisible characters in it."),
    "not_printable": _("This cannot be printed in a document: %(characters)s"),
    "too_many_marks": _("This text has too many marks on one letter."),
    "too_long": _("This text is longer than %(most)s characters."),
    "unknown_value": _("This must be one of: %(allowed)s."),
    "not_a_number": _("This is not a number. Write digits with a point, like 1234.50."),
    "not_whole": _("This must be a whole number in plain digits."),
    "too_many_decimals": _("This number has more decimals than are kept."),
    "negative": _("This must not be negative."),
    "zero": _("This must be more than zero."),
    "too_small": _("This number is too small; at least %(least)s."),
    "too_large": _("This number is too large."),
    "not_a_date": _("This is not a date. Write it like 2024-01-31."),
    "date_out_of_range": _("This date must be between %(first)s and %(last)s."),
    "last_due_too_late": _("With these terms the last installment would be due after %(last)s."),
    "unknown_currency": _("This is not a currency code. Write it like CNY."),
    "unknown_zone": _("This is not a time zone. Write it like Asia/Shanghai."),
    "bad_email": _("This is not an e-mail address."),
    "email_not_ascii": _("An e-mail address may have plain letters, digits and signs only."),
    "bad_phone": _("This is not a phone number of this country."),
    "paid_phone": _("Calls to this number cost extra, so it cannot be a borrower's."),
    "unknown_product": _("There is no such product."),
    # The loan
    "repeated_loan": _("Line %(other)s has this loan already."),
    "first_due_too_early": _("The first installment must be due after the loan is paid out."),
    "not_paid_out": _("An active loan must be paid out by today."),
    "pending_but_due": _("A loan to be signed must have its first installment after today."),
    "pending_but_paid": _("A loan to be signed cannot have paid installments."),
    "more_paid_than_due": _("There are not so many installments."),
    "not_for_this_amortization": _("Only loans of equal installments have this amount."),
    "below_interest": _("This amount does not cover the interest of each installment."),
    "repaid_too_soon": _("With this installment the loan is repaid before its last one."),
    "multiple_too_large": _("Rounding to this would leave nothing of the installment."),
    "other_borrower": _("This loan belongs to another borrower here."),
    "other_currency": _("The currency of a loan cannot change."),
    "has_repayments": _("This loan has repayments, so its terms cannot change any more."),
    "signed_here": _("This loan was signed here, so its terms cannot change any more."),
    "changed_here": _("This loan was changed here, so its terms cannot change any more."),
    # The borrower
    "borrower_differs": _("Line %(other)s says something else about this borrower."),
    "repeated_email": _("Line %(other)s gives this address to another borrower."),
    "email_taken": _("This address belongs to someone else here."),
    # The bank statement
    "in_the_future": _("This day has not come yet."),
    "repeated_line": _("Line %(other)s has this name already and says something else."),
    "line_differs": _("A line of this name is here already and says something else."),
    # Rows of their own
    "needs_rows": _("A custom loan needs its rows: give their file with --rows."),
    "no_rows_given": _("The file of rows has no rows for this loan."),
    "rows_without_loan": _("The tape has no custom loan with this number."),
    "repeated_row": _("Line %(other)s has this row already."),
    "wrong_row_count": _("The file of rows has %(found)s rows for this loan."),
    "wrong_number": _("The rows of a loan are numbered 1, 2, 3 and on; this should be %(number)s."),
    "not_in_order": _("Each row must be due after the one before it."),
    "before_disbursement": _("The first row must not be due before the loan is paid out."),
    "first_due_differs": _("The first row of this loan is due on %(date)s."),
    "sum_differs": _("The rows of this loan repay %(found)s of principal."),
    "paid_more_than_due": _("More is paid here than is due."),
    "paid_differs": _("The rows of this loan say something else about what is paid."),
}


@dataclass(frozen=True)
class Fault:
    """One thing to mend. ``file``: "tape", "rows" or "statement"; ``line`` 0 is the whole file."""

    file: str
    line: int
    column: str
    code: str
    reason: str
    value: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Faults:
    """Collects faults and gives them back in the order in which they were found."""

    def __init__(self) -> None:
        self.count = 0
        self._store = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - closed by __exit__
            max_size=_IN_MEMORY, mode="w+", encoding="utf-8"
        )

    def __enter__(self) -> "Faults":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._store.close()

    def add(
        self, file: str, line: int, column: str, code: str, value: str = "", **facts: object
    ) -> None:
        reason = str(REASONS[code])
        fault = Fault(
            file, line, show(column), code, reason % facts if facts else reason, show(value)
        )
        self.count += 1
        self._store.write(json.dumps(fault.as_json(), ensure_ascii=True) + "\n")

    def __iter__(self) -> Iterator[Fault]:
        self._store.seek(0)
        for text in self._store:
            yield Fault(**json.loads(text))
        self._store.seek(0, 2)


def show(value: str) -> str:
    """Give a value fit for a report: cut short, with what cannot be seen written as escapes."""
    cut = value if len(value) <= LONGEST_VALUE else value[: LONGEST_VALUE - 1] + "…"
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in cut
    )
