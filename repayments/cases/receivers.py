"""News from lower rooms. A receiver only hastens what ``sweep_cases`` or the close does anyway."""

import logging
from typing import Any

from repayments.cases.services import close_settled_cases, open_signaled_cases
from repayments.clock import now
from repayments.loans.signals import loan_settled
from repayments.payments.signals import payment_exception
from repayments.plans.signals import plan_broken, plan_referred

logger = logging.getLogger(__name__)


def on_something_for_a_person(**_news: Any) -> None:
    """A plan was referred or broken, or money needs a look."""
    try:
        open_signaled_cases(now=now())
    except Exception:
        # What sent the news is committed and stands; the sweep comes within a minute.
        logger.exception("cases were not opened at once")


def on_loan_settled(*, loan_id: int, **_news: Any) -> None:
    """Nothing is owed any more."""
    try:
        close_settled_cases(now=now(), loan_id=loan_id)
    except Exception:
        logger.exception("the cases of loan %s were not closed at once", loan_id)


def connect() -> None:
    """Listen; called once, when the application is ready."""
    for signal in (plan_referred, plan_broken, payment_exception):
        signal.connect(on_something_for_a_person, dispatch_uid="cases.something_for_a_person")
    loan_settled.connect(on_loan_settled, dispatch_uid="cases.loan_settled")
