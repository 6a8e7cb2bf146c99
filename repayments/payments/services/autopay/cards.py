"""Remove a saved card at the borrower's word; what is charged to it ends first in any case."""

import logging
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from repayments.audit.services import record_event
from repayments.payments import gateway
from repayments.payments.gateway import GatewayError, GatewayMisconfigured, GatewayRefused
from repayments.payments.models import SavedCard
from repayments.payments.services.amounts import PaymentRefused
from repayments.payments.services.autopay.mandates import end_mandates_of_card
from repayments.payments.services.failed_calls import note_failed_call
from repayments.payments.services.settle import CARD, settle

logger = logging.getLogger(__name__)


class CardNotRemoved(PaymentRefused):
    """The gateway did not answer; nothing is charged to the card any more, but it is still kept."""


def remove_card(*, card_id: int, actor: User, now: datetime) -> None:
    """Forget a card here and at the gateway, and end the automatic payments it was used for.

    Raises: CardNotRemoved; the automatic payments have ended all the same.
    """
    card = SavedCard.objects.get(pk=card_id)
    if card.detached_at is not None:
        return
    end_mandates_of_card(card_id=card_id, actor=actor, now=now)
    try:
        _detach(card, now)
    except GatewayError as error:
        note_failed_call(what="remove a saved card", error=error, now=now)
        raise CardNotRemoved(
            _("The card could not be removed right now. It is not charged any more.")
        ) from error
    _record(card, actor, now)


def _detach(card: SavedCard, now: datetime) -> None:
    try:
        gateway.detach_card(card.method_id, key=f"detach:{card.public_id}")
    except GatewayMisconfigured:
        raise
    except GatewayRefused:
        # Removed there before: settling tells.
        logger.info("card %s was removed at the gateway before", card.public_id)
    settle(object_type=CARD, object_id=card.method_id, now=now)


@transaction.atomic
def _record(card: SavedCard, actor: User, now: datetime) -> None:
    record_event(
        stream=f"borrower:{card.customer.borrower.public_id}",
        action="payments.card_removed",
        actor=actor,
        at=now,
        payload={"card": str(card.public_id)},
    )
