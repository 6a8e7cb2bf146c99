"""The small loans of a seed: products, currencies and terms that differ."""

from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from repayments.loans.models import Loan, Product
from tests.factories.accounts import make_borrower
from tests.factories.loans import make_loan

PRODUCTS: tuple[dict[str, Any], ...] = (
    {},
    {"surplus": Product.Surplus.PREPAY},
    {"partial_payments": False},
    {
        "allocation_strategy": Product.Strategy.HORIZONTAL,
        "allocation_order": ["penalty", "interest", "fees", "principal"],
    },
)
# Whole units lent, and how many minor units one has.
LENT = {"CNY": (6_000, 100), "USD": (900, 100), "JPY": (120_000, 1)}


def make_loans(rng: Random, today: date) -> list[Loan]:
    """One to three running loans of different people, some behind, some with penalty."""
    return [_make_one(rng, today) for _number in range(rng.choice((1, 1, 2, 2, 3)))]


def _make_one(rng: Random, today: date) -> Loan:
    currency = rng.choice(list(LENT))
    units, minor = LENT[currency]
    number = rng.randrange(10**12)
    product = Product.objects.create(
        key=f"simulated-{number}", name_zh="模拟", name_en="Simulated", **rng.choice(PRODUCTS)
    )
    installments = rng.choice((2, 3, 6))
    return make_loan(
        borrower=make_borrower(activated=False, language="en"),
        product=product,
        as_of=today,
        number=f"S{number}",
        penalty_rate=Decimal(rng.choice((0, 0, 18))),
        paid_installments=rng.choice((0, 0, 1)),
        terms={
            "principal": units * minor,
            "currency": currency,
            "annual_rate": Decimal(rng.choice((0, 12, 24))),
            "installments": installments,
            "amortization": rng.choice(("equal_installment", "equal_principal")),
            "disbursed_on": today - timedelta(days=rng.choice((10, 40, 75))),
            "first_due_on": None,
        },
    )
