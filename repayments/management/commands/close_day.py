"""``manage.py close_day [--date D] [--json]``: close a day, by default today, as beat does."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from repayments import clock
from repayments.close import DayIsPast, DayNotBegun, close_day

# As in a tape. Beyond lies a slip of the pen, and a day closed by one shuts out all before it.
FIRST_DAY, LAST_DAY = date(1970, 1, 1), date(2199, 12, 31)


class Command(BaseCommand):
    help = "Close a day: bill what is due, set figures right, create reminders, open cases."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--date", help="the day to close, 2026-12-01; today if not given")
        parser.add_argument("--json", action="store_true", help="print JSON for machines")

    def handle(self, *args: Any, **options: Any) -> None:
        day = _read_day(options["date"])
        try:
            report = close_day(as_of=day, now=clock.now())
        except (DayIsPast, DayNotBegun) as error:
            raise CommandError(str(error)) from error
        written = asdict(report.written)
        if options["json"]:
            content = {
                "date": report.date.isoformat(),
                "written": written,
                "seconds": report.seconds,
            }
            self.stdout.write(json.dumps(content))
            return
        self.stdout.write(f"{report.date} is closed ({report.seconds} s).")
        for name, count in written.items():
            self.stdout.write(f"  {name}: {count}")


def _read_day(text: str | None) -> date:
    if text is None:
        return clock.today()
    try:
        if len(text) == len("2026-12-01"):
            day = date.fromisoformat(text)
            if FIRST_DAY <= day <= LAST_DAY:
                return day
    except ValueError:
        pass
    raise CommandError("--date: not a date like 2026-12-01")
