"""``manage.py verify_ledger [--json]``: exit 1 and name the first wrong row of the books."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from repayments.ledger.services import verify_ledger


class Command(BaseCommand):
    help = (
        "Check that entries sum to zero, that none is missing, and that balances agree with them."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print JSON for machines")

    def handle(self, *args: Any, **options: Any) -> None:
        fault = verify_ledger()
        if options["json"]:
            found = asdict(fault) if fault else None
            self.stdout.write(json.dumps({"ok": fault is None, "fault": found}))
        elif fault is None:
            self.stdout.write("The books are right.")
        else:
            entry = f", entry {fault.entry}" if fault.entry else ""
            self.stdout.write(f"Book {fault.book}{entry}: {fault.reason}")
        if fault is not None:
            raise SystemExit(1)
