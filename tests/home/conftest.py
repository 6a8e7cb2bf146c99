"""One borrower in the situations the home shows, made by real services."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from accounts.models import Borrower, User
from repayments.loans.amortization import Terms
from repayments.loans.models import Loan, Product
from repayments.loans.services import create_loan

NOW = datetime(2026, 8, 12, 2, tzinfo=UTC)


@pytest.fixture
def borrower(db: None) -> Borrower:
    user = User.objects.create_user("mei@example.com", name="王小梅", language="en")
    return Borrower.objects.create(
        reference="B-1", legal_name="王小梅", email=user.email, user=user, language="en"
    )


@pytest.fixture
def reader(borrower: Borrower, client: Client) -> Client:
    client.force_login(borrower.user)  # type: ignore[arg-type]
    client.cookies["django_language"] = "en"
    return client


@pytest.fixture
def lend(borrower: Borrower) -> Callable[..., Loan]:
    """Make a loan of 1,200.00 at 12 % over 12 months, first due on 12 September 2026."""

    def make(number: str = "L-1", status: str = Loan.Status.ACTIVE, **terms: Any) -> Loan:
        return create_loan(
            borrower=borrower,
            product=Product.objects.get(key="standard"),
            number=number,
            terms=Terms(
                principal=terms.pop("principal", 120_000),
                currency="CNY",
                annual_rate=Decimal(12),
                installments=12,
                disbursed_on=date(2026, 8, 12),
                **terms,
            ),
            status=status,
            actor=None,
            now=NOW,
        )

    return make
