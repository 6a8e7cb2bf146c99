"""The form a template is written in: both languages beside each other, clause by clause.

Clauses are added, moved and removed by buttons that post the whole form; it comes back as it was
typed, in its new order, and nothing is stored until it is saved.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.forms import StepUpForm
from accounts.models import Language
from repayments.contracts.documents import ClauseText
from repayments.contracts.template_words import (
    LOCALES,
    LONGEST_TITLE,
    MOST_CLAUSES,
    Fault,
    Pair,
    empty_clause,
)

ADD, REMOVE, UP, DOWN = "add", "remove", "up", "down"
# Names of fields; a hyphen would end the attribute in a template.
_KEYS = {"zh-hans": "zh", "en": "en"}
_LANG = {"zh-hans": "zh-Hans", "en": "en"}


@dataclass(frozen=True)
class Side:
    """One language of a clause as the page shows it."""

    lang: str
    heading: forms.BoundField
    text: forms.BoundField


@dataclass(frozen=True)
class ClauseRow:
    number: int
    sides: Sequence[Side]
    is_first: bool
    is_last: bool


class TemplateForm(forms.Form):
    use_required_attribute = False

    seen = forms.CharField(widget=forms.HiddenInput, max_length=64)
    count = forms.IntegerField(widget=forms.HiddenInput, min_value=0, max_value=MOST_CLAUSES)
    governing_language = forms.ChoiceField(
        label=_("Governing language"),
        help_text=_("The text that decides where the two differ."),
        choices=[(Language.CHINESE, _("Chinese")), (Language.ENGLISH, _("English"))],
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        pair: Pair | None = None,
        seen: str = "",
        focus: int = 0,
    ) -> None:
        """Make the form of what was posted, or of words.

        Args:
            pair: shown where nothing was posted.
            seen: ``Pair.sha256`` of the stored words these were made from.
            focus: the clause, from 1, to put the cursor into.
        """
        self.clauses = _count(data) if data is not None else (pair.length if pair else 0)
        initial = _initial(pair, seen) if pair is not None else None
        super().__init__(data, initial=initial)
        for locale, key in _KEYS.items():
            title = forms.CharField(
                label=_TITLES[locale], required=False, max_length=LONGEST_TITLE,
                widget=forms.TextInput(attrs={"lang": _LANG[locale]}),
            )  # fmt: skip
            self.fields[f"title_{key}"] = title
            for number in range(1, self.clauses + 1):
                attrs = {"lang": _LANG[locale], "spellcheck": "true"}
                heading = forms.CharField(
                    label=_HEADINGS[locale], required=False, widget=forms.TextInput(attrs=attrs)
                )
                if number == focus and locale == LOCALES[0]:
                    heading.widget.attrs["autofocus"] = True
                self.fields[f"c{number}_{key}_heading"] = heading
                self.fields[f"c{number}_{key}_text"] = forms.CharField(
                    label=_TEXTS[locale],
                    required=False,
                    widget=forms.Textarea(attrs={**attrs, "rows": 6}),
                )

    def titles(self) -> list[forms.BoundField]:
        return [self[f"title_{key}"] for key in _KEYS.values()]

    def rows(self) -> Iterator[ClauseRow]:
        for number in range(1, self.clauses + 1):
            sides = [
                Side(
                    _LANG[locale],
                    self[f"c{number}_{key}_heading"],
                    self[f"c{number}_{key}_text"],
                )
                for locale, key in _KEYS.items()
            ]
            yield ClauseRow(number, sides, number == 1, number == self.clauses)

    @property
    def is_full(self) -> bool:
        return self.clauses >= MOST_CLAUSES

    def pair(self) -> Pair:
        """Give what was typed, once the form is valid."""
        return _pair(self.cleaned_data, self.clauses)

    def add_faults(self, faults: Sequence[Fault]) -> None:
        """Put each fault at the field it is about."""
        for fault in faults:
            self.add_error(_field(fault), fault.message)


class PublishForm(StepUpForm):
    """The second person's word, with a fresh code, about the very words on the page."""

    seen = forms.CharField(widget=forms.HiddenInput, max_length=64)


def read_typed(data: Mapping[str, Any]) -> Pair:
    """Read what was typed as it is, however wrong, so that it can be shown again."""
    return _pair(data, _count(data))


def rearrange(pair: Pair, act: str) -> tuple[Pair, int] | None:
    """Do what a button says: "add", "add:3" (after clause 3), "remove:3", "up:3", "down:3".

    Returns: the words, and the clause to go on with; None for a button that is not on the page.
    """
    verb, _colon, at = act.partition(":")
    if at and not (at.isascii() and at.isdigit() and len(at) < 4):
        return None
    number = int(at or 0)
    if verb == ADD and 0 <= number <= pair.length < MOST_CLAUSES:
        place = number if at else pair.length
        return _with(pair, place, place, [None]), place + 1
    if not 1 <= number <= pair.length:
        return None
    if verb == REMOVE:
        return _with(pair, number - 1, number, []), min(number, pair.length - 1)
    if verb == UP and number > 1:
        return _with(pair, number - 2, number, [number - 1, number - 2]), number - 1
    if verb == DOWN and number < pair.length:
        return _with(pair, number - 1, number + 1, [number, number - 1]), number + 1
    return None


def _with(pair: Pair, start: int, end: int, filling: Sequence[int | None]) -> Pair:
    """Put clauses, by their index, or a new one for None, in the place of start to end."""
    bodies = {}
    for locale in LOCALES:
        body = [pair.clause(locale, index) for index in range(pair.length)]
        new = [empty_clause() if index is None else body[index] for index in filling]
        bodies[locale] = [*body[:start], *new, *body[end:]]
    return Pair(pair.titles, bodies, pair.governing_language)


def _count(data: Mapping[str, Any]) -> int:
    given = str(data.get("count", ""))
    digits = given.isascii() and given.isdigit() and len(given) < 4
    return min(int(given), MOST_CLAUSES) if digits else 0


def _pair(data: Mapping[str, Any], count: int) -> Pair:
    def clause(number: int, key: str) -> ClauseText:
        return {
            "heading": str(data.get(f"c{number}_{key}_heading", "")).strip(),
            "paragraphs": _lines(str(data.get(f"c{number}_{key}_text", ""))),
        }

    return Pair(
        titles={locale: str(data.get(f"title_{key}", "")).strip() for locale, key in _KEYS.items()},
        bodies={
            locale: [clause(number, key) for number in range(1, count + 1)]
            for locale, key in _KEYS.items()
        },
        governing_language=str(data.get("governing_language", "")),
    )


def _initial(pair: Pair, seen: str) -> dict[str, Any]:
    values: dict[str, Any] = {
        "seen": seen,
        "count": pair.length,
        "governing_language": pair.governing_language,
    }
    for locale, key in _KEYS.items():
        values[f"title_{key}"] = pair.titles[locale]
        for number in range(1, pair.length + 1):
            clause = pair.clause(locale, number - 1)
            values[f"c{number}_{key}_heading"] = clause["heading"]
            values[f"c{number}_{key}_text"] = "\n\n".join(clause["paragraphs"])
    return values


def _lines(text: str) -> list[str]:
    """Each line that is not blank is a paragraph."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def _field(fault: Fault) -> str | None:
    if not fault.part:
        return None
    key = _KEYS[fault.locale]
    return f"title_{key}" if fault.part == "title" else f"c{fault.clause}_{key}_{fault.part}"


_TITLES = {"zh-hans": _("Title in Chinese"), "en": _("Title in English")}
_HEADINGS = {"zh-hans": _("Heading in Chinese"), "en": _("Heading in English")}
_TEXTS = {"zh-hans": _("Text in Chinese"), "en": _("Text in English")}
