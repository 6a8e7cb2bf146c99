"""``manage.py verify_heads [--outside DIRECTORY] [--json]``: exit 1 and name what does not fit."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db.models import F

from repayments import clock
from repayments.contracts.inspecting import load_trust
from repayments.contracts.models import HeadStamp
from repayments.contracts.services import HeadFault, verify_heads


class Command(BaseCommand):
    help = (
        "Hold the record of contracts against the time-stamped daily heads: name the first head, "
        "or the first chain, that is not what it was."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--outside", type=Path, help="a folder that export_head filled")
        parser.add_argument("--json", action="store_true", help="print JSON for machines")

    def handle(self, *args: Any, outside: Path | None, **options: Any) -> None:
        if outside is not None and not outside.is_dir():
            raise CommandError(f"There is no folder {outside}.")
        trust = load_trust(Path(settings.SEALING_KEYS_DIR))
        fault = verify_heads(trust=trust, now=clock.now(), outside=outside)
        # A head made anew much later can only bear a late time stamp.
        late = HeadStamp.objects.filter(tsa_time__gt=F("head__made_at") + timedelta(days=1))
        days = [
            day.isoformat()
            for day in late.order_by("head__day").values_list("head__day", flat=True)
        ]
        if options["json"]:
            found = asdict(fault) if fault else None
            self.stdout.write(json.dumps({"ok": fault is None, "fault": found, "late": days}))
        else:
            for day in days:
                self.stdout.write(f"The head of {day} was time-stamped more than a day late.")
            self.stdout.write(_in_words(fault))
        if fault is not None:
            raise SystemExit(1)


def _in_words(fault: HeadFault | None) -> str:
    if fault is None:
        return "Every chain is as the daily heads found it."
    where = f" {fault.stream} from #{fault.seq} on:" if fault.stream else ""
    return f"head of {fault.day}:{where} {fault.reason}"
