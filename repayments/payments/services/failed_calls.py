"""Calls to the gateway that failed: one line in the log, one row for the operator's page.

The row holds what the gateway's support asks for, its ``Request-Id``, and nothing of the payer. It
is forgotten after ``KEPT_DAYS``, unless its payment still waits for its end or for a person.
"""

import logging
from datetime import datetime, timedelta

from django.db.models import Q

from repayments.payments.gateway import GatewayError
from repayments.payments.models import FailedCall
from repayments.payments.querysets import UNDER_WAY

logger = logging.getLogger(__name__)

# The gateway's support looks no further back than this.
KEPT_DAYS = 90
# So many rows a statement, and so many statements a night: a table grown large for years is worked
# off in some nights and holds nobody up.
LOT, MOST_LOTS = 1000, 100


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


def forget_failed_calls(*, now: datetime) -> int:
    """Delete the calls that failed long ago and that nobody needs any more; returns how many.

    Kept whatever their age: those about a payment whose end is not known or that a person is to
    look at. A run ends after ``LOT * MOST_LOTS`` rows; the next one goes on.
    """
    old = FailedCall.objects.filter(at__lt=now - timedelta(days=KEPT_DAYS)).exclude(
        Q(payment__isnull=False)
        & (Q(payment__needs_review=True) | Q(payment__status__in=UNDER_WAY))
    )
    forgotten = 0
    for _lot in range(MOST_LOTS):
        keys = list(old.order_by("at", "pk").values_list("pk", flat=True)[:LOT])
        forgotten += FailedCall.objects.filter(pk__in=keys).delete()[0] if keys else 0
        if len(keys) < LOT:
            break
    return forgotten
