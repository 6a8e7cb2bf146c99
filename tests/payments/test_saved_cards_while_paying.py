"""A card kept while paying: just kept, or with consent charged for this loan from then on."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Borrower
from repayments.clock import now
from repayments.loans.models import Loan
from repayments.payments import gateway
from repayments.payments.autopay_consents import CONSENT_VERSION
from repayments.payments.gateway import GatewayTimeout
from repayments.payments.models import Mandate, Payment, SavedCard
from repayments.payments.services import (
    Consent,
    ConsentOutdated,
    reconcile,
    resolve_payment,
    start_payment,
)
from tests.payments.autopay_acts import CONSENT, agree
from tests.payments.conftest import Deliver, events_of, make_loan
from tests.sandbox_server import Sandbox

pytestmark = pytest.mark.django_db

Status = Mandate.Status


@pytest.fixture
def loan(borrower: Borrower) -> Loan:
    return make_loan(borrower, "L-1", days_ago=5)


def press(loan: Loan, *, saves: bool = True, consent: Consent | None = CONSENT) -> Payment:
    return start_payment(
        loan_id=loan.pk,
        purpose=Payment.Purpose.OTHER,
        amount=50_000,
        payoff_quote_id=None,
        language="en",
        actor=loan.borrower.user,
        now=now(),
        saves_card=saves,
        consent=consent,
    )


def pay(sandbox: Sandbox, payment: Payment, **asked: Any) -> Payment:
    sandbox.control(f"sessions/{payment.session_id}/pay", **{"card": "4242", **asked})
    return resolve_payment(payment_id=payment.pk, now=now())


def test_without_consent_the_card_is_just_kept(sandbox: Sandbox, loan: Loan) -> None:
    payment = pay(sandbox, press(loan, consent=None))

    assert payment.status == Payment.Status.SUCCEEDED
    assert SavedCard.objects.get().last4 == "4242"
    assert not Mandate.objects.exists()


def test_us_21_with_consent_automatic_payment_begins_once_the_money_came(
    sandbox: Sandbox, loan: Loan
) -> None:
    payment = press(loan)
    mandate = Mandate.objects.get()
    assert (mandate.status, mandate.payment) == (Status.PENDING, payment)
    assert mandate.consent_version == CONSENT_VERSION

    pay(sandbox, payment)

    mandate.refresh_from_db()
    assert mandate.status == Status.ACTIVE
    assert mandate.card == SavedCard.objects.get()


def test_without_either_nothing_is_kept(sandbox: Sandbox, loan: Loan) -> None:
    pay(sandbox, press(loan, saves=False, consent=None))

    assert not SavedCard.objects.exists()
    assert not Mandate.objects.exists()


def test_a_wallet_saves_no_card_and_begins_nothing(sandbox: Sandbox, loan: Loan) -> None:
    payment = pay(sandbox, press(loan), method="alipay", outcome="approve")

    assert payment.status == Payment.Status.SUCCEEDED
    assert not SavedCard.objects.exists()
    mandate = Mandate.objects.get()
    assert (mandate.status, mandate.end_reason) == (Status.ENDED, Mandate.EndReason.SETUP)


def test_a_payment_that_was_given_up_begins_nothing(sandbox: Sandbox, loan: Loan) -> None:
    payment = press(loan)
    sandbox.control(f"sessions/{payment.session_id}/expire")
    resolve_payment(payment_id=payment.pk, now=now())

    reconcile(now=now() + timedelta(minutes=20))

    assert Mandate.objects.get().status == Status.ENDED


def test_consent_given_later_leads_to_a_new_page(sandbox: Sandbox, loan: Loan) -> None:
    first = press(loan, saves=False, consent=None)

    second = press(loan)

    first.refresh_from_db()
    assert first.status == Payment.Status.EXPIRED
    assert second.pk != first.pk
    assert press(loan).pk == second.pk


def test_consent_taken_back_leads_to_a_page_without_it(sandbox: Sandbox, loan: Loan) -> None:
    first = press(loan)

    second = press(loan, saves=False, consent=None)
    pay(sandbox, second)
    reconcile(now=now() + timedelta(minutes=20))

    assert first.pk != second.pk
    assert Mandate.objects.get().status == Status.ENDED


def test_old_words_begin_no_payment(sandbox: Sandbox, loan: Loan) -> None:
    with pytest.raises(ConsentOutdated):
        press(loan, consent=Consent(version="2020-01-01", language="en", ip=""))

    assert not Payment.objects.exists()
    assert not Mandate.objects.exists()


def test_a_setup_that_waits_gives_way_to_the_payment(sandbox: Sandbox, loan: Loan) -> None:
    waiting = agree(loan, now())

    press(loan)

    waiting.refresh_from_db()
    assert waiting.status == Status.ENDED
    assert Mandate.objects.get(status=Status.PENDING).payment is not None


def test_a_card_that_could_not_be_looked_at_is_kept_by_its_own_event_and_the_reconciler(
    sandbox: Sandbox, loan: Loan, monkeypatch: pytest.MonkeyPatch, deliver: Deliver
) -> None:
    payment = press(loan)

    def silent(method_id: str) -> Any:
        raise GatewayTimeout("no answer")

    with monkeypatch.context() as patched:
        patched.setattr(gateway, "fetch_card", silent)
        payment = pay(sandbox, payment)
    assert payment.status == Payment.Status.SUCCEEDED
    assert not SavedCard.objects.exists()

    method_id = gateway.fetch_intent(payment.intent_id).method_id
    for event in events_of(sandbox, method_id):
        deliver(event)
    assert SavedCard.objects.get().method_id == method_id

    reconcile(now=now() + timedelta(minutes=20))
    assert Mandate.objects.get().status == Status.ACTIVE


def review(client: Client, loan: Loan) -> str:
    page = client.post(
        f"/loans/{loan.public_id}/pay/", {"purpose": "other", "amount": "500.00"}
    ).content.decode()
    assert 'name="save_card"' in page
    assert "checked" not in page
    token: str = page.split('name="review" value="')[1].split('"')[0]
    return token


@pytest.mark.parametrize(
    ("boxes", "saves", "agrees"),
    [
        ({}, False, False),
        ({"save_card": "on"}, True, False),
        ({"autopay": "on"}, True, True),
        ({"save_card": "on", "autopay": "on"}, True, True),
    ],
)
def test_the_boxes_of_the_review_page_mean_what_they_say(
    sandbox: Sandbox, client: Client, loan: Loan, boxes: Any, saves: bool, agrees: bool
) -> None:
    client.force_login(loan.borrower.user)

    answer = client.post(
        f"/loans/{loan.public_id}/pay/start/",
        {"review": review(client, loan), "consent": CONSENT_VERSION, **boxes},
    )

    payment = Payment.objects.get()
    assert answer.url == payment.checkout_url
    assert payment.saves_card == saves
    assert Mandate.objects.filter(payment=payment).exists() == agrees


def test_old_words_on_the_review_page_are_a_conflict(
    sandbox: Sandbox, client: Client, loan: Loan
) -> None:
    client.force_login(loan.borrower.user)

    answer = client.post(
        f"/loans/{loan.public_id}/pay/start/",
        {"review": review(client, loan), "consent": "2020-01-01", "autopay": "on"},
    )

    assert answer.status_code == 409
    assert not Payment.objects.exists()
