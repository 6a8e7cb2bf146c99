"""Payments as rows, for tests that do not care how they began."""

from datetime import datetime
from typing import Any

from repayments.loans.models import Loan
from repayments.payments import gateway
from repayments.payments.autopay_consents import CONSENT_VERSION, text_sha256
from repayments.payments.models import GatewayCustomer, Mandate, Payment, SavedCard


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


def make_mandate(loan: Loan, *, now: datetime, number: int = 1, **changes: Any) -> Mandate:
    """Write an active mandate with a saved card; ``number`` tells cards apart."""
    customer, _created = GatewayCustomer.objects.get_or_create(
        borrower=loan.borrower, defaults={"customer_id": f"cus_{number}", "created_at": now}
    )
    card = SavedCard.objects.create(
        customer=customer,
        method_id=f"pm_{number}",
        brand="visa",
        last4="4242",
        exp_month=12,
        exp_year=2034,
        saved_at=now,
    )
    values: dict[str, Any] = {
        "loan": loan,
        "customer": customer,
        "card": card,
        "status": Mandate.Status.ACTIVE,
        "consent_version": CONSENT_VERSION,
        "consent_sha256": text_sha256("en"),
        "language": "en",
        "agreed_at": now,
        "started_at": now,
        "created_at": now,
        "updated_at": now,
    }
    return Mandate.objects.create(**{**values, **changes})
