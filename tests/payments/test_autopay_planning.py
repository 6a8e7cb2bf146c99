"""Which charges are announced, when, and over how much."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import Borrower
from repayments.clock import now, today
from repayments.close import close_day
from repayments.contacts.models import Message
from repayments.contacts.rechecks import is_still_wanted
from repayments.contacts.rendering import render_message
from repayments.loans.models import Installment, Loan, Schedule
from repayments.loans.services import charge_fee, record_payment
from repayments.payments.autopay_page import get_autopay_page
from repayments.payments.models import AutopayCharge, Mandate
from repayments.payments.services import announce_charges, skip_charge, stop_mandate
from repayments.payments.services.autopay import planning
from tests.factories.payments import make_mandate, make_payment
from tests.payments.autopay_acts import announced, at, next_due
from tests.payments.conftest import make_loan

pytestmark = pytest.mark.django_db

Status = AutopayCharge.Status


@pytest.fixture
def loan(borrower: Borrower) -> Loan:
    """A loan of which nothing is late."""
    return make_loan(borrower, "L-1", days_ago=5)


@pytest.fixture
def mandate(loan: Loan) -> Mandate:
    return make_mandate(loan, now=now())


def amounts(loan: Loan) -> list[tuple[date, int]]:
    rows = AutopayCharge.objects.filter(mandate__loan=loan).order_by("due_date")
    return [(row.due_date, row.announced_amount) for row in rows]


def pay(loan: Loan, amount: int, day: date) -> None:
    record_payment(
        loan_id=loan.pk,
        amount=amount,
        effective_date=day,
        reference=f"bank-{day}-{amount}",
        actor=None,
        now=at(day),
    )


def test_a_charge_is_announced_a_week_before_by_a_message_with_day_and_amount(
    loan: Loan, mandate: Mandate
) -> None:
    charge = announced(loan, after=today())

    due = next_due(loan, today())
    assert (charge.charge_on, charge.announced_amount) == (due.due_date, due.unpaid)
    notice = Message.objects.get(business_key=f"autopay_notice:{charge.pk}")
    assert notice.context["date"] == due.due_date.isoformat()
    text = render_message(notice).text
    assert "¥1,066.19" in text
    assert "¥" not in render_message(notice).subject


def test_not_earlier_and_not_too_late(loan: Loan, mandate: Mandate) -> None:
    due = next_due(loan, today()).due_date

    for days_before, count in ((8, 0), (2, 0), (3, 1)):
        day = due - timedelta(days=days_before)
        assert announce_charges(as_of=day, now=at(day)) == count


def test_the_same_night_again_announces_nothing(loan: Loan, mandate: Mandate) -> None:
    day = next_due(loan, today()).due_date - timedelta(days=5)

    counts = [announce_charges(as_of=day, now=at(day, hour)) for hour in (1, 2, 3)]

    assert counts == [1, 0, 0]
    assert Message.objects.filter(purpose="autopay_notice").count() == 1


def test_the_close_of_a_day_announces(loan: Loan, mandate: Mandate) -> None:
    day = next_due(loan, today()).due_date - timedelta(days=7)

    close_day(as_of=day, now=at(day))

    assert AutopayCharge.objects.filter(mandate=mandate).count() == 1


def test_us_21_a_first_charge_is_announced_ten_days_before_an_equal_one_three(
    loan: Loan, mandate: Mandate
) -> None:
    Borrower.objects.update(jurisdiction="US")
    due = next_due(loan, today()).due_date
    for days_before, count in ((15, 0), (9, 0), (10, 1)):
        day = due - timedelta(days=days_before)
        assert announce_charges(as_of=day, now=at(day)) == count

    # The charge of the month after is over the same amount.
    first = AutopayCharge.objects.get()
    payment = make_payment(
        loan, now=at(due), amount=first.announced_amount, session_id="", status="succeeded"
    )
    AutopayCharge.objects.update(status=Status.DONE, payment=payment)
    pay(loan, first.announced_amount, due)
    following = next_due(loan, due).due_date
    for days_before, count in ((10, 0), (3, 1)):
        day = following - timedelta(days=days_before)
        assert announce_charges(as_of=day, now=at(day)) == count


def test_uk_a_due_date_on_a_sunday_is_charged_before_it(borrower: Borrower) -> None:
    Borrower.objects.update(jurisdiction="UK")
    borrower.refresh_from_db()
    loan = make_loan(borrower, "L-UK", days_ago=5)
    sunday = next_due(loan, today()).due_date
    while sunday.weekday() != 6:
        sunday += timedelta(days=1)
    Installment.objects.filter(pk=next_due(loan, today()).pk).update(due_date=sunday)
    make_mandate(loan, now=now())

    charge = announced(loan, after=today(), days_before=6)

    assert charge.due_date == sunday
    assert charge.charge_on < sunday
    assert charge.charge_on.weekday() != 6


def test_arrears_and_a_fee_are_part_of_what_is_due_that_day(loan: Loan, mandate: Mandate) -> None:
    due = next_due(loan, today())
    charge_fee(
        loan_id=loan.pk,
        amount=5_000,
        reason="Late fee",
        charged_on=today(),
        actor=None,
        now=now(),
    )

    charge = announced(loan, after=today())

    assert charge.announced_amount == due.unpaid + 5_000


def test_money_that_waits_is_taken_off(loan: Loan, mandate: Mandate) -> None:
    due = next_due(loan, today())
    pay(loan, 30_000, today())

    charge = announced(loan, after=today())

    assert charge.announced_amount == due.unpaid - 30_000


def test_the_last_odd_installment_is_announced_as_it_is(borrower: Borrower) -> None:
    loan = make_loan(borrower, "L-odd", days_ago=5, annual_rate=Decimal(0), installments=7)
    make_mandate(loan, now=now())
    rows = list(Installment.objects.filter(loan=loan).order_by("number"))
    assert rows[-1].unpaid != rows[0].unpaid
    for row in rows[:-1]:
        pay(loan, row.unpaid, row.due_date)

    charge = announced(loan, after=rows[-2].due_date)

    assert (charge.due_date, charge.announced_amount) == (rows[-1].due_date, rows[-1].unpaid)


def test_a_fee_that_is_left_after_the_last_due_date_gets_one_charge_of_its_own(
    borrower: Borrower,
) -> None:
    loan = make_loan(borrower, "L-fee", days_ago=40, annual_rate=Decimal(0), installments=1)
    mandate = make_mandate(loan, now=now())
    charge_fee(
        loan_id=loan.pk,
        amount=5_000,
        reason="Late fee",
        charged_on=today(),
        actor=None,
        now=now(),
    )
    Installment.objects.filter(loan=loan).update(principal_paid=1_200_000)
    Loan.objects.filter(pk=loan.pk).update(next_due_date=None, past_due_amount=5_000)

    for gap in (0, 1, 20):
        day = today() + timedelta(days=gap)
        announce_charges(as_of=day, now=at(day))

    charge = AutopayCharge.objects.get(mandate=mandate)
    assert charge.announced_amount == 5_000
    assert charge.charge_on > today()


def test_a_due_date_that_has_moved_gives_up_its_charge_and_announces_the_new_one(
    loan: Loan, mandate: Mandate
) -> None:
    charge = announced(loan, after=today())
    later = charge.due_date + timedelta(days=4)
    Installment.objects.filter(loan=loan, due_date=charge.due_date).update(due_date=later)

    day = charge.due_date - timedelta(days=2)
    announce_charges(as_of=day, now=at(day))

    charge.refresh_from_db()
    assert (charge.status, charge.reason) == (Status.SKIPPED, "moved")
    new = AutopayCharge.objects.get(mandate=mandate, status=Status.ANNOUNCED)
    assert (new.due_date, new.announced_amount) == (later, charge.announced_amount)


def test_two_due_dates_in_one_week_are_not_counted_twice(borrower: Borrower) -> None:
    loan = make_loan(
        borrower,
        "L-weekly",
        days_ago=2,
        annual_rate=Decimal(0),
        installments=10,
        every=3,
        unit="days",
    )
    make_mandate(loan, now=now())

    for gap in range(3):
        day = today() + timedelta(days=gap)
        announce_charges(as_of=day, now=at(day))

    assert {amount for _day, amount in amounts(loan)} == {120_000}
    assert len(amounts(loan)) > 1


@pytest.mark.parametrize("status", [Loan.Status.PAID_OFF, Loan.Status.WRITTEN_OFF])
def test_a_loan_that_does_not_run_announces_nothing(
    loan: Loan, mandate: Mandate, status: str
) -> None:
    Loan.objects.filter(pk=loan.pk).update(status=status)
    day = next_due(loan, today()).due_date - timedelta(days=5)

    assert announce_charges(as_of=day, now=at(day)) == 0


def test_one_loan_in_disorder_keeps_no_other_from_its_notice(
    loan: Loan, mandate: Mandate, other_borrower: Borrower, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_mandate(make_loan(other_borrower, "L-2", days_ago=5), now=now(), number=2)
    real = planning.load_snapshot

    def broken(of: Loan) -> Any:
        if of.pk == loan.pk:
            raise ValueError("in disorder")
        return real(of)

    monkeypatch.setattr(planning, "load_snapshot", broken)
    day = next_due(loan, today()).due_date - timedelta(days=5)

    assert announce_charges(as_of=day, now=at(day)) == 1
    assert AutopayCharge.objects.get().mandate == other


def test_a_charge_that_was_skipped_is_not_announced_again(loan: Loan, mandate: Mandate) -> None:
    charge = announced(loan, after=today())
    skip_charge(charge_id=charge.pk, actor=loan.borrower.user, now=now())

    day = charge.due_date - timedelta(days=4)

    assert announce_charges(as_of=day, now=at(day)) == 0


def test_a_notice_is_not_sent_once_the_mandate_has_ended(loan: Loan, mandate: Mandate) -> None:
    day = next_due(loan, today()).due_date - timedelta(days=5)
    announce_charges(as_of=day, now=at(day))
    notice = Message.objects.get(purpose="autopay_notice")
    assert is_still_wanted(notice, at(day))

    stop_mandate(mandate_id=mandate.pk, actor=loan.borrower.user, now=at(day))

    assert not is_still_wanted(notice, at(day))


def test_the_page_says_what_comes_too_soon_before_it_is_late(loan: Loan, mandate: Mandate) -> None:
    due = next_due(loan, today())
    day = due.due_date - timedelta(days=1)

    page = get_autopay_page(loan=loan, as_of=day, language="en")

    assert [(one.due_date, one.amount) for one in page.missed] == [(due.due_date, due.unpaid)]
    assert page.coming[0].due_date > due.due_date


def test_the_page_shows_what_is_announced(loan: Loan, mandate: Mandate) -> None:
    day = next_due(loan, today()).due_date - timedelta(days=7)
    shown = get_autopay_page(loan=loan, as_of=day, language="en").coming[0]
    announce_charges(as_of=day, now=at(day))

    charge = AutopayCharge.objects.get()
    then = get_autopay_page(loan=loan, as_of=day, language="en").coming[0]

    assert (shown.charge_on, shown.amount) == (charge.charge_on, charge.announced_amount)
    assert then.is_announced
    assert not shown.is_announced
    assert (then.charge_on, then.amount) == (charge.charge_on, charge.announced_amount)


def test_a_plan_of_its_own_schedule_is_followed(loan: Loan, mandate: Mandate) -> None:
    Schedule.objects.filter(loan=loan).update(reason=Schedule.Reason.PLAN)

    charge = announced(loan, after=today())

    assert charge.announced_amount == next_due(loan, today()).unpaid
