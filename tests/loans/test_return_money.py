"""Money of a payment goes back, and comes again: the loan is what the money that is left makes."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repayments.ledger.models import Account, JournalEntry
from repayments.ledger.services import AlreadyPosted
from repayments.loans.models import Charge, Loan, PayoffQuote, Schedule
from repayments.loans.queries import get_position, list_payment_allocations
from repayments.loans.reckoning import ScheduleRow
from repayments.loans.services import (
    NotAPayment,
    NotReturned,
    TooMuchReturned,
    apply_unapplied,
    charge_fee,
    quote_payoff,
    replace_schedule,
    restore_money,
    return_money,
    returned_amount,
    reverse_payment,
    waive_charge,
)
from repayments.loans.services.work import Work
from repayments.management.invariants import find_breach
from tests.factories.loans import get_loan, make_loan, make_product, noon, pay
from tests.loans.books import assert_books_agree, assert_figures_agree, summarize

pytestmark = pytest.mark.django_db

REFUND, CHARGEBACK = JournalEntry.Kind.REFUND, JournalEntry.Kind.CHARGEBACK
TODAY = date(2026, 4, 20)
_numbers = count(1)


def give_back(entry: JournalEntry, amount: int, **fields: Any) -> JournalEntry:
    values = {"kind": REFUND, "reference": f"re_{next(_numbers)}", "effective_date": TODAY}
    values |= {"actor": None, "now": noon(fields.get("effective_date", TODAY))}
    return return_money(entry_id=entry.pk, amount=amount, **(values | fields))


def come_again(entry: JournalEntry, on: date = TODAY, reference: str = "again") -> JournalEntry:
    reference = f"{reference}_{next(_numbers)}"
    return restore_money(
        entry_id=entry.pk, reference=reference, effective_date=on, actor=None, now=noon(on)
    )


def bring_to_today(loan: Loan, today: date = TODAY) -> None:
    """What the night does: bill what fell due, apply what waits, and the figures."""
    Work(loan_id=loan.pk, actor=None, now=noon(today)).bill_due(today)
    apply_unapplied(loan_id=loan.pk, as_of=today, now=noon(today))
    assert_figures_agree(loan, today)


def assert_same(loan: Loan, other: Loan) -> None:
    for one in (loan, other):
        bring_to_today(one)
    assert summarize(loan) == summarize(other)
    assert_books_agree(loan)
    assert find_breach(now=noon(TODAY)) is None


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


# --- After a signed plan, and after a waiver: what the money had covered is owed once more -------


def sign_plan(loan: Loan, on: date, parts: int = 3) -> Schedule:
    """Put a plan of level principal in force, that carries what is owed on the day."""
    owed = get_position(loan=get_loan(loan), as_of=on).snapshot.payoff(on)
    each, rest = divmod(owed.principal, parts)
    rows = [
        ScheduleRow(on + timedelta(days=30 * at), each + (rest if at == parts else 0), 900)
        for at in range(1, parts + 1)
    ]
    first = rows[0]
    extra = max(owed.interest - 900 * parts, 0)
    rows[0] = ScheduleRow(
        first.due_date, first.principal, first.interest + extra, owed.fees + owed.penalty
    )
    return replace_schedule(
        loan_id=loan.pk, rows=rows, reason="plan", effective_date=on, actor=None, now=noon(on)
    )


def test_behind_a_plan_the_part_that_went_back_is_one_more_row() -> None:
    loan = make_loan()
    entry = pay(loan, 106_619, date(2026, 2, 15))
    sign_plan(loan, date(2026, 4, 1))
    before = summarize(loan)
    back = date(2026, 4, 10)

    returned = give_back(entry, 100_000, effective_date=back)

    row = loan.installments.current().get(due_date=back)
    # The payment covered 120.00 of interest, then 946.19 of principal: what came last goes first.
    assert (row.principal_due, row.interest_due) == (94_619, 5_381)
    assert get_loan(loan).outstanding_principal == 1_200_000
    assert_books_agree(loan)

    come_again(returned, back)

    assert summarize(loan) == before
    assert_books_agree(loan)


def test_behind_a_plan_two_returns_are_two_rows_and_each_comes_again_alone() -> None:
    loan = make_loan()
    entry = pay(loan, 106_619, date(2026, 2, 15))
    sign_plan(loan, date(2026, 4, 1))
    first = give_back(entry, 50_000, effective_date=date(2026, 4, 5))
    alone = summarize(loan)
    second = give_back(entry, 30_000, effective_date=date(2026, 4, 10))
    pay(loan, 80_000, date(2026, 4, 12))
    rows = loan.installments.current().filter(due_date__lt=date(2026, 4, 11))
    assert [row.unpaid for row in rows.order_by("due_date")] == [0, 0]
    assert [row.principal_due + row.interest_due for row in rows.order_by("due_date")] == [
        50_000,
        30_000,
    ]

    come_again(first, date(2026, 4, 15))

    left = [row for row in loan.installments.current() if row.due_date == date(2026, 4, 10)]
    assert sum(row.principal_due + row.interest_due for row in left) == 30_000
    assert_books_agree(loan)

    come_again(second, date(2026, 4, 16))

    assert not any(
        row.principal_due + row.interest_due
        for row in loan.installments.current()
        if row.due_date < date(2026, 4, 11)
    )
    assert_books_agree(loan)
    assert get_position(loan=get_loan(loan), as_of=TODAY).installments_total == 3
    assert alone["figures"][0] == 1_200_000 - (106_619 - 12_000) + 50_000


def test_money_that_comes_again_after_another_plan_counts_from_that_plan() -> None:
    loan = make_loan()
    entry = pay(loan, 106_619, date(2026, 2, 15))
    sign_plan(loan, date(2026, 4, 1))
    returned = give_back(entry, 106_619, effective_date=date(2026, 4, 5))
    second = sign_plan(loan, date(2026, 4, 10))
    signed = [(row.due_date, row.unpaid) for row in second.installments.order_by("number")]

    come_again(returned, date(2026, 4, 15))

    now = [(row.due_date, row.unpaid) for row in second.installments.order_by("number")]
    assert [day for day, _unpaid in now] == [day for day, _unpaid in signed]
    position = get_position(loan=get_loan(loan), as_of=TODAY)
    paid = sum(unpaid for _day, unpaid in signed) - sum(unpaid for _day, unpaid in now)
    assert paid + position.unapplied == 106_619
    assert_books_agree(loan)
    # And again in the order of dates, when other news makes the loan be reckoned anew.
    pay(loan, 1_000, date(2026, 4, 10), now=noon(date(2026, 4, 16)))
    assert_books_agree(loan)


def test_a_charge_that_was_paid_is_open_again_behind_a_waiver() -> None:
    loan = make_loan(penalty_rate=Decimal("18"))
    charge = charge_fee(
        loan_id=loan.pk,
        amount=5_000,
        reason="A returned letter",
        charged_on=date(2026, 2, 1),
        actor=None,
        now=noon(date(2026, 2, 1)),
    )
    entry = pay(loan, 111_619, date(2026, 2, 15))
    pay(loan, 10, date(2026, 3, 20))
    penalty = Charge.objects.get(loan=loan, kind="penalty")
    waive_charge(charge_id=penalty.pk, reason="Kindness", actor=None, now=noon(date(2026, 3, 25)))
    bring_to_today(loan)
    before = summarize(loan)

    returned = give_back(entry, 111_619)

    charge.refresh_from_db()
    assert charge.paid == 0
    assert loan.installments.get(is_current=True, number=1).unpaid == 106_619
    assert_books_agree(loan)

    come_again(returned)

    assert summarize(loan) == before
    charge.refresh_from_db()
    assert charge.paid == 5_000
    assert_books_agree(loan)


# --- Any story ----------------------------------------------------------------------------------


FEW = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def draw_payments(data: st.DataObject, last: int = 95) -> list[tuple[int, date]]:
    days = data.draw(st.lists(st.integers(0, last), min_size=1, max_size=4), label="days")
    amounts = st.one_of(st.integers(1, 600_000), st.just(106_619), st.just(1_300_000))
    return [(data.draw(amounts), date(2026, 1, 15) + timedelta(days=day)) for day in days]


def draw_product(data: st.DataObject) -> Any:
    return make_product(
        surplus=data.draw(st.sampled_from(["unapplied", "prepay"])),
        allocation_strategy=data.draw(st.sampled_from(["oldest_first", "horizontal"])),
    )


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


@FEW
@given(data=st.data())
def test_any_returns_that_all_come_again_behind_a_plan_leave_it_as_it_was(
    data: st.DataObject,
) -> None:
    loan = make_loan(product=draw_product(data), penalty_rate=Decimal("18"))
    payments = draw_payments(data, last=40)
    entries = [pay(loan, amount, on, now=noon(date(2026, 3, 1))) for amount, on in payments]
    if get_loan(loan).status == Loan.Status.ACTIVE:
        sign_plan(loan, date(2026, 3, 5), parts=data.draw(st.integers(1, 3)))
    later = [(data.draw(st.integers(1, 200_000)), date(2026, 4, 5))]
    entries += [pay(loan, amount, on, now=noon(on)) for amount, on in later]
    amounts = [amount for amount, _on in payments + later]
    bring_to_today(loan)
    before = summarize(loan)
    standing: list[JournalEntry] = []
    for at, entry in enumerate(entries):
        for part in data.draw(st.lists(st.integers(1, amounts[at]), max_size=2)):
            if part <= amounts[at] - returned_amount(entry_id=entry.pk):
                standing.append(give_back(entry, part))
                assert_books_agree(loan)
    for entry in data.draw(st.permutations(standing)):
        come_again(entry)
        assert_books_agree(loan)
    bring_to_today(loan)
    assert summarize(loan) == before
    assert find_breach(now=noon(TODAY)) is None
