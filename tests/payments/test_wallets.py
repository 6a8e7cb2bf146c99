"""Paying by Alipay and WeChat Pay: the money counts when it has come, not when it was promised."""

import pytest

from repayments.clock import now
from repayments.ledger.models import JournalEntry
from repayments.loans.models import Loan
from repayments.payments.models import Payment
from repayments.payments.services import reconcile, resolve_payment
from tests.payments.conftest import Pay
from tests.sandbox_server import Sandbox

pytestmark = pytest.mark.django_db

Status = Payment.Status


@pytest.fixture
def at_the_wallet(sandbox: Sandbox, start: Pay) -> Pay:
    """Press Pay, and do something with a wallet on the gateway's page."""

    def press(outcome: str, *, method: str = "alipay", amount: int = 50_000) -> Payment:
        payment = start(amount)
        sandbox.control(f"sessions/{payment.session_id}/pay", method=method, outcome=outcome)
        return payment

    return press


def posted(loan: Loan) -> list[int]:
    payments = JournalEntry.objects.filter(book=loan.book, kind=JournalEntry.Kind.PAYMENT)
    return [entry.postings.get(account="clearing").amount for entry in payments.order_by("seq")]


def settled(payment: Payment) -> Payment:
    resolve_payment(payment_id=payment.pk, now=now())
    payment.refresh_from_db()
    return payment


@pytest.mark.parametrize("method", ["alipay", "wechat_pay"])
def test_fault_27_an_approved_wallet_pays_and_the_row_says_with_what(
    at_the_wallet: Pay, loan: Loan, method: str
) -> None:
    payment = settled(at_the_wallet("approve", method=method))

    assert (payment.status, payment.method) == (Status.SUCCEEDED, method)
    assert posted(loan) == [50_000]


def test_fault_27_a_refused_wallet_moves_nothing_and_may_be_tried_again(
    at_the_wallet: Pay, sandbox: Sandbox, loan: Loan
) -> None:
    payment = settled(at_the_wallet("fail"))

    assert payment.status == Status.REDIRECTED
    assert posted(loan) == []
    sandbox.control(f"sessions/{payment.session_id}/pay", card="4242")
    assert settled(payment).status == Status.SUCCEEDED
    assert posted(loan) == [50_000]


@pytest.mark.parametrize(
    ("conclusion", "status", "money"),
    [("succeed", Status.SUCCEEDED, [50_000]), ("fail", Status.FAILED, [])],
)
def test_fault_27_money_that_takes_days_counts_when_it_has_come(
    at_the_wallet: Pay,
    sandbox: Sandbox,
    loan: Loan,
    conclusion: str,
    status: str,
    money: list[int],
) -> None:
    payment = settled(at_the_wallet("later"))
    assert payment.status == Status.PROCESSING
    assert posted(loan) == []

    sandbox.control(f"payment_intents/{payment.intent_id}/conclude", outcome=conclusion)
    reconcile(now=now())

    payment.refresh_from_db()
    assert payment.status == status
    assert posted(loan) == money


def test_fault_28_a_code_that_nobody_scanned_ends_without_money(
    at_the_wallet: Pay, sandbox: Sandbox, loan: Loan
) -> None:
    payment = settled(at_the_wallet("expire", method="wechat_pay"))
    assert payment.status in (Status.REDIRECTED, Status.EXPIRED)

    sandbox.control(f"sessions/{payment.session_id}/expire")

    assert settled(payment).status == Status.EXPIRED
    assert posted(loan) == []
