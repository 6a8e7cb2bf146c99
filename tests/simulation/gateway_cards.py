"""Saved cards at the modeled gateway: customers, pages that save a card, charges without its owner.

What a bank says to a charge follows the card's temper, which may change. A decline is an answer and
no error, as in Stripe's API; a card that was detached is refused.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from repayments.payments.gateway import (
    CardFacts,
    ChargeRequest,
    CheckoutSession,
    GatewayMissing,
    GatewayRefused,
    SetupFacts,
    SetupRequest,
)
from tests.simulation.gateway_objects import Intent, Session

# What a bank answers: code of the error, of the decline, and the network's advice.
TEMPERS = {
    "pays": ("", "", ""),
    "is short of money": ("card_declined", "insufficient_funds", "try_again_later"),
    "is stolen": ("card_declined", "stolen_card", "do_not_try_again"),
    "asks its owner": ("authentication_required", "authentication_required", ""),
}
SOFT, HARD, ASKS = "is short of money", "is stolen", "asks its owner"


@dataclass
class Card:
    """A card kept for a customer; ``customer`` is empty once it is detached."""

    id: str
    customer: str
    temper: str = "pays"


@dataclass
class SetupPage:
    """A page that saves a card, and its SetupIntent once it was used."""

    id: str
    request: SetupRequest
    created_at: datetime
    status: str = "open"
    card: Card | None = None

    @property
    def setup_id(self) -> str:
        return f"seti_{self.id}"

    def metadata(self) -> dict[str, str]:
        return {"mandate": self.request.mandate, "loan": self.request.loan}


class SavedCards:
    """The part of the gateway's model that keeps cards and charges them; mixed into it."""

    def create_customer(self: Any, *, borrower: str, key: str) -> str:
        def create() -> str:
            name: str = self.name("cus")
            self.customers[name] = borrower
            return name

        return str(self._once(key, borrower, create))

    def open_setup(self: Any, request: SetupRequest, *, key: str) -> CheckoutSession:
        def open_page() -> CheckoutSession:
            now = self.clock()
            if not timedelta(minutes=29) < request.expires_at - now <= timedelta(hours=24):
                raise GatewayRefused("expires_at is out of range", code="parameter_invalid")
            if request.customer not in self.customers:
                raise GatewayRefused("no such customer", code="resource_missing")
            page = SetupPage(self.name("cs"), request, now)
            self.setup_pages[page.id] = page
            self.changes += 1
            return self.setup_page_facts(page)

        found: CheckoutSession = self._once(key, request, open_page)
        return found

    def charge_card(self: Any, request: ChargeRequest, *, key: str) -> Any:
        return self._once(key, request, lambda: self._charge_card(request))

    def _charge_card(self: Any, request: ChargeRequest) -> Any:
        card = self.cards.get(request.method)
        if card is None or card.customer != request.customer:
            raise GatewayRefused("no such payment_method", code="resource_missing")
        intent = Intent(
            id=self.name("pi"),
            amount=request.amount,
            currency=request.currency,
            metadata={"payment": request.payment, "loan": request.loan},
            created_at=self.clock(),
            method="card",
            card=card.id,
        )
        self.intents[intent.id] = intent
        if card.temper == "pays":
            self.succeed(intent)
        else:
            self.refuse(intent, TEMPERS[card.temper])
        return self.intent_facts(intent)

    def fetch_card(self: Any, method_id: str) -> CardFacts:
        if method_id not in self.cards:
            raise GatewayMissing("no such payment_method", code="resource_missing")
        return self.card_facts(self.cards[method_id])

    def detach_card(self: Any, method_id: str, *, key: str) -> CardFacts:
        def detach() -> CardFacts:
            card = self.cards[method_id]
            if not card.customer:
                raise GatewayRefused("it is attached to nobody", code="resource_missing")
            self.detach(card)
            return self.card_facts(card)

        found: CardFacts = self._once(key, method_id, detach)
        return found

    def fetch_setup(self: Any, setup_id: str) -> SetupFacts:
        page = self.setup_pages.get(setup_id.removeprefix("seti_"))
        if page is None:
            raise GatewayMissing("no such setup_intent", code="resource_missing")
        return SetupFacts(
            id=setup_id,
            status="succeeded" if page.card else "requires_payment_method",
            method_id=page.card.id if page.card else "",
            customer_id=page.request.customer,
            metadata=page.metadata(),
            error_code="",
            decline_code="",
        )

    # --- What owners and banks do ---------------------------------------------------------------

    def keep(self: Any, customer: str, temper: str) -> Card:
        card = Card(self.name("pm"), customer, temper)
        self.cards[card.id] = card
        self.tell("payment_method.attached", "payment_method", card.id)
        return card

    def use_setup_page(self: Any, page: SetupPage, temper: str) -> Card:
        """The owner types a card."""
        card: Card = self.keep(page.request.customer, temper)
        page.card, page.status = card, "complete"
        self.tell("setup_intent.succeeded", "setup_intent", page.setup_id)
        self.tell("checkout.session.completed", "checkout.session", page.id)
        return card

    def save_card_of(self: Any, intent: Intent, session: Session) -> None:
        """A payment on a page that saves its card has come; wallets save none."""
        if session.request.saves_card and intent.method == "card" and not intent.card:
            intent.card = self.keep(session.request.customer, "pays").id

    def detach(self: Any, card: Card) -> None:
        card.customer = ""
        self.tell("payment_method.detached", "payment_method", card.id)

    def close_setup_pages(self: Any) -> None:
        for page in self.setup_pages.values():
            if page.status == "open" and page.request.expires_at <= self.clock():
                page.status = "expired"
                self.tell("checkout.session.expired", "checkout.session", page.id)

    # --- As the portal's dataclasses ------------------------------------------------------------

    def card_facts(self, card: Card) -> CardFacts:
        return CardFacts(card.id, card.customer, "visa", "4242", 12, 2040)

    def setup_page_facts(self, page: SetupPage) -> CheckoutSession:
        return CheckoutSession(
            id=page.id,
            url=f"https://checkout.example/{page.id}",
            status=page.status,
            payment_status="no_payment_required",
            expires_at=page.request.expires_at,
            metadata=page.metadata(),
            intent=None,
            setup_id=page.setup_id,
        )
