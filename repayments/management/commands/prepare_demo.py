"""Makes a fresh clone ready to be looked at: tables, keys, demo people; then says where to look.

``make run`` calls it each time; what is already there is left as it is. Development only: on a
real book it would be a danger, so it refuses.
"""

from io import StringIO
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, call_command

from accounts.models import Borrower


class Command(BaseCommand):
    help = "Migrate, make the development keys, seed the demo where the database is empty."
    # The tables it would look at may not be there yet.
    requires_migrations_checks = False

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("This makes demonstration data; it is refused without DEBUG=1.")
        call_command("migrate", verbosity=0, interactive=False)
        call_command("createcachetable", verbosity=0)
        if not _has_files(settings.SEALING_KEYS_DIR):
            call_command("create_dev_ca", stdout=self.stderr)
        # Kept, because codes and links are shown only once.
        notes = settings.VAR_DIR / "demo-sign-ins.txt"
        if not Borrower.objects.exists():
            self.stdout.write("Making the demo's people; two of their contracts are really sealed.")
            said = StringIO()
            call_command("seed_demo", stdout=said)
            notes.write_text(said.getvalue(), encoding="utf-8")
        if notes.exists():
            self.stdout.write(notes.read_text(encoding="utf-8"))
        self.stdout.write(f"The portal opens at {settings.SITE_URL}/ ; Ctrl-C stops it.")


def _has_files(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())
