"""Two at once make the letter of one settlement: one letter; without the unique key, two."""

import threading
from datetime import date
from typing import Any

import pytest

from repayments.audit.models import Event
from repayments.contracts import documents, services
from repayments.contracts.models import SettlementLetter
from repayments.loans.models import Loan
from repayments.loans.queries import get_position
from tests.contracts.test_races import both
from tests.factories.contracts import NOW, TODAY, make_person
from tests.factories.loans import make_loan, pay
from tests.payments.test_promises_races import without

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def settled(room: None) -> Loan:
    loan = make_loan(
        borrower=make_person("王镕"),
        terms={"disbursed_on": date(2026, 11, 5), "first_due_on": date(2026, 12, 5)},
        now=NOW,
    )
    pay(loan, get_position(loan=loan, as_of=TODAY).payoff_amount, TODAY)
    # The news of it has had its letter made already; here it is made by the race.
    SettlementLetter.objects.all().delete()
    return loan


def made(loan: Loan) -> int:
    return Event.objects.filter(stream=loan.stream, action="contracts.letter_made").count()


@pytest.fixture
def all_looked_before_any_writes(settled: Loan, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have seen that there is no letter, and have rendered theirs, before either stores it."""
    real, meeting = documents.render_letter, threading.Barrier(2)

    def render(*args: Any, **options: Any) -> bytes:
        pdf = real(*args, **options)
        meeting.wait(30)
        return pdf

    monkeypatch.setattr(documents, "render_letter", render)


def make_at_once(loan: Loan) -> list[Any]:
    return both(*[lambda: services.make_letter(loan_id=loan.pk, now=NOW)] * 2)


@pytest.mark.usefixtures("all_looked_before_any_writes")
def test_two_at_once_make_one_letter(settled: Loan) -> None:
    before = made(settled)

    answers = make_at_once(settled)

    assert sorted(type(one).__name__ for one in answers) == ["NoneType", "SettlementLetter"]
    letter = SettlementLetter.objects.get(loan=settled)
    assert letter.status != SettlementLetter.Status.VOIDED
    assert made(settled) == before + 1
    assert not Event.objects.filter(action="contracts.letter_voided").exists()


@pytest.mark.usefixtures("all_looked_before_any_writes")
def test_twin_without_the_unique_key_two_letters_are_made(settled: Loan) -> None:
    before = made(settled)

    with without(SettlementLetter, "contracts_letter_settlement_unique"):
        make_at_once(settled)

        assert SettlementLetter.objects.filter(loan=settled).count() == 2
        assert made(settled) == before + 2
