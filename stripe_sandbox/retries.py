"""When an undelivered webhook is tried again.

Stripe backs off exponentially for up to three days; the sandbox's first steps are shorter, so
that development does not wait.
"""

DEFAULT_SECONDS = (1, 5, 30, 120, 600, 3600, 10_800, 21_600, 43_200, 86_400, 86_400)


def schedule(text: str) -> tuple[float, ...]:
    """Waits in seconds between tries from "0.5,2,10"; the default where `text` is empty."""
    if not text:
        return tuple(map(float, DEFAULT_SECONDS))
    return tuple(float(part) for part in text.split(","))
