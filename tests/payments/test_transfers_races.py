"""Two people at the desk at once, on the real engine: one posting. Without the guards, two."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.db.models import QuerySet

from accounts.models import User
from repayments.clock import now, today
from repayments.ledger.models import JournalEntry
from repayments.ledger.services import verify_ledger
from repayments.loans.models import Loan
from repayments.loans.services import record_payment
from repayments.loans.tape import Faults
from repayments.payments.models import BankLine, Payment, PromiseToPay, Suspense
from repayments.payments.references import loan_reference
from repayments.payments.services import (
    PromiseAlreadyOpen,
    SuspenseAlreadyPlaced,
    decide_promises,
    import_statement,
    make_promise,
    resolve_suspense_to_loan,
)
from tests.payments.test_races import at_once

pytestmark = pytest.mark.django_db(transaction=True)

SUSPENSE: Any = import_module("repayments.payments.services.suspense")


@pytest.fixture
def teller(db: None) -> User:
    return User.objects.create_user("teller@example.com", is_staff=True)


def posted(loan: Loan) -> int:
    return JournalEntry.objects.filter(book=loan.book, kind=JournalEntry.Kind.PAYMENT).count()


def test_one_statement_taken_in_by_two_at_once_posts_each_line_once(
    loan: Loan, other_loan: Loan, teller: User, tmp_path: Path
) -> None:
    path = tmp_path / "statement.csv"
    rows = [
        f"{today()},{number}.00,CNY,x,{loan_reference(one.public_id)}"
        for number in range(1, 6)
        for one in (loan, other_loan)
    ]
    path.write_text("\n".join(["booked_on,amount,currency,payer,text", *rows]), encoding="utf-8")

    def take_in() -> tuple[int, int]:
        with Faults() as faults:
            report = import_statement(
                path=path, faults=faults, actor=teller, as_of=today(), now=now()
            )
        return report.posted, report.known

    results = at_once(take_in, take_in)

    assert sorted(results) == [(0, 10), (10, 0)], results  # type: ignore[type-var]
    assert (posted(loan), posted(other_loan)) == (5, 5)
    assert BankLine.objects.count() == Payment.objects.count() == 10
    assert verify_ledger() is None


def both_place(loan: Loan, other_loan: Loan, teller: User) -> list[object]:
    suspense = Suspense.objects.create(
        provider="stripe",
        object_id="pi_1",
        amount=50_000,
        currency="CNY",
        cause="unknown_loan",
        opened_at=now(),
    )

    def place(where: Loan) -> Callable[[], object]:
        return lambda: resolve_suspense_to_loan(
            suspense_id=suspense.pk, loan_id=where.pk, reason="theirs", actor=teller, now=now()
        )

    return at_once(place(loan), place(other_loan))


def test_two_people_placing_the_same_money_place_it_once(
    loan: Loan, other_loan: Loan, teller: User
) -> None:
    results = both_place(loan, other_loan, teller)

    assert sorted(type(one).__name__ for one in results) == ["Payment", "SuspenseAlreadyPlaced"]
    assert any(isinstance(one, SuspenseAlreadyPlaced) for one in results)
    assert posted(loan) + posted(other_loan) == 1
    assert verify_ledger() is None


def test_twin_without_update_and_key_the_same_money_is_placed_twice(
    loan: Loan, other_loan: Loan, teller: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = QuerySet.update

    def update_whatever(self: QuerySet[Any], **values: Any) -> int:
        if "resolution" in values:
            real(Suspense.objects.filter(object_id="pi_1"), **values)
            return 1
        if "intent_id" in values:
            # That name is unique too.
            values["intent_id"] = f"pi_{values['entry'].pk}"
        return real(self, **values)

    monkeypatch.setattr(QuerySet, "update", update_whatever)
    monkeypatch.setattr(SUSPENSE, "take_key", lambda **asked: True)
    monkeypatch.setattr(SUSPENSE, "keep_entry", lambda **asked: None)

    both_place(loan, other_loan, teller)

    assert posted(loan) + posted(other_loan) == 2


def test_two_promises_at_once_are_one(loan: Loan, teller: User) -> None:
    def promise() -> object:
        return make_promise(
            loan_id=loan.pk,
            amount=50_000,
            promised_for=today(),
            actor=teller,
            as_of=today(),
            now=now(),
        )

    results = at_once(promise, promise)

    assert sorted(type(one).__name__ for one in results) == ["PromiseAlreadyOpen", "PromiseToPay"]
    assert any(isinstance(one, PromiseAlreadyOpen) for one in results)
    assert PromiseToPay.objects.count() == 1


def test_a_promise_is_decided_once_by_two_sweeps(loan: Loan, teller: User) -> None:
    make_promise(
        loan_id=loan.pk,
        amount=50_000,
        promised_for=today(),
        actor=teller,
        as_of=today(),
        now=now(),
    )
    record_payment(
        loan_id=loan.pk,
        amount=50_000,
        effective_date=today(),
        reference="p",
        actor=None,
        now=now(),
    )
    PromiseToPay.objects.update(status="open", decided_at=None)

    results = at_once(
        lambda: decide_promises(as_of=today(), now=now()),
        lambda: decide_promises(as_of=today(), now=now()),
    )

    assert sorted(results) == [0, 1]  # type: ignore[type-var]
