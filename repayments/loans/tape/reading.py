"""A CSV file as rows of named cells, read line by line whatever is in it.

Takes UTF-8 with or without byte order mark, any mix of line ends, and quoted cells. What is no such
file becomes faults, not exceptions, and reading goes on after a bad row so that all of them are
reported. It refuses to know what the cells mean.
"""

import csv
import errno
import io
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from repayments.loans.tape.faults import Faults

LONGEST_LINE = 20_000
"""Characters; a row of all columns at their longest has fewer."""
MOST_LINES_IN_ROW = 30
"""A quotation mark that is never closed must not swallow the whole file."""

_FOREIGN = {
    b"PK\x03\x04": "not_text",  # a spreadsheet or another archive
    b"%PDF": "not_text",
    b"\xd0\xcf\x11\xe0": "not_text",  # a spreadsheet of old
    b"\xff\xfe": "not_utf8",  # UTF-16
    b"\xfe\xff": "not_utf8",
}


@dataclass(frozen=True)
class RawRow:
    """The cells of one row by column; ``line`` is where it begins."""

    line: int
    cells: dict[str, str]


class _LineTooLong(Exception):
    pass


class _RowTooLong(Exception):
    pass


class _Lines:
    """Gives lines to the CSV reader one at a time, and outlives its own refusals."""

    def __init__(self, stream: io.TextIOBase) -> None:
        self._stream = stream
        self.number = 0
        self.row_start = 1

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._stream.readline(LONGEST_LINE)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) >= LONGEST_LINE and not line.endswith(("\n", "\r")):
            while line and not line.endswith(("\n", "\r")):
                line = self._stream.readline(LONGEST_LINE)
            raise _LineTooLong
        if self.number - self.row_start >= MOST_LINES_IN_ROW:
            raise _RowTooLong
        return line


def read_rows(
    path: Path,
    *,
    file: str,
    required: Collection[str],
    optional: Collection[str],
    faults: Faults,
) -> Iterator[RawRow]:
    """Read the rows of a file that has these columns, in any order.

    Args:
        file: what faults call it.
    """
    try:
        # A pipe could be read only once, and it is read for its hash before.
        if not path.is_file():
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        with path.open("rb") as binary:
            head = binary.read(4)
            binary.seek(0)
            for mark, code in _FOREIGN.items():
                if head.startswith(mark):
                    faults.add(file, 0, "", code)
                    return
            # Bytes that are not UTF-8 come through as lone surrogates and are found in their cell.
            with io.TextIOWrapper(
                binary, encoding="utf-8-sig", errors="surrogateescape", newline=""
            ) as stream:
                yield from _read(_Lines(stream), file, required, optional, faults)
    except OSError as error:
        faults.add(file, 0, "", "unreadable", f"{path.name}: {error.strerror}")


def _read(
    lines: _Lines,
    file: str,
    required: Collection[str],
    optional: Collection[str],
    faults: Faults,
) -> Iterator[RawRow]:
    reader = csv.reader(lines, strict=True)
    columns: list[str] | None = None
    found = 0
    while True:
        start = lines.row_start = lines.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            break
        except _LineTooLong:
            faults.add(file, lines.number, "", "line_too_long")
            if columns is None:
                return
            found += 1
            continue
        except (csv.Error, _RowTooLong):
            faults.add(file, start, "", "bad_quotes")
            if columns is None:
                return
            found += 1
            continue
        if not cells:
            continue
        if columns is None:
            columns = _read_columns(cells, file, start, required, optional, faults)
            if columns is None:
                return
            continue
        found += 1
        if any(map(_is_not_utf8, cells)):
            at = next(at for at, cell in enumerate(cells) if _is_not_utf8(cell))
            column = columns[at] if at < len(columns) else ""
            faults.add(file, start, column, "not_utf8", cells[at])
        elif not any(cells):
            faults.add(file, start, "", "empty_row")
        elif len(cells) != len(columns):
            faults.add(file, start, "", "wrong_cell_count", found=len(cells), expected=len(columns))
        else:
            yield RawRow(start, dict(zip(columns, cells, strict=True)))
    if columns is None:
        faults.add(file, 0, "", "empty_file")
    elif not found:
        faults.add(file, 0, "", "no_rows")


def _read_columns(
    cells: list[str],
    file: str,
    line: int,
    required: Collection[str],
    optional: Collection[str],
    faults: Faults,
) -> list[str] | None:
    names = [cell.strip(" \u00a0\u3000") for cell in cells]
    if any(map(_is_not_utf8, names)):
        faults.add(file, line, "", "not_utf8")
        return None
    if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
        faults.add(file, line, "", "not_commas", names[0])
        return None
    before = faults.count
    seen: set[str] = set()
    for name in names:
        if name in seen:
            faults.add(file, line, name, "repeated_column", name)
        elif name not in required and name not in optional:
            faults.add(file, line, name, "unknown_column", name)
        seen.add(name)
    for name in required:
        if name not in seen:
            faults.add(file, line, name, "missing_column")
    return names if faults.count == before else None


def _is_not_utf8(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)
