"""System checks: without its keys the portal can take no payment, and should say so at start."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Warning, register


@register("payments")
def check_gateway_keys(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Warn of a missing secret key or webhook secret."""
    found: list[CheckMessage] = []
    if not settings.STRIPE_SECRET_KEY:
        found.append(
            Warning(
                "STRIPE_SECRET_KEY is not set: nobody can pay by card.",
                hint="Set the secret or restricted key of the Stripe account.",
                id="payments.W001",
            )
        )
    if not [secret for secret in settings.STRIPE_WEBHOOK_SECRETS if secret.strip()]:
        found.append(
            Warning(
                "STRIPE_WEBHOOK_SECRETS is not set: every webhook is refused.",
                hint="Set the signing secret of the endpoint /payments/webhook/.",
                id="payments.W002",
            )
        )
    return found
