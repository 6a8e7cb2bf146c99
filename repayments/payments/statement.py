"""A bank's statement as lines of money that came in: read cell by cell, nothing guessed.

Columns: ``booked_on`` (2026-11-25), ``amount`` (1050.00; money that went out has a minus and is
passed over), ``currency`` (CNY), ``text``; if the bank gives them also ``reference``, ``payer`` and
``line_id``, the bank's own name of the line. What is wrong is a fault of a line and a column. Two
lines that are alike in every cell are one, for a statement may be taken in twice: where there were
two equal transfers, only the bank's ``line_id`` tells them apart. Knows no loans.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from repayments.loans.tape.checking import CellReader
from repayments.loans.tape.faults import Faults
from repayments.loans.tape.reading import RawRow, read_rows
from repayments.money import InvalidAmount, parse_amount

FILE = "statement"
REQUIRED = ("booked_on", "amount", "currency", "text")
OPTIONAL = ("reference", "payer", "line_id")
LONGEST_NAME = 70
_SPACE = " \u00a0\u3000"
_MINUS = "-−－"
# Control and format characters, lone surrogates, separators of lines: a bank's doing.
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


@dataclass(frozen=True)
class StatementLine:
    """Money that came in. ``amount`` in minor units; ``key`` is the same whenever it is told."""

    line: int
    key: str
    booked_on: date
    amount: int
    currency: str
    payer: str
    text: str

    @property
    def content(self) -> tuple[object, ...]:
        return (self.booked_on, self.amount, self.currency, self.payer, self.text)


@dataclass
class Passed:
    """What of a statement is no news: money that went out, and lines told twice in it."""

    outgoing: int = 0
    repeated: int = 0


def read_statement(
    path: Path, *, faults: Faults, as_of: date, passed: Passed
) -> Iterator[StatementLine]:
    """Read the money that came in, line by line.

    Args:
        faults: takes what is wrong; the lines that are not are given all the same.
        as_of: the lender's day; nothing can have been booked after it.
    """
    seen: dict[str, tuple[int, int]] = {}
    rows = read_rows(path, file=FILE, required=REQUIRED, optional=OPTIONAL, faults=faults)
    for raw in rows:
        line = _read(raw, faults, as_of, passed)
        if line is None:
            continue
        content = hash(line.content)
        other, known = seen.setdefault(line.key, (line.line, content))
        if other == line.line:
            yield line
        elif known == content:
            passed.repeated += 1
        else:
            faults.add(
                FILE, line.line, "line_id", "repeated_line", raw.cells["line_id"], other=other
            )


def line_key(
    *, booked_on: date, amount: int, currency: str, payer: str, text: str, name: str = ""
) -> str:
    """Name a line: by what its bank calls it, else by all that it says."""
    if name:
        return f"id:{name}"
    said = "\x1f".join([booked_on.isoformat(), str(amount), currency, payer, text])
    return f"sha:{hashlib.sha256(said.encode()).hexdigest()}"


def tidy(text: str, most: int) -> str:
    """A text of a bank's on one line, without what cannot be seen, cut to a length."""
    normal = unicodedata.normalize("NFC", text)
    seen = "".join(" " if unicodedata.category(char) in _HIDDEN else char for char in normal)
    return re.sub(r"\s+", " ", seen).strip(_SPACE)[:most]


def _read(raw: RawRow, faults: Faults, as_of: date, passed: Passed) -> StatementLine | None:
    cells = CellReader(raw, FILE, faults)
    booked_on = cells.day("booked_on")
    currency = cells.currency("currency")
    if booked_on is not None and booked_on > as_of:
        cells.fault("booked_on", "in_the_future")
    amount = _amount(cells, currency, passed)
    name = raw.cells.get("line_id", "").strip(_SPACE)
    if len(name) > LONGEST_NAME:
        cells.fault("line_id", "too_long", most=LONGEST_NAME)
    elif name and not name.isprintable():
        cells.fault("line_id", "hidden_characters")
    payer = tidy(raw.cells.get("payer", ""), 200)
    reference = tidy(raw.cells.get("reference", ""), 100)
    text = tidy(raw.cells["text"], 500 - len(reference) - 3)
    if not cells.is_good() or amount is None or booked_on is None or currency is None:
        return None
    said = " · ".join(filter(None, [reference, text]))
    key = line_key(
        booked_on=booked_on, amount=amount, currency=currency, payer=payer, text=said, name=name
    )
    return StatementLine(raw.line, key, booked_on, amount, currency, payer, said)


def _amount(cells: CellReader, currency: str | None, passed: Passed) -> int | None:
    """Read an amount; money that went out is no fault, and none of ours."""
    text = cells.raw.cells["amount"].strip(_SPACE)
    if currency is not None and text[:1] and text[0] in _MINUS:
        try:
            parse_amount(text[1:], currency)
        except InvalidAmount as error:
            cells.fault("amount", error.code)
        else:
            passed.outgoing += 1
        return None
    return cells.amount("amount", currency)
