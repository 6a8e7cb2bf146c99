"""``manage.py verify_invariants [--json]``: exit 1 and name the first row against an invariant."""

import json
import sys
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from repayments import clock
from repayments.management.invariants import find_breach
from repayments.time_limits import lift_time_limit


class Command(BaseCommand):
    help = "Check what must hold over all rows, from the books to the outbox; repair nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print JSON for machines")

    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            lift_time_limit()
            breach = find_breach(now=clock.now(), say=self._say)
        if options["json"]:
            found = asdict(breach) if breach else None
            self.stdout.write(json.dumps({"ok": breach is None, "fault": found}))
        elif breach is None:
            self.stdout.write("Every invariant holds.")
        else:
            self.stdout.write(f"Invariant {breach.invariant}: {breach.row}: {breach.reason}")
        if breach is not None:
            raise SystemExit(1)

    def _say(self, name: str) -> None:
        if sys.stderr.isatty():
            self.stderr.write(f"checking: {name}")
