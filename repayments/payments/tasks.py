"""Work that waits for no page: settle, work the inbox, ask the gateway what was missed.

Each task may run twice, late, or beside itself, to the same end.
"""

import logging
from typing import Any

from celery import shared_task

from repayments.clock import now
from repayments.payments import services
from repayments.payments.gateway import GatewayError
from repayments.payments.services import EventBeingWorked

logger = logging.getLogger(__name__)


@shared_task
def process_gateway_event(*, event_id: str, **kwargs: Any) -> None:
    """Settle what one event of the inbox is about."""
    try:
        services.process_event(event_id=event_id, now=now())
    except EventBeingWorked:
        logger.info("event %s is worked elsewhere or done", event_id)
    except GatewayError as error:
        # Noted on the row; the sweep comes back to it.
        logger.warning("event %s: %s request=%s", event_id, error, error.request_id)


@shared_task
def settle_payment(*, payment_id: int, **kwargs: Any) -> None:
    """Ask the gateway how one payment stands."""
    try:
        services.resolve_payment(payment_id=payment_id, now=now())
    except GatewayError as error:
        # The webhook or the reconciler brings the same news.
        logger.warning("payment %s: %s request=%s", payment_id, error, error.request_id)


@shared_task
def send_refund(*, refund_id: int, **kwargs: Any) -> None:
    """Have the gateway send an approved refund."""
    try:
        services.send_refund(refund_id=refund_id, now=now())
    except GatewayError as error:
        # The row says what is known; the sweep comes back to it.
        logger.error("refund %s: %s request=%s", refund_id, error, error.request_id)


@shared_task
def sweep_refunds(**kwargs: Any) -> None:
    """Enqueue each refund that was to be sent and whose answer is missing."""
    for refund_id in services.list_refunds_to_send(now=now()):
        send_refund.delay_on_commit(refund_id=refund_id)


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
        logger.error("reconciling: %s request=%s", error, error.request_id)
