"""Payments end where they end in the order of their dates, whenever they become known."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repayments.loans.models import Loan
from repayments.loans.services import charge_fee
from tests.factories.loans import make_loan, make_product, noon, pay
from tests.loans.books import assert_books_agree, assert_figures_agree, summarize

pytestmark = pytest.mark.django_db

KNOWN = date(2026, 6, 20)


def play(payments: Any, product: Any, **terms: Any) -> Any:
    loan = make_loan(product=product, penalty_rate=Decimal("18"), terms=terms)
    for amount, on in payments:
        pay(loan, amount, on, now=noon(KNOWN))
    return loan


STORIES = {
    "late, early, more": [
        (60_000, date(2026, 1, 20)),
        (106_619, date(2026, 3, 4)),
        (300_000, date(2026, 4, 1)),
    ],
    "settled in the middle": [
        (200_000, date(2026, 2, 15)),
        (1_100_000, date(2026, 3, 20)),
        (50_000, date(2026, 5, 2)),
    ],
    "all in arrears": [
        (1, date(2026, 2, 16)),
        (99_999, date(2026, 4, 30)),
        (250_000, date(2026, 6, 15)),
    ],
}


@pytest.mark.parametrize("surplus", ["unapplied", "prepay"])
@pytest.mark.parametrize("story", STORIES)
def test_every_order_ends_the_same(story: str, surplus: str) -> None:
    product = make_product(surplus=surplus)
    in_order = summarize(play(STORIES[story], product))
    for order in list(permutations(STORIES[story]))[1:]:
        loan = play(order, product)
        assert summarize(loan) == in_order
        assert_books_agree(loan)


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_any_payments_in_any_order_end_the_same(data: st.DataObject) -> None:
    days = data.draw(
        st.lists(st.integers(1, 155), min_size=2, max_size=4, unique=True), label="days"
    )
    payments = [
        (data.draw(st.integers(1, 500_000)), date(2026, 1, 15) + timedelta(days=day))
        for day in sorted(days)
    ]
    product = make_product(
        surplus=data.draw(st.sampled_from(["unapplied", "prepay"])),
        allocation_strategy=data.draw(st.sampled_from(["oldest_first", "horizontal"])),
    )
    terms = {
        "amortization": data.draw(
            st.sampled_from(["equal_installment", "equal_principal", "interest_only"])
        ),
        "interest_period": data.draw(st.sampled_from(["per_installment", "daily"])),
        "installments": data.draw(st.sampled_from([3, 6, 12])),
    }
    in_order = play(payments, product, **terms)
    mixed = play(data.draw(st.permutations(payments)), product, **terms)
    assert summarize(mixed) == summarize(in_order)
    assert_books_agree(mixed)
    assert_figures_agree(mixed, KNOWN)


def test_a_fee_charged_for_an_earlier_day_is_paid_before_what_came_after() -> None:
    product = make_product()
    late, timely = (make_loan(product=product) for _ in range(2))

    def fee(loan: Loan) -> None:
        charge_fee(
            loan_id=loan.pk,
            amount=3_000,
            reason="Returned payment",
            charged_on=date(2026, 2, 20),
            actor=None,
            now=noon(KNOWN),
        )

    fee(timely)
    for loan in (late, timely):
        pay(loan, 106_619, date(2026, 3, 1), now=noon(KNOWN))
    fee(late)
    assert summarize(late) == summarize(timely)
    assert_books_agree(late)
