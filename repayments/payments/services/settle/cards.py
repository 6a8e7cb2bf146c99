"""Saved cards brought to where the gateway says they are, and the mandates that wait for one.

A card is kept only for a customer of ours. One that is gone at the gateway, whoever removed it, is
gone here, and what was charged to it ends with a message. Locks: loan, through the mandate.
"""

import logging
import uuid
from datetime import datetime

from django.db import transaction

from repayments.payments import gateway
from repayments.payments.gateway import CardFacts, CheckoutSession, GatewayMissing, SetupFacts
from repayments.payments.models import GatewayCustomer, Mandate, Payment, Provider, SavedCard
from repayments.payments.querysets import UNDER_WAY
from repayments.payments.services.autopay.mandates import (
    activate_mandate,
    end_mandate,
    end_mandates_of_card,
)

logger = logging.getLogger(__name__)

SETUP, CARD = "setup_intent", "payment_method"
Status = Mandate.Status


def settle_setup(*, object_type: str, object_id: str, now: datetime) -> Mandate | None:
    """Bring the mandate behind a SetupIntent to where the gateway says it stands.

    Returns: the mandate as stored; None where the object belongs to none of ours.
    Raises: GatewayError when an object cannot be fetched; nothing was changed.
    """
    setup = gateway.fetch_setup(object_id)
    mandate = _find_mandate(setup.metadata.get("mandate"))
    if mandate is None or not _is_ours(mandate, setup):
        logger.info("no mandate of ours behind %s %s", object_type, object_id)
        return None
    if setup.status == "succeeded" and setup.method_id:
        card = keep_card(gateway.fetch_card(setup.method_id), now)
        if card is not None:
            activate_mandate(mandate_id=mandate.pk, card=card, setup_id=setup.id, now=now)
    elif setup.status == "canceled" and mandate.status == Status.PENDING:
        end_mandate(mandate_id=mandate.pk, reason=Mandate.EndReason.SETUP, actor=None, now=now)
    mandate.refresh_from_db()
    return mandate


def settle_setup_page(session: CheckoutSession, *, now: datetime) -> Mandate | None:
    """Bring the mandate behind a fetched session of mode setup to where it stands.

    Raises: GatewayError.
    """
    mandate = _find_mandate(session.metadata.get("mandate"))
    if mandate is None:
        return None
    adopt_setup(mandate_id=mandate.pk, session=session, now=now)
    if session.status == "expired":
        if mandate.status == Status.PENDING:
            end_mandate(mandate_id=mandate.pk, reason=Mandate.EndReason.SETUP, actor=None, now=now)
    elif session.status == "complete" and session.setup_id:
        return settle_setup(object_type=SETUP, object_id=session.setup_id, now=now)
    mandate.refresh_from_db()
    return mandate


def adopt_setup(*, mandate_id: int, session: CheckoutSession, now: datetime) -> bool:
    """Put the gateway's page into its row; False if it is there, or the mandate has moved on."""
    changed = Mandate.objects.filter(pk=mandate_id, status=Status.PENDING, session_id="").update(
        session_id=session.id,
        setup_url=session.url,
        expires_at=session.expires_at,
        updated_at=now,
    )
    return changed == 1


def settle_card(*, object_type: str, object_id: str, now: datetime) -> SavedCard | None:
    """Bring a saved card to where the gateway says it is: kept, renewed or gone.

    Returns: the card as stored; None for one of no customer of ours.
    Raises: GatewayError when it cannot be fetched; nothing was changed.
    """
    try:
        facts = gateway.fetch_card(object_id)
    except GatewayMissing:
        return _forget(object_id, now)
    return keep_card(facts, now) if facts.customer_id else _forget(object_id, now)


def keep_card_of_payment(payment: Payment, *, method_id: str, now: datetime) -> None:
    """Keep the card that a payment was to save; begin the mandate that was agreed with it.

    Args:
        method_id: what it was paid with; a wallet is no card, and saves none.
    Raises: GatewayError.
    """
    waiting = Mandate.objects.filter(payment=payment, status=Status.PENDING).first()
    card = None
    if payment.method == Payment.Method.CARD:
        card = settle_card(object_type=CARD, object_id=method_id, now=now)
    if waiting is None:
        return
    if card is None:
        end_mandate(mandate_id=waiting.pk, reason=Mandate.EndReason.SETUP, actor=None, now=now)
    else:
        activate_mandate(mandate_id=waiting.pk, card=card, setup_id="", now=now)


def resolve_mandate_of_payment(payment: Payment, *, now: datetime) -> None:
    """Bring a mandate agreed to while paying to where its payment stands.

    Raises: GatewayError; nothing was changed.
    """
    if payment.status in UNDER_WAY:
        return
    if payment.entry_id is not None and payment.intent_id:
        intent = gateway.fetch_intent(payment.intent_id)
        keep_card_of_payment(payment, method_id=intent.method_id, now=now)
        return
    waiting = Mandate.objects.filter(payment=payment, status=Status.PENDING)
    for pk in list(waiting.values_list("pk", flat=True)):
        end_mandate(mandate_id=pk, reason=Mandate.EndReason.SETUP, actor=None, now=now)


@transaction.atomic
def keep_card(facts: CardFacts, now: datetime) -> SavedCard | None:
    """Store a card of a customer of ours, or what is new about it."""
    customer = GatewayCustomer.objects.filter(
        provider=Provider.STRIPE, customer_id=facts.customer_id
    ).first()
    if customer is None or not facts.customer_id:
        return None
    card, _created = SavedCard.objects.update_or_create(
        method_id=facts.id,
        defaults={
            "customer": customer,
            "brand": facts.brand[:20],
            "last4": facts.last4[-4:],
            "exp_month": facts.exp_month,
            "exp_year": facts.exp_year,
        },
        create_defaults={
            "customer": customer,
            "brand": facts.brand[:20],
            "last4": facts.last4[-4:],
            "exp_month": facts.exp_month,
            "exp_year": facts.exp_year,
            "saved_at": now,
        },
    )
    return card


@transaction.atomic
def _forget(method_id: str, now: datetime) -> SavedCard | None:
    card = SavedCard.objects.filter(method_id=method_id).first()
    if card is None:
        return None
    end_mandates_of_card(card_id=card.pk, now=now)
    SavedCard.objects.filter(pk=card.pk, detached_at__isnull=True).update(detached_at=now)
    card.refresh_from_db()
    return card


def _find_mandate(text: str | None) -> Mandate | None:
    try:
        named = uuid.UUID(text or "")
    except ValueError:
        return None
    return Mandate.objects.select_related("loan", "customer").filter(public_id=named).first()


def _is_ours(mandate: Mandate, setup: SetupFacts) -> bool:
    """Whether the gateway's object is of the loan and the customer that the mandate names."""
    return (
        setup.metadata.get("loan") == str(mandate.loan.public_id)
        and setup.customer_id == mandate.customer.customer_id
    )
