"""The reference that a transfer names its loan by: twelve characters, two of them a check.

``K7M2-9XQ4-0RTB``: ten characters are the first fifty bits of the loan's public id, two more make
the whole, read as a number to the base of 32, a multiple of the prime 1021. As neither a digit's
weight nor the difference of two weights is one, a wrong character and two exchanged ones, wherever
they stand, are always noticed. The alphabet has no I, L, O and U; a reader takes O for 0, I and L
for 1, and does not mind case, blanks, dashes and full-width letters. Pure; knows no rows.
"""

import unicodedata
from collections.abc import Iterator
from uuid import UUID

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
DATA, CHECK = 10, 2
LENGTH = DATA + CHECK
_PRIME = 1021
_BITS = 5
_SHIFT = 128 - DATA * _BITS
_VALUES = {char: value for value, char in enumerate(ALPHABET)} | {"O": 0, "I": 1, "L": 1}


def loan_reference(public_id: UUID) -> str:
    """Give the reference of a loan, in groups of four."""
    data = (public_id.int >> _SHIFT) << (CHECK * _BITS)
    code = data + -data % _PRIME
    text = ""
    for _place in range(LENGTH):
        text = ALPHABET[code % 32] + text
        code //= 32
    return "-".join(text[start : start + 4] for start in range(0, LENGTH, 4))


def find_ranges(text: str) -> list[tuple[UUID, UUID]]:
    """Find references in what a payer wrote, however they wrote it.

    Returns: of each the first and the last public id that it may stand for, each once; empty where
        there is none whose check characters are right.
    """
    return list(dict.fromkeys(_ranges(text)))


def _ranges(text: str) -> Iterator[tuple[UUID, UUID]]:
    plain = unicodedata.normalize("NFKC", text).upper()
    values = [_VALUES.get(char, -1) for char in plain if char.isalnum()]
    for start in range(len(values) - LENGTH + 1):
        window = values[start : start + LENGTH]
        if min(window) < 0:
            continue
        code = 0
        for value in window:
            code = code * 32 + value
        if code % _PRIME == 0:
            data = code >> (CHECK * _BITS)
            yield UUID(int=data << _SHIFT), UUID(int=((data + 1) << _SHIFT) - 1)
