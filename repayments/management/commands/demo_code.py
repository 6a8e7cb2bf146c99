"""Says the second factor of a member of the demo's staff; development only."""

from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser

from repayments.management.demo import current_code


class Command(BaseCommand):
    help = "Print the second factor that the phone of a member of the demo's staff would show now."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG or not options["email"].endswith("@demo.example"):
            raise CommandError("Only for the demo's own staff, and only with DEBUG=1.")
        try:
            self.stdout.write(current_code(options["email"]))
        except Authenticator.DoesNotExist as error:
            raise CommandError("No such member of the demo's staff.") from error
