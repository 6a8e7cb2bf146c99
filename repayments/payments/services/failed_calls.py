"""Calls to the gateway that failed: one line in the log, one row for the operator's page.

The row holds what the gateway's support asks for, its ``Request-Id``, and nothing of the payer.
"""

import logging
from datetime import datetime

from repayments.payments.gateway import GatewayError
from repayments.payments.models import FailedCall

logger = logging.getLogger(__name__)


def note_failed_call(
    *, what: str, error: GatewayError, now: datetime, payment_id: int | None = None
) -> None:
    """Keep one failed call.

    Args:
        what: the call in a few words, such as "open a payment page".
    """
    kind = type(error).__name__
    logger.error(
        "gateway: %s (payment %s): %s code=%s request=%s: %s",
        what,
        payment_id,
        kind,
        error.code,
        error.request_id,
        error,
    )
    FailedCall.objects.create(
        at=now,
        what=what[:60],
        kind=kind[:40],
        code=error.code[:60],
        request_id=error.request_id[:60],
        payment_id=payment_id,
    )
