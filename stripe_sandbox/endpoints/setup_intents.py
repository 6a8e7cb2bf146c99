"""SetupIntents: those behind Checkout Sessions in setup mode."""

from typing import Any

from stripe_sandbox import representations
from stripe_sandbox.models import SetupIntent
from stripe_sandbox.wire import Call

from .lookup import find


def retrieve(call: Call, stripe_id: str) -> dict[str, Any]:
    row = find(SetupIntent, stripe_id, "setupintent", param="intent")
    return representations.setup_intent(row)
