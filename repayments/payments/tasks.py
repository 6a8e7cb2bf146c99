"""Work that waits for no page: settle, work the inbox, ask the gateway what was missed.

Each task may run twice, late, or beside itself, to the same end.
"""

import logging
from datetime import timedelta
from typing import Any

from celery import shared_task

from repayments.clock import lender_zone, now, today
from repayments.payments import gateway, services
from repayments.payments.gateway import GatewayError
from repayments.payments.services import ChargeNotOpen, EventBeingWorked

logger = logging.getLogger(__name__)


@shared_task
def process_gateway_event(*, event_id: str, **kwargs: Any) -> None:
    """Settle what one event of the inbox is about."""
    try:
        services.process_event(event_id=event_id, now=now())
    except EventBeingWorked:
        logger.info("event %s is worked elsewhere or done", event_id)
    except GatewayError as error:
        # Noted on the row and kept as a failed call; the sweep comes back to it.
        logger.warning("event %s: %s", event_id, error)


@shared_task
def settle_payment(*, payment_id: int, **kwargs: Any) -> None:
    """Ask the gateway how one payment stands."""
    try:
        services.resolve_payment(payment_id=payment_id, now=now())
    except GatewayError as error:
        # The webhook or the reconciler brings the same news.
        services.note_failed_call(
            what="ask about a payment", error=error, now=now(), payment_id=payment_id
        )


@shared_task
def send_refund(*, refund_id: int, **kwargs: Any) -> None:
    """Have the gateway send an approved refund."""
    try:
        services.send_refund(refund_id=refund_id, now=now())
    except GatewayError as error:
        # Kept as a failed call; the row says what is known, and the sweep comes back to it.
        logger.warning("refund %s: %s", refund_id, error)


@shared_task
def sweep_refunds(**kwargs: Any) -> None:
    """Enqueue each refund that was to be sent and whose answer is missing."""
    for refund_id in services.list_refunds_to_send(now=now()):
        send_refund.delay_on_commit(refund_id=refund_id)


@shared_task
def make_charge(*, charge_id: int, **kwargs: Any) -> None:
    """Charge a saved card for one due date."""
    try:
        services.make_charge(charge_id=charge_id, now=now())
    except ChargeNotOpen:
        logger.info("charge %s is made elsewhere or done", charge_id)


@shared_task
def sweep_charges(**kwargs: Any) -> None:
    """Enqueue each announced charge whose day has come."""
    for charge_id in services.list_due_charges(today=today()):
        make_charge.delay_on_commit(charge_id=charge_id)


@shared_task
def settle_mandate(*, mandate_id: int, **kwargs: Any) -> None:
    """Ask the gateway whether a card was saved."""
    try:
        services.resolve_mandate(mandate_id=mandate_id, now=now())
    except GatewayError as error:
        # The webhook or the reconciler brings the same news.
        logger.warning("mandate %s: %s request=%s", mandate_id, error, error.request_id)


@shared_task
def sweep_gateway_events(**kwargs: Any) -> None:
    """Enqueue each event that nobody works on."""
    for event_id in services.list_waiting_events(now=now()):
        process_gateway_event.delay_on_commit(event_id=event_id)


@shared_task
def reconcile_payments(**kwargs: Any) -> None:
    """Bring in what the gateway holds and we do not."""
    try:
        services.reconcile(now=now())
    except GatewayError as error:
        # The watermark has not moved: the next run looks at the same span.
        logger.error("reconciling: %s", error)


@shared_task
def reconcile_nightly(**kwargs: Any) -> None:
    """Look back further than the watermark, then hold yesterday's movements against the books."""
    try:
        services.reconcile(now=now(), nightly=True)
    except GatewayError as error:
        logger.error("reconciling: %s", error)
    check_clearing()


@shared_task
def check_clearing(**kwargs: Any) -> None:
    """Hold yesterday's movements at the gateway against the books."""
    # The gateway's days are real ones, also where a demonstration has moved the portal's.
    yesterday = gateway.clock().astimezone(lender_zone()).date() - timedelta(days=1)
    try:
        services.check_clearing(day=yesterday, now=now())
    except GatewayError as error:
        services.note_failed_call(what="compare the balance", error=error, now=now())


@shared_task
def forget_failed_calls(**kwargs: Any) -> None:
    """Delete failed calls that nobody needs any more."""
    count = services.forget_failed_calls(now=now())
    logger.info("%d failed calls are forgotten", count)
