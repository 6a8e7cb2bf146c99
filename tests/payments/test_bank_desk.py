"""The desk where staff take in statements, place unmatched money and note promises."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import User
from repayments.audit.models import Event
from repayments.clock import now, today
from repayments.loans.models import Loan
from repayments.payments.models import BankLine, Payment, PromiseToPay, Suspense
from repayments.payments.references import loan_reference
from tests.factories.cases import make_colleague, sign_in_staff

pytestmark = pytest.mark.django_db

LINES = "/admin/payments/bankline/"
HEADER = "booked_on,amount,currency,payer,text\n"


@pytest.fixture
def supervisor(db: None) -> User:
    return make_colleague("supervisor")


@pytest.fixture
def desk(supervisor: User) -> Client:
    return sign_in_staff(supervisor)


def text_of(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status
    return str(answer.content.decode())


def upload(desk: Client, body: str, **fields: str) -> str:
    file = SimpleUploadedFile("statement.csv", body.encode())
    return text_of(desk.post(f"{LINES}statement/", {"file": file, **fields}))


def make_unmatched(**changes: Any) -> Suspense:
    values: dict[str, Any] = {
        "provider": "stripe",
        "object_id": "pi_1",
        "amount": 50_000,
        "currency": "CNY",
        "cause": "unknown_loan",
        "opened_at": now() - timedelta(days=2),
    }
    return Suspense.objects.create(**{**values, **changes})


def test_a_statement_is_taken_in_and_reported(desk: Client, supervisor: User, loan: Loan) -> None:
    row = f"{today()},1050.00,CNY,Lin,{loan_reference(loan.public_id)}\n"

    assert "nothing was kept" in upload(desk, HEADER + row, only_check="on")
    assert not BankLine.objects.exists()
    assert "Posted to loans: 1" in upload(desk, HEADER + row)
    assert "Known before: 1" in upload(desk, HEADER + row)

    assert BankLine.objects.get().recorded_by == supervisor
    assert Payment.objects.get().amount_received == 105_000


def test_what_is_wrong_is_shown_by_line_and_column(desk: Client) -> None:
    text = upload(desk, f"{HEADER}soon,1,CNY,x,<script>\n")

    assert "Nothing was taken in" in text
    assert "This is not a date" in text
    assert "booked_on" in text
    assert "<script>" not in text.replace("<script src", "")


def test_a_transfer_recorded_twice_by_hand_is_kept_once(desk: Client, loan: Loan) -> None:
    fields = {
        "loan": loan.number,
        "booked_on": today().isoformat(),
        "amount": "1,050.00",
        "currency": "cny",
        "payer": "Lin",
        "text": "thank you",
    }
    for _press in range(2):
        assert desk.post(f"{LINES}record/", fields).status_code == 302

    assert Payment.objects.get().loan == loan
    text = text_of(desk.post(f"{LINES}record/", {**fields, "loan": "none", "amount": "1.234"}))
    assert "There is no loan of this number." in text
    assert "Use fewer decimals" in text


def test_unmatched_money_is_listed_with_its_age_and_placed(
    desk: Client, supervisor: User, loan: Loan, django_assert_max_num_queries: Any
) -> None:
    suspense = make_unmatched()
    make_unmatched(object_id="pi_2")
    desk.get(f"{LINES}unmatched/")
    # Session, person, the session's own row, second factor,
    # permissions (2), and one for all rows.
    with django_assert_max_num_queries(7):
        assert "¥500.00" in text_of(desk.get(f"{LINES}unmatched/"))
    place = f"{LINES}unmatched/{suspense.pk}/"
    assert place in text_of(desk.get(f"/admin/payments/suspense/{suspense.pk}/change/"))
    page = text_of(desk.get(place))
    assert "Nobody has it." in page
    assert f"/admin/payments/refund/propose/suspense/{suspense.pk}/" in page

    assert desk.post(f"{place}take/").status_code == 302
    assert Suspense.objects.get(pk=suspense.pk).owner == supervisor
    assert "This field is required." in text_of(desk.post(place, {"loan": loan.number}))
    asked = {"loan": loan.number, "reason": "The payer called."}
    assert desk.post(place, asked).status_code == 302
    assert "place already" in text_of(desk.post(place, asked), 409)

    assert Payment.objects.get().loan == loan
    assert "The payer called." in text_of(desk.get(place))
    assert Event.objects.filter(action="payments.suspense_viewed", actor=supervisor).exists()


def test_money_in_another_currency_is_refused_on_the_form(desk: Client, loan: Loan) -> None:
    suspense = make_unmatched(currency="USD")

    text = text_of(
        desk.post(
            f"{LINES}unmatched/{suspense.pk}/", {"loan": loan.number, "reason": "It is theirs."}
        )
    )

    assert "can only be sent back" in text
    assert Suspense.objects.get().resolved_at is None


def test_a_loan_that_the_payer_named_is_suggested(
    desk: Client, supervisor: User, loan: Loan
) -> None:
    suspense = make_unmatched(provider="bank", object_id="id:1")
    BankLine.objects.create(
        line_key="id:1",
        booked_on=today(),
        amount=50_000,
        currency="CNY",
        payer="somebody",
        text=f"for {loan.number}",
        suspense=suspense,
        recorded_by=supervisor,
        recorded_at=now(),
    )

    text = text_of(desk.get(f"{LINES}unmatched/{suspense.pk}/"))

    assert f'value="{loan.number}"' in text
    assert loan.borrower.legal_name in text


def test_a_colleague_notes_a_promise(loan: Loan) -> None:
    desk = sign_in_staff(make_colleague("collector"))
    page = "/admin/payments/promisetopay/note/"
    assert f'value="{loan.number}"' in text_of(desk.get(f"{page}?loan={loan.number}"))
    asked = {"loan": loan.number, "amount": "500", "promised_for": today().isoformat()}

    assert desk.post(page, asked).status_code == 302
    assert "already" in text_of(desk.post(page, asked))
    far = {**asked, "promised_for": (today() + timedelta(days=90)).isoformat()}
    assert "14 days ahead" in text_of(desk.post(page, far))

    assert PromiseToPay.objects.get().amount == 50_000


@pytest.mark.parametrize("path", ["statement/", "record/", "unmatched/"])
def test_who_may_not_is_refused(path: str) -> None:
    assert sign_in_staff(make_colleague("collector")).get(LINES + path).status_code == 403


def test_the_lists_lead_to_the_desk(desk: Client, loan: Loan) -> None:
    text = text_of(desk.get(LINES))

    assert f"{LINES}statement/" in text
    assert text_of(desk.get("/admin/payments/promisetopay/"))
    assert text_of(desk.get("/admin/payments/clearingcheck/"))
    assert text_of(desk.get("/admin/payments/failedcall/"))
