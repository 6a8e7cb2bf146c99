"""``manage.py verify_audit [--json]``: exit 1 and name the first event that is not as recorded."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from repayments.audit.services import verify_audit


class Command(BaseCommand):
    help = "Walk every chain of the record; name the first event missing, changed, moved or put in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print JSON for machines")

    def handle(self, *args: Any, **options: Any) -> None:
        fault = verify_audit()
        if options["json"]:
            found = asdict(fault) if fault else None
            self.stdout.write(json.dumps({"ok": fault is None, "fault": found}))
        elif fault is None:
            self.stdout.write("The record is whole.")
        else:
            self.stdout.write(f"{fault.stream} #{fault.seq}: {fault.reason}")
        if fault is not None:
            raise SystemExit(1)
