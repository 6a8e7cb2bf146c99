"""Steps that tests of returned money share: money goes back, comes again, a plan is signed."""

from datetime import date, timedelta
from itertools import count
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from repayments.ledger.models import JournalEntry
from repayments.loans.models import Loan, Schedule
from repayments.loans.queries import get_position
from repayments.loans.reckoning import ScheduleRow
from repayments.loans.services import apply_unapplied, replace_schedule, restore_money, return_money
from repayments.loans.services.work import Work
from repayments.management.invariants import find_breach
from tests.factories.loans import get_loan, make_product, noon
from tests.loans.books import assert_books_agree, assert_figures_agree, summarize

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


def sign_plan(loan: Loan, on: date, parts: int = 3, reason: str = Schedule.Reason.PLAN) -> Schedule:
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
        loan_id=loan.pk, rows=rows, reason=reason, effective_date=on, actor=None, now=noon(on)
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


FEW = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
