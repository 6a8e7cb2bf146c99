"""A promise to pay beside an announced charge: said before, taken off, counted, never twice."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Borrower
from repayments.clock import now, today
from repayments.loans.models import Installment, Loan
from repayments.loans.services import record_payment
from repayments.payments.models import AutopayCharge, PromiseToPay
from repayments.payments.services import decide_promises, make_promise, resolve_payment
from tests.payments.autopay_acts import announced, at, charge, set_up
from tests.payments.conftest import make_loan
from tests.sandbox_server import Sandbox

pytestmark = pytest.mark.django_db

Status = AutopayCharge.Status


@pytest.fixture
def loan(borrower: Borrower) -> Loan:
    """A loan of which nothing is late."""
    return make_loan(borrower, "L-1", days_ago=25)


@pytest.fixture
def row(sandbox: Sandbox, loan: Loan) -> AutopayCharge:
    set_up(sandbox, loan, now())
    return announced(loan, after=today())


@pytest.fixture
def mine(client: Client, loan: Loan) -> Client:
    client.force_login(loan.borrower.user)
    return client


def page_of(loan: Loan) -> str:
    return f"/loans/{loan.public_id}/promise/"


def text(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def promise(loan: Loan, row: AutopayCharge, *, amount: int, days_after: int = 3) -> PromiseToPay:
    return make_promise(
        loan_id=loan.pk,
        amount=amount,
        promised_for=row.charge_on + timedelta(days=days_after),
        actor=loan.borrower.user,
        as_of=today(),
        now=now(),
    )


def pay_by_hand(loan: Loan, row: AutopayCharge, amount: int) -> None:
    day = row.charge_on - timedelta(days=1)
    record_payment(
        loan_id=loan.pk,
        amount=amount,
        effective_date=day,
        reference="own",
        actor=None,
        now=at(day),
    )


def unpaid(loan: Loan, row: AutopayCharge) -> int:
    found: Installment = Installment.objects.get(loan=loan, due_date=row.due_date, is_current=True)
    return found.unpaid


def test_the_page_says_what_is_charged_when_before_and_after_the_promise(
    mine: Client, loan: Loan, row: AutopayCharge
) -> None:
    before = text(mine.get(page_of(loan)))
    promise(loan, row, amount=row.announced_amount)
    after = text(mine.get(page_of(loan)))

    for page in (before, after):
        assert "Your card is charged by itself on" in page
        assert "¥1,066.19 at most" in page
        assert "nothing is paid twice" in page


def test_without_automatic_payment_nothing_is_said_of_it(mine: Client, loan: Loan) -> None:
    assert "charged by itself" not in text(mine.get(page_of(loan)))


def test_the_charge_is_left_out_from_the_promise(
    mine: Client, loan: Loan, row: AutopayCharge
) -> None:
    promise(loan, row, amount=row.announced_amount)

    answer = mine.post(
        f"/loans/{loan.public_id}/autopay/skip/",
        {"due_date": row.due_date.isoformat(), "from": "promise"},
        follow=True,
    )

    row.refresh_from_db()
    assert (row.status, row.reason) == (Status.SKIPPED, "borrower")
    assert answer.redirect_chain[-1][0] == page_of(loan)
    assert "charged by itself on" not in text(answer)
    assert PromiseToPay.objects.get().status == PromiseToPay.Status.OPEN


def test_a_promise_kept_before_the_day_leaves_nothing_to_charge(
    loan: Loan, row: AutopayCharge
) -> None:
    made = promise(loan, row, amount=row.announced_amount)
    pay_by_hand(loan, row, row.announced_amount)

    assert charge(row) is None

    row.refresh_from_db()
    assert (row.status, row.reason) == (Status.SKIPPED, "nothing_due")
    decide_promises(as_of=row.charge_on, now=at(row.charge_on))
    made.refresh_from_db()
    assert made.status == PromiseToPay.Status.KEPT
    assert unpaid(loan, row) == 0


def test_a_part_paid_before_is_taken_off_the_charge_and_nothing_is_paid_twice(
    loan: Loan, row: AutopayCharge
) -> None:
    made = promise(loan, row, amount=row.announced_amount)
    pay_by_hand(loan, row, 40_000)

    payment = charge(row)

    assert payment is not None
    assert payment.amount == row.announced_amount - 40_000
    resolve_payment(payment_id=payment.pk, now=at(row.charge_on))
    assert unpaid(loan, row) == 0
    # What the card paid counts towards the promise.
    decide_promises(as_of=row.charge_on, now=at(row.charge_on))
    made.refresh_from_db()
    assert made.status == PromiseToPay.Status.KEPT


def test_the_charge_alone_keeps_the_promise(loan: Loan, row: AutopayCharge) -> None:
    made = promise(loan, row, amount=row.announced_amount)

    payment = charge(row)

    assert payment is not None
    resolve_payment(payment_id=payment.pk, now=at(row.charge_on))
    decide_promises(as_of=row.charge_on, now=at(row.charge_on))
    made.refresh_from_db()
    assert made.status == PromiseToPay.Status.KEPT


def test_while_the_borrower_is_paying_what_they_promised_the_charge_waits(
    loan: Loan, row: AutopayCharge, start: Any
) -> None:
    promise(loan, row, amount=row.announced_amount)
    start(row.announced_amount, at=at(row.charge_on, 9))

    assert charge(row) is None

    row.refresh_from_db()
    assert row.status == Status.ANNOUNCED
