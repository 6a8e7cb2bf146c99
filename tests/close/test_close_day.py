"""The close of a day: what it writes, that it writes it once, and what it makes up for."""

import json
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection

from repayments import close, tasks
from repayments.audit.services import verify_audit
from repayments.cases.models import Case
from repayments.close import DayIsPast, DayNotBegun, close_day, close_due_day
from repayments.contacts.models import Message
from repayments.ledger.models import JournalEntry
from repayments.ledger.services import verify_ledger
from repayments.loans.models import DayClose, Installment, Loan
from repayments.loans.queries import get_position
from repayments.loans.services import record_payment
from repayments.reminders.models import Reminder
from tests.factories.loans import make_loan, make_overdue_loan
from tests.loans.books import assert_books_agree

pytestmark = pytest.mark.django_db

DAY = date(2026, 11, 17)


def midnight(day: date) -> datetime:
    """Half past midnight of a day in Shanghai."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=7, minutes=30)


def run(day: date) -> tuple[int, int, int, int]:
    written = close_day(as_of=day, now=midnight(day)).written
    return (written.billed, written.loans, written.reminders, written.cases)


def count_rows() -> list[int]:
    models = [JournalEntry, Reminder, Message, Case, DayClose]
    return [model.objects.count() for model in models]  # type: ignore[attr-defined]


def test_what_falls_due_is_billed_counted_and_reminded_of() -> None:
    loan = make_loan(terms={"disbursed_on": date(2026, 10, 17), "first_due_on": DAY})

    assert run(DAY) == (1, 1, 1, 0)

    loan.refresh_from_db()
    position = get_position(loan=loan, as_of=DAY)
    assert loan.past_due_amount == position.past_due_amount > 0
    assert (loan.days_past_due, loan.past_due_since) == (0, DAY)
    assert loan.next_due_date == date(2026, 12, 17)
    assert Reminder.objects.get().kind == "due_day"
    assert_books_agree(loan)


def test_the_same_day_again_writes_nothing() -> None:
    make_overdue_loan(days=45, as_of=DAY - timedelta(days=1))
    make_loan(terms={"disbursed_on": date(2026, 10, 17), "first_due_on": DAY})
    run(DAY)
    before = count_rows()
    stored = DayClose.objects.get()

    assert run(DAY) == (0, 0, 0, 0)

    assert count_rows() == before
    assert DayClose.objects.get().finished_at == stored.finished_at


def test_figures_move_on_with_each_day_as_the_pages_reckon_them() -> None:
    loan = make_overdue_loan(days=10, as_of=DAY, penalty_rate="18")

    for gap in range(1, 25):
        day = DAY + timedelta(days=gap)
        run(day)
        loan.refresh_from_db()
        position = get_position(loan=loan, as_of=day)
        assert loan.days_past_due == position.days_past_due == 10 + gap
        assert loan.past_due_amount == position.past_due_amount
        assert loan.next_due_date == position.next_due_date
        assert loan.stage.key == ("middle" if 10 + gap >= 31 else "early")
    assert_books_agree(loan)


def test_a_loan_late_past_the_policys_day_becomes_one_case() -> None:
    make_overdue_loan(days=29, as_of=DAY)

    assert run(DAY)[3] == 0
    assert run(DAY + timedelta(days=1))[3] == 1
    assert run(DAY + timedelta(days=2))[3] == 0
    assert verify_audit() is None


def test_money_that_waits_is_applied_to_what_falls_due() -> None:
    loan = make_loan(terms={"disbursed_on": date(2026, 9, 17), "first_due_on": date(2026, 10, 17)})
    first, second = loan.installments.order_by("number")[:2]
    record_payment(
        loan_id=loan.pk,
        amount=first.unpaid + second.unpaid + 700,
        effective_date=date(2026, 10, 17),
        reference="ahead",
        actor=None,
        now=midnight(date(2026, 10, 18)),
    )

    run(date(2026, 12, 17))

    third = loan.installments.get(number=3)
    assert third.interest_paid + third.principal_paid == 700
    assert verify_ledger() is None


def test_one_loan_in_disorder_does_not_keep_the_others_open(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make_loan(terms={"disbursed_on": date(2026, 10, 17), "first_due_on": DAY})

    def fail(**kwargs: Any) -> None:
        raise RuntimeError("in disorder")

    monkeypatch.setattr(close, "list_credit_due", lambda **kwargs: [1])
    monkeypatch.setattr(close, "apply_unapplied", fail)

    assert run(DAY)[0] == 1
    assert "loan 1" in caplog.text


def test_f16_days_missed_are_made_up_for_with_one_reminder() -> None:
    loan = make_loan(terms={"disbursed_on": date(2026, 10, 17), "first_due_on": DAY})
    run(DAY - timedelta(days=5))

    run(DAY + timedelta(days=2))

    closed = DayClose.objects.order_by("date").values_list("date", "written")
    assert [day for day, _written in closed] == [DAY + timedelta(days=gap) for gap in range(-5, 3)]
    assert closed[1][1] == {"made_up_by": (DAY + timedelta(days=2)).isoformat()}
    assert all(DayClose.objects.values_list("finished_at", flat=True))
    assert [reminder.kind for reminder in Reminder.objects.all()] == ["late_1"]
    assert JournalEntry.objects.get(kind="interest", book=loan.book).effective_date == DAY


def test_a_day_before_the_last_closed_one_is_refused() -> None:
    run(DAY)

    with pytest.raises(DayIsPast):
        run(DAY - timedelta(days=1))


def test_a_close_cut_off_in_the_middle_is_finished_by_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_loan(terms={"disbursed_on": date(2026, 10, 17), "first_due_on": DAY})

    def cut(**kwargs: Any) -> int:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(close, "create_due_reminders", cut)
        with pytest.raises(KeyboardInterrupt):
            run(DAY)
    assert DayClose.objects.get().finished_at is None

    assert run(DAY) == (0, 0, 1, 0)
    assert DayClose.objects.get().finished_at is not None


# --- By beat --------------------------------------------------------------------------------------


def test_the_task_closes_today_once_a_minute_after_minute() -> None:
    make_loan(terms={"disbursed_on": date(2026, 10, 17), "first_due_on": DAY})

    with time_machine.travel(midnight(DAY), tick=False):
        tasks.close_due_day()
        tasks.close_due_day(unknown_argument=1)

    assert DayClose.objects.get().date == DAY
    assert JournalEntry.objects.filter(kind="interest").count() == 1


def test_f15_a_close_under_way_is_left_to_whoever_began_it() -> None:
    DayClose.objects.create(date=DAY, started_at=midnight(DAY))

    assert close_due_day(today=DAY, now=midnight(DAY) + timedelta(minutes=14)) is None
    assert DayClose.objects.get().finished_at is None


def test_a_close_begun_by_somebody_who_died_is_taken_over() -> None:
    DayClose.objects.create(date=DAY, started_at=midnight(DAY))

    assert close_due_day(today=DAY, now=midnight(DAY) + timedelta(minutes=16)) is not None
    assert DayClose.objects.get().finished_at is not None


def test_a_day_before_the_last_closed_one_is_no_work_for_the_task() -> None:
    run(DAY + timedelta(days=3))

    assert close_due_day(today=DAY, now=midnight(DAY)) is None


# --- By command -----------------------------------------------------------------------------------


def test_the_command_prints_the_rows_truly_written() -> None:
    make_loan(terms={"disbursed_on": date(2026, 10, 17), "first_due_on": DAY})
    out = StringIO()

    with time_machine.travel(midnight(DAY), tick=False):
        call_command("close_day", date="2026-11-17", json=True, stdout=out)

    report = json.loads(out.getvalue())
    assert set(report) == {"date", "written", "seconds"}
    assert report["date"] == "2026-11-17"
    assert report["written"] == {"billed": 1, "loans": 1, "reminders": 1, "cases": 0}


def test_the_command_closes_today_without_a_date() -> None:
    with time_machine.travel(midnight(DAY), tick=False):
        call_command("close_day", stdout=StringIO())

    assert DayClose.objects.get().date == DAY


@pytest.mark.parametrize("text", ["20261117", "2026-02-30", "tomorrow", "", "9999-12-31"])
def test_the_command_refuses_what_is_no_date(text: str) -> None:
    with pytest.raises(CommandError):
        call_command("close_day", date=text, stdout=StringIO())
    # A row of its own would shut out every day before it.
    assert not DayClose.objects.exists()


def test_the_command_refuses_a_day_that_is_past() -> None:
    run(DAY)

    with (
        time_machine.travel(midnight(DAY), tick=False),
        pytest.raises(CommandError, match="2026-11-17"),
    ):
        call_command("close_day", date="2026-11-16", stdout=StringIO())


def test_the_command_refuses_a_day_that_has_not_begun() -> None:
    with (
        time_machine.travel(midnight(DAY), tick=False),
        pytest.raises(CommandError, match="2026-11-18 has not begun"),
    ):
        call_command("close_day", date="2026-11-18", stdout=StringIO())

    # A row of its own would shut out the day that has.
    assert not DayClose.objects.exists()


def test_a_day_has_begun_where_the_lender_is_not_in_utc() -> None:
    # Half past midnight in Shanghai is the evening before in UTC.
    assert midnight(DAY).date() < DAY
    run(DAY)

    with pytest.raises(DayNotBegun):
        close_day(as_of=DAY + timedelta(days=1), now=midnight(DAY))


def test_the_demos_clock_lets_a_day_begin(settings: Any) -> None:
    settings.BUSINESS_DATE = "2027-03-01"

    call_command("close_day", date="2027-03-01", stdout=StringIO())

    assert DayClose.objects.get().date == date(2027, 3, 1)


def test_the_number_of_statements_does_not_grow_with_the_loans(
    django_assert_max_num_queries: Any,
) -> None:
    for _number in range(12):
        make_loan(terms={"disbursed_on": date(2026, 10, 17), "first_due_on": DAY})

    # Savepoints included; each step is a handful of statements, whatever the number of loans, and
    # so is each sort of case that may be due.
    on_postgresql = connection.vendor == "postgresql"  # it takes six more
    with django_assert_max_num_queries(84 if on_postgresql else 78):
        assert run(DAY)[:3] == (12, 12, 12)
    assert Installment.objects.filter(interest_billed__gt=0).count() == Loan.objects.count() == 12
