"""The folder broker of development: Kombu's file transport, with files that appear whole.

Kombu opens a message's file and then writes it; a worker that looks in between finds it empty and
ends for good (celery/kombu issue 1551). Here a file is written under another name and then renamed,
which no reader can see half of, and the tables of exchanges are read and written one at a time.
Nothing else is changed. Production uses Redis and none of this.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

from kombu.transport import TRANSPORT_ALIASES, filesystem
from kombu.utils.json import dumps

SCHEME = "folder"


class Channel(filesystem.Channel):
    # Kombu names the second parameter in two ways.
    def _put(self, queue: str, payload: Any, **kwargs: Any) -> None:  # type: ignore[override]
        # The first part orders the queue; see Kombu's own.
        name = f"{round(monotonic() * 1000)}_{uuid4()}.{queue}.msg"
        whole = Path(self.data_folder_out, name)
        # No queue's name fits what stands behind the first dot.
        part = whole.with_name(f"{name}.part")
        part.write_text(dumps(payload), encoding="utf-8")
        os.replace(part, whole)

    def get_table(self, exchange: str) -> Any:
        with self._alone():
            return super().get_table(exchange)

    def _queue_bind(self, *args: Any) -> None:
        with self._alone():
            super()._queue_bind(*args)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from the tables: one that is being made is empty for a moment."""
        self.control_folder.mkdir(exist_ok=True)
        with Path(self.control_folder, "lock").open("w") as file:
            filesystem.lock(file, filesystem.LOCK_EX)
            try:
                yield
            finally:
                filesystem.unlock(file)


class Transport(filesystem.Transport):
    Channel = Channel


def register() -> None:
    """Let broker URLs begin with ``folder://``."""
    TRANSPORT_ALIASES[SCHEME] = f"{__name__}:Transport"
