"""Names that can be printed: a document with a box or a gap in place of a name is worth nothing.

A name is looked at where it is entered, so that nobody learns of it after signing. Which characters
a paper can print is for the room that prints; ``settings.FIND_UNPRINTABLE`` names its function.
"""

import unicodedata

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.module_loading import import_string
from django.utils.translation import gettext as _

# Line and paragraph ends and other controls: a text may hold them, a name may not.
_BREAKS = {"Cc", "Zl", "Zp"}
# Control, format and blank characters: a name of these alone would print as nothing.
_UNSEEN = {"Cc", "Cf", "Zs", "Zl", "Zp", "Mn", "Me"}


def find_unprintable(name: str) -> list[str]:
    """Return the characters of a name that no document can print, each once, in order."""
    missing = set(import_string(settings.FIND_UNPRINTABLE)(name))
    return list(
        dict.fromkeys(
            char for char in name if char in missing or unicodedata.category(char) in _BREAKS
        )
    )


def is_unseen(name: str) -> bool:
    """Tell whether a name is written with characters that all print as nothing."""
    return all(unicodedata.category(char) in _UNSEEN for char in name)


def show_characters(characters: list[str]) -> str:
    """Show characters with their numbers; one that cannot be seen by its number alone."""
    shown = []
    for char in characters:
        code = f"U+{ord(char[0]):04X}"
        shown.append(f"“{char}” ({code})" if char.isprintable() else code)
    return ", ".join(shown)


def check_name(name: str) -> None:
    """Refuse a name that cannot be printed, and say which characters of it. For forms and models.

    Raises: ValidationError.
    """
    unprintable = find_unprintable(name)
    if unprintable:
        raise ValidationError(
            _("This cannot be printed in a document: %(characters)s"),
            code="not_printable",
            params={"characters": show_characters(unprintable)},
        )
    if name and is_unseen(name):
        raise ValidationError(_("This name prints as nothing."), code="unseen")
