"""What test controls have asked to go wrong; forgotten when the process ends.

An API fault waits for matching requests; a webhook fault waits for matching events. Each has a
count and is used up. Nothing here touches the database.
"""

import threading
from dataclasses import dataclass, field
from typing import Any

API_MODES = (
    "error_after_commit",
    "close_after_commit",
    "error_before",
    "close_before",
    "rate_limited",
    "hang",
)
WEBHOOK_ACTIONS = (
    "skip",
    "drop",
    "delay",
    "duplicate",
    "reorder",
    "wrong_secret",
    "stale_timestamp",
    "future_timestamp",
    "thin_body",
)


@dataclass
class Fault:
    """One standing order: `skip` matches pass unharmed, the next `count` are hit."""

    name: str
    count: int = 1
    skip: int = 0
    method: str = ""
    path: str = ""
    types: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)

    def matches_request(self, method: str, path: str) -> bool:
        return self.method in ("", method) and path.startswith(self.path)

    def matches_event(self, event_type: str) -> bool:
        return not self.types or event_type in self.types


class Faults:
    """All standing orders, the switch that pauses delivery, and permissions of restricted keys."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        with self._lock:
            self._api: list[Fault] = []
            self._webhooks: list[Fault] = []
            self.paused = False
            self.permissions: dict[str, frozenset[str]] = {}

    def add_api(self, fault: Fault) -> None:
        with self._lock:
            self._api.append(fault)

    def add_webhook(self, fault: Fault) -> None:
        with self._lock:
            self._webhooks.append(fault)

    def take_api(self, method: str, path: str) -> Fault | None:
        """The fault that hits this request, used up by one."""
        with self._lock:
            for fault in self._api:
                if fault.matches_request(method, path):
                    if fault.skip:
                        fault.skip -= 1
                        continue
                    return _use(fault, self._api)
        return None

    def take_webhook(self, event_type: str) -> list[Fault]:
        """Every fault that hits this event, each used up by one."""
        hits = []
        with self._lock:
            for fault in list(self._webhooks):
                if not fault.matches_event(event_type):
                    continue
                if fault.skip:
                    fault.skip -= 1
                else:
                    hits.append(_use(fault, self._webhooks))
        return hits


def _use(fault: Fault, standing: list[Fault]) -> Fault:
    fault.count -= 1
    if fault.count <= 0:
        standing.remove(fault)
    return fault


FAULTS = Faults()
