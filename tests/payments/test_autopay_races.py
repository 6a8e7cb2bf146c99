"""Many workers on one due date, on the real engine: one attempt, one PaymentIntent.

Three guards hold it: the loan's lock, the one open attempt a loan may have, and the conditional
update of the charge. The last two are shown to hold alone; with all of them off the race shows.
"""

import threading
from typing import Any

import pytest

from accounts.models import Borrower
from repayments.clock import now, today
from repayments.loans.models import Loan
from repayments.payments import gateway
from repayments.payments.models import AutopayCharge, Mandate, Payment
from repayments.payments.services import ChargeNotOpen, list_due_charges, make_charge, stop_mandate
from repayments.payments.services.autopay import charging
from tests.payments.autopay_acts import announced, at, set_up
from tests.payments.conftest import make_loan
from tests.payments.test_autopay import intents_of, posted
from tests.payments.test_races import at_once
from tests.sandbox_server import Sandbox

pytestmark = pytest.mark.django_db(transaction=True)

WORKERS = 6


@pytest.fixture
def loan(borrower: Borrower) -> Loan:
    return make_loan(borrower, "L-1", days_ago=5)


@pytest.fixture
def row(sandbox: Sandbox, loan: Loan) -> AutopayCharge:
    set_up(sandbox, loan, now())
    return announced(loan, after=today())


def all_claim_before_any_calls(monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    """Without the loan's lock a claim and a settling of the other could wait for each other."""
    real, gate = gateway.charge_card, threading.Barrier(workers)

    def call(request: Any, *, key: str) -> Any:
        gate.wait(20)
        return real(request, key=key)

    monkeypatch.setattr(gateway, "charge_card", call)


def charge_at_once(row: AutopayCharge, workers: int = WORKERS) -> list[object]:
    def work() -> Payment | None:
        return make_charge(charge_id=row.pk, now=at(row.charge_on))

    return at_once(*[work] * workers)


def all_decide_before_any_writes(monkeypatch: pytest.MonkeyPatch, workers: int) -> None:
    """No lock, and everybody has found the charge open and allowed before anybody takes it."""
    real, gate = charging.check_charge, threading.Barrier(workers)

    def check(*asked: Any, **named: Any) -> Any:
        verdict = real(*asked, **named)
        gate.wait(20)
        return verdict

    def read(charge_id: int) -> Loan:
        loans = Loan.objects.select_related("borrower__user", "product", "book")
        loan: Loan = loans.get(mandates__charges=charge_id)
        return loan

    monkeypatch.setattr(charging, "_lock_loan", read)
    monkeypatch.setattr(charging, "check_charge", check)


class Uncounted:
    """Attempts written in a state that the constraint does not count."""

    def __call__(self, **named: Any) -> Payment:
        return Payment(**named, status=Payment.Status.PROCESSING)

    def __getattr__(self, name: str) -> Any:
        return getattr(Payment, name)


def let_a_loan_have_many_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charging, "Payment", Uncounted())


def take_without_looking(charge: AutopayCharge, payment: Payment, at: Any) -> None:
    AutopayCharge.objects.filter(pk=charge.pk).update(
        status=AutopayCharge.Status.CLAIMED, payment_id=payment.pk
    )


def test_fault_21_many_workers_on_one_due_date_make_one_payment_intent(
    loan: Loan, row: AutopayCharge
) -> None:
    results = charge_at_once(row)

    made = [one for one in results if isinstance(one, Payment)]
    refused = [one for one in results if isinstance(one, ChargeNotOpen)]
    assert (len(made), len(refused)) == (1, WORKERS - 1)
    assert intents_of(loan) == 1
    assert posted(loan) == [row.announced_amount]


def test_fault_21_the_scheduler_twice_makes_one_payment_intent(
    loan: Loan, row: AutopayCharge
) -> None:
    named = list_due_charges(today=row.charge_on) * 2

    results = at_once(
        *[lambda pk=pk: make_charge(charge_id=pk, now=at(row.charge_on)) for pk in named]
    )

    assert len([one for one in results if isinstance(one, Payment)]) == 1
    assert intents_of(loan) == 1


@pytest.mark.postgresql
@pytest.mark.parametrize("guard", ["attempt", "charge"])
def test_fault_21_each_guard_holds_the_race_alone(
    loan: Loan, row: AutopayCharge, monkeypatch: pytest.MonkeyPatch, guard: str
) -> None:
    all_decide_before_any_writes(monkeypatch, 2)
    if guard == "attempt":
        monkeypatch.setattr(charging, "_take_charge", take_without_looking)
    else:
        let_a_loan_have_many_attempts(monkeypatch)

    charge_at_once(row, 2)

    assert intents_of(loan) == 1
    assert Payment.objects.filter(loan=loan).count() == 1


@pytest.mark.postgresql
def test_fault_21_twin_without_the_guards_two_workers_charge_twice(
    loan: Loan, row: AutopayCharge, monkeypatch: pytest.MonkeyPatch
) -> None:
    all_decide_before_any_writes(monkeypatch, 2)
    let_a_loan_have_many_attempts(monkeypatch)
    monkeypatch.setattr(charging, "_take_charge", take_without_looking)
    all_claim_before_any_calls(monkeypatch, 2)

    results = charge_at_once(row, 2)

    assert [one for one in results if isinstance(one, Exception)] == []
    assert intents_of(loan) == 2


def test_a_stop_beside_a_charge_ends_in_one_of_the_two(loan: Loan, row: AutopayCharge) -> None:
    mandate = Mandate.objects.get()

    def stop() -> None:
        stop_mandate(mandate_id=mandate.pk, actor=loan.borrower.user, now=at(row.charge_on))

    charged, _stopped = at_once(lambda: make_charge(charge_id=row.pk, now=at(row.charge_on)), stop)

    row.refresh_from_db()
    mandate.refresh_from_db()
    assert mandate.status == Mandate.Status.ENDED
    if isinstance(charged, Payment):
        assert (row.status, intents_of(loan)) == (AutopayCharge.Status.DONE, 1)
    else:
        assert (row.status, intents_of(loan)) == (AutopayCharge.Status.SKIPPED, 0)
