"""Bugs put into the product on purpose: a simulator that does not find them sees nothing.

Each takes one guard away, as somebody might who did not know what it is for.
"""

from dataclasses import replace
from importlib import import_module
from typing import Any

import pytest

from repayments.payments import gateway
from repayments.payments.gateway import CheckoutSession, IntentFacts
from repayments.payments.models import GatewayEvent, Payment
from tests.simulation.world import World, modules_with

Patch = pytest.MonkeyPatch


def no_unique_key(world: World, patch: Patch) -> None:
    """An object may be posted as often as somebody comes with it, in whatever book."""
    for module in modules_with("take_key"):
        patch.setattr(module, "take_key", lambda **_asked: True)
    for name, answer in (("_take_key", True), ("_is_settled", False)):
        for module in modules_with(name):
            patch.setattr(module, name, lambda *_asked, _answer=answer: _answer)


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

        def told(fetch: Any) -> Any:
            return lambda asked: event.snapshot if asked == object_id else fetch(asked)

        with pytest.MonkeyPatch.context() as while_settling:
            while_settling.setattr(gateway, "fetch_session", told(fetch_session))
            while_settling.setattr(gateway, "fetch_intent", told(fetch_intent))
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


# With what the simulator says when it has found the bug itself, not something that follows from it.
PLANTS = {
    no_unique_key: r"AlreadyPosted|is posted \d times|has 2 places",
    no_conditional_update: r"went from",
    no_fetching: r"the gateway says",
    asked_amount: r"posted .*, the gateway has",
}
