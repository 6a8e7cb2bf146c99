"""Cards saved at the gateway: set up with a consent, listed, removed here or there."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Borrower
from repayments.audit.models import Event
from repayments.clock import now, today
from repayments.contacts.models import Message
from repayments.loans.models import Loan
from repayments.payments import gateway
from repayments.payments.autopay_consents import CONSENT_VERSION, text_of, text_sha256
from repayments.payments.gateway import GatewayTimeout
from repayments.payments.models import AutopayCharge, GatewayCustomer, Mandate, SavedCard
from repayments.payments.services import (
    CardNotRemoved,
    Consent,
    ConsentOutdated,
    LoanNotPayable,
    SetupUnavailable,
    reconcile,
    remove_card,
    resolve_mandate,
    settle,
    start_mandate,
    stop_mandate,
)
from repayments.payments.services.settle import CARD, SESSION, SETUP
from tests.payments.autopay_acts import agree, announced, set_up
from tests.payments.conftest import Deliver, events_of, make_loan
from tests.sandbox_server import Sandbox

pytestmark = pytest.mark.django_db

Status = Mandate.Status


@pytest.fixture
def loan(borrower: Borrower) -> Loan:
    """A loan of which nothing is late."""
    return make_loan(borrower, "L-1", days_ago=5)


@pytest.fixture
def mandate(sandbox: Sandbox, loan: Loan) -> Mandate:
    return set_up(sandbox, loan, now())


def test_a_card_saved_on_the_gateways_page_begins_automatic_payment(
    sandbox: Sandbox, loan: Loan
) -> None:
    waiting = agree(loan, now())
    assert waiting.status == Status.PENDING
    assert waiting.setup_url

    sandbox.control(f"sessions/{waiting.session_id}/pay", card="4242")
    mandate = resolve_mandate(mandate_id=waiting.pk, now=now())

    assert mandate.status == Status.ACTIVE
    assert (mandate.card.brand, mandate.card.last4) == ("visa", "4242")
    assert mandate.card.customer.borrower == loan.borrower


def test_us_21_the_words_agreed_to_are_kept_and_a_copy_is_sent(mandate: Mandate) -> None:
    assert mandate.consent_version == CONSENT_VERSION
    assert mandate.consent_sha256 == text_sha256("en")
    assert mandate.agreed_ip == "203.0.113.9"
    copy = Message.objects.get(business_key=f"autopay_started:{mandate.public_id}")
    assert copy.context["document"] == text_of("en")
    actions = Event.objects.filter(stream=mandate.loan.stream).values_list("action", flat=True)
    assert {"payments.autopay_agreed", "payments.autopay_started"} <= set(actions)


def test_the_words_say_the_same_things_in_both_languages() -> None:
    for language, words in {
        "en": ("never charged more", "skip", "stop", "3 working days", "does not depend"),
        "zh-hans": ("不会超过", "跳过", "停止", "3个工作日", "不以此为条件"),
    }.items():
        assert all(word in text_of(language) for word in words)
    assert text_sha256("en") != text_sha256("zh-hans")


def test_words_that_changed_meanwhile_have_to_be_read_anew(sandbox: Sandbox, loan: Loan) -> None:
    old = Consent(version="2020-01-01", language="en", ip="")

    with pytest.raises(ConsentOutdated):
        start_mandate(
            loan_id=loan.pk, consent=old, card_id=None, actor=loan.borrower.user, now=now()
        )

    assert not Mandate.objects.exists()


@pytest.mark.parametrize("status", [Loan.Status.PENDING_SIGNATURE, Loan.Status.PAID_OFF])
def test_a_loan_that_does_not_run_takes_no_mandate(
    sandbox: Sandbox, loan: Loan, status: str
) -> None:
    Loan.objects.filter(pk=loan.pk).update(status=status)

    with pytest.raises(LoanNotPayable):
        agree(loan, now())


def test_a_second_press_comes_to_the_same_page_and_customer(sandbox: Sandbox, loan: Loan) -> None:
    first, second = agree(loan, now()), agree(loan, now())

    assert first.setup_url == second.setup_url
    assert Mandate.objects.count() == 1
    assert GatewayCustomer.objects.get().customer_id.startswith("cus_")


def test_an_answer_that_got_lost_is_asked_for_under_the_same_key(
    sandbox: Sandbox, loan: Loan, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys: list[str] = []
    real = gateway.open_setup

    def lose(request: Any, *, key: str) -> Any:
        keys.append(key)
        session = real(request, key=key)
        if len(keys) == 1:
            raise GatewayTimeout("no answer")
        return session

    monkeypatch.setattr(gateway, "open_setup", lose)
    with pytest.raises(SetupUnavailable):
        agree(loan, now())

    mandate = agree(loan, now())

    assert mandate.setup_url
    assert len(set(keys)) == 1
    made = gateway.list_sessions(since=now() - timedelta(hours=1), until=now())
    ours = [one for one in made if one.metadata.get("mandate") == str(mandate.public_id)]
    assert [one.id for one in ours] == [mandate.session_id]


def test_a_lost_page_that_was_used_is_found_by_listing(
    sandbox: Sandbox, loan: Loan, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []
    real = gateway.open_setup

    def lose(request: Any, *, key: str) -> Any:
        made.append(real(request, key=key))
        raise GatewayTimeout("no answer")

    monkeypatch.setattr(gateway, "open_setup", lose)
    with pytest.raises(SetupUnavailable):
        agree(loan, now())
    sandbox.control(f"sessions/{made[0].id}/pay", card="4242")

    reconcile(now=now() + timedelta(minutes=20))

    assert Mandate.objects.get().status == Status.ACTIVE


@pytest.mark.parametrize("kinds", [(SETUP, SESSION), (SESSION, SETUP), (SESSION,), (SETUP,)])
def test_news_of_page_and_setup_in_any_order_begin_it_once(
    sandbox: Sandbox, loan: Loan, kinds: tuple[str, ...]
) -> None:
    waiting = agree(loan, now())
    sandbox.control(f"sessions/{waiting.session_id}/pay", card="4242")
    ids = {SESSION: waiting.session_id, SETUP: gateway.fetch_session(waiting.session_id).setup_id}

    for kind in kinds * 2:
        settle(object_type=kind, object_id=ids[kind], now=now())

    assert Mandate.objects.get().status == Status.ACTIVE
    assert SavedCard.objects.count() == 1
    assert Message.objects.filter(purpose="autopay").count() == 1


def test_the_webhook_alone_begins_it(sandbox: Sandbox, loan: Loan, deliver: Deliver) -> None:
    waiting = agree(loan, now())
    sandbox.control(f"sessions/{waiting.session_id}/pay", card="4242")
    setup_id = gateway.fetch_session(waiting.session_id).setup_id
    event = next(
        one for one in events_of(sandbox, setup_id) if one["type"] == "setup_intent.succeeded"
    )

    assert deliver(event).status_code == 200

    assert Mandate.objects.get().status == Status.ACTIVE


def test_a_card_that_is_refused_saves_nothing_and_the_page_stays_open(
    sandbox: Sandbox, loan: Loan
) -> None:
    waiting = agree(loan, now())
    sandbox.control(f"sessions/{waiting.session_id}/pay", card="0002")

    mandate = resolve_mandate(mandate_id=waiting.pk, now=now())

    assert mandate.status == Status.PENDING
    assert not SavedCard.objects.exists()


def test_a_page_that_closed_unused_ends_the_mandate_without_a_message(
    sandbox: Sandbox, loan: Loan
) -> None:
    waiting = agree(loan, now())
    sandbox.control(f"sessions/{waiting.session_id}/expire")

    mandate = resolve_mandate(mandate_id=waiting.pk, now=now())

    assert (mandate.status, mandate.end_reason) == (Status.ENDED, Mandate.EndReason.SETUP)
    assert not Message.objects.filter(purpose="autopay").exists()


def test_another_card_takes_the_place_of_the_old_one_with_what_was_announced(
    sandbox: Sandbox, loan: Loan, mandate: Mandate
) -> None:
    charge = announced(loan, after=today())

    new = set_up(sandbox, loan, now(), card="4444")

    mandate.refresh_from_db()
    charge.refresh_from_db()
    assert (mandate.status, mandate.end_reason) == (Status.ENDED, Mandate.EndReason.REPLACED)
    assert new.status == Status.ACTIVE
    assert (charge.mandate, charge.status) == (new, AutopayCharge.Status.ANNOUNCED)


def test_a_saved_card_begins_it_without_another_page(
    sandbox: Sandbox, loan: Loan, mandate: Mandate
) -> None:
    stop_mandate(mandate_id=mandate.pk, actor=loan.borrower.user, now=now())

    new = agree(loan, now(), card_id=mandate.card_id)

    assert (new.status, new.card_id, new.session_id) == (Status.ACTIVE, mandate.card_id, "")


def test_somebody_elses_card_is_not_taken(
    sandbox: Sandbox, mandate: Mandate, other_loan: Loan
) -> None:
    with pytest.raises(SetupUnavailable):
        agree(other_loan, now(), card_id=mandate.card_id)

    assert not Mandate.objects.filter(loan=other_loan).exists()


def test_a_setup_that_names_another_customer_saves_nothing(
    sandbox: Sandbox, loan: Loan, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting = agree(loan, now())
    sandbox.control(f"sessions/{waiting.session_id}/pay", card="4242")
    GatewayCustomer.objects.update(customer_id="cus_somebody_else")

    assert resolve_mandate(mandate_id=waiting.pk, now=now()).status == Status.PENDING
    assert not SavedCard.objects.exists()


# Fault 43


def test_fault_43_a_card_detached_in_the_dashboard_ends_what_is_charged_to_it(
    sandbox: Sandbox, loan: Loan, mandate: Mandate, deliver: Deliver
) -> None:
    charge = announced(loan, after=today())
    sandbox.control(f"payment_methods/{mandate.card.method_id}/detach")
    events = events_of(sandbox, mandate.card.method_id)
    detached = next(one for one in events if one["type"] == "payment_method.detached")

    for _ in range(2):
        assert deliver(detached).status_code == 200

    mandate.refresh_from_db()
    charge.refresh_from_db()
    assert (mandate.status, mandate.end_reason) == (Status.ENDED, Mandate.EndReason.DETACHED)
    assert SavedCard.objects.get().detached_at is not None
    assert charge.status == AutopayCharge.Status.SKIPPED
    told = Message.objects.filter(business_key=f"autopay_ended:{mandate.public_id}")
    assert told.get().context["reason"] == "The saved card was removed."


def test_fault_43_a_renewed_card_goes_on_under_its_new_date(
    sandbox: Sandbox, mandate: Mandate, deliver: Deliver
) -> None:
    sandbox.control(f"payment_methods/{mandate.card.method_id}/renew", exp_year=2041, last4="7777")
    event = events_of(sandbox, mandate.card.method_id)[-1]
    assert event["type"] == "payment_method.automatically_updated"

    deliver(event)

    card = SavedCard.objects.get()
    assert (card.exp_year, card.last4) == (2041, "7777")
    mandate.refresh_from_db()
    assert mandate.status == Status.ACTIVE


def test_a_card_of_no_customer_of_ours_is_not_kept(sandbox: Sandbox, mandate: Mandate) -> None:
    GatewayCustomer.objects.update(customer_id="cus_somebody_else")

    assert settle(object_type=CARD, object_id=mandate.card.method_id, now=now()) is None


def test_removing_a_card_here_removes_it_there(
    sandbox: Sandbox, loan: Loan, mandate: Mandate
) -> None:
    remove_card(card_id=mandate.card_id, actor=loan.borrower.user, now=now())

    assert gateway.fetch_card(mandate.card.method_id).customer_id == ""
    mandate.refresh_from_db()
    assert mandate.status == Status.ENDED
    assert SavedCard.objects.get().detached_at is not None


def test_with_the_gateway_silent_the_card_is_not_charged_any_more_and_can_be_removed_later(
    sandbox: Sandbox, loan: Loan, mandate: Mandate, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(method_id: str, *, key: str) -> None:
        raise GatewayTimeout("no answer")

    with monkeypatch.context() as patched:
        patched.setattr(gateway, "detach_card", silent)
        with pytest.raises(CardNotRemoved):
            remove_card(card_id=mandate.card_id, actor=loan.borrower.user, now=now())
    mandate.refresh_from_db()
    assert mandate.status == Status.ENDED
    assert SavedCard.objects.get().detached_at is None

    remove_card(card_id=mandate.card_id, actor=loan.borrower.user, now=now())

    assert SavedCard.objects.get().detached_at is not None


# The page of saved cards: six questions


def test_the_page_lists_cards_and_what_they_pay(
    sandbox: Sandbox, client: Client, loan: Loan, mandate: Mandate
) -> None:
    client.force_login(loan.borrower.user)

    page = client.get("/account/cards/").content.decode()

    assert "Visa ending in 4242" in page
    assert "Pays loan L-1 by itself." in page
    assert "/account/cards/" in client.get("/account/").content.decode()


def test_the_remove_button_removes(
    sandbox: Sandbox, client: Client, loan: Loan, mandate: Mandate
) -> None:
    client.force_login(loan.borrower.user)

    answer = client.post(f"/account/cards/{mandate.card.public_id}/remove/", follow=True)

    assert "The card has been removed." in answer.content.decode()
    assert "4242" not in client.get("/account/cards/").content.decode()


def test_a_stranger_cannot_remove_a_card(
    sandbox: Sandbox, client: Client, mandate: Mandate, other_borrower: Borrower
) -> None:
    client.force_login(other_borrower.user)

    assert client.post(f"/account/cards/{mandate.card.public_id}/remove/").status_code == 404
    assert "4242" not in client.get("/account/cards/").content.decode()
    assert SavedCard.objects.get().detached_at is None


def test_wrong_methods_and_the_anonymous_are_turned_away(
    sandbox: Sandbox, client: Client, loan: Loan, mandate: Mandate
) -> None:
    remove = f"/account/cards/{mandate.card.public_id}/remove/"
    assert client.post(remove).url.startswith("/accounts/login/")
    client.force_login(loan.borrower.user)
    assert client.get(remove).status_code == 405
    assert client.post("/account/cards/").status_code == 405
