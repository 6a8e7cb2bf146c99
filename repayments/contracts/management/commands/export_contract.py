"""All a stranger needs to check a contract without this portal, as a folder and as one zip."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from repayments.contracts.kit import KitIncomplete, build_kit, write_zip
from repayments.contracts.models import Contract


class Command(BaseCommand):
    help = (
        "Write the files for an independent check of a completed contract into a folder, and "
        "beside them as REFERENCE.zip: PDFs, certificates, events, daily head, scripts, README."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("reference")
        parser.add_argument("directory", type=Path)

    def handle(self, *args: Any, reference: str, directory: Path, **options: Any) -> None:
        contract = Contract.objects.filter(reference=reference).first()
        if contract is None:
            raise CommandError(f"There is no completed contract {reference}.")
        try:
            files = build_kit(contract)
        except KitIncomplete as refusal:
            raise CommandError(str(refusal)) from refusal
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (directory / name).write_bytes(content)
        (directory / f"{reference}.zip").write_bytes(write_zip(files, folder=reference))
        self.stdout.write(f"Wrote {len(files)} files and {reference}.zip to {directory}.")
        for name, later in (("evidence.pdf", "evidence file"), ("head.txt", "daily head")):
            if name not in files:
                self.stdout.write(f"There is no {later} of this contract yet.")
