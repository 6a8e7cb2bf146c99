"""Looks for card data where none may ever be: in rows, logs, messages to workers, and files.

A number counts as a card's if it is 13 to 19 digits, written with or without blanks and dashes,
begins as a brand's numbers of that length do, and passes Luhn's check. A security code counts when
it stands next to a word for one. Base64 is looked into, and what PDFs of ours attach and say of
themselves: all their pages print is attached as JSON, and glyphs are no text.
"""

import base64
import binascii
import re
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

# Brand by brand, from the ISO/IEC 7812 ranges: first digits, then the lengths in use.
_BRANDS = [
    (re.compile(r"4"), {13, 16, 19}),
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), {16}),
    (re.compile(r"3[47]"), {15}),
    (re.compile(r"30[0-5]|36|38|39"), set(range(14, 20))),
    (re.compile(r"35(2[89]|[3-8])|6011|64[4-9]|65|62"), set(range(16, 20))),
]
# Their digits and dashes could pass for a card's, and there are thousands.
_UUID = re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.I)
_RUN = re.compile(r"\d(?:[ \-]?\d){12,}")
# A longer word of letters and digits is a hash or an id; after a backslash a letter is an escape.
_INSIDE_A_WORD = re.compile(r"(?:(?<!\\)[A-Za-z]|\d\.)$")
_CODE = re.compile(
    r"(?:(?<![a-z])|(?<=%5B))(?:cvc2?|cvv2?|cvn2?|security[ _-]?code|安全码)"
    r"(?:[\s\"'\\:=\]]|%5D|%3D|&#x27;){1,10}(\d{3,4})(?!\d)",
    re.I,
)
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{24,}={0,2}")
_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.S)
_MOST_INFLATED = 5_000_000
_DEPTH = 2


@dataclass(frozen=True)
class Finding:
    """``kind`` is "number" or "code"; only the last digits are kept, so that no report tells it."""

    place: str
    kind: str
    ending: str


def find_in_text(text: str, place: str = "") -> list[Finding]:
    """Find card numbers and security codes in plain text."""
    text = _UUID.sub(" ", text)
    numbers = {
        Finding(place, "number", number[-4:]) for number in _numbers(text) if _is_card(number)
    }
    codes = {Finding(place, "code", "") for _match in _CODE.finditer(text)}
    return sorted(numbers | codes, key=lambda one: (one.kind, one.ending))


def find_in_bytes(data: bytes, place: str = "", depth: int = _DEPTH) -> list[Finding]:
    """Find them in bytes, in what these hold as base64, and in a PDF's streams that are text."""
    found = []
    # A PDF's own bytes are tables of offsets and widths, whose digits pass for cards' by chance.
    if not data.startswith(b"%PDF-"):
        found += find_in_text(data.decode("utf-8", "replace"), place)
    if depth:
        for inner in _unpacked(data):
            found += find_in_bytes(inner, place, depth - 1)
    return found


def find_in_files(files: Iterable[Path]) -> list[Finding]:
    found = []
    for path in files:
        # A worker may take a message away while it is looked for.
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            continue
        found += find_in_bytes(data, path.name)
    return found


def find_in_database(url: str) -> list[Finding]:
    """Look into every column of every table that can hold text: text, JSON, bytes.

    Args:
        url: ``sqlite:///path`` or ``postgres://…``.
    """
    found = []
    for place, value in _cells(url):
        data = value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")
        found += find_in_bytes(data, place)
    return found


def _numbers(text: str) -> Iterator[str]:
    """Give each run of digits, and each part of it from one gap to another, as plain digits."""
    for match in _RUN.finditer(text):
        before, after = text[max(match.start() - 2, 0) : match.start()], text[match.end() :][:1]
        if _INSIDE_A_WORD.search(before) or (after.isascii() and after.isalpha()):
            continue
        groups = re.split(r"[ \-]", match[0])
        for first in range(len(groups)):
            digits = ""
            for group in groups[first:]:
                digits += group
                if len(digits) > 19:
                    break
                if len(digits) >= 13:
                    yield digits


def _is_card(number: str) -> bool:
    known = any(first.match(number) and len(number) in sizes for first, sizes in _BRANDS)
    return known and _passes_luhn(number)


def _passes_luhn(number: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _unpacked(data: bytes) -> Iterator[bytes]:
    if data.startswith(b"%PDF-"):
        for match in _STREAM.finditer(data):
            try:
                inner = zlib.decompressobj().decompress(match[1], _MOST_INFLATED)
            except zlib.error:
                inner = match[1]
            if inner.startswith((b"{", b"[", b"<?xpacket")):
                yield inner
        return
    for match in _BASE64.finditer(data):
        try:
            inner = base64.b64decode(match[0], validate=True)
        except binascii.Error:
            continue
        # Random bytes that only look like base64 are no text and hold no number.
        if sum(32 <= byte < 127 or byte in b"\r\n\t" for byte in inner) > len(inner) * 0.8:
            yield inner


def _cells(url: str) -> Iterator[tuple[str, Any]]:
    if url.startswith("sqlite"):
        path = url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)) as database:
            tables = database.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table'"
            ).fetchall()
            for (table,) in tables:
                # Whatever the column is declared as: SQLite keeps text in any.
                rows = database.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - its own name
                names = [column[0] for column in rows.description]
                for row in rows:
                    for name, value in zip(names, row, strict=True):
                        if isinstance(value, str | bytes):
                            yield f"{table}.{name}", value
        return
    with psycopg.connect(url) as server:
        columns = server.execute(
            """
            SELECT table_name, column_name, data_type FROM information_schema.columns
            WHERE table_schema = 'public'
              AND data_type IN ('text', 'character varying', 'character', 'json', 'jsonb', 'bytea')
            """
        ).fetchall()
        for table, name, kind in columns:
            cell = sql.SQL("SELECT {} FROM {}" if kind == "bytea" else "SELECT {}::text FROM {}")
            query = cell.format(sql.Identifier(name), sql.Identifier(table))
            for (value,) in server.execute(query):
                if value is not None:
                    yield f"{table}.{name}", value
