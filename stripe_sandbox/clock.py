"""The sandbox's clock: real time plus an offset that a test may move.

Objects, expiry and the life of idempotency keys follow it. Webhook signatures do not: the
receiver compares those with its own clock.
"""

import time

_offset_seconds = 0


def now() -> int:
    """Whole Unix seconds on the sandbox's clock."""
    return int(time.time()) + _offset_seconds


def advance(seconds: int) -> int:
    """Move the clock and return the offset from real time; negative `seconds` moves it back."""
    global _offset_seconds
    _offset_seconds += seconds
    return _offset_seconds
