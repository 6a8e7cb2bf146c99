"""What changed between two versions of a template, clause by clause, for whoever approves it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from repayments.contracts.documents import ClauseText
from repayments.contracts.template_words import LOCALES, Pair
from repayments.contracts.terms import sha256_of

# Latin words and placeholders stay whole; a Chinese character stands alone.
_TOKEN = re.compile(r"\{[a-z0-9_]*\}|[^\W\u2e80-\U0003ffff]+|\s+|.", re.DOTALL)

SAME, ADDED, REMOVED = "same", "added", "removed"
CHANGED = "changed"


@dataclass(frozen=True)
class Piece:
    """A run of text that is the same in both, added, or removed."""

    kind: str
    text: str


@dataclass(frozen=True)
class Side:
    """One language of a clause: heading and paragraphs as pieces."""

    locale: str
    heading: Sequence[Piece]
    paragraphs: Sequence[Sequence[Piece]]


@dataclass(frozen=True)
class ClauseChange:
    """One clause. ``was`` and ``number`` count from 1; 0 where it was or is not there."""

    kind: str
    was: int
    number: int
    sides: Sequence[Side]

    @property
    def has_moved(self) -> bool:
        return bool(self.was and self.number and self.was != self.number)


@dataclass(frozen=True)
class TitleChange:
    locale: str
    pieces: Sequence[Piece]


def compare_titles(old: Pair, new: Pair) -> list[TitleChange]:
    """List the titles that differ."""
    return [
        TitleChange(locale, _pieces(old.titles[locale], new.titles[locale]))
        for locale in LOCALES
        if old.titles[locale] != new.titles[locale]
    ]


def compare_clauses(old: Pair, new: Pair) -> list[ClauseChange]:
    """List all clauses in the new order, removed ones where they stood."""
    before, after = _keys(old), _keys(new)
    changes: list[ClauseChange] = []
    for tag, start, end, new_start, new_end in SequenceMatcher(
        a=before, b=after, autojunk=False
    ).get_opcodes():
        was, now = list(range(start, end)), list(range(new_start, new_end))
        if tag == "equal":
            changes += [_change(SAME, old, new, a, b) for a, b in zip(was, now, strict=True)]
            continue
        changes += _settle(old, new, was, now)
    return changes


def _settle(old: Pair, new: Pair, was: list[int], now: list[int]) -> list[ClauseChange]:
    """Take clauses that share a heading for the same one, then those left in their order."""
    partner: dict[int, int] = {}
    left = list(was)
    for index in now:
        for candidate in left:
            if _shares_heading(old, candidate, new, index):
                partner[index] = candidate
                left.remove(candidate)
                break
    if len(was) == len(now):
        for index in now:
            if index not in partner:
                partner[index] = left.pop(0)
    changes = [
        _change(CHANGED, old, new, partner[index], index)
        if index in partner
        else _change(ADDED, old, new, None, index)
        for index in now
    ]
    return [_change(REMOVED, old, new, index, None) for index in left] + changes


def _shares_heading(old: Pair, was: int, new: Pair, now: int) -> bool:
    return any(
        old.clause(locale, was)["heading"] == new.clause(locale, now)["heading"] != ""
        for locale in LOCALES
    )


def _change(kind: str, old: Pair, new: Pair, was: int | None, now: int | None) -> ClauseChange:
    sides = []
    for locale in LOCALES:
        before = None if was is None else old.clause(locale, was)
        after = None if now is None else new.clause(locale, now)
        sides.append(_side(locale, before, after))
    return ClauseChange(
        kind, 0 if was is None else was + 1, 0 if now is None else now + 1, tuple(sides)
    )


def _side(locale: str, before: ClauseText | None, after: ClauseText | None) -> Side:
    old_lines = list(before["paragraphs"]) if before else []
    new_lines = list(after["paragraphs"]) if after else []
    longest = max(len(old_lines), len(new_lines))
    old_lines += [""] * (longest - len(old_lines))
    new_lines += [""] * (longest - len(new_lines))
    return Side(
        locale,
        _pieces(before["heading"] if before else "", after["heading"] if after else ""),
        [_pieces(a, b) for a, b in zip(old_lines, new_lines, strict=True)],
    )


def _pieces(old: str, new: str) -> list[Piece]:
    before, after = _TOKEN.findall(old), _TOKEN.findall(new)
    pieces = []
    for tag, start, end, new_start, new_end in SequenceMatcher(
        a=before, b=after, autojunk=False
    ).get_opcodes():
        gone, come = "".join(before[start:end]), "".join(after[new_start:new_end])
        if tag == "equal":
            pieces.append(Piece(SAME, gone))
            continue
        pieces += [Piece(kind, text) for kind, text in ((REMOVED, gone), (ADDED, come)) if text]
    return pieces


def _keys(pair: Pair) -> list[str]:
    """What is the same clause, exactly: both languages to the letter."""
    clauses = [[pair.clause(locale, index) for locale in LOCALES] for index in range(pair.length)]
    return [sha256_of(clause) for clause in clauses]
