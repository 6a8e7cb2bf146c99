"""Remove the content of contracts whose time to be kept is over, or show what would go and why."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Borrower
from repayments.clock import now
from repayments.contracts import services


class Command(BaseCommand):
    help = (
        "Remove what is past its time, one batch; the worker does the same each night. With "
        "--erase-drawings, drop a person's drawn names of contracts that ended unsigned."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="only show what would go")
        parser.add_argument("--json", action="store_true")
        parser.add_argument("--erase-drawings", metavar="BORROWER_REFERENCE")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["erase_drawings"]:
            self._report({"drawings": self._erase(options)}, options)
        elif options["dry_run"]:
            due = [
                asdict(one) | {"since": one.since.isoformat()}
                for one in services.list_due(now=now())
            ]
            self._report(
                {
                    "would_go": [one for one in due if not one["is_held"]],
                    "held": [one for one in due if one["is_held"]],
                },
                options,
            )
        else:
            self._report({"purged": services.apply_retention(now=now())}, options)

    def _erase(self, options: dict[str, Any]) -> int:
        borrower = Borrower.objects.filter(reference=options["erase_drawings"]).first()
        if borrower is None:
            raise CommandError("There is no such borrower.")
        if options["dry_run"]:
            raise CommandError("--erase-drawings has no dry run.")
        return services.erase_drawings(borrower=borrower, actor=None, now=now())

    def _report(self, report: dict[str, Any], options: dict[str, Any]) -> None:
        if options["json"]:
            self.stdout.write(json.dumps(report))
            return
        for name, value in report.items():
            if not isinstance(value, list):
                self.stdout.write(f"{name}: {value}")
                continue
            self.stdout.write(f"{name}: {len(value)}")
            for one in value:
                self.stdout.write(
                    f"  {one['reference']} {one['status']}: {one['why']} since {one['since']}"
                )
