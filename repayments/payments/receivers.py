"""News of the loans. A receiver only hastens what the nightly close does anyway."""

import logging
from typing import Any

from repayments.clock import now, today
from repayments.loans.signals import payment_posted
from repayments.payments.services import decide_promises

logger = logging.getLogger(__name__)


def on_payment_posted(*, loan_id: int, **_news: Any) -> None:
    """Money came: it may be what was promised."""
    try:
        decide_promises(as_of=today(), now=now(), loan_id=loan_id)
    except Exception:
        logger.exception("promises of loan %s were not decided at once", loan_id)


def connect() -> None:
    """Listen; called once, when the application is ready."""
    payment_posted.connect(on_payment_posted, dispatch_uid="payments.payment_posted")
