"""Random codes that are read aloud and typed: in references, and to check a document by."""

import secrets

# Without letters and digits that look alike.
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


def draw(length: int) -> str:
    """Draw a code of so many letters and digits."""
    return "".join(secrets.choice(_ALPHABET) for _place in range(length))
