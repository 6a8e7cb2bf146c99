"""Take in a loan tape from the command line, and say what was wrong with it line by line."""

import gc
import json
import sys
import time
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from repayments import clock
from repayments.loans.tape import Fault, Faults, Report, TapeCollides, import_tape


class Command(BaseCommand):
    help = "Import a loan tape (CSV): all of it, or nothing and a report of every bad row."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the tape; docs/tape.md names its columns")
        parser.add_argument("--rows", type=Path, help="the rows of loans whose schedule is custom")
        parser.add_argument("--dry-run", action="store_true", help="check everything, keep nothing")
        parser.add_argument("--no-invite", action="store_true", help="send no invitations")
        parser.add_argument("--json", action="store_true", help="print the report as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        # What is loaded by now stays: the collector need not walk it again with every chunk.
        gc.freeze()
        try:
            self._import(options)
        finally:
            gc.unfreeze()

    def _import(self, options: dict[str, Any]) -> None:
        started = time.perf_counter()
        with Faults() as faults:
            try:
                report = import_tape(
                    path=options["file"],
                    rows_path=options["rows"],
                    dry_run=options["dry_run"],
                    invite=not options["no_invite"],
                    faults=faults,
                    actor=None,
                    now=clock.now(),
                    as_of=clock.today(),
                    progress=self._progress,
                )
            except TapeCollides as error:
                raise CommandError(
                    _("The same loans were being changed at the same time. Please try again.")
                ) from error
            finally:
                self._end_progress()
            seconds = round(time.perf_counter() - started, 2)
            if options["json"]:
                self._print_json(report, faults, options["dry_run"], seconds)
            else:
                self._print_text(report, faults, options["dry_run"])
        if report.faults:
            raise CommandError(_("Nothing was imported: please mend the tape and try again."))

    def _print_json(self, report: Report, faults: Faults, dry_run: bool, seconds: float) -> None:
        """Print the report one fault at a time: there may be as many as the tape has rows."""
        head = {
            "status": _status(report, dry_run),
            "rows": report.rows,
            "loans": asdict(report.loans),
            "borrowers": asdict(report.borrowers),
            "invited": report.invited,
            "seconds": seconds,
            "error_count": report.faults,
        }
        text = json.dumps(head, ensure_ascii=False)[:-1]
        self.stdout.write(text + ', "errors": [', ending="")
        for at, fault in enumerate(faults):
            line = json.dumps(fault.as_json(), ensure_ascii=False)
            self.stdout.write((",\n" if at else "\n") + line, ending="")
        self.stdout.write("]}")

    def _print_text(self, report: Report, faults: Faults, dry_run: bool) -> None:
        for fault in faults:
            self.stdout.write(_sentence(fault))
        if report.faults:
            self.stdout.write(
                _("%(faults)s errors in %(rows)s rows.")
                % {"faults": report.faults, "rows": report.rows}
            )
            return
        if dry_run:
            self.stdout.write(_("The tape is in order. Nothing was written: this was a dry run."))
        for name, counts in ((_("Loans"), report.loans), (_("Borrowers"), report.borrowers)):
            self.stdout.write(
                _("%(name)s: %(created)s new, %(changed)s changed, %(unchanged)s unchanged")
                % {"name": name, **asdict(counts)}
            )
        self.stdout.write(_("Invitations: %(count)s") % {"count": report.invited})

    def _progress(self, rows: int) -> None:
        if sys.stderr.isatty():
            self.stderr.write(f"\r{rows:,}", ending="")
            self.stderr.flush()

    def _end_progress(self) -> None:
        if sys.stderr.isatty():
            self.stderr.write("")


def _status(report: Report, dry_run: bool) -> str:
    if report.faults:
        return "refused"
    return "checked" if dry_run else "imported"


def _sentence(fault: Fault) -> str:
    where = [fault.file]
    if fault.line:
        where.append(_("line %(line)s") % {"line": fault.line})
    if fault.column:
        where.append(fault.column)
    shown = f" ({fault.value})" if fault.value else ""
    return f"{', '.join(where)}: {fault.reason}{shown}"
