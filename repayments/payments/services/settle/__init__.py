"""The one way gateway money gets into the books: fetch the truth, then write it once.

Webhook, return page and reconciler all end here, any number of times, in any order, side by side.
One module a kind of object; each fetches its object with no transaction open, then works under the
locks loan, payment. Holds: an object and direction is posted at most once (``PostingKey``, unique
over all books), whatever order the news comes in.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from repayments.payments.services.settle.cards import CARD, SETUP, settle_card, settle_setup
from repayments.payments.services.settle.declined import note_decline
from repayments.payments.services.settle.disputes import DISPUTE, settle_dispute
from repayments.payments.services.settle.payments import INTENT, SESSION, settle_intent
from repayments.payments.services.settle.refunds import REFUND, settle_refund
from repayments.payments.services.settle.warnings import WARNING, settle_warning

# By the gateway's name for a kind of object: what brings one of it into the books.
_SETTLERS: dict[str, Callable[..., Any]] = {
    SESSION: settle_intent,
    INTENT: settle_intent,
    REFUND: settle_refund,
    DISPUTE: settle_dispute,
    SETUP: settle_setup,
    CARD: settle_card,
    WARNING: settle_warning,
}


def settle(*, object_type: str, object_id: str, now: datetime) -> Any:
    """Bring what a gateway object stands for to where the gateway says it is.

    Args:
        object_type: as the gateway names it; the type travels beside the id, for an id's prefix
            says nothing.
    Returns: the row of ours that it is, or None where it belongs to none.
    Raises: GatewayError when the object cannot be fetched; nothing was changed. LookupError for a
        type that ``is_settled_type`` does not know.
    """
    return _SETTLERS[object_type](object_type=object_type, object_id=object_id, now=now)


def is_settled_type(object_type: str) -> bool:
    """Whether objects of this type mean money or state of ours."""
    return object_type in _SETTLERS


__all__ = [
    "CARD",
    "DISPUTE",
    "INTENT",
    "REFUND",
    "SESSION",
    "SETUP",
    "WARNING",
    "is_settled_type",
    "note_decline",
    "settle",
]
