"""The demo's people; refused outside development, because it makes sign-ins."""

from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from repayments.clock import today
from repayments.management.demo import make_demo


class Command(BaseCommand):
    help = "Make people in every situation. Safe to repeat."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("This makes demonstration data; it is refused without DEBUG=1.")
        demo = make_demo(today=today(), say=lambda step: self.stderr.write(f"  {step}"))
        self.stdout.write("Demo sign-ins (borrowers ask for a code and read it on /dev/outbox/):")
        for email in demo.borrowers:
            self.stdout.write(f"  {email}")
        self.stdout.write(
            f"Staff, password {demo.password}, second factor: manage.py demo_code ADDRESS"
        )
        for email in demo.staff:
            self.stdout.write(f"  {email}")
