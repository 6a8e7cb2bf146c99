"""The words of a template in both languages, and what keeps them from being saved or published.

A pair is one version: the same clauses in Chinese and in English, clause by clause. A fault names
the clause it stands at, so that it can be shown there. The module refuses to know rows and pages;
whether the words fit on paper is `template_samples`' to try.
"""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from accounts.names import show_characters
from repayments.contracts.documents import ClauseText, find_unprintable
from repayments.contracts.placeholders import allowed_for
from repayments.contracts.terms import sha256_of

LOCALES = ("zh-hans", "en")
MOST_CLAUSES = 60
LONGEST_TITLE = 200
LONGEST_HEADING = 200
LONGEST_TEXT = 20_000

_NAME = re.compile(r"\{([a-z][a-z0-9_]*)\}")
# A brace and what it may have been meant to hold, as far as one would recognize it.
_STRAY = re.compile(r"\{[^{}\n]{0,40}\}?|\}")
# Kinds that two sides sign: they need the clause that says how (ES-1), and each clause a heading.
SIGNED_KINDS = frozenset({"loan", "plan"})
# A clause agrees on the method of signing where it says all of these.
_AGREED_METHOD: Mapping[str, Sequence[str]] = {
    "zh-hans": ("电子", "签", "约定", "可靠"),
    "en": ("sign", "electronic", "agree", "reliable"),
}


@dataclass(frozen=True)
class Pair:
    """Both languages of a version, by locale; clauses of the same place belong together."""

    titles: Mapping[str, str]
    bodies: Mapping[str, Sequence[ClauseText]]
    governing_language: str

    @property
    def sha256(self) -> str:
        """A hash over all of it: whether the words are still those that somebody saw."""
        return sha256_of(
            [dict(self.titles), {key: list(body) for key, body in self.bodies.items()},
             self.governing_language]
        )  # fmt: skip

    @property
    def length(self) -> int:
        return max((len(body) for body in self.bodies.values()), default=0)

    def clause(self, locale: str, index: int) -> ClauseText:
        """Give a clause, or an empty one where this language has none there."""
        body = self.bodies[locale]
        return body[index] if index < len(body) else empty_clause()


@dataclass(frozen=True)
class Fault:
    """One thing to mend.

    Attributes:
        locale: of the text; "" where it is about both.
        clause: from 1; 0 for the title or the whole.
        part: "title", "heading" or "text"; "" for the whole.
    """

    locale: str
    clause: int
    part: str
    message: str

    def __str__(self) -> str:
        if not self.clause:
            return self.message
        return _("Clause %(number)d: %(message)s") % {
            "number": self.clause,
            "message": self.message,
        }


def empty_clause() -> ClauseText:
    return {"heading": "", "paragraphs": []}


def is_empty(clause: ClauseText) -> bool:
    return not clause["heading"] and not clause["paragraphs"]


def find_text_faults(kind: str, pair: Pair) -> list[Fault]:
    """List what may not even be kept in a draft: each is a slip that no later look would mend."""
    allowed = allowed_for(kind)
    faults: list[Fault] = []
    for locale, clause, part, text in _places(pair):
        faults += [Fault(locale, clause, part, words) for words in _slips(text, allowed, part)]
    if pair.length > MOST_CLAUSES:
        words = _("A template has at most %(number)d clauses.") % {"number": MOST_CLAUSES}
        faults.append(Fault("", 0, "", words))
    return faults


def find_faults(kind: str, pair: Pair) -> list[Fault]:
    """List all in the words that keeps a version from being published."""
    return [
        *find_text_faults(kind, pair),
        *_missing_texts(kind, pair),
        *_uneven(pair),
        *_lacks_agreed_method(kind, pair),
    ]


def _places(pair: Pair) -> Iterator[tuple[str, int, str, str]]:
    for locale in LOCALES:
        yield locale, 0, "title", pair.titles[locale]
        for number, clause in enumerate(pair.bodies[locale], start=1):
            yield locale, number, "heading", clause["heading"]
            yield locale, number, "text", "\n".join(clause["paragraphs"])


def _slips(text: str, allowed: Collection[str], part: str) -> Iterator[str]:
    names = list(dict.fromkeys(_NAME.findall(text)))
    if part == "title" and names:
        # A title is also read where no document is made yet: in lists and messages.
        yield _("A title holds no placeholders: %(names)s") % {"names": _braced(names)}
    else:
        unknown = [name for name in names if name not in allowed]
        if unknown:
            yield _("Not in the list of placeholders: %(names)s") % {"names": _braced(unknown)}
    stray = _STRAY.findall(_NAME.sub("", text))
    if stray:
        yield _("A brace that belongs to no placeholder: %(text)s") % {
            "text": " ".join(dict.fromkeys(stray))
        }
    unprintable = find_unprintable(text)
    if unprintable:
        yield _("This cannot be printed: %(characters)s") % {
            "characters": show_characters(unprintable)
        }
    longest = {"title": LONGEST_TITLE, "heading": LONGEST_HEADING}.get(part, LONGEST_TEXT)
    if len(text) > longest:
        yield _("At most %(number)d characters, please.") % {"number": longest}


def _missing_texts(kind: str, pair: Pair) -> Iterator[Fault]:
    for locale in LOCALES:
        if not pair.titles[locale].strip():
            yield Fault(locale, 0, "title", _("The %(language)s title is missing.") % _in(locale))
        for number in range(1, len(pair.bodies[locale]) + 1):
            clause = pair.clause(locale, number - 1)
            if not any(text.strip() for text in clause["paragraphs"]):
                words = _("The %(language)s text is missing.") % _in(locale)
                yield Fault(locale, number, "text", words)
            if kind in SIGNED_KINDS and not clause["heading"].strip():
                words = _("The %(language)s heading is missing.") % _in(locale)
                yield Fault(locale, number, "heading", words)
    if not pair.length:
        yield Fault("", 0, "", _("There are no clauses."))


def _uneven(pair: Pair) -> Iterator[Fault]:
    """Both languages are one version: as many clauses, and in each the same figures."""
    counts = {locale: len(pair.bodies[locale]) for locale in LOCALES}
    if len(set(counts.values())) > 1:
        words = _("The Chinese text has %(chinese)d clauses and the English one %(english)d.")
        yield Fault("", 0, "", words % {"chinese": counts["zh-hans"], "english": counts["en"]})
        return
    for index in range(pair.length):
        asked = {locale: _names_in(pair.clause(locale, index)) for locale in LOCALES}
        for locale, other in (LOCALES, LOCALES[::-1]):
            lacking = sorted(asked[other] - asked[locale])
            if lacking:
                words = _("The %(language)s text lacks what the other one has: %(names)s")
                values = {**_in(locale), "names": _braced(lacking)}
                yield Fault(locale, index + 1, "text", words % values)


def _lacks_agreed_method(kind: str, pair: Pair) -> Iterator[Fault]:
    if kind not in SIGNED_KINDS:
        return
    for index in range(pair.length):
        if all(
            all(word in _text_of(pair.clause(locale, index)) for word in _AGREED_METHOD[locale])
            for locale in LOCALES
        ):
            return
    yield Fault(
        "",
        0,
        "",
        _(
            "No clause says, in both languages, that the sides agree to sign electronically and "
            "that the method is reliable between them."
        ),
    )


def _text_of(clause: ClauseText) -> str:
    return "\n".join([clause["heading"], *clause["paragraphs"]]).lower()


def _names_in(clause: ClauseText) -> set[str]:
    return set(_NAME.findall(_text_of(clause)))


def _braced(names: Collection[str]) -> str:
    return ", ".join(f"{{{name}}}" for name in names)


def _in(locale: str) -> dict[str, Any]:
    return {"language": _("Chinese") if locale == "zh-hans" else _("English")}
