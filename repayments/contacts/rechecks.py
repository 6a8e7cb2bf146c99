"""Is a message still wanted? Higher rooms register their answer; it is asked at sending.

A room calls ``register("reminder", is_still_wanted)`` in ``ready()``. The function runs inside the
send transaction, so what it reads is what is true when the send commits. A purpose without a
function is always wanted.
"""

from collections.abc import Callable
from datetime import datetime

from repayments.contacts.models import Message

Recheck = Callable[[Message, datetime], bool]
_rechecks: dict[str, Recheck] = {}


def register(purpose: str, function: Recheck) -> None:
    """Let a room answer for messages of a purpose; registering the same function again is fine.

    Raises: ValueError if another function answers for that purpose already.
    """
    if _rechecks.setdefault(purpose, function) is not function:
        raise ValueError(f"two rechecks for {purpose!r}")


def is_still_wanted(message: Message, now: datetime) -> bool:
    function = _rechecks.get(message.purpose)
    return function is None or function(message, now)
