"""Money of a payment goes back, and comes again: the loan is what the money that is left makes."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repayments.ledger.models import Account, JournalEntry
from repayments.ledger.services import AlreadyPosted
from repayments.loans.models import Loan, PayoffQuote
from repayments.loans.queries import get_position, list_payment_allocations
from repayments.loans.services import (
    NotAPayment,
    NotReturned,
    TooMuchReturned,
    charge_fee,
    quote_payoff,
    returned_amount,
    reverse_payment,
)
from tests.factories.loans import get_loan, make_loan, make_product, noon, pay
from tests.loans.books import assert_books_agree, summarize
from tests.loans.returning import (
    CHARGEBACK,
    FEW,
    TODAY,
    assert_same,
    bring_to_today,
    come_again,
    draw_payments,
    draw_product,
    give_back,
)

pytestmark = pytest.mark.django_db

CASES = {
    "a part payment": (10_000, date(2026, 2, 15), 4_000),
    "an early installment": (106_619, date(2026, 1, 20), 6_619),
    "two installments at once": (213_238, date(2026, 2, 10), 150_000),
    "late with penalty": (106_619, date(2026, 3, 3), 1),
    "all of it, but for a coin": (1_400_000, date(2026, 2, 20), 1_399_999),
    "all of it, and still all of it": (1_400_000, date(2026, 2, 20), 100),
    "a future installment": (500_000, date(2026, 4, 18), 300_000),
}


@pytest.mark.parametrize("surplus", ["unapplied", "prepay"])
@pytest.mark.parametrize("case", CASES)
def test_a_part_goes_back_as_if_only_the_rest_had_come(case: str, surplus: str) -> None:
    amount, on, back = CASES[case]
    product = make_product(surplus=surplus)
    net, loan = (make_loan(product=product, penalty_rate=Decimal("18")) for _ in range(2))
    for other in (net, loan):
        pay(other, 60_000, date(2026, 1, 18))
    entry = pay(loan, amount, on)
    pay(net, amount - back, on)
    for other in (net, loan):
        pay(other, 250_000, date(2026, 4, 19))
    bring_to_today(loan)
    before = summarize(loan)

    returned = give_back(entry, back, kind=CHARGEBACK)

    assert_same(loan, net)
    assert returned_amount(entry_id=entry.pk) == back
    went = sum(line.amount for line in list_payment_allocations(entry_id=entry.pk))
    assert went <= amount - back

    come_again(returned)

    assert summarize(loan) == before
    assert returned_amount(entry_id=entry.pk) == 0
    assert_books_agree(loan)


def test_the_books_say_what_went_back_in_one_entry() -> None:
    loan = make_loan()
    entry = pay(loan, 50_000, date(2026, 2, 15))
    returned = give_back(entry, 20_000, reference="re_x")
    assert returned.reference == f"entry:{entry.pk}:re_x"
    assert dict(returned.postings.values_list("account", "amount")) == {
        Account.CLEARING: -20_000,
        Account.UNAPPLIED: 20_000,
    }
    assert come_again(returned).reverses == returned


def test_no_more_goes_back_than_came() -> None:
    loan = make_loan()
    entry = pay(loan, 50_000, date(2026, 2, 15))
    give_back(entry, 20_000)
    with pytest.raises(TooMuchReturned):
        give_back(entry, 30_001)
    give_back(entry, 30_000)
    with pytest.raises(TooMuchReturned):
        give_back(entry, 1)
    with pytest.raises(NotAPayment):
        reverse_payment(
            entry_id=entry.pk, reference="x", effective_date=TODAY, actor=None, now=noon(TODAY)
        )
    with pytest.raises(ValueError, match="at least one"):
        give_back(entry, 0)
    assert get_position(loan=get_loan(loan), as_of=TODAY).unapplied == 0


def test_one_reference_of_a_payment_is_posted_once() -> None:
    loan = make_loan()
    entry = pay(loan, 50_000, date(2026, 2, 15))
    give_back(entry, 10_000, reference="re_same")
    with pytest.raises(AlreadyPosted):
        give_back(entry, 10_000, reference="re_same")
    assert returned_amount(entry_id=entry.pk) == 10_000


def test_only_payments_go_back_and_only_returns_come_again() -> None:
    loan = make_loan()
    paid_out = loan.book.entries.get(kind="disbursement")
    with pytest.raises(NotAPayment):
        give_back(paid_out, 1)
    with pytest.raises(ValueError, match="no kind of return"):
        give_back(paid_out, 1, kind=JournalEntry.Kind.WAIVER)
    with pytest.raises(NotReturned):
        come_again(paid_out)
    returned = give_back(pay(loan, 50_000, date(2026, 2, 15)), 10_000)
    come_again(returned)
    with pytest.raises(NotReturned):
        come_again(returned)


def test_what_is_left_after_a_part_went_back_is_all_that_is_reversed() -> None:
    untouched, loan = make_loan(), make_loan()
    entry = pay(loan, 50_000, date(2026, 2, 15))
    returned = give_back(entry, 20_000)
    reverse_payment(
        entry_id=entry.pk, reference="wrong", effective_date=TODAY, actor=None, now=noon(TODAY)
    )
    assert_same(loan, untouched)
    come_again(returned)
    pay(untouched, 20_000, date(2026, 2, 15), now=noon(TODAY))
    assert_same(loan, untouched)


def test_a_settled_loan_runs_again_when_a_coin_goes_back() -> None:
    loan = make_loan()
    total = get_position(loan=loan, as_of=date(2026, 2, 20)).payoff_amount
    entry = pay(loan, total, date(2026, 2, 20))
    assert get_loan(loan).status == Loan.Status.PAID_OFF
    returned = give_back(entry, 1)
    assert get_loan(loan).status == Loan.Status.ACTIVE
    come_again(returned)
    assert get_loan(loan).status == Loan.Status.PAID_OFF


def test_a_quoted_payoff_that_went_back_in_part_is_no_payoff() -> None:
    net, loan = make_loan(), make_loan()
    day = date(2026, 2, 20)
    quote = quote_payoff(loan_id=loan.pk, good_through=day, actor=None, now=noon(day))
    assert PayoffQuote.objects.get().total == quote.total
    fee = {"amount": 5_000, "reason": "A returned letter", "charged_on": day}
    for other in (net, loan):
        charge_fee(loan_id=other.pk, actor=None, now=noon(day), **fee)
    entry = pay(loan, quote.total, day)
    assert get_loan(loan).status == Loan.Status.PAID_OFF
    pay(net, quote.total - 5_000, day)
    give_back(entry, 5_000)
    assert get_loan(loan).status == Loan.Status.ACTIVE
    assert_same(loan, net)


# --- Any story ----------------------------------------------------------------------------------


def shuffle_money(
    data: st.DataObject, entries: list[JournalEntry], amounts: list[int], check: Callable[[], None]
) -> list[int]:
    """Return and restore at random; give what is left of each payment."""
    left = list(amounts)
    standing: list[tuple[int, int, JournalEntry]] = []
    for _ in range(data.draw(st.integers(1, 6), label="steps")):
        if standing and data.draw(st.booleans(), label="restore"):
            at, amount, entry = standing.pop(data.draw(st.integers(0, len(standing) - 1)))
            come_again(entry)
            left[at] += amount
        else:
            at = data.draw(st.integers(0, len(entries) - 1), label="payment")
            if not left[at]:
                continue
            amount = data.draw(st.integers(1, left[at]) | st.just(left[at]), label="amount")
            standing.append((at, amount, give_back(entries[at], amount)))
            left[at] -= amount
        assert returned_amount(entry_id=entries[at].pk) == amounts[at] - left[at]
        check()
    return left


@FEW
@given(data=st.data())
def test_any_returns_and_restores_leave_what_the_net_money_makes(data: st.DataObject) -> None:
    product = draw_product(data)
    rate = Decimal(data.draw(st.sampled_from(["0", "18"])))
    net, loan = (make_loan(product=product, penalty_rate=rate) for _ in range(2))
    payments = draw_payments(data)
    entries = [pay(loan, amount, on, now=noon(TODAY)) for amount, on in payments]
    left = shuffle_money(
        data, entries, [amount for amount, _on in payments], lambda: assert_books_agree(loan)
    )
    for amount, (_whole, on) in zip(left, payments, strict=True):
        if amount:
            pay(net, amount, on, now=noon(TODAY))
    assert_same(loan, net)
