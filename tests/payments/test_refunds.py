"""Sending money back: two people, never more than came, and once."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from repayments.audit.models import Event
from repayments.clock import now, today
from repayments.contacts.models import Message
from repayments.ledger.services import verify_ledger
from repayments.loans.models import Loan
from repayments.loans.queries import get_position
from repayments.payments import gateway
from repayments.payments.gateway import GatewayMisconfigured, GatewayTimeout
from repayments.payments.models import Payment, PostingKey, Provider, Refund, RefundPolicy, Suspense
from repayments.payments.services import (
    ChargeDisputed,
    NothingToRefund,
    NotTheirsToDecide,
    RefundAlreadyDecided,
    RefundTooLarge,
    approve_refund,
    decline_refund,
    list_refunds_to_send,
    record_bank_refund,
    send_refund,
    settle,
    withdraw_refund,
)
from repayments.payments.services.settle import REFUND
from tests.factories.payments import make_payment
from tests.payments.conftest import Pay, session_request
from tests.payments.refunding import approve, colleague, money_of, propose, receive
from tests.sandbox_server import Sandbox

pytestmark = pytest.mark.django_db

Status = Refund.Status


def stored(refund: Refund) -> Refund:
    found: Refund = Refund.objects.get(pk=refund.pk)
    return found


def held(payment: Payment) -> int:
    payment.refresh_from_db()
    return payment.going_back


def test_one_proposes_another_approves_and_the_money_goes(
    sandbox: Sandbox, pay: Pay, loan: Loan
) -> None:
    day = today()
    before = get_position(loan=loan, as_of=day).past_due_amount
    payment = receive(pay)

    refund = propose(payment, 20_000)
    assert (refund.status, refund.needs_approval, held(payment)) == (Status.PROPOSED, True, 20_000)
    refund = approve(refund)
    sent = send_refund(refund_id=refund.pk, now=now())

    assert (sent.status, sent.decided_by) == (Status.SUCCEEDED, colleague("bo"))
    assert gateway.fetch_refund(sent.refund_id).amount == 20_000
    assert money_of(loan) == [50_000, -20_000]
    assert sent.entry.actor == colleague("bo")
    assert held(payment) == 20_000
    assert get_position(loan=loan, as_of=day).past_due_amount == before - 30_000
    assert verify_ledger() is None
    actions = Event.objects.filter(stream=loan.stream, action__startswith="payments.refund_")
    assert [one.action.rpartition("_")[2] for one in actions.order_by("seq")] == [
        "proposed",
        "approved",
        "succeeded",
    ]
    message = Message.objects.get(business_key=f"refund_sent:{refund.public_id}")
    assert message.borrower == loan.borrower


def test_who_proposed_does_not_approve(sandbox: Sandbox, pay: Pay) -> None:
    refund = propose(receive(pay), 20_000)

    with pytest.raises(NotTheirsToDecide):
        approve_refund(refund_id=refund.pk, note="", actor=colleague("an"), now=now())
    assert stored(refund).status == Status.PROPOSED


def test_who_proposed_does_not_decline_either(sandbox: Sandbox, pay: Pay) -> None:
    refund = propose(receive(pay), 20_000)

    with pytest.raises(NotTheirsToDecide, match="You can withdraw it"):
        decline_refund(refund_id=refund.pk, note="a slip", actor=colleague("an"), now=now())
    assert stored(refund).status == Status.PROPOSED


def test_who_proposed_may_take_it_back_and_the_money_is_free_again(
    sandbox: Sandbox, pay: Pay
) -> None:
    payment = receive(pay)
    refund = propose(payment, 50_000)
    who: dict[str, Any] = {"refund_id": refund.pk, "actor": colleague("an"), "now": now()}

    withdraw_refund(**who, note="a slip")

    refund = stored(refund)
    assert (refund.status, refund.decision_note) == (Status.WITHDRAWN, "a slip")
    assert propose(payment, 50_000).status == Status.PROPOSED
    with pytest.raises(RefundAlreadyDecided):
        withdraw_refund(**who, note="again")
    assert Event.objects.filter(action="payments.refund_withdrawn").count() == 1


def test_nobody_else_withdraws_a_proposal_and_is_told_why(sandbox: Sandbox, pay: Pay) -> None:
    refund = propose(receive(pay), 20_000)

    with pytest.raises(NotTheirsToDecide, match="Only who proposed a refund withdraws it"):
        withdraw_refund(refund_id=refund.pk, note="", actor=colleague("bo"), now=now())
    assert stored(refund).status == Status.PROPOSED


def test_what_is_decided_cannot_be_withdrawn(sandbox: Sandbox, pay: Pay) -> None:
    refund = approve(propose(receive(pay), 20_000))

    with pytest.raises(RefundAlreadyDecided):
        withdraw_refund(refund_id=refund.pk, note="", actor=colleague("an"), now=now())
    assert stored(refund).status == Status.APPROVED


def test_nobody_decides_about_their_own_money(sandbox: Sandbox, pay: Pay, loan: Loan) -> None:
    refund = propose(receive(pay), 20_000)

    with pytest.raises(NotTheirsToDecide):
        approve_refund(refund_id=refund.pk, note="", actor=loan.borrower.user, now=now())


@pytest.mark.parametrize(
    ("limit", "origin", "alone"),
    [
        (0, Refund.Origin.STAFF, False),
        (19_999, Refund.Origin.STAFF, False),
        (20_000, Refund.Origin.STAFF, True),
        (20_000, Refund.Origin.BORROWER, False),
        (None, Refund.Origin.STAFF, False),
    ],
)
def test_up_to_the_policys_amount_one_person_suffices(
    sandbox: Sandbox, pay: Pay, limit: int | None, origin: str, alone: bool
) -> None:
    RefundPolicy.objects.filter(currency="CNY").delete()
    if limit is not None:
        RefundPolicy.objects.create(currency="CNY", approve_above=limit)

    refund = propose(receive(pay), 20_000, origin=origin)

    assert refund.needs_approval is not alone
    assert refund.status == (Status.APPROVED if alone else Status.PROPOSED)


def test_the_seeded_policy_asks_two_people_for_every_refund(db: None) -> None:
    assert dict(RefundPolicy.objects.values_list("currency", "approve_above")) == {
        "CNY": 0,
        "USD": 0,
    }


def test_a_declined_refund_frees_what_it_held(sandbox: Sandbox, pay: Pay, loan: Loan) -> None:
    payment = receive(pay)
    refund = propose(payment, 50_000, origin=Refund.Origin.BORROWER)

    decline_refund(refund_id=refund.pk, note="it pays June", actor=colleague("bo"), now=now())

    assert held(payment) == 0
    assert send_refund(refund_id=refund.pk, now=now()).status == Status.DECLINED
    with pytest.raises(RefundAlreadyDecided):
        approve(refund)
    assert Message.objects.filter(business_key=f"refund_declined:{refund.public_id}").exists()
    assert money_of(loan) == [50_000]


@pytest.mark.parametrize("amount", [0, -1, 50_001])
def test_amounts_that_are_not_there_are_refused(sandbox: Sandbox, pay: Pay, amount: int) -> None:
    payment = receive(pay)

    with pytest.raises(RefundTooLarge):
        propose(payment, amount)
    assert held(payment) == 0
    assert not Refund.objects.exists()


def test_money_that_has_not_come_cannot_go_back(loan: Loan) -> None:
    with pytest.raises(NothingToRefund):
        propose(make_payment(loan, now=now()), 100)


def test_a_wallet_takes_nothing_back_after_its_time(sandbox: Sandbox, pay: Pay) -> None:
    payment = receive(pay)
    Payment.objects.filter(pk=payment.pk).update(method=Payment.Method.ALIPAY)

    assert propose(payment, 100, now=now() + timedelta(days=89))
    with pytest.raises(NothingToRefund, match="90"):
        propose(payment, 100, now=now() + timedelta(days=91))


def test_fault_32_parts_up_to_the_whole_and_not_a_cent_more(
    sandbox: Sandbox, pay: Pay, loan: Loan
) -> None:
    payment = receive(pay)
    for amount in (20_000, 20_000, 10_000):
        send_refund(refund_id=approve(propose(payment, amount)).pk, now=now())

    with pytest.raises(NothingToRefund):
        propose(payment, 1)
    # The gateway would refuse it too, had we asked.
    with pytest.raises(gateway.GatewayRefused):
        gateway.create_refund(
            gateway.RefundRequest(
                refund="one more", intent_id=payment.intent_id, amount=1, currency="CNY"
            ),
            key="one more",
        )
    assert money_of(loan) == [50_000, -20_000, -20_000, -10_000]
    assert held(payment) == 50_000
    assert verify_ledger() is None


def test_fault_32_what_the_gateway_refuses_ends_with_its_reason(
    sandbox: Sandbox, pay: Pay, loan: Loan
) -> None:
    payment = receive(pay)
    refund = approve(propose(payment, 50_000))
    # Somebody was faster in the gateway's own pages, and we have not heard of it.
    sandbox.control(f"charges/{payment.charge_id}/refund", amount=50_000)

    failed = send_refund(refund_id=refund.pk, now=now())

    assert (failed.status, failed.failure) == (Status.FAILED, "charge_already_refunded")
    assert held(payment) == 0
    assert not Message.objects.filter(business_key__startswith="refund_").exists()


def test_an_answer_that_was_lost_is_asked_for_again_under_the_same_key(
    sandbox: Sandbox, pay: Pay, loan: Loan
) -> None:
    payment = receive(pay)
    refund = approve(propose(payment, 20_000))
    sandbox.control("api/fail", mode="close_after_commit", count=9, path="/v1/refunds")
    with pytest.raises(GatewayTimeout):
        send_refund(refund_id=refund.pk, now=now())
    assert stored(refund).status == Status.UNKNOWN
    assert held(payment) == 20_000
    sandbox.control("reset")
    later = now() + timedelta(minutes=3)
    assert list_refunds_to_send(now=later) == [refund.pk]

    sent = send_refund(refund_id=refund.pk, now=later)

    assert sent.status == Status.SUCCEEDED
    assert len(list(gateway.list_refunds_of(payment.intent_id))) == 1
    assert money_of(loan) == [50_000, -20_000]
    assert list_refunds_to_send(now=later + timedelta(days=1)) == []


def test_a_call_that_never_arrived_is_made_again(sandbox: Sandbox, pay: Pay, loan: Loan) -> None:
    refund = approve(propose(receive(pay), 20_000))
    sandbox.control("api/fail", mode="close_before", count=9, path="/v1/refunds")
    with pytest.raises(GatewayTimeout):
        send_refund(refund_id=refund.pk, now=now())
    sandbox.control("reset")

    assert send_refund(refund_id=refund.pk, now=now()).status == Status.SUCCEEDED
    assert money_of(loan) == [50_000, -20_000]


def test_a_refund_whose_sender_died_is_adopted_not_sent_twice(
    sandbox: Sandbox, pay: Pay, loan: Loan, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = receive(pay)
    refund = approve(propose(payment, 20_000))
    request = gateway.RefundRequest(
        refund=str(refund.public_id),
        intent_id=payment.intent_id,
        amount=20_000,
        currency="CNY",
    )
    gateway.create_refund(request, key=refund.idempotency_key)
    monkeypatch.setattr(gateway, "create_refund", lambda *a, **k: pytest.fail("sent twice"))

    # A day later the gateway has forgotten the key.
    sent = send_refund(refund_id=refund.pk, now=now() + timedelta(days=2))

    assert sent.status == Status.SUCCEEDED
    assert money_of(loan) == [50_000, -20_000]


def test_fault_45_a_key_that_may_not_refund_leaves_it_approved(
    sandbox: Sandbox, pay: Pay, settings: Any
) -> None:
    refund = approve(propose(receive(pay), 20_000))
    sandbox.control("keys", key="rk_test_reader", permissions=["charge_read"])
    settings.STRIPE_SECRET_KEY = "rk_test_reader"

    with pytest.raises(GatewayMisconfigured):
        send_refund(refund_id=refund.pk, now=now())
    assert stored(refund).status == Status.APPROVED


def test_fault_35_a_refund_of_the_gateways_own_pages_gets_a_row_and_posts(
    sandbox: Sandbox, pay: Pay, loan: Loan
) -> None:
    payment = receive(pay)
    made = sandbox.control(f"charges/{payment.charge_id}/refund", amount=20_000)["refund"]

    for _ in range(2):
        refund = settle(object_type=REFUND, object_id=made["id"], now=now())

    assert (refund.status, refund.origin) == (Status.SUCCEEDED, Refund.Origin.GATEWAY)
    assert Refund.objects.count() == 1
    assert money_of(loan) == [50_000, -20_000]
    assert held(payment) == 20_000


def test_a_refund_of_the_gateways_own_pages_leaves_no_room_for_one_that_waits(
    sandbox: Sandbox, pay: Pay, loan: Loan
) -> None:
    payment = receive(pay)
    waiting = propose(payment, 40_000)
    made = sandbox.control(f"charges/{payment.charge_id}/refund", amount=30_000)["refund"]
    settle(object_type=REFUND, object_id=made["id"], now=now())
    assert held(payment) == 50_000

    ended = send_refund(refund_id=approve(waiting).pk, now=now())

    assert ended.status == Status.FAILED
    assert money_of(loan) == [50_000, -30_000]
    assert held(payment) == 30_000


def test_unmatched_money_that_went_back_is_resolved(sandbox: Sandbox, pay: Pay, loan: Loan) -> None:
    payment = pay(50_000)
    Payment.objects.filter(pk=payment.pk).update(amount=40_000)
    settle(object_type="checkout.session", object_id=payment.session_id, now=now())
    suspense = Suspense.objects.get()

    refund = propose(payment, 50_000, payment_id=None, suspense_id=suspense.pk)
    with pytest.raises(NothingToRefund):
        propose(payment, 1, payment_id=None, suspense_id=suspense.pk)
    send_refund(refund_id=approve(refund).pk, now=now())

    suspense.refresh_from_db()
    payment.refresh_from_db()
    assert suspense.resolution == Suspense.Resolution.REFUNDED
    assert suspense.resolved_by == colleague("bo")
    assert payment.status == Payment.Status.CANCELED
    assert money_of(loan) == []

    sandbox.control(f"refunds/{stored(refund).refund_id}/fail")
    settle(object_type=REFUND, object_id=stored(refund).refund_id, now=now())
    suspense.refresh_from_db()
    assert (suspense.resolution, suspense.resolved_at, suspense.going_back) == ("", None, 0)


def test_a_refund_of_nobodys_money_finds_it_in_suspense(sandbox: Sandbox, loan: Loan) -> None:
    foreign = gateway.open_session(session_request(amount=4_200, currency="USD"), key="foreign")
    sandbox.control(f"sessions/{foreign.id}/pay", card="4242")
    intent = gateway.fetch_session(foreign.id).intent
    made = sandbox.control(f"charges/{intent.charge_id}/refund")["refund"]

    refund = settle(object_type=REFUND, object_id=made["id"], now=now())

    assert refund.suspense == Suspense.objects.get(object_id=intent.id)
    assert refund.suspense.resolution == Suspense.Resolution.REFUNDED
    assert not PostingKey.objects.exists()


def test_a_transfers_refund_is_sent_by_a_person_and_recorded(
    sandbox: Sandbox, pay: Pay, loan: Loan
) -> None:
    payment = receive(pay)
    Payment.objects.filter(pk=payment.pk).update(provider=Provider.BANK)
    refund = approve(propose(payment, 20_000))
    assert send_refund(refund_id=refund.pk, now=now()).status == Status.APPROVED
    assert list_refunds_to_send(now=now() + timedelta(days=1)) == []

    sent = record_bank_refund(
        refund_id=refund.pk, reference="T-77", actor=colleague("cai"), now=now()
    )

    assert sent.status == Status.SUCCEEDED
    assert money_of(loan) == [50_000, -20_000]
    event = Event.objects.get(action="payments.refund_sent_by_bank")
    assert (event.actor, event.payload["reference"]) == (colleague("cai"), "T-77")
    with pytest.raises(RefundAlreadyDecided):
        record_bank_refund(refund_id=refund.pk, reference="", actor=colleague("cai"), now=now())


def test_a_gateways_refund_is_not_recorded_by_hand(sandbox: Sandbox, pay: Pay) -> None:
    refund = approve(propose(receive(pay), 20_000))

    with pytest.raises(RefundAlreadyDecided):
        record_bank_refund(refund_id=refund.pk, reference="", actor=colleague("cai"), now=now())


def test_fault_39_a_disputed_charge_is_not_refunded(sandbox: Sandbox, pay: Pay) -> None:
    payment = receive(pay)
    before = propose(payment, 20_000)
    approved = approve(propose(payment, 10_000))
    made = sandbox.control(f"charges/{payment.charge_id}/dispute")["dispute"]
    # Not heard of yet: the gateway refuses, with its reason.
    refused = send_refund(refund_id=approved.pk, now=now())
    assert (refused.status, refused.failure) == (Status.FAILED, "charge_disputed")

    settle(object_type="dispute", object_id=made["id"], now=now())

    with pytest.raises((ChargeDisputed, NothingToRefund)):
        propose(payment, 100)
    with pytest.raises(ChargeDisputed, match="bank"):
        approve(before)
    assert len(list(gateway.list_refunds_of(payment.intent_id))) == 0


def test_an_inquiry_does_not_stand_in_the_way_of_a_refund(
    sandbox: Sandbox, pay: Pay, loan: Loan
) -> None:
    payment = receive(pay)
    made = sandbox.control(f"charges/{payment.charge_id}/dispute", inquiry=True)["dispute"]
    settle(object_type="dispute", object_id=made["id"], now=now())

    sent = send_refund(refund_id=approve(propose(payment, 50_000)).pk, now=now())

    assert sent.status == Status.SUCCEEDED
    assert money_of(loan) == [50_000, -50_000]


def test_the_database_refuses_an_approval_by_who_proposed(loan: Loan) -> None:
    refund = Refund(
        payment=make_payment(loan, now=now()),
        amount=1,
        currency="CNY",
        origin=Refund.Origin.STAFF,
        reason=Refund.Reason.OTHER,
        proposed_by=colleague("an"),
        decided_by=colleague("an"),
        created_at=now(),
        updated_at=now(),
    )
    with pytest.raises(IntegrityError, match="four_eyes"), transaction.atomic():
        refund.save()


def test_settling_a_refund_costs_no_second_look_at_its_payment(sandbox: Sandbox, pay: Pay) -> None:
    payment = receive(pay)
    made = sandbox.control(f"charges/{payment.charge_id}/refund", amount=100)["refund"]
    calls = len(sandbox.control("requests")["requests"])

    settle(object_type=REFUND, object_id=made["id"], now=now())

    assert len(sandbox.control("requests")["requests"]) == calls + 1
