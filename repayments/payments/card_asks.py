"""Whether a card's bank asks for its owner each time, so that it cannot be charged by itself.

Nothing is written and nobody is told here. What a bank will do next time is not known; that it
asked twice running is.
"""

from repayments.payments.models import AutopayCharge, Mandate, Payment
from repayments.payments.querysets import UNDER_WAY

# As often in a row, each for a due date of its own, and it is called a habit.
TIMES = 2


def asks_each_time(mandate: Mandate) -> bool:
    """Whether the last charges of the mandate's card were all left to the borrower to confirm."""
    ended = (
        AutopayCharge.objects.filter(
            mandate__loan_id=mandate.loan_id,
            mandate__card_id=mandate.card_id,
            payment__isnull=False,
        )
        .exclude(payment__status__in=UNDER_WAY)
        .order_by("-due_date", "-attempt")
    )
    lately = list(ended.values_list("payment__status", flat=True)[:TIMES])
    return lately == [Payment.Status.NEEDS_BORROWER] * TIMES
