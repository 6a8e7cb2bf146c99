"""Payments as rows, for tests that do not care how they began."""

from datetime import datetime
from typing import Any

from repayments.loans.models import Loan
from repayments.payments import gateway
from repayments.payments.models import Payment


def make_payment(loan: Loan, *, now: datetime, **changes: Any) -> Payment:
    """Write an attempt at the gateway over 1,050.00; keywords replace columns."""
    values: dict[str, Any] = {
        "loan": loan,
        "purpose": Payment.Purpose.OTHER,
        "amount": 105_000,
        "currency": loan.currency,
        "status": Payment.Status.REDIRECTED,
        "session_id": "cs_test_made_up",
        "checkout_url": "https://checkout.example/c/pay/cs_test_made_up",
        "expires_at": gateway.clock(),
        "created_at": now,
        "updated_at": now,
    }
    return Payment.objects.create(**{**values, **changes})
