"""What the pay page says a payment covers is what the books then say it covered, part by part.

Part by part, not in sum alone: penalty interest is penalty interest before and after, also where a
payoff gathers the installments to come into one row.
"""

import random
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db.models import F, Sum

from repayments.loans.models import Allocation, Charge, Loan, PayoffQuote, Product
from repayments.loans.queries import get_position, preview_payment
from repayments.loans.services import charge_fee, quote_payoff, reverse_payment
from tests.factories.loans import get_loan, make_overdue_loan, make_product, noon, pay
from tests.loans.books import assert_books_agree, summarize

DAY = date(2026, 9, 24)
BOOKS = 40


def foretold(loan: Loan, amount: int, on: date, *, quoted: bool = False) -> dict[str, int]:
    lines = preview_payment(loan=get_loan(loan), amount=amount, as_of=on, quoted=quoted).lines
    return {line.component: line.amount for line in lines if line.component != "unapplied"}


def posted(loan: Loan, before: int) -> dict[str, int]:
    """What went where since an allocation, by part."""
    rows = Allocation.objects.filter(entry__book_id=loan.book_id, pk__gt=before)
    return dict(rows.values_list("component").annotate(total=Sum("amount")))


def last_allocation() -> int:
    return Allocation.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


def make_book(chance: random.Random) -> Loan:
    product = make_product(
        allocation_strategy=chance.choice(Product.Strategy.values),
        surplus=chance.choice(Product.Surplus.values),
    )
    loan = make_overdue_loan(
        as_of=DAY,
        days=chance.choice([1, 10, 45, 80]),
        product=product,
        terms={
            "currency": chance.choice(["CNY", "USD", "JPY", "KWD"]),
            "principal": chance.choice([10_007, 333_333, 1_200_000]),
            "annual_rate": chance.choice([Decimal(0), Decimal(12), Decimal("23.9")]),
            "installments": chance.choice([2, 3, 12]),
            "interest_period": chance.choice(["per_installment", "daily"]),
        },
        penalty_rate=Decimal(18),
    )
    if chance.random() < 0.4:
        charge_fee(
            loan_id=loan.pk,
            amount=chance.randrange(1, 3_000),
            charged_on=DAY,
            reason="letter",
            actor=None,
            now=noon(DAY),
        )
    return loan


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(BOOKS))
def test_a_payment_goes_where_the_page_said(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - examples, nothing secret
    loan, day = make_book(chance), DAY

    while get_loan(loan).status == Loan.Status.ACTIVE:
        position = get_position(loan=get_loan(loan), as_of=day)
        amount = chance.choice(
            [chance.randrange(1, position.payoff_amount + 1), position.payoff_amount]
        )
        said, before = foretold(loan, amount, day), last_allocation()

        pay(loan, amount, day)

        assert posted(loan, before) == said
        assert_books_agree(loan)
        day += timedelta(days=chance.choice([1, 13, 31]))


@pytest.fixture
def late(db: None) -> Loan:
    """Ten days late with penalty interest, and ten installments to come."""
    return make_overdue_loan(as_of=DAY, days=10, penalty_rate=Decimal(18))


def test_penalty_interest_of_a_payoff_before_the_term_is_called_so(late: Loan) -> None:
    owed = get_position(loan=late, as_of=DAY).payoff_amount
    said = foretold(late, owed, DAY)
    assert said["penalty"] > 0

    pay(late, owed, DAY)

    assert posted(late, 0) == said
    assert get_loan(late).status == Loan.Status.PAID_OFF
    assert_books_agree(late)


def test_what_a_quote_waives_is_waived_of_fees_then_penalty(late: Loan) -> None:
    quote = quote_payoff(loan_id=late.pk, good_through=DAY, actor=None, now=noon(DAY))
    # Known a moment later: less than the penalty interest, more than nothing.
    fee = 700
    charge_fee(
        loan_id=late.pk, amount=fee, charged_on=DAY, reason="letter", actor=None, now=noon(DAY)
    )
    assert PayoffQuote.objects.get().total == quote.total
    said = foretold(late, quote.total, DAY, quoted=True)
    assert "fees" not in said

    pay(late, quote.total, DAY)

    assert posted(late, 0) == said
    assert get_loan(late).status == Loan.Status.PAID_OFF
    open_charges = Charge.objects.filter(amount__gt=F("paid") + F("waived") + F("withdrawn"))
    assert not open_charges.exists()
    assert_books_agree(late)


def test_a_payoff_that_is_taken_back_leaves_penalty_and_waived_fee_as_they_were(
    late: Loan,
) -> None:
    quote = quote_payoff(loan_id=late.pk, good_through=DAY, actor=None, now=noon(DAY))
    charge_fee(
        loan_id=late.pk, amount=700, charged_on=DAY, reason="letter", actor=None, now=noon(DAY)
    )
    before = summarize(late)
    entry = pay(late, quote.total, DAY)

    reverse_payment(
        entry_id=entry.pk,
        reference="wrong-loan",
        effective_date=DAY,
        actor=None,
        now=noon(DAY),
    )

    after = summarize(late)
    assert (after["status"], after["rows"], after["charges"]) == (
        before["status"],
        before["rows"],
        before["charges"],
    )
    assert_books_agree(late)
