"""Named places where a test can let sealing die. In production nothing is ever set here."""

from collections.abc import Callable

_ACTIONS: dict[str, Callable[[], None]] = {}


def reached(name: str) -> None:
    """Run what a test has put here, if anything."""
    action = _ACTIONS.get(name)
    if action is not None:
        action()


def put(name: str, action: Callable[[], None]) -> None:
    _ACTIONS[name] = action


def clear() -> None:
    _ACTIONS.clear()
