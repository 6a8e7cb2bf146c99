"""What happened, as a borrower reads it, when money came late or went back."""

from collections.abc import Callable
from datetime import date

from repayments.loans.activity import list_activity
from repayments.loans.models import Loan
from repayments.loans.services import record_payment, reverse_payment
from tests.home.conftest import NOW, borrower, lend  # noqa: F401 - fixtures

Lend = Callable[..., Loan]


def pay(loan: Loan, day: date, reference: str, amount: int = 10_662) -> int:
    entry = record_payment(
        loan_id=loan.pk,
        amount=amount,
        effective_date=day,
        reference=reference,
        actor=None,
        now=NOW,
    )
    return entry.pk


def test_parts_of_a_payment_add_up_to_it(lend: Lend) -> None:  # noqa: F811 - a fixture
    loan = lend()
    pay(loan, date(2026, 9, 12), "p1")
    line = list_activity(loan=loan)[0]
    assert line.amount == 10_662
    assert sum(amount for _label, amount in line.parts) == 10_662


def test_money_used_anew_is_shown_where_it_stands(lend: Lend) -> None:  # noqa: F811
    loan = lend()
    later = pay(loan, date(2026, 10, 12), "later")
    pay(loan, date(2026, 9, 12), "earlier")
    lines = {line.entry_id: line for line in list_activity(loan=loan)}
    # The payment of October now repays the second installment: 11.05 of interest, not 12.00.
    assert dict(lines[later].parts) == {"interest": 1_105, "principal": 9_557}


def test_a_payment_taken_back_has_no_parts_left(lend: Lend) -> None:  # noqa: F811
    loan = lend()
    entry_id = pay(loan, date(2026, 9, 12), "p1")
    reverse_payment(
        entry_id=entry_id,
        reference="back",
        effective_date=date(2026, 9, 13),
        actor=None,
        now=NOW,
    )
    lines = {line.entry_id: line for line in list_activity(loan=loan)}
    assert lines[entry_id].parts == []
