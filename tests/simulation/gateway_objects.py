"""What the modeled gateway holds: intents, pages, movements of money, and what it tells of them."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from repayments.payments.gateway import SessionRequest

SIGNED = "signed by the gateway"


@dataclass
class Intent:
    """A PaymentIntent; ``lands_at`` is when a payment that is on its way comes to its end."""

    id: str
    amount: int
    currency: str
    metadata: dict[str, str]
    created_at: datetime
    status: str = "requires_payment_method"
    received: int = 0
    paid_at: datetime | None = None
    error: tuple[str, str, str] = ("", "", "")
    method: str = ""
    session_id: str = ""
    lands_at: datetime | None = None
    will_succeed: bool = True
    odd_amount: int = 0
    card: str = ""


@dataclass
class Session:
    """A page at the gateway."""

    id: str
    request: SessionRequest
    created_at: datetime
    expires_at: datetime
    status: str = "open"
    intent: Intent | None = None

    @property
    def name(self) -> str:
        return self.request.payment

    def metadata(self) -> dict[str, str]:
        return {"payment": self.request.payment, "loan": self.request.loan}


@dataclass(frozen=True)
class Movement:
    """Money in or out of the account, signed minor units."""

    id: str
    category: str
    amount: int
    currency: str
    source_id: str
    created_at: datetime


@dataclass
class Event:
    """A change as told; ``snapshot`` is what the object was like then."""

    id: str
    type: str
    object_type: str
    object_id: str
    created_at: datetime
    snapshot: Any
    due: list[datetime] = field(default_factory=list)


@dataclass(frozen=True)
class Answer:
    """What a key was used for, and what came of it."""

    asked: Any
    given: Any
    at: datetime


def body_of(event_id: str) -> bytes:
    return json.dumps({"id": event_id}).encode()
