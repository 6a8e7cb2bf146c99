"""A database of its own for a measurement: made beside ``DATABASE_URL``'s, copied, dropped.

Nothing else in the benchmarks knows the engines' ways of making databases. Settings are read once a
process, so ``DATABASE_URL`` is pointed at the scratch database before Django starts.
"""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

DEFAULT_URL = "sqlite:///var/portal.sqlite3"


class Scratch:
    """Databases named after this process; ``url`` is the first one's."""

    def __init__(self, named_url: str) -> None:
        self._parts = urlsplit(named_url)
        self.is_postgresql = self._parts.scheme.startswith(("postgres", "pgsql"))
        self._stem = f"benchmark_{os.getpid()}"
        self._made: list[str] = []
        if not self.is_postgresql:
            # On the same disk as the named database, so that the same disk is measured.
            beside = Path(named_url.split("://", 1)[1].removeprefix("/")).parent
            beside = beside if beside.is_dir() else Path(tempfile.gettempdir())
            self._folder = Path(tempfile.mkdtemp(prefix=self._stem, dir=beside))

    @property
    def url(self) -> str:
        return self.url_of("book")

    def url_of(self, label: str) -> str:
        if not self.is_postgresql:
            return f"sqlite:///{self.path_of(label).absolute()}"
        return urlunsplit(self._parts._replace(path=f"/{self._stem}_{label}"))

    def path_of(self, label: str) -> Path:
        return self._folder / f"{label}.sqlite3"

    def create(self, label: str = "book") -> None:
        """Make an empty database."""
        if self.is_postgresql:
            self._run(f'CREATE DATABASE "{self._stem}_{label}"')
        self._made.append(label)

    def copy(self, source: str, label: str) -> None:
        """Copy a database that nobody is connected to."""
        if self.is_postgresql:
            self._run(f'CREATE DATABASE "{self._stem}_{label}" TEMPLATE "{self._stem}_{source}"')
        else:
            with sqlite3.connect(self.path_of(source)) as database:
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            shutil.copyfile(self.path_of(source), self.path_of(label))
        self._made.append(label)

    def drop(self, label: str) -> None:
        if self.is_postgresql:
            self._run(f'DROP DATABASE IF EXISTS "{self._stem}_{label}" WITH (FORCE)')
        else:
            for ending in ("", "-wal", "-shm"):
                Path(f"{self.path_of(label)}{ending}").unlink(missing_ok=True)
        self._made.remove(label)

    def close(self) -> None:
        for label in [*self._made]:
            self.drop(label)
        if not self.is_postgresql:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, statement: str) -> None:
        import psycopg

        for path in (self._parts.path, "/postgres"):
            url = urlunsplit(self._parts._replace(scheme="postgresql", path=path))
            try:
                server = psycopg.connect(url, autocommit=True)
            except psycopg.OperationalError:
                # The named database need not exist yet; the server's own one does.
                if path == "/postgres":
                    raise
                continue
            with server:
                server.execute(statement.encode())
            return


@contextmanager
def scratch_database() -> Iterator[Scratch]:
    """Make the scratch database and start Django on it, with no demo clock."""
    scratch = Scratch(os.environ.get("DATABASE_URL") or DEFAULT_URL)
    os.environ.update(
        DATABASE_URL=scratch.url,
        DJANGO_SETTINGS_MODULE="portal.settings",
        BUSINESS_DATE="",
        LOG_LEVEL="WARNING",
    )
    os.environ.setdefault("DEBUG", "0")
    os.environ.setdefault("SECRET_KEY", "benchmarks-only")
    os.environ.pop("BUSINESS_DATE_FILE", None)
    try:
        scratch.create()
        import django

        django.setup()
        from django.conf import settings
        from django.core.management import call_command

        settings.SILENCED_SYSTEM_CHECKS = ["payments.W001", "payments.W002"]
        call_command("migrate", verbosity=0)
        yield scratch
    finally:
        _disconnect()
        scratch.close()


def use(scratch: Scratch, label: str) -> None:
    """Point Django's connection at another of the scratch databases."""
    from django.db import connection

    connection.close()
    url = scratch.url_of(label)
    name = urlsplit(url).path.lstrip("/") if scratch.is_postgresql else str(scratch.path_of(label))
    connection.settings_dict["NAME"] = name


def _disconnect() -> None:
    try:
        from django.db import connections

        connections.close_all()
    except Exception:  # noqa: S110 - Django may not have started at all
        pass
