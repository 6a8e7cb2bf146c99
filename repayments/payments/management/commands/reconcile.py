"""Ask the gateway what was missed, now; what beat does every ten minutes."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from repayments.clock import now
from repayments.payments.gateway import GatewayError
from repayments.payments.services import reconcile


class Command(BaseCommand):
    help = "Bring in events, payments and states that the gateway holds and the portal does not."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--since",
            help="look back to this moment, ISO 8601 (UTC unless it says otherwise), "
            "instead of the watermark",
        )
        parser.add_argument("--json", action="store_true", help="print the report as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run = reconcile(now=now(), since=_moment(options["since"]))
        except GatewayError as error:
            raise CommandError(f"The gateway did not answer: {error}") from error
        if options["json"]:
            report = asdict(run) | {"since": run.since.isoformat()}
            self.stdout.write(json.dumps(report, ensure_ascii=False))
        else:
            self.stdout.write(
                f"Since {run.since:%Y-%m-%d %H:%M} UTC: {run.events} new events; "
                f"{run.intents} intents, {run.refunds} refunds and {run.disputes} disputes with "
                f"news; {run.payments} payments and {run.open_refunds} refunds of ours asked "
                f"about; {len(run.errors)} errors."
            )
        if run.errors:
            raise CommandError("\n".join(run.errors))


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"--since takes an ISO date or time, not {text!r}") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
