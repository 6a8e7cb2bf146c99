"""The nightly check of the books and of the record beneath them."""

import logging
from typing import Any

from celery import shared_task

from repayments.audit.services import verify_audit
from repayments.ledger.services import verify_ledger

logger = logging.getLogger(__name__)


@shared_task(name="repayments.ledger.tasks.check_books")
def check_books(**kwargs: Any) -> None:
    """Complain aloud about the first row that does not hold; repair nothing."""
    for check in (verify_ledger, verify_audit):
        fault = check()
        if fault is not None:
            logger.critical("%s found a fault: %s", check.__name__, fault)
