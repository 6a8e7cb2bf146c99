"""Signed notes on a page: when it was opened, by which session, over which document.

They come back with the page's form, so that the server, not the browser, measures how long a page
stood open (CN-R2). The module refuses to know what follows from it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core import signing

_SALT = "contracts.reading"


@dataclass(frozen=True)
class PageNote:
    """``opened_at_ms``: milliseconds since 1970."""

    page: str
    contract: str
    doc_sha256: str
    session_hash: str
    opened_at_ms: int


def write_note(
    *, page: str, contract: str, doc_sha256: str, session_hash: str, now: datetime
) -> str:
    """Give the token a page carries."""
    return signing.dumps(
        [page, contract, doc_sha256, session_hash, _milliseconds(now)], salt=_SALT, compress=False
    )


def read_dwell_ms(
    token: str, *, page: str, contract: str, doc_sha256: str, session_hash: str, now: datetime
) -> int:
    """Return how long the page stood open; 0 for a token of another page, session or document."""
    try:
        parts: list[Any] = signing.loads(token, salt=_SALT)
        note = PageNote(*parts)
    except (signing.BadSignature, TypeError, ValueError):
        return 0
    if (note.page, note.contract, note.doc_sha256, note.session_hash) != (
        page,
        contract,
        doc_sha256,
        session_hash,
    ):
        return 0
    return max(0, _milliseconds(now) - note.opened_at_ms)


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
