"""A saved card charged by itself: once, if the rules allow it, and what follows a refusal."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Borrower
from repayments.audit.models import Event
from repayments.clock import lender_zone, now, today
from repayments.contacts.models import Message
from repayments.contacts.services import place_hold
from repayments.ledger.models import JournalEntry
from repayments.ledger.services import verify_ledger
from repayments.loans.models import Installment, Loan
from repayments.loans.queries import get_position
from repayments.loans.services import charge_fee, record_payment
from repayments.payments import gateway
from repayments.payments.card_asks import asks_each_time
from repayments.payments.gateway import GatewayMisconfigured, GatewayTimeout
from repayments.payments.models import AutopayCharge, Dispute, Mandate, Payment
from repayments.payments.services import (
    ChargeNotOpen,
    PaymentNotKnown,
    announce_charges,
    list_due_charges,
    make_charge,
    reconcile,
    resolve_payment,
    skip_charge,
    stop_mandate,
)
from repayments.payments.tasks import sweep_charges
from tests.factories.payments import make_payment
from tests.payments.autopay_acts import announced, at, charge, next_due, send_notices, set_up
from tests.payments.conftest import Deliver, Pay, events_of, make_loan
from tests.sandbox_server import Sandbox

pytestmark = pytest.mark.django_db

Status = AutopayCharge.Status
PaymentStatus = Payment.Status


@pytest.fixture
def loan(borrower: Borrower) -> Loan:
    """A loan of which nothing is late."""
    return make_loan(borrower, "L-1", days_ago=5)


@pytest.fixture
def mandate(sandbox: Sandbox, loan: Loan) -> Mandate:
    return set_up(sandbox, loan, now())


@pytest.fixture
def row(loan: Loan, mandate: Mandate) -> AutopayCharge:
    """A charge that was announced in time and whose day has not come."""
    return announced(loan, after=today())


def posted(loan: Loan) -> list[int]:
    payments = JournalEntry.objects.filter(book=loan.book, kind=JournalEntry.Kind.PAYMENT)
    return [entry.postings.get(account="clearing").amount for entry in payments.order_by("seq")]


def intents_of(loan: Loan) -> int:
    """How many PaymentIntents the gateway has made for a loan."""
    since = gateway.clock() - timedelta(hours=1)
    listed = gateway.list_intents(since=since, until=gateway.clock() + timedelta(minutes=1))
    return sum(one.metadata.get("loan") == str(loan.public_id) for one in listed)


def told(loan: Loan) -> list[str]:
    """The keys of the messages about charges that did not go as announced."""
    rows = Message.objects.filter(subject=loan.stream, purpose="autopay").exclude(
        business_key__startswith="autopay_started"
    )
    return [key.partition(":")[0] for key in rows.values_list("business_key", flat=True)]


def paid(loan: Loan, amount: int, when: datetime) -> None:
    """Money of the borrower's own that arrives at a moment."""
    record_payment(
        loan_id=loan.pk,
        amount=amount,
        effective_date=when.astimezone(lender_zone()).date(),
        reference=f"own {when.isoformat()}",
        actor=None,
        now=when,
    )


def behave(sandbox: Sandbox, mandate: Mandate, behavior: str) -> None:
    sandbox.control(f"payment_methods/{mandate.card.method_id}/behavior", behavior=behavior)


def test_what_was_announced_is_charged_on_the_day_and_posted_once(
    loan: Loan, row: AutopayCharge
) -> None:
    assert list_due_charges(today=row.charge_on - timedelta(days=1)) == []
    assert list_due_charges(today=row.charge_on) == [row.pk]

    payment = charge(row)

    assert payment.status == PaymentStatus.SUCCEEDED
    assert (payment.channel, payment.method) == (Payment.Channel.AUTOPAY, Payment.Method.CARD)
    assert posted(loan) == [row.announced_amount]
    row.refresh_from_db()
    assert (row.status, row.payment) == (Status.DONE, payment)
    assert get_position(loan=loan, as_of=row.due_date).past_due_amount == 0
    assert Message.objects.filter(business_key=f"payment_received:{payment.public_id}").exists()
    assert verify_ledger() is None


def test_the_task_charges_and_a_second_run_does_nothing(
    loan: Loan, row: AutopayCharge, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.BUSINESS_DATE = f"{row.charge_on}T10:00"

    for _ in range(2):
        for charge_id in list_due_charges(today=row.charge_on):
            make_charge(charge_id=charge_id, now=now())
        sweep_charges()

    assert intents_of(loan) == 1
    with pytest.raises(ChargeNotOpen):
        charge(row)


def test_3155_saved_through_setup_is_charged_without_its_owner(
    sandbox: Sandbox, loan: Loan
) -> None:
    set_up(sandbox, loan, now(), card="3155")

    payment = charge(announced(loan, after=today()))

    assert payment.status == PaymentStatus.SUCCEEDED


# How much


def test_less_is_taken_where_the_borrower_paid_a_part(loan: Loan, row: AutopayCharge) -> None:
    record_payment(
        loan_id=loan.pk,
        amount=30_000,
        effective_date=today(),
        reference="bank-1",
        actor=None,
        now=now(),
    )

    assert charge(row).amount == row.announced_amount - 30_000


def test_nothing_due_is_skipped_without_a_word_of_blame(loan: Loan, row: AutopayCharge) -> None:
    record_payment(
        loan_id=loan.pk,
        amount=row.announced_amount,
        effective_date=today(),
        reference="bank-1",
        actor=None,
        now=now(),
    )

    assert charge(row) is None

    row.refresh_from_db()
    assert (row.status, row.reason) == (Status.SKIPPED, "nothing_due")
    assert told(loan) == []
    assert intents_of(loan) == 0


def test_us_21_never_more_than_announced_whatever_was_added(loan: Loan, row: AutopayCharge) -> None:
    charge_fee(
        loan_id=loan.pk,
        amount=5_000,
        reason="Late fee",
        charged_on=today(),
        actor=None,
        now=now(),
    )

    assert charge(row).amount == row.announced_amount


# Conduct


def test_us_21_notice_on_day_nine_and_the_debit_is_refused(
    sandbox: Sandbox, loan: Loan, mandate: Mandate
) -> None:
    Borrower.objects.update(jurisdiction="US")
    due = next_due(loan, today()).due_date
    day = due - timedelta(days=10)
    announce_charges(as_of=day, now=at(day))
    row = AutopayCharge.objects.get()
    # It waited in the outbox for a day.
    send_notices(at(due - timedelta(days=9)))

    assert charge(row) is None

    row.refresh_from_db()
    assert (row.status, row.reason) == (Status.REFUSED, "notice_too_late")
    assert told(loan) == ["autopay_not_taken"]
    assert intents_of(loan) == 0


def test_us_21_notice_on_day_ten_and_the_debit_is_made(
    sandbox: Sandbox, loan: Loan, mandate: Mandate
) -> None:
    Borrower.objects.update(jurisdiction="US")

    payment = charge(announced(loan, after=today(), days_before=10))

    assert payment.status == PaymentStatus.SUCCEEDED


def test_a_notice_that_never_left_is_no_notice(loan: Loan, row: AutopayCharge) -> None:
    Message.objects.filter(purpose="autopay_notice").update(status="failed", sent_at=None)

    assert charge(row) is None
    row.refresh_from_db()
    assert row.reason == "notice_too_late"


@pytest.mark.parametrize(
    ("hold", "is_charged"),
    [("dispute", False), ("payment_dispute", False), ("hardship", False), ("plan_active", True)],
)
def test_a_hold_keeps_the_card_from_being_charged_a_plan_does_not(
    loan: Loan, row: AutopayCharge, hold: str, is_charged: bool
) -> None:
    place_hold(
        borrower=loan.borrower, name=hold, subject=loan.stream, reason="", actor=None, now=now()
    )

    payment = charge(row)

    row.refresh_from_db()
    assert (payment is not None) == is_charged
    assert row.reason == ("" if is_charged else "hold")
    assert told(loan) == ([] if is_charged else ["autopay_not_taken"])


def test_an_open_dispute_over_a_payment_keeps_the_card_from_being_charged(
    loan: Loan, row: AutopayCharge
) -> None:
    before = make_payment(loan, now=now(), status=PaymentStatus.SUCCEEDED)
    Dispute.objects.create(
        dispute_id="dp_1",
        payment=before,
        amount=100,
        currency="CNY",
        status="needs_response",
        opened_at=now(),
        updated_at=now(),
    )

    assert charge(row) is None
    row.refresh_from_db()
    assert row.reason == "dispute"


def test_a_mandate_that_was_stopped_takes_nothing(
    loan: Loan, row: AutopayCharge, mandate: Mandate
) -> None:
    stop_mandate(mandate_id=mandate.pk, actor=loan.borrower.user, now=at(row.charge_on, 9))

    with pytest.raises(ChargeNotOpen):
        charge(row)

    row.refresh_from_db()
    assert (row.status, row.reason) == (Status.SKIPPED, "ended")
    assert told(loan) == ["autopay_ended"]


def test_a_skipped_charge_takes_nothing_and_the_mandate_goes_on(
    loan: Loan, row: AutopayCharge, mandate: Mandate
) -> None:
    skip_charge(charge_id=row.pk, actor=loan.borrower.user, now=now())

    with pytest.raises(ChargeNotOpen):
        charge(row)

    mandate.refresh_from_db()
    assert mandate.status == Mandate.Status.ACTIVE
    assert Event.objects.filter(action="payments.charge_skipped").get().actor == loan.borrower.user


def test_a_loan_that_was_written_off_takes_nothing(loan: Loan, row: AutopayCharge) -> None:
    Loan.objects.filter(pk=loan.pk).update(status=Loan.Status.WRITTEN_OFF)

    assert charge(row) is None
    row.refresh_from_db()
    assert row.status == Status.SKIPPED


def test_a_due_date_that_moved_since_takes_nothing(loan: Loan, row: AutopayCharge) -> None:
    Installment.objects.filter(loan=loan, due_date=row.due_date).update(
        due_date=row.due_date + timedelta(days=3)
    )

    assert charge(row) is None
    row.refresh_from_db()
    assert row.reason == "moved"


def test_a_charge_that_waited_too_long_is_given_up_and_told(loan: Loan, row: AutopayCharge) -> None:
    assert charge(row, at(row.charge_on + timedelta(days=4))) is None

    row.refresh_from_db()
    assert (row.status, row.reason) == (Status.REFUSED, "too_late")
    assert told(loan) == ["autopay_not_taken"]


# Beside a payment of the borrower's own


def test_with_a_payment_page_open_the_charge_waits(
    sandbox: Sandbox, loan: Loan, row: AutopayCharge, start: Pay
) -> None:
    own = start(50_000)

    assert charge(row) is None
    row.refresh_from_db()
    assert row.status == Status.ANNOUNCED
    assert intents_of(loan) == 0

    # The page closes unused: the charge is made.
    sandbox.control(f"sessions/{own.session_id}/expire")
    resolve_payment(payment_id=own.pk, now=now())
    assert charge(row).status == PaymentStatus.SUCCEEDED


def test_with_the_page_paid_only_the_rest_is_charged(
    sandbox: Sandbox, loan: Loan, row: AutopayCharge, pay: Pay
) -> None:
    own = pay(50_000)
    assert charge(row) is None

    resolve_payment(payment_id=own.pk, now=now())

    assert charge(row).amount == row.announced_amount - 50_000
    assert sum(posted(loan)) == row.announced_amount


def test_while_the_card_is_being_charged_nobody_is_asked_to_pay(
    sandbox: Sandbox,
    loan: Loan,
    row: AutopayCharge,
    start: Pay,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[type[BaseException]] = []
    real = gateway.charge_card

    def pressed_meanwhile(request: Any, *, key: str) -> Any:
        with pytest.raises(PaymentNotKnown) as refusal:
            start(50_000, at=at(row.charge_on))
        seen.append(refusal.type)
        return real(request, key=key)

    monkeypatch.setattr(gateway, "charge_card", pressed_meanwhile)

    assert charge(row).status == PaymentStatus.SUCCEEDED
    assert seen == [PaymentNotKnown]


# Faults


def test_fault_19_a_card_that_asks_for_its_owner_leads_to_one_mail_and_no_retry(
    sandbox: Sandbox, loan: Loan, deliver: Deliver
) -> None:
    mandate = set_up(sandbox, loan, now(), card="3184")
    row = announced(loan, after=today())

    payment = charge(row)
    for event in events_of(sandbox, payment.intent_id):
        deliver(event)
    for days in range(8):
        for charge_id in list_due_charges(today=row.charge_on + timedelta(days=days)):
            make_charge(charge_id=charge_id, now=at(row.charge_on + timedelta(days=days)))
    reconcile(now=at(row.charge_on + timedelta(days=8)))

    payment.refresh_from_db()
    mandate.refresh_from_db()
    assert payment.status == PaymentStatus.NEEDS_BORROWER
    assert told(loan) == ["autopay_confirm"]
    assert AutopayCharge.objects.filter(due_date=row.due_date).count() == 1
    assert intents_of(loan) == 1
    assert mandate.status == Mandate.Status.ACTIVE
    assert posted(loan) == []


def test_fault_19_a_card_that_asks_every_month_is_said_to_and_other_ways_are_offered(
    sandbox: Sandbox, loan: Loan, client: Client
) -> None:
    set_up(sandbox, loan, now(), card="3184")
    client.force_login(loan.borrower.user)
    url = f"/loans/{loan.public_id}/autopay/"
    habit = "Your bank asks you to confirm each payment"
    assert "Some banks ask the owner of a card" in client.get(url).content.decode()
    first = announced(loan, after=today())

    charge(first)
    assert told(loan) == ["autopay_confirm"]
    assert habit not in client.get(url).content.decode()
    # The borrower pays on-session; the card asks again the month after.
    paid(loan, first.announced_amount, at(first.charge_on))
    second = announced(loan, after=first.due_date)
    charge(second)

    assert told(loan) == ["autopay_confirm", "autopay_asks"]
    page = client.get(url).content.decode()
    assert habit in page
    assert "Use another card" in page
    assert "Stop it, and remind me instead" in page
    assert f'href="/loans/{loan.public_id}/pay/"' in page
    assert intents_of(loan) == 2


def test_a_card_that_asked_once_and_then_did_not_has_no_habit(sandbox: Sandbox, loan: Loan) -> None:
    mandate = set_up(sandbox, loan, now(), card="3184")
    first = announced(loan, after=today())
    charge(first)
    paid(loan, first.announced_amount, at(first.charge_on))
    other = set_up(sandbox, loan, at(first.charge_on), card="4242")
    second = announced(loan, after=first.due_date)
    charge(second)

    assert not asks_each_time(mandate)
    assert not asks_each_time(other)


@pytest.mark.parametrize(("jurisdiction", "tries"), [("CN", [0, 3, 7]), ("UK", [0, 3])])
def test_fault_20_uk_7_a_soft_decline_is_tried_again_on_set_days_each_a_new_attempt_and_key(
    sandbox: Sandbox, loan: Loan, mandate: Mandate, jurisdiction: str, tries: list[int]
) -> None:
    row = announced(loan, after=today())
    Borrower.objects.update(jurisdiction=jurisdiction)
    behave(sandbox, mandate, "insufficient_funds")
    first = row.charge_on
    while first.weekday() == 6:
        first += timedelta(days=1)

    for days in range(12):
        day = first + timedelta(days=days)
        for charge_id in list_due_charges(today=day):
            make_charge(charge_id=charge_id, now=at(day))

    rows = AutopayCharge.objects.filter(due_date=row.due_date).order_by("attempt")
    assert [(one.charge_on - row.charge_on).days for one in rows] == tries
    payments = [one.payment for one in rows]
    assert len({one.idempotency_key for one in payments}) == len(tries)
    assert [one.status for one in payments] == [
        *[PaymentStatus.RETRY_SCHEDULED] * (len(tries) - 1),
        PaymentStatus.FAILED,
    ]
    assert payments[0].decline_code == "insufficient_funds"
    assert intents_of(loan) == len(tries)
    mandate.refresh_from_db()
    assert (mandate.status, mandate.end_reason) == (
        Mandate.Status.ENDED,
        Mandate.EndReason.FAILED,
    )
    assert told(loan) == [*["autopay_retry"] * (len(tries) - 1), "autopay_ended"]


def test_fault_20_a_retry_that_goes_through_ends_it(
    sandbox: Sandbox, loan: Loan, mandate: Mandate, row: AutopayCharge
) -> None:
    behave(sandbox, mandate, "insufficient_funds")
    charge(row)
    behave(sandbox, mandate, "succeeds")
    again = AutopayCharge.objects.get(attempt=2)

    assert charge(again).status == PaymentStatus.SUCCEEDED

    assert posted(loan) == [row.announced_amount]
    assert not AutopayCharge.objects.filter(attempt=3).exists()


def test_fault_20_a_retry_takes_nothing_where_the_borrower_paid_meanwhile(
    sandbox: Sandbox, loan: Loan, mandate: Mandate, row: AutopayCharge
) -> None:
    behave(sandbox, mandate, "insufficient_funds")
    charge(row)
    record_payment(
        loan_id=loan.pk,
        amount=row.announced_amount,
        effective_date=row.charge_on,
        reference="bank-1",
        actor=None,
        now=at(row.charge_on, 12),
    )
    again = AutopayCharge.objects.get(attempt=2)

    assert charge(again) is None
    again.refresh_from_db()
    assert again.reason == "nothing_due"


@pytest.mark.parametrize("behavior", ["stolen_card", "lost_card", "expired_card"])
def test_fault_20_a_hard_decline_ends_automatic_payment(
    sandbox: Sandbox, loan: Loan, mandate: Mandate, row: AutopayCharge, behavior: str
) -> None:
    behave(sandbox, mandate, behavior)

    payment = charge(row)

    assert payment.status == PaymentStatus.FAILED
    mandate.refresh_from_db()
    assert (mandate.status, mandate.end_reason) == (
        Mandate.Status.ENDED,
        Mandate.EndReason.DECLINED,
    )
    assert told(loan) == ["autopay_ended"]
    assert AutopayCharge.objects.count() == 1


def test_fault_20_a_card_that_was_detached_unheard_ends_automatic_payment(
    sandbox: Sandbox, loan: Loan, mandate: Mandate, row: AutopayCharge
) -> None:
    sandbox.control(f"payment_methods/{mandate.card.method_id}/detach")

    payment = charge(row)

    assert payment.status == PaymentStatus.FAILED
    assert not payment.needs_review
    mandate.refresh_from_db()
    assert (mandate.status, mandate.end_reason) == (
        Mandate.Status.ENDED,
        Mandate.EndReason.DETACHED,
    )
    assert told(loan) == ["autopay_ended"]
    assert posted(loan) == []


def test_fault_22_an_answer_lost_after_the_charge_is_found_and_posted_once(
    sandbox: Sandbox, loan: Loan, row: AutopayCharge, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = gateway.charge_card

    def lose(request: Any, *, key: str) -> Any:
        real(request, key=key)
        raise GatewayTimeout("no answer")

    with monkeypatch.context() as patched:
        patched.setattr(gateway, "charge_card", lose)
        payment = charge(row)
    assert payment.status == PaymentStatus.UNKNOWN
    assert posted(loan) == []

    resolved = resolve_payment(payment_id=payment.pk, now=at(row.charge_on, 11))

    assert resolved.status == PaymentStatus.SUCCEEDED
    assert intents_of(loan) == 1
    assert posted(loan) == [row.announced_amount]


def test_a_call_that_never_arrived_is_sent_again_under_the_same_key(
    sandbox: Sandbox, loan: Loan, row: AutopayCharge, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys: list[str] = []
    real = gateway.charge_card

    def drop(request: Any, *, key: str) -> Any:
        keys.append(key)
        if len(keys) == 1:
            raise GatewayTimeout("no answer")
        return real(request, key=key)

    monkeypatch.setattr(gateway, "charge_card", drop)
    payment = charge(row)

    reconcile(now=at(row.charge_on, 11))

    payment.refresh_from_db()
    assert payment.status == PaymentStatus.SUCCEEDED
    assert keys == [payment.idempotency_key] * 2
    assert intents_of(loan) == 1


def test_a_call_that_never_arrived_is_not_sent_after_the_borrower_said_stop(
    sandbox: Sandbox,
    loan: Loan,
    mandate: Mandate,
    row: AutopayCharge,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def drop(request: Any, *, key: str) -> Any:
        raise GatewayTimeout("no answer")

    with monkeypatch.context() as patched:
        patched.setattr(gateway, "charge_card", drop)
        payment = charge(row)
    stop_mandate(mandate_id=mandate.pk, actor=loan.borrower.user, now=at(row.charge_on, 11))
    monkeypatch.setattr(gateway, "clock", lambda: now() + timedelta(minutes=5))

    resolved = resolve_payment(payment_id=payment.pk, now=at(row.charge_on, 12))

    assert resolved.status == PaymentStatus.CANCELED
    assert Payment.objects.filter(channel=Payment.Channel.AUTOPAY).count() == 1


def test_a_key_of_ours_that_is_wrong_blames_no_card_and_calls_a_person(
    sandbox: Sandbox,
    loan: Loan,
    mandate: Mandate,
    row: AutopayCharge,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(request: Any, *, key: str) -> Any:
        raise GatewayMisconfigured("no permission", code="permission")

    with monkeypatch.context() as patched:
        patched.setattr(gateway, "charge_card", refuse)
        payment = charge(row)

    mandate.refresh_from_db()
    assert (payment.status, payment.needs_review) == (PaymentStatus.FAILED, True)
    assert mandate.status == Mandate.Status.ACTIVE
    assert told(loan) == []
    assert charge(AutopayCharge.objects.get(attempt=2)).status == PaymentStatus.SUCCEEDED
