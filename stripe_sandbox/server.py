"""Runs the sandbox: one gunicorn worker with threads, and the dispatcher beside them.

One worker only, because test controls and the clock live in the process.
"""

from typing import Any

from gunicorn.app.base import BaseApplication

from .dispatcher import Dispatcher

THREADS = 16


class SandboxServer(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn, configured by code so that no file or environment variable reaches in."""

    def __init__(self, host: str, port: int) -> None:
        self._bind = f"{host}:{port}"
        super().__init__()

    def load_config(self) -> None:
        options: dict[str, Any] = {
            "bind": self._bind,
            "workers": 1,
            "worker_class": "gthread",
            "threads": THREADS,
            "graceful_timeout": 1,
            "keepalive": 5,
            "timeout": 120,
            "loglevel": "warning",
            "proc_name": "stripe-sandbox",
            "control_socket_disable": True,
            "post_worker_init": _start_dispatcher,
            "worker_exit": _stop_dispatcher,
        }
        for name, value in options.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> Any:
        from django.core.wsgi import get_wsgi_application

        return get_wsgi_application()


def _start_dispatcher(worker: Any) -> None:
    worker.dispatcher = Dispatcher()
    worker.dispatcher.start()


def _stop_dispatcher(server: Any, worker: Any) -> None:
    thread = getattr(worker, "dispatcher", None)
    if thread is not None:
        thread.stop()
