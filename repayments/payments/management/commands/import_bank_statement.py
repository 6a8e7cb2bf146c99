"""Take in a bank's statement from the command line, and say what was wrong with it by line."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.contrib.auth.models import Permission
from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.models import User
from repayments import clock
from repayments.loans.tape import Fault, Faults
from repayments.money import format_money
from repayments.payments.services import StatementReport, import_statement

PERMISSION = "payments.add_bankline"


class Command(BaseCommand):
    help = "Import a bank statement (CSV): all of it, or nothing and a report of every bad row."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "file",
            type=Path,
            help="columns booked_on, amount, currency, text; also reference, payer, line_id",
        )
        parser.add_argument(
            "--actor",
            help="e-mail of the colleague who stands for it; may be left out where only one may",
        )
        parser.add_argument("--dry-run", action="store_true", help="check everything, keep nothing")
        parser.add_argument("--json", action="store_true", help="print the report as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        actor = _find_actor(options["actor"])
        with Faults() as faults:
            report = import_statement(
                path=options["file"],
                faults=faults,
                actor=actor,
                as_of=clock.today(),
                now=clock.now(),
                dry_run=options["dry_run"],
            )
            if options["json"]:
                self._print_json(report, faults, options["dry_run"])
            else:
                self._print_text(report, faults, options["dry_run"])
        if report.faults:
            raise CommandError(_("Nothing was imported: please mend the statement and try again."))

    def _print_json(self, report: StatementReport, faults: Faults, dry_run: bool) -> None:
        status = "refused" if report.faults else "checked" if dry_run else "imported"
        head = json.dumps({"status": status, **asdict(report)}, ensure_ascii=False)[:-1]
        # One fault at a time: there may be as many as the statement has rows.
        self.stdout.write(head + ', "errors": [', ending="")
        for at, fault in enumerate(faults):
            line = json.dumps(fault.as_json(), ensure_ascii=False)
            self.stdout.write((",\n" if at else "\n") + line, ending="")
        self.stdout.write("]}")

    def _print_text(self, report: StatementReport, faults: Faults, dry_run: bool) -> None:
        for fault in faults:
            self.stdout.write(_sentence(fault))
        if report.faults:
            return
        if dry_run:
            self.stdout.write(
                _("The statement is in order. Nothing was written: this was a dry run.")
            )
        self.stdout.write(
            _("%(posted)s posted, %(unmatched)s unmatched, %(known)s known before.")
            % asdict(report)
        )
        for currency, amount in sorted(report.amounts.items()):
            self.stdout.write(format_money(amount, currency, "en"))
        if report.outgoing:
            self.stdout.write(_("Passed over, as it went out: %(outgoing)s.") % asdict(report))
        if report.repeated:
            self.stdout.write(
                _("Told twice in this file and taken once: %(repeated)s.") % asdict(report)
            )


def _find_actor(email: str | None) -> User:
    """Name who stands for the statement. Raises: CommandError if that is not clear."""
    may = Permission.objects.filter(
        codename="add_bankline", content_type__app_label="payments"
    ).values("pk")
    allowed = (
        User.objects.filter(is_staff=True, is_active=True)
        .filter(Q(is_superuser=True) | Q(groups__permissions__in=may) | Q(user_permissions__in=may))
        .distinct()
    )
    if email is not None:
        found = list(allowed.filter(email__iexact=email)[:2])
    else:
        found = list(allowed[:2])
    if len(found) != 1:
        raise CommandError(
            _("Say with --actor which colleague with that permission stands for it.")
        )
    return found[0]


def _sentence(fault: Fault) -> str:
    where = [_("line %(line)s") % {"line": fault.line}] if fault.line else []
    where += [fault.column] if fault.column else []
    shown = f" ({fault.value})" if fault.value else ""
    return f"{', '.join(where)}: {fault.reason}{shown}".lstrip(": ")
