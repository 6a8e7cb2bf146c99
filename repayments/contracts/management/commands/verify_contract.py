"""The verdict on a PDF, as the public page gives it; a file on record is read all the same."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from repayments.contracts import isolation
from repayments.contracts.queries import get_verdict
from repayments.contracts.verification import INVALID, MAX_BYTES, Verdict


class Command(BaseCommand):
    help = (
        "Say whether a PDF is a contract of this lender, unchanged. Exits 1 when it is not valid."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--json", action="store_true", help="Print one JSON object.")

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        verdict = _verdict_on(file)
        if options["json"]:
            self.stdout.write(json.dumps(verdict.as_json(), ensure_ascii=False))
            return
        self.stdout.write(f"{verdict.verdict}: {verdict.text}")
        for signature in verdict.signatures:
            stamp = signature.tsa_time or "no time stamp"
            self.stdout.write(f"  {signature.field}: {signature.signer}, {stamp}")
        if verdict.verdict == INVALID:
            raise SystemExit(1)


def _verdict_on(file: Path) -> Verdict:
    """Read at most what is looked at; a file that cannot be read is not a PDF."""
    try:
        with file.open("rb") as source:
            return get_verdict(source.read(MAX_BYTES + 1), parse_known=True)
    except OSError:
        return Verdict(INVALID, "unreadable")
    except isolation.Busy as error:
        # No verdict, and not the exit code of one.
        raise CommandError(
            "Many documents are being checked just now. Please try again in a minute.", returncode=2
        ) from error
