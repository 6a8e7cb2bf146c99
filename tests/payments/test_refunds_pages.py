"""What a borrower sees of money that goes back, and what they may choose about money left over."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import Borrower
from repayments.clock import now, today
from repayments.loans.models import Loan
from repayments.loans.queries import get_position
from repayments.loans.services import record_payment
from repayments.payments.models import CreditChoice, Payment, Refund, Suspense
from repayments.payments.money_back import get_credit_offer
from repayments.payments.services import (
    NothingLeftOver,
    choose_credit,
    decline_refund,
    resolve_payment,
    send_refund,
    settle,
)
from repayments.payments.services.settle import DISPUTE, REFUND
from tests.payments.conftest import Pay
from tests.payments.refunding import approve, colleague, propose, receive
from tests.sandbox_server import Sandbox

pytestmark = pytest.mark.django_db

Choice = CreditChoice.Choice


@pytest.fixture
def signed_in(client: Client, borrower: Borrower) -> Client:
    client.force_login(borrower.user)
    client.cookies["django_language"] = "en"
    return client


@pytest.fixture
def ahead(sandbox: Sandbox, pay: Pay) -> Payment:
    """More than what is due and the next installment: the rest waits."""
    return receive(pay, 500_000)


def left(loan: Loan) -> int:
    found = Loan.objects.select_related("product", "book").get(pk=loan.pk)
    return get_position(loan=found, as_of=today()).unapplied


def offered(loan: Loan) -> int:
    found = Loan.objects.select_related("product", "book").get(pk=loan.pk)
    offer = get_credit_offer(loan=found, position=get_position(loan=found, as_of=today()))
    return offer.amount if offer else 0


def shown(client: Client, payment: Payment) -> str:
    answer = client.get(payment.get_absolute_url())
    assert answer.status_code == 200
    return answer.content.decode()


# --- The payment's own page ---------------------------------------------------------------------


def test_a_refund_is_told_step_by_step(sandbox: Sandbox, pay: Pay, signed_in: Client) -> None:
    payment = receive(pay)
    refund = propose(payment, 20_000)
    # Staff think about it: nothing to read yet.
    assert "back to you" not in shown(signed_in, payment)

    approve(refund)
    page = shown(signed_in, payment)
    assert "Being sent back to you" in page
    assert "¥200.00" in page
    assert "being sent back" in signed_in.get("/").content.decode()

    send_refund(refund_id=refund.pk, now=now())
    page = shown(signed_in, payment)
    assert "Sent back to you" in page
    assert "<h1>Received</h1>" in page
    assert "Refund to you" in signed_in.get(payment.loan.get_absolute_url()).content.decode()

    refund.refresh_from_db()
    sandbox.control(f"refunds/{refund.refund_id}/fail")
    settle(object_type=REFUND, object_id=refund.refund_id, now=now())
    assert "A refund did not arrive" in shown(signed_in, payment)


def test_a_payment_that_went_back_wholly_says_so_first(
    sandbox: Sandbox, pay: Pay, signed_in: Client
) -> None:
    payment = receive(pay)
    send_refund(refund_id=approve(propose(payment, 50_000)).pk, now=now())

    page = shown(signed_in, payment)

    assert "<h1>Sent back to you</h1>" in page
    assert "Thank you" not in page
    assert "Kept for the next installment" not in page
    assert signed_in.get(f"{payment.get_absolute_url()}receipt.pdf").status_code == 200


def test_a_dispute_is_told_step_by_step(sandbox: Sandbox, pay: Pay, signed_in: Client) -> None:
    payment = receive(pay)
    made = sandbox.control(f"charges/{payment.charge_id}/dispute", withdraw=False)["dispute"]

    def look() -> str:
        settle(object_type=DISPUTE, object_id=made["id"], now=now())
        return shown(signed_in, payment)

    assert "Your bank questions this payment" in look()
    assert "questioned by your bank" in signed_in.get("/").content.decode()
    sandbox.control(f"disputes/{made['id']}/withdraw")
    assert "<h1>Your bank took this payment back</h1>" in look()
    sandbox.control(f"disputes/{made['id']}/win")
    page = look()
    assert "Your bank gave this payment back" in page
    assert "<h1>Received</h1>" in page


def test_a_closed_inquiry_says_that_nothing_changed(
    sandbox: Sandbox, pay: Pay, signed_in: Client
) -> None:
    payment = receive(pay)
    made = sandbox.control(f"charges/{payment.charge_id}/dispute", inquiry=True)["dispute"]
    sandbox.control(f"disputes/{made['id']}/close-inquiry")
    settle(object_type=DISPUTE, object_id=made["id"], now=now())

    assert "It is answered. Nothing changes." in shown(signed_in, payment)


def test_a_payment_that_fitted_nothing_and_went_back_is_not_called_failed(
    sandbox: Sandbox, pay: Pay, signed_in: Client
) -> None:
    payment = pay(50_000)
    Payment.objects.filter(pk=payment.pk).update(amount=40_000)
    resolve_payment(payment_id=payment.pk, now=now())
    suspense = Suspense.objects.get()
    refund = propose(payment, 50_000, payment_id=None, suspense_id=suspense.pk)
    send_refund(refund_id=approve(refund).pk, now=now())

    page = shown(signed_in, payment)

    assert "<h1>We sent this payment back</h1>" in page
    assert "No money was taken" not in page


def test_a_second_charge_that_went_back_leaves_the_first_received(
    sandbox: Sandbox, pay: Pay, signed_in: Client
) -> None:
    payment = receive(pay)
    suspense = Suspense.objects.create(
        provider="stripe",
        object_id="pi_twice",
        payment=payment,
        amount=50_000,
        currency="CNY",
        cause=Suspense.Cause.SECOND,
        opened_at=now(),
    )
    refund = propose(payment, 50_000, payment_id=None, suspense_id=suspense.pk)
    Refund.objects.filter(pk=refund.pk).update(status=Refund.Status.SUCCEEDED, refund_id="re_2")

    page = shown(signed_in, payment)

    assert "<h1>Received</h1>" in page
    assert "Sent back to you" in page


def test_the_reason_of_a_no_is_told_to_who_asked(
    ahead: Payment, loan: Loan, signed_in: Client
) -> None:
    choose_credit(loan_id=loan.pk, choice=Choice.REFUND, actor=loan.borrower.user, now=now())
    refund = Refund.objects.get()
    assert "A person looks at it and answers you." in shown(signed_in, ahead)
    decline_refund(
        refund_id=refund.pk, note="June is due tomorrow.", actor=colleague("bo"), now=now()
    )

    assert "June is due tomorrow." in shown(signed_in, ahead)


# --- Left over ----------------------------------------------------------------------------------


def test_money_left_over_is_asked_about_until_it_is_chosen(
    ahead: Payment, loan: Loan, signed_in: Client
) -> None:
    url = f"/loans/{loan.public_id}/left-over/"
    waiting = left(loan)
    assert waiting > 0
    assert url in shown(signed_in, ahead)
    assert url in signed_in.get("/").content.decode()
    page = signed_in.get(url).content.decode()
    assert "Keep it for the next installment" in page
    assert "Send it back" in page

    answer = signed_in.post(url, {"choice": "keep"})

    assert answer["Location"] == loan.get_absolute_url()
    assert CreditChoice.objects.get().amount == waiting
    assert not Refund.objects.exists()
    assert url not in shown(signed_in, ahead)
    assert url not in signed_in.get("/").content.decode()
    assert "nothing to choose" in signed_in.get(url).content.decode()


def test_to_have_it_back_is_a_proposal_that_staff_decide(
    ahead: Payment, loan: Loan, signed_in: Client
) -> None:
    waiting = left(loan)

    signed_in.post(f"/loans/{loan.public_id}/left-over/", {"choice": "refund"})

    refund = Refund.objects.get()
    assert (refund.origin, refund.reason) == (Refund.Origin.BORROWER, Refund.Reason.OVERPAID)
    assert (refund.status, refund.needs_approval) == (Refund.Status.PROPOSED, True)
    assert (refund.amount, refund.payment) == (waiting, ahead)
    assert offered(loan) == 0

    send_refund(refund_id=approve(refund).pk, now=now())
    assert left(loan) == 0


def test_it_is_taken_from_the_latest_payments_first(sandbox: Sandbox, pay: Pay, loan: Loan) -> None:
    first, second = receive(pay, 400_000), receive(pay, 100_000)
    waiting = left(loan)
    assert waiting > 100_000

    choose_credit(loan_id=loan.pk, choice=Choice.REFUND, actor=loan.borrower.user, now=now())

    parts = dict(Refund.objects.values_list("payment", "amount"))
    assert parts == {second.pk: 100_000, first.pk: waiting - 100_000}


def test_more_money_is_asked_about_anew(ahead: Payment, pay: Pay, loan: Loan) -> None:
    choose_credit(loan_id=loan.pk, choice=Choice.KEEP, actor=loan.borrower.user, now=now())
    assert offered(loan) == 0

    receive(pay, 50_000)

    assert offered(loan) == left(loan)


def test_a_loan_that_is_paid_off_keeps_nothing(
    sandbox: Sandbox, pay: Pay, loan: Loan, signed_in: Client
) -> None:
    at = now()
    payoff = get_position(loan=loan, as_of=today()).payoff_amount
    payment = pay(payoff, purpose=Payment.Purpose.PAYOFF)
    record_payment(
        loan_id=loan.pk,
        amount=100_000,
        effective_date=today(),
        reference="at the counter",
        actor=None,
        now=at,
    )
    resolve_payment(payment_id=payment.pk, now=at)
    loan.refresh_from_db()
    assert loan.status == Loan.Status.PAID_OFF
    url = f"/loans/{loan.public_id}/left-over/"
    page = signed_in.get(url).content.decode()
    assert "Keep it for" not in page
    assert 'value="refund" id="id_choice_0" checked' in page

    with pytest.raises(NothingLeftOver):
        choose_credit(loan_id=loan.pk, choice=Choice.KEEP, actor=loan.borrower.user, now=at)
    signed_in.post(url, {"choice": "refund"})

    assert Refund.objects.get().amount == 100_000


def test_what_the_bank_took_back_is_not_offered(
    sandbox: Sandbox, ahead: Payment, loan: Loan
) -> None:
    made = sandbox.control(f"charges/{ahead.charge_id}/dispute", amount=100, withdraw=False)
    settle(object_type=DISPUTE, object_id=made["dispute"]["id"], now=now())

    assert offered(loan) == 0


def test_a_second_press_says_that_it_has_changed(
    ahead: Payment, loan: Loan, signed_in: Client
) -> None:
    url = f"/loans/{loan.public_id}/left-over/"
    assert signed_in.post(url, {"choice": "refund"}).status_code == 302

    assert signed_in.post(url, {"choice": "refund"}).status_code == 409
    assert Refund.objects.count() == 1


def test_nothing_chosen_shows_on_the_form(ahead: Payment, loan: Loan, signed_in: Client) -> None:
    answer = signed_in.post(f"/loans/{loan.public_id}/left-over/", {})

    assert answer.status_code == 200
    assert "Choose what we shall do with it." in answer.content.decode()
    assert not CreditChoice.objects.exists()


def test_a_stranger_gets_404_and_the_anonymous_sign_in(
    client: Client, other_borrower: Borrower, loan: Loan
) -> None:
    url = f"/loans/{loan.public_id}/left-over/"
    assert "/login/" in client.get(url)["Location"]
    client.force_login(other_borrower.user)

    assert client.get(url).status_code == 404
    assert client.post(url, {"choice": "refund"}).status_code == 404


def test_a_wrong_method_is_refused(loan: Loan, signed_in: Client) -> None:
    assert signed_in.put(f"/loans/{loan.public_id}/left-over/").status_code == 405


def test_the_page_takes_few_queries(
    ahead: Payment,
    loan: Loan,
    signed_in: Client,
    django_assert_max_num_queries: Any,
) -> None:
    signed_in.get(f"/loans/{loan.public_id}/left-over/")

    # Session, user, the session's own row, loan; the rows and balance of its position; then the
    # newest payment, whether it was chosen, what waits, and the payments it is of.
    with django_assert_max_num_queries(11):
        signed_in.get(f"/loans/{loan.public_id}/left-over/")
