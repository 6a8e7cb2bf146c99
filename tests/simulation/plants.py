"""Bugs put into the product on purpose: a simulator that does not find them sees nothing.

Each takes one guard away, as somebody might who did not know what it is for.
"""

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from itertools import count
from typing import Any

import pytest

from repayments.payments import gateway, services
from repayments.payments.gateway import CheckoutSession, IntentFacts
from repayments.payments.models import AutopayCharge, GatewayEvent, Payment, PostingKey
from tests.simulation.world import World, modules_with

Patch = pytest.MonkeyPatch


def no_unique_key(world: World, patch: Patch) -> None:
    """An object may be posted as often as somebody comes with it, in whatever book."""

    def take(*, object_id: str, kind: str, now: Any, provider: str = "stripe") -> bool:
        PostingKey.objects.get_or_create(
            provider=provider, object_id=object_id, entry_kind=kind, defaults={"created_at": now}
        )
        return True

    for module in modules_with("take_key"):
        patch.setattr(module, "take_key", take)
    for module in modules_with("_is_settled"):
        patch.setattr(module, "_is_settled", lambda _intent: False)


def no_conditional_update(world: World, patch: Patch) -> None:
    """A state is written whatever the row says by now, as if no one else wrote."""
    everything = dict.fromkeys(Payment.Status, list(Payment.Status))
    patch.setattr(Payment, "TRANSITIONS", everything)


def no_fetching(world: World, patch: Patch) -> None:
    """What an event says is taken as it stands, however old it is."""
    inbox: Any = import_module("repayments.payments.services.inbox")
    real = inbox.settle
    fetch_session, fetch_intent = gateway.fetch_session, gateway.fetch_intent

    def settle(*, object_type: str, object_id: str, now: Any) -> Any:
        claimed = GatewayEvent.objects.unprocessed().filter(object_id=object_id, claimed_at=now)
        event = world.gateway.events[claimed.latest("pk").event_id]

        def believing(fetch: Any) -> Any:
            told = event.snapshot
            return lambda asked: told if told and asked == object_id else fetch(asked)

        with pytest.MonkeyPatch.context() as while_settling:
            while_settling.setattr(gateway, "fetch_session", believing(fetch_session))
            while_settling.setattr(gateway, "fetch_intent", believing(fetch_intent))
            return real(object_type=object_type, object_id=object_id, now=now)

    patch.setattr(inbox, "settle", settle)


def asked_amount(world: World, patch: Patch) -> None:
    """What was asked for is posted, not what has come."""
    fetch_session, fetch_intent = gateway.fetch_session, gateway.fetch_intent

    def believed(intent: IntentFacts) -> IntentFacts:
        paid = intent.status == "succeeded"
        return replace(intent, amount_received=intent.amount if paid else 0)

    def session(session_id: str) -> CheckoutSession:
        found = fetch_session(session_id)
        return replace(found, intent=believed(found.intent) if found.intent else None)

    patch.setattr(gateway, "fetch_session", session)
    patch.setattr(gateway, "fetch_intent", lambda intent_id: believed(fetch_intent(intent_id)))


def no_claim(world: World, patch: Patch) -> None:
    """A worker makes the charge it was told of, and nobody keeps another from making it too."""
    charging: Any = import_module("repayments.payments.services.autopay.charging")

    def take(charge: AutopayCharge, payment: Payment, now: Any) -> None:
        AutopayCharge.objects.filter(pk=charge.pk).update(payment=payment, updated_at=now)

    patch.setattr(charging, "_take_charge", take)


def no_line_key(world: World, patch: Patch) -> None:
    """A statement's line is named by the import it comes with, so it is new each time."""
    statement: Any = import_module("repayments.payments.statement")
    transfers: Any = import_module("repayments.payments.services.transfers")
    real_key, real_import = statement.line_key, transfers.import_statement
    imports = count(1)

    def import_statement(**asked: Any) -> Any:
        number = next(imports)

        def named(**said: Any) -> str:
            return f"{number}:{real_key(**said)}"[:80]

        with pytest.MonkeyPatch.context() as while_importing:
            while_importing.setattr(statement, "line_key", named)
            return real_import(**asked)

    patch.setattr(services, "import_statement", import_statement)


# In which stories each is looked for, and what the simulator says when it has found the bug itself,
# not something that follows from it.
PLANTS: dict[Callable[[World, Patch], None], tuple[str, str]] = {
    no_unique_key: ("pages", r"AlreadyPosted|is posted \d times|has 2 places|intent_(id|unique)"),
    no_conditional_update: ("pages", r"went from"),
    no_fetching: ("pages", r"the gateway says"),
    asked_amount: ("pages", r"posted .*, the gateway has"),
    no_claim: ("cards", r"is charged twice"),
    no_line_key: ("transfers", r"is in \d times"),
}
