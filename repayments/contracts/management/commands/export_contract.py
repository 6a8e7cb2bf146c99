"""What somebody needs to check a contract without this portal: the sealed PDF and the root."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from repayments.contracts import blobs
from repayments.contracts.models import ContractRevision


class Command(BaseCommand):
    help = "Write contract.pdf (the final one) and ca.crt of a completed contract into a folder."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("reference")
        parser.add_argument("directory", type=Path)

    def handle(self, *args: Any, reference: str, directory: Path, **options: Any) -> None:
        revision = ContractRevision.objects.filter(
            contract__reference=reference, kind=ContractRevision.Kind.FINAL
        ).first()
        if revision is None:
            raise CommandError(f"There is no completed contract {reference}.")
        root = Path(settings.SEALING_KEYS_DIR) / "ca.crt"
        if not root.exists():
            raise CommandError(f"There is no {root}.")
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "contract.pdf").write_bytes(blobs.read(revision.blob_id))
        (directory / "ca.crt").write_bytes(root.read_bytes())
        self.stdout.write(f"Wrote contract.pdf and ca.crt to {directory}.")
