"""A daily head, to be kept where nobody who can write to the database can write."""

from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from repayments.contracts.models import DailyHead
from repayments.contracts.services import LEAVES_FILE, TEXT_FILE, TOKEN_FILE


class Command(BaseCommand):
    help = (
        "Write the head of a day, its time stamp and the chains in it into DIRECTORY/DATE. "
        "verify_heads --outside DIRECTORY holds the record against it later."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("day", type=date.fromisoformat, metavar="DATE")
        parser.add_argument("directory", type=Path)

    def handle(self, *args: Any, day: date, directory: Path, **options: Any) -> None:
        head = DailyHead.objects.filter(day=day).select_related("stamp").first()
        if head is None:
            raise CommandError(f"There is no head of {day}.")
        if not hasattr(head, "stamp"):
            raise CommandError(f"The head of {day} has no time stamp yet.")
        folder = directory / day.isoformat()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / TEXT_FILE).write_bytes(head.text.encode())
        (folder / TOKEN_FILE).write_bytes(bytes(head.stamp.token))
        rows = head.leaves.order_by("position").values_list("stream", "seq", "hash")
        with (folder / LEAVES_FILE).open("w", encoding="utf-8", newline="\n") as file:
            for stream, seq, event_hash in rows.iterator(chunk_size=2000):
                file.write(f"{stream} {seq} {event_hash}\n")
        self.stdout.write(f"Wrote the head of {day} to {folder}.")
