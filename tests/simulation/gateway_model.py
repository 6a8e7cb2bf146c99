"""The gateway as the simulator's own rows: it keeps what was asked, refuses what Stripe refuses.

It stands in for the functions of ``repayments.payments.gateway`` and speaks their dataclasses. It
knows nothing of the product's rows. What it holds is the truth that the books are measured by, so
it is written plainly: every movement of money is one ``Movement``, every change one ``Event``.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from random import Random
from typing import Any

from repayments.payments.gateway import (
    BalanceLine,
    CheckoutSession,
    EventFacts,
    GatewayMissing,
    GatewayRefused,
    IntentFacts,
    SessionRequest,
    UnverifiedEvent,
)
from tests.simulation.gateway_back import Dispute, MoneyBack, Refund
from tests.simulation.gateway_cards import Card, SavedCards, SetupPage
from tests.simulation.gateway_objects import (
    SIGNED,
    Answer,
    Event,
    Intent,
    Movement,
    Session,
    body_of,
)

KEPT = timedelta(days=30)
KEY_LIFE = timedelta(hours=24)


class GatewayModel(MoneyBack, SavedCards):
    """All the gateway holds. ``odds`` says how likely an event goes astray."""

    def __init__(self, rng: Random, clock: Callable[[], datetime], odds: Callable[[str], bool]):
        self.rng, self.clock, self.odds = rng, clock, odds
        self.sessions: dict[str, Session] = {}
        self.intents: dict[str, Intent] = {}
        self.refunds: dict[str, Refund] = {}
        self.disputes: dict[str, Dispute] = {}
        self.customers: dict[str, str] = {}
        self.cards: dict[str, Card] = {}
        self.setup_pages: dict[str, SetupPage] = {}
        self.movements: list[Movement] = []
        self.events: dict[str, Event] = {}
        self.keys: dict[str, Answer] = {}
        self.late_calls: list[tuple[datetime, Callable[[], Any]]] = []
        self.misused_keys: list[str] = []
        self.changes = 0
        self._made = 0

    def name(self, kind: str) -> str:
        self._made += 1
        return f"{kind}_{self._made}"

    # --- What the portal calls ------------------------------------------------------------------

    def open_session(self, request: SessionRequest, *, key: str) -> CheckoutSession:
        return self._once(key, request, lambda: self._open_session(request))

    def _open_session(self, request: SessionRequest) -> CheckoutSession:
        now = self.clock()
        life = request.expires_at - now
        if not timedelta(minutes=29) < life <= timedelta(hours=24):
            raise GatewayRefused("expires_at is out of range", code="parameter_invalid")
        session = Session(self.name("cs"), request, now, request.expires_at)
        self.sessions[session.id] = session
        self.changes += 1
        return self.session_facts(session)

    def expire_session(self, session_id: str, *, key: str) -> CheckoutSession:
        return self._once(key, session_id, lambda: self._expire_session(session_id))

    def _expire_session(self, session_id: str) -> CheckoutSession:
        session = self._session(session_id)
        if session.status != "open":
            raise GatewayRefused("only an open session can be expired", code="resource_missing")
        self.close(session)
        return self.session_facts(session)

    def fetch_session(self, session_id: str) -> CheckoutSession:
        if session_id in self.setup_pages:
            return self.setup_page_facts(self.setup_pages[session_id])
        return self.session_facts(self._session(session_id))

    def fetch_intent(self, intent_id: str) -> IntentFacts:
        if intent_id not in self.intents:
            raise GatewayMissing("no such payment_intent", code="resource_missing")
        return self.intent_facts(self.intents[intent_id])

    def list_sessions(self, *, since: datetime, until: datetime) -> Iterator[CheckoutSession]:
        pages = self.between(self.sessions.values(), since, until)
        found = [self.session_facts(session) for session in pages]
        setups = self.between(self.setup_pages.values(), since, until)
        return iter([*found, *(self.setup_page_facts(page) for page in setups)])

    def list_intents(self, *, since: datetime, until: datetime) -> Iterator[IntentFacts]:
        found = self.between(self.intents.values(), since, until)
        return iter([self.intent_facts(intent) for intent in found])

    def list_events(self, *, since: datetime, types: Any = ()) -> Iterator[EventFacts]:
        since = max(since, self.clock() - KEPT)
        found = self.between(self.events.values(), since, self.clock())
        return iter([self.event_facts(event) for event in found])

    def list_balance(self, *, since: datetime, until: datetime) -> Iterator[BalanceLine]:
        found = self.between(self.movements, since, until)
        return iter([BalanceLine(**vars(movement)) for movement in found])

    def verify_event(self, body: bytes, header: str) -> EventFacts:
        if header != SIGNED:
            raise UnverifiedEvent("nobody signed this")
        return self.event_facts(self.events[json.loads(body)["id"]])

    def _once(self, key: str, asked: Any, act: Callable[[], Any]) -> Any:
        """Act once a key: asked again the same, it says the same; asked another, it refuses."""
        found = self.keys.get(key)
        if found is None or found.at < self.clock() - KEY_LIFE:
            try:
                given = act()
            except GatewayRefused as refusal:
                # What is wrong with the parameters is not kept.
                if refusal.code == "parameter_invalid":
                    raise
                given = refusal
            found = self.keys[key] = Answer(asked, given, self.clock())
        if found.asked != asked:
            self.misused_keys.append(key)
            raise GatewayRefused("the key was used for another call", code="idempotency_error")
        if isinstance(found.given, GatewayRefused):
            raise found.given
        return found.given

    def _session(self, session_id: str) -> Session:
        if session_id not in self.sessions:
            raise GatewayMissing("no such session", code="resource_missing")
        return self.sessions[session_id]

    # --- What payers, banks and time do ---------------------------------------------------------

    def begin(self, session: Session, method: str) -> Intent:
        """The payer tries a way to pay; the first try makes the intent."""
        if session.intent is None:
            request = session.request
            session.intent = Intent(
                id=self.name("pi"),
                amount=request.amount,
                currency=request.currency,
                metadata=session.metadata(),
                created_at=self.clock(),
                session_id=session.id,
            )
            self.intents[session.intent.id] = session.intent
        session.intent.method = method
        return session.intent

    def succeed(self, intent: Intent) -> None:
        """The money is there: once an intent, whatever its session says."""
        assert intent.status not in ("succeeded", "canceled")
        intent.status, intent.paid_at, intent.lands_at = "succeeded", self.clock(), None
        intent.received = intent.odd_amount or intent.amount
        was_processing = False
        session = self.sessions.get(intent.session_id)
        if session is not None:
            was_processing = session.status == "complete"
            if session.status == "open":
                session.status = "complete"
            self.save_card_of(intent, session)
        self.move("charge", intent.received, intent.currency, f"ch_{intent.id}")
        self.tell("payment_intent.succeeded", "payment_intent", intent.id)
        if session is not None and session.status == "complete":
            kind = "async_payment_succeeded" if was_processing else "completed"
            self.tell(f"checkout.session.{kind}", "checkout.session", session.id)

    def decline(self, intent: Intent, decline_code: str) -> None:
        self.refuse(intent, ("card_declined", decline_code, "try_again_later"))

    def refuse(self, intent: Intent, error: tuple[str, str, str]) -> None:
        """Say no; the intent waits for another card, and says why."""
        intent.status, intent.lands_at = "requires_payment_method", None
        intent.error = error
        self.tell("payment_intent.payment_failed", "payment_intent", intent.id)
        session = self.sessions.get(intent.session_id)
        if session is not None and session.status == "complete":
            kind = "checkout.session.async_payment_failed"
            self.tell(kind, "checkout.session", session.id)

    def ask_confirmation(self, intent: Intent) -> None:
        intent.status = "requires_action"
        self.tell("payment_intent.requires_action", "payment_intent", intent.id)

    def wait_for_money(self, intent: Intent, until: datetime, *, will_succeed: bool) -> None:
        """A method that takes its time: the page is done, the money is not there."""
        intent.status, intent.lands_at, intent.will_succeed = "processing", until, will_succeed
        self.tell("payment_intent.processing", "payment_intent", intent.id)
        session = self.sessions[intent.session_id]
        session.status = "complete"
        self.tell("checkout.session.completed", "checkout.session", session.id)

    def fly(self, intent: Intent, until: datetime) -> None:
        """The bank is slow: the page may close before the charge comes through."""
        intent.lands_at, intent.will_succeed = until, True

    def charge_by_hand(self, amount: int, currency: str, metadata: dict[str, str]) -> Intent:
        """Somebody charges a card in the gateway's own pages."""
        intent = Intent(self.name("pi"), amount, currency, dict(metadata), self.clock())
        self.intents[intent.id] = intent
        self.succeed(intent)
        return intent

    def close(self, session: Session) -> None:
        """End a page; its intent is canceled unless its charge is on the way."""
        session.status = "expired"
        self.tell("checkout.session.expired", "checkout.session", session.id)
        intent = session.intent
        if intent is not None and intent.lands_at is None and intent.status != "succeeded":
            intent.status = "canceled"
            self.tell("payment_intent.canceled", "payment_intent", intent.id)

    def pass_time(self) -> None:
        """Do what has come due: late calls, charges on their way, pages whose time is over."""
        now = self.clock()
        due = [call for at, call in self.late_calls if at <= now]
        self.late_calls = [(at, call) for at, call in self.late_calls if at > now]
        for call in due:
            with suppress(GatewayRefused):
                call()
        for intent in list(self.intents.values()):
            if intent.lands_at is not None and intent.lands_at <= now:
                if intent.will_succeed:
                    self.succeed(intent)
                else:
                    self.decline(intent, "generic_decline")
        for session in list(self.sessions.values()):
            if session.status == "open" and session.expires_at <= now:
                self.close(session)
        self.close_setup_pages()

    def move(self, category: str, amount: int, currency: str, source_id: str) -> None:
        movement = Movement(self.name("txn"), category, amount, currency, source_id, self.clock())
        self.movements.append(movement)

    def tell(self, kind: str, object_type: str, object_id: str) -> None:
        """Make an event, unless it goes astray, and plan how it is delivered."""
        self.changes += 1
        if self.odds("event_never_made"):
            return
        now = self.clock()
        snapshot = self._snapshot(object_type, object_id)
        event = Event(self.name("evt"), kind, object_type, object_id, now, snapshot)
        self.events[event.id] = event
        if self.odds("event_never_delivered"):
            return
        copies = 1 + self.odds("event_doubled") + self.odds("event_doubled")
        for _copy in range(copies):
            minutes = self.rng.choice((5, 90, 2_000)) if self.odds("event_delayed") else 0
            event.due.append(now + timedelta(minutes=self.rng.uniform(0, minutes)))

    def _snapshot(self, object_type: str, object_id: str) -> Any:
        if object_type == "refund":
            return self.refund_facts(self.refunds[object_id])
        if object_type == "dispute":
            return self.dispute_facts(self.disputes[object_id])
        if object_type in ("setup_intent", "payment_method") or object_id in self.setup_pages:
            return None
        if object_type == "checkout.session":
            return self.session_facts(self.sessions[object_id])
        return self.intent_facts(self.intents[object_id])

    # --- As the portal's dataclasses ------------------------------------------------------------

    def session_facts(self, session: Session) -> CheckoutSession:
        intent = session.intent
        return CheckoutSession(
            id=session.id,
            url=f"https://checkout.example/{session.id}",
            status=session.status,
            payment_status="paid" if intent and intent.status == "succeeded" else "unpaid",
            expires_at=session.expires_at,
            metadata=session.metadata(),
            intent=self.intent_facts(intent) if intent else None,
        )

    def intent_facts(self, intent: Intent) -> IntentFacts:
        return IntentFacts(
            id=intent.id,
            status=intent.status,
            amount=intent.amount,
            amount_received=intent.received,
            currency=intent.currency,
            metadata=dict(intent.metadata),
            paid_at=intent.paid_at,
            error_code=intent.error[0],
            decline_code=intent.error[1],
            advice_code=intent.error[2],
            charge_id=f"ch_{intent.id}" if intent.paid_at else "",
            method_type=intent.method,
            method_id=intent.card,
        )

    def event_facts(self, event: Event) -> EventFacts:
        return EventFacts(
            event.id, event.type, event.object_type, event.object_id, body_of(event.id)
        )

    @staticmethod
    def between(rows: Any, since: datetime, until: datetime) -> list[Any]:
        """Created in a span of whole seconds, both ends included, newest first."""
        start, end = int(since.timestamp()), int(until.timestamp())
        found = [row for row in rows if start <= int(row.created_at.timestamp()) <= end]
        return list(reversed(found))

    def balance(self) -> dict[str, int]:
        """What is on the account, by currency."""
        sums: dict[str, int] = {}
        for movement in self.movements:
            sums[movement.currency] = sums.get(movement.currency, 0) + movement.amount
        return sums
