"""Money goes back that had covered what a signed plan, or a waiver, has settled since."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repayments.ledger.models import Account, JournalEntry
from repayments.loans.models import Charge, Loan, Schedule
from repayments.loans.queries import get_position
from repayments.loans.services import charge_fee, returned_amount, waive_charge
from repayments.loans.services.work import Work
from repayments.management.invariants import find_breach
from tests.factories.loans import get_loan, make_loan, make_product, noon, pay
from tests.loans.books import assert_books_agree, summarize
from tests.loans.returning import (
    FEW,
    TODAY,
    bring_to_today,
    come_again,
    draw_payments,
    draw_product,
    give_back,
    sign_plan,
)

pytestmark = pytest.mark.django_db


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


def settle_for_good(data: st.DataObject, loan: Loan, on: date) -> None:
    """Sign a plan, or one that is broken later, or waive penalty interest: no news reopens that."""
    if get_loan(loan).status != Loan.Status.ACTIVE:
        return
    how = data.draw(st.sampled_from(["plan", "broken plan", "waiver"]), label="how")
    penalty = [
        one.pk
        for one in Charge.objects.filter(loan=loan, kind=Charge.Kind.PENALTY)
        if one.amount > one.paid + one.waived + one.withdrawn
    ]
    if how == "waiver" and penalty:
        waive_charge(charge_id=penalty[-1], reason="Kindness", actor=None, now=noon(on))
        return
    sign_plan(loan, on, parts=data.draw(st.integers(1, 3), label="parts"))
    if how == "broken plan":
        pay(loan, data.draw(st.integers(1, 300_000)), on + timedelta(days=5))
        if get_loan(loan).status == Loan.Status.ACTIVE:
            sign_plan(loan, on + timedelta(days=10), reason=Schedule.Reason.PLAN_BROKEN)


@FEW
@given(data=st.data())
def test_any_returns_that_all_come_again_behind_a_plan_leave_it_as_it_was(
    data: st.DataObject,
) -> None:
    loan = make_loan(product=draw_product(data), penalty_rate=Decimal("18"))
    payments = draw_payments(data, last=40)
    entries = [pay(loan, amount, on, now=noon(date(2026, 3, 1))) for amount, on in payments]
    last = max(on for _amount, on in payments)
    settle_for_good(data, loan, data.draw(st.sampled_from([date(2026, 3, 5), last]), label="on"))
    later = [(data.draw(st.integers(1, 200_000)), date(2026, 4, 5))]
    entries += [pay(loan, amount, on, now=noon(on)) for amount, on in later]
    amounts = [amount for amount, _on in payments + later]
    bring_to_today(loan)
    before = summarize(loan)
    standing: list[JournalEntry] = []
    for at, entry in enumerate(entries):
        for part in data.draw(st.lists(st.integers(1, amounts[at]), max_size=2)):
            if part <= amounts[at] - returned_amount(entry_id=entry.pk):
                went = TODAY - timedelta(days=data.draw(st.integers(0, 20), label="ago"))
                standing.append(give_back(entry, part, effective_date=went, now=noon(TODAY)))
                assert_books_agree(loan)
    for entry in data.draw(st.permutations(standing)):
        come_again(entry)
        assert_books_agree(loan)
    bring_to_today(loan)
    assert summarize(loan) == before
    assert find_breach(now=noon(TODAY)) is None


# --- A row owed again is due from its day on; what was paid before that day stays as it was -----


def rows_of(loan: Loan) -> list[tuple[date, int, int]]:
    """Due date, what is due and what is paid of it, of rows that ask for anything."""
    return [
        (row.due_date, row.amount, row.paid)
        for row in get_position(loan=get_loan(loan), as_of=TODAY).snapshot.rows
        if row.amount
    ]


def test_an_installment_paid_ahead_of_a_return_stays_paid() -> None:
    loan = make_loan()
    entry = pay(loan, 106_619, date(2026, 2, 15))
    sign_plan(loan, date(2026, 3, 5))
    first = rows_of(loan)[0]
    pay(loan, first[1], date(2026, 3, 20))

    returned = give_back(entry, 106)

    assert rows_of(loan)[0] == (first[0], first[1], first[1])
    assert rows_of(loan)[-1] == (TODAY, 106, 0)
    assert_books_agree(loan)
    come_again(returned)
    assert rows_of(loan)[0] == (first[0], first[1], first[1])
    assert get_position(loan=get_loan(loan), as_of=TODAY).unapplied == 0
    assert_books_agree(loan)


def test_a_row_that_was_withdrawn_is_nobodys_next_installment() -> None:
    """Returned on a day after a payment, and come again: the payment covers what it covered."""
    loan = make_loan(product=make_product(allocation_strategy="horizontal"))
    early = pay(loan, 106_619, date(2026, 1, 25))
    for amount, on in ((600_000, date(2026, 1, 25)), (106_619, date(2026, 2, 18))):
        pay(loan, amount, on, now=noon(date(2026, 3, 1)))
    sign_plan(loan, date(2026, 3, 5))
    pay(loan, 110_259, date(2026, 4, 5))
    bring_to_today(loan)
    before = summarize(loan)

    come_again(give_back(early, 106))
    pay(loan, 1, date(2026, 4, 5), now=noon(TODAY))

    after = summarize(loan)
    assert after["figures"][5] == before["figures"][5] - 1
    assert_books_agree(loan)


@pytest.mark.parametrize("paid", [0, 1])
def test_penalty_between_the_last_reckoning_and_a_waiver_is_still_to_come(paid: int) -> None:
    """A waiver or an opening balance reckons none: money that comes and goes waives nothing."""
    loan = make_loan(
        product=make_product(surplus="prepay"), penalty_rate=Decimal("18"), paid_installments=paid
    )
    pay(loan, 38, date(2026, 3, 22))
    penalty = Charge.objects.get(loan=loan)
    waive_charge(charge_id=penalty.pk, reason="Kindness", actor=None, now=noon(date(2026, 4, 1)))
    entry = pay(loan, 2, date(2026, 4, 5))
    bring_to_today(loan)
    before = summarize(loan)

    come_again(give_back(entry, 1))

    bring_to_today(loan)
    assert summarize(loan) == before
    assert_books_agree(loan)


def test_paying_principal_early_leaves_what_is_owed_again_alone() -> None:
    """Behind a waiver, that of a prepaid installment went back; news of a payment before that."""
    loan = make_loan(product=make_product(surplus="prepay"), penalty_rate=Decimal("18"))
    entry = pay(loan, 106_619, date(2026, 2, 20))
    pay(loan, 250_000, date(2026, 2, 21))
    penalty = Charge.objects.create(
        loan=loan,
        kind="penalty",
        charged_on=date(2026, 2, 21),
        amount=1,
        entry=Work(loan_id=loan.pk, actor=None, now=noon(date(2026, 2, 21))).post(
            kind="penalty",
            reference="penalty:x",
            on=date(2026, 2, 21),
            postings={Account.PENALTY_RECEIVABLE: 1, Account.INTEREST_INCOME: -1},
        ),
    )
    waive_charge(charge_id=penalty.pk, reason="Kindness", actor=None, now=noon(date(2026, 2, 25)))
    give_back(entry, 50_000, effective_date=date(2026, 4, 1))
    added = loan.installments.current().get(owed_again=True)
    assert (added.due_date, added.unpaid) == (date(2026, 4, 1), 50_000)

    pay(loan, 300_000, date(2026, 3, 1), now=noon(date(2026, 4, 2)))

    kept = loan.installments.current().get(owed_again=True)
    assert kept.schedule.reason == "prepayment"
    assert (kept.due_date, kept.unpaid, kept.interest_billed) == (
        date(2026, 4, 1),
        50_000,
        kept.interest_due,
    )
    later = loan.installments.current().filter(due_date__gt=date(2026, 4, 15))
    assert later.count() == 9
    assert max(row.unpaid for row in later) - min(row.unpaid for row in later) < 10
    assert_books_agree(loan)


def waive_penalty_of(loan: Loan, on: date) -> None:
    """Charge a cent of penalty interest and waive it: what came before is settled for good."""
    entry = Work(loan_id=loan.pk, actor=None, now=noon(on)).post(
        kind="penalty",
        reference="penalty:x",
        on=on,
        postings={Account.PENALTY_RECEIVABLE: 1, Account.INTEREST_INCOME: -1},
    )
    penalty = Charge.objects.create(loan=loan, kind="penalty", charged_on=on, amount=1, entry=entry)
    waive_charge(charge_id=penalty.pk, reason="Kindness", actor=None, now=noon(on))


@pytest.mark.parametrize("part", [50_000, 143_381], ids=["in part", "all of it"])
def test_principal_repaid_early_that_went_back_is_owed_from_the_day_it_went(part: int) -> None:
    loan = make_loan(product=make_product(surplus="prepay"), penalty_rate=Decimal("18"))
    pay(loan, 106_619, date(2026, 2, 15))
    entry = pay(loan, 250_000, date(2026, 2, 20))
    early = loan.installments.current().get(due_date=date(2026, 2, 20))
    waive_penalty_of(loan, date(2026, 2, 25))
    back = date(2026, 3, 10)
    bring_to_today(loan, back)
    before = summarize(loan)

    returned = give_back(entry, part, effective_date=back)

    early.refresh_from_db()
    assert early.unpaid == 0
    added = loan.installments.current().get(owed_again=True)
    assert (added.due_date, added.principal_due) == (back, part)
    assert get_loan(loan).past_due_since == back
    assert get_position(loan=get_loan(loan), as_of=date(2026, 3, 12)).days_past_due == 2
    assert_books_agree(loan)
    assert find_breach(now=noon(back)) is None

    come_again(returned, back)

    assert summarize(loan) == before
    assert_books_agree(loan)
    assert find_breach(now=noon(back)) is None


def test_principal_repaid_early_on_the_day_of_the_waiver_itself_goes_back_alike() -> None:
    loan = make_loan(product=make_product(surplus="prepay"), penalty_rate=Decimal("18"))
    pay(loan, 106_619, date(2026, 2, 15))
    day, back = date(2026, 2, 20), date(2026, 3, 10)
    entry = pay(loan, 250_000, day)
    waive_penalty_of(loan, day)
    bring_to_today(loan, back)
    before = summarize(loan)

    returned = give_back(entry, 50_000, effective_date=back)
    assert_books_agree(loan)
    assert find_breach(now=noon(back)) is None
    come_again(returned, back)

    assert summarize(loan) == before
    assert_books_agree(loan)
