"""``manage.py create_dev_ca``: certificates, keys and a revocation list for development."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from repayments import clock
from repayments.contracts.certificates import create_development_ca


class Command(BaseCommand):
    help = "Make the development certificates that seal contracts; what is still valid is kept."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--directory",
            type=Path,
            default=None,
            help="where to put them; by default the directory of SEALING_KEYS_DIR",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        directory: Path = options["directory"] or settings.SEALING_KEYS_DIR
        made = create_development_ca(directory, now=clock.now())
        if made:
            self.stdout.write(f"Made {', '.join(made)} in {directory}.")
        else:
            self.stdout.write(f"Everything in {directory} is valid; nothing was changed.")
