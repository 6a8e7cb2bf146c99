"""How a payment stands: the way back from the gateway, and the receipt."""

import subprocess
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from django.test import Client

from accounts.models import Borrower
from repayments.clock import now
from repayments.ledger.models import JournalEntry
from repayments.loans.models import Loan
from repayments.payments import tasks
from repayments.payments.models import Payment
from repayments.payments.services import resolve_payment
from tests.factories.payments import make_payment
from tests.payments.conftest import Deliver, Pay, events_of
from tests.sandbox_server import Sandbox

pytestmark = pytest.mark.django_db

Status = Payment.Status


@pytest.fixture
def signed_in(client: Client, borrower: Borrower) -> Client:
    client.force_login(borrower.user)
    client.cookies["django_language"] = "en"
    return client


@pytest.fixture
def paid(sandbox: Sandbox, pay: Pay) -> Payment:
    payment = pay(50_000)
    resolve_payment(payment_id=payment.pk, now=now())
    payment.refresh_from_db()
    return payment


@pytest.fixture
def enqueued(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Stands where the worker would be."""
    mock = Mock()
    monkeypatch.setattr(tasks.settle_payment, "delay_on_commit", mock)
    return mock


def back(payment: Payment) -> str:
    return f"/payments/{payment.public_id}/return/?session_id={payment.session_id}"


def posted(loan: Loan) -> int:
    return JournalEntry.objects.filter(book=loan.book, kind=JournalEntry.Kind.PAYMENT).count()


def test_a_receipt_shows_what_came_and_where_it_went(signed_in: Client, paid: Payment) -> None:
    for _ in range(2):
        answer = signed_in.get(paid.get_absolute_url())
        shown = answer.content.decode()
        assert answer.status_code == 200
        assert "Received" in shown
        assert "¥500.00" in shown
        assert sum(line.amount for line in answer.context["allocations"]) == 50_000
        assert f"/payments/{paid.public_id}/receipt.pdf" in shown
        assert "hx-get" not in shown


def test_the_receipt_is_a_pdf_too(signed_in: Client, paid: Payment, tmp_path: Path) -> None:
    answer = signed_in.get(f"{paid.get_absolute_url()}receipt.pdf")

    assert answer.headers["Content-Type"] == "application/pdf"
    path = tmp_path / "receipt.pdf"
    path.write_bytes(answer.content)
    printed = subprocess.run(  # noqa: S603 - a fixed command
        ["pdftotext", "-layout", str(path), "-"],  # noqa: S607
        capture_output=True,
        check=True,
    ).stdout.decode()
    assert "¥500.00" in printed
    assert "L-1" in printed
    assert "林夏" in printed


def test_there_is_no_receipt_before_the_money(
    sandbox: Sandbox, signed_in: Client, start: Pay
) -> None:
    payment = start(50_000)

    assert signed_in.get(f"{payment.get_absolute_url()}receipt.pdf").status_code == 404


PAGES = ["", "return/", "receipt.pdf"]


@pytest.mark.parametrize("part", PAGES)
def test_a_stranger_gets_404(
    client: Client, other_borrower: Borrower, paid: Payment, part: str
) -> None:
    client.force_login(other_borrower.user)

    assert client.get(paid.get_absolute_url() + part).status_code == 404


@pytest.mark.parametrize("part", PAGES)
def test_the_anonymous_go_to_sign_in(client: Client, paid: Payment, part: str) -> None:
    assert "/login/" in client.get(paid.get_absolute_url() + part).headers["Location"]


@pytest.mark.parametrize("part", PAGES)
def test_a_wrong_method_is_refused(signed_in: Client, paid: Payment, part: str) -> None:
    assert signed_in.post(paid.get_absolute_url() + part).status_code == 405


def test_fault_4_f8_opening_the_way_back_moves_no_money(
    sandbox: Sandbox, signed_in: Client, start: Pay, loan: Loan,
    django_capture_on_commit_callbacks: Any,
) -> None:  # fmt: skip
    payment = start(50_000)

    with django_capture_on_commit_callbacks(execute=True):
        answer = signed_in.get(back(payment))

    assert answer.status_code == 200
    assert posted(loan) == 0
    payment.refresh_from_db()
    assert payment.status == Status.REDIRECTED


@pytest.mark.parametrize("webhook", ["before", "after", "never"])
def test_fault_4_the_way_back_and_the_webhook_end_the_same(
    sandbox: Sandbox,
    signed_in: Client,
    pay: Pay,
    loan: Loan,
    deliver: Deliver,
    django_capture_on_commit_callbacks: Any,
    webhook: str,
) -> None:
    payment = pay(50_000)
    [completed] = [
        event
        for event in events_of(sandbox, payment.session_id)
        if event["type"] == "checkout.session.completed"
    ]
    if webhook == "before":
        deliver(completed)
    with django_capture_on_commit_callbacks(execute=True):
        signed_in.get(back(payment))
    if webhook == "after":
        deliver(completed)

    payment.refresh_from_db()
    assert payment.status == Status.SUCCEEDED
    assert posted(loan) == 1
    assert "Received" in signed_in.get(payment.get_absolute_url()).content.decode()


@pytest.mark.parametrize("session_id", ["cs_test_forged", "", "x" * 300])
def test_fault_4_a_forged_session_gets_404_and_asks_nothing(
    signed_in: Client, loan: Loan, enqueued: Mock, session_id: str
) -> None:
    payment = make_payment(loan, now=now())

    answer = signed_in.get(f"/payments/{payment.public_id}/return/", {"session_id": session_id})

    assert answer.status_code == 404
    assert enqueued.call_count == 0


def test_fault_4_another_borrowers_session_gets_404(
    client: Client, other_borrower: Borrower, loan: Loan, enqueued: Mock
) -> None:
    payment = make_payment(loan, now=now())
    client.force_login(other_borrower.user)

    assert client.get(back(payment)).status_code == 404
    assert enqueued.call_count == 0


@pytest.mark.parametrize("status", [Status.REDIRECTED, Status.PROCESSING])
def test_fault_8_until_the_news_arrives_it_is_on_its_way_and_looks_again(
    signed_in: Client, loan: Loan, enqueued: Mock, status: str
) -> None:
    payment = make_payment(loan, now=now(), status=status)

    shown = signed_in.get(back(payment)).content.decode()

    assert "on its way" in shown
    assert "did not go through" not in shown
    assert f'hx-get="/payments/{payment.public_id}/return/?look=1"' in shown
    assert "Look again" in shown
    assert enqueued.call_count == 1


def test_looking_again_grows_rarer_and_ends(signed_in: Client, loan: Loan, enqueued: Mock) -> None:
    payment = make_payment(loan, now=now())
    address = f"/payments/{payment.public_id}/return/"

    waits = []
    for look in range(20):
        shown = signed_in.get(
            address, {"look": str(look)}, headers={"HX-Request": "true"}
        ).content.decode()
        assert "<html" not in shown
        if "hx-trigger" not in shown:
            assert "longer than usual" in shown
            break
        waits.append(int(shown.split("load delay:")[1].split("s")[0]))
    assert waits == sorted(waits)
    assert 5 <= len(waits) <= 10
    assert enqueued.call_count == 0


@pytest.mark.parametrize("look", ["-1", "x", "９", "9" * 40])
def test_a_bad_look_is_the_first_one(
    signed_in: Client, loan: Loan, enqueued: Mock, look: str
) -> None:
    payment = make_payment(loan, now=now())

    shown = signed_in.get(f"/payments/{payment.public_id}/return/", {"look": look})
    assert "look=1" in shown.content.decode()


def test_when_the_money_is_there_the_look_leads_to_the_receipt(
    signed_in: Client, paid: Payment
) -> None:
    answer = signed_in.get(
        f"/payments/{paid.public_id}/return/?look=1", headers={"HX-Request": "true"}
    )

    assert answer.headers["HX-Redirect"] == paid.get_absolute_url()


@pytest.mark.parametrize(
    ("columns", "title", "text"),
    [
        (
            {"status": Status.FAILED, "error_code": "card_declined"},
            "It did not go through",
            "Your bank did not allow this payment",
        ),
        (
            {
                "status": Status.FAILED,
                "error_code": "card_declined",
                "decline_code": "insufficient_funds",
            },
            "It did not go through",
            "not enough money",
        ),
        (
            {"status": Status.CANCELED, "error_code": "expired_card"},
            "It did not go through",
            "has expired",
        ),
        (
            {"status": Status.FAILED, "error_code": "card_declined", "decline_code": "stolen_card"},
            "It did not go through",
            "Your bank did not allow this payment",
        ),
        (
            {"status": Status.FAILED, "error_code": "api_key_expired"},
            "It did not go through",
            "before the card was charged",
        ),
        ({"status": Status.EXPIRED}, "It did not go through", "open for too long"),
        ({"status": Status.UNKNOWN}, "We are asking", "do not pay again"),
        ({"status": Status.CREATED}, "We are asking", "do not pay again"),
        ({"status": Status.REDIRECTED}, "not finished", "No money has been taken"),
        ({"status": Status.PROCESSING}, "on its way", "need not pay again"),
        (
            {"status": Status.PROCESSING, "needs_review": True},
            "We are checking",
            "A person looks at it",
        ),
    ],
)
def test_each_state_is_told_in_words(
    signed_in: Client, loan: Loan, enqueued: Mock, columns: dict[str, Any], title: str, text: str
) -> None:
    payment = make_payment(loan, now=now(), **columns)

    shown = signed_in.get(payment.get_absolute_url()).content.decode()

    assert title in shown
    assert text in shown
    assert "stolen" not in shown


def test_with_an_answer_missing_each_look_asks_for_it(
    signed_in: Client, loan: Loan, enqueued: Mock
) -> None:
    payment = make_payment(loan, now=now(), status=Status.UNKNOWN, session_id="")

    shown = signed_in.get(payment.get_absolute_url()).content.decode()

    assert enqueued.call_args.kwargs == {"payment_id": payment.pk}
    assert f'hx-get="{payment.get_absolute_url()}?look=1"' in shown


def test_after_a_failure_one_can_try_again(signed_in: Client, loan: Loan) -> None:
    payment = make_payment(loan, now=now(), status=Status.FAILED, purpose="past_due")

    shown = signed_in.get(payment.get_absolute_url()).content.decode()

    assert f"/loans/{loan.public_id}/pay/?purpose=past_due" in shown


def test_a_page_that_is_still_open_can_be_gone_on_with(
    sandbox: Sandbox, signed_in: Client, start: Pay
) -> None:
    payment = start(50_000)

    assert payment.checkout_url in signed_in.get(payment.get_absolute_url()).content.decode()


def test_a_receipt_takes_few_queries(
    signed_in: Client, paid: Payment, django_assert_num_queries: Any
) -> None:
    signed_in.get(paid.get_absolute_url())

    # Session, user, the session's own row, payment with loan, borrower and entry; its refunds and
    # disputes; then the entry and its parts.
    with django_assert_num_queries(8):
        signed_in.get(paid.get_absolute_url())
