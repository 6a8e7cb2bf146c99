"""Staff send money back: one proposes, another approves, each with a fresh code of their own."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import pytest
from django.core.cache import cache
from django.test import Client

from repayments.audit.models import Event
from repayments.clock import now
from repayments.loans.models import Loan
from repayments.payments import tasks
from repayments.payments.models import (
    Dispute,
    Payment,
    Provider,
    Refund,
    RefundPolicy,
    Suspense,
)
from repayments.payments.services import settle
from tests.factories.second_factor import Person, code_of, hire
from tests.payments.conftest import Pay
from tests.payments.refunding import approve, money_of, propose, receive
from tests.sandbox_server import Sandbox

pytestmark = pytest.mark.django_db

Status = Refund.Status


@pytest.fixture(autouse=True)
def half_a_minute_passes_meanwhile(settings: Any) -> Iterator[None]:
    """No test waits for the next code, or fails where the clock turns to it."""
    settings.MFA_TOTP_TOLERANCE = 1
    yield
    cache.clear()


@pytest.fixture
def officer(db: None) -> Person:
    return hire("supervisor")


@pytest.fixture
def second(db: None) -> Person:
    return hire("supervisor")


@pytest.fixture
def enqueued(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Stands where the worker would be."""
    mock = Mock()
    monkeypatch.setattr(tasks.send_refund, "delay_on_commit", mock)
    return mock


def propose_url(payment: Payment) -> str:
    return f"/admin/payments/refund/propose/payment/{payment.pk}/"


def decide_url(refund: Refund, act: str) -> str:
    return f"/admin/payments/refund/{refund.pk}/decide/{act}/"


def typed(person: Person, **changes: str) -> dict[str, str]:
    values = {"amount": "200.00", "reason": "mistake", "note": "Booked twice.", **changes}
    return {"code": code_of(person), **values}


def stored(refund: Refund) -> Refund:
    found: Refund = Refund.objects.get(pk=refund.pk)
    return found


def test_four_eyes_from_the_payment_to_the_money(
    sandbox: Sandbox,
    pay: Pay,
    loan: Loan,
    officer: Person,
    second: Person,
    django_capture_on_commit_callbacks: Any,
) -> None:
    payment = receive(pay)
    page = officer[0].get(f"/admin/payments/payment/{payment.pk}/change/")
    assert propose_url(payment) in page.content.decode()
    assert officer[0].get(propose_url(payment)).status_code == 200

    officer[0].post(propose_url(payment), typed(officer))

    refund = Refund.objects.get()
    assert (refund.amount, refund.status, refund.proposed_by) == (
        20_000,
        Status.PROPOSED,
        officer[1],
    )
    # Their own proposal is not theirs to approve.
    own = officer[0].post(decide_url(refund, "approve"), typed(officer))
    assert "Somebody else has to approve" in own.content.decode()
    assert stored(refund).status == Status.PROPOSED

    listed = second[0].get(f"/admin/payments/refund/{refund.pk}/change/").content.decode()
    assert decide_url(refund, "approve") in listed
    assert second[0].get(decide_url(refund, "approve")).status_code == 200
    with django_capture_on_commit_callbacks(execute=True):
        answer = second[0].post(decide_url(refund, "approve"), typed(second, note="Seen."))

    assert answer.status_code == 302
    refund = stored(refund)
    assert (refund.status, refund.decided_by) == (Status.SUCCEEDED, second[1])
    assert refund.decision_note == "Seen."
    assert money_of(loan) == [50_000, -20_000]


def test_who_proposed_withdraws_and_a_colleague_is_told_why_not(
    sandbox: Sandbox, pay: Pay, officer: Person, second: Person
) -> None:
    payment = receive(pay)
    officer[0].post(propose_url(payment), typed(officer))
    refund = Refund.objects.get()
    url = decide_url(refund, "withdraw")
    own = officer[0].get(f"/admin/payments/refund/{refund.pk}/change/").content.decode()
    assert url in own
    assert decide_url(refund, "decline") not in own
    theirs = second[0].get(f"/admin/payments/refund/{refund.pk}/change/").content.decode()
    assert url not in theirs
    assert decide_url(refund, "decline") in theirs
    assert "Only who proposed a refund" in second[0].post(url, typed(second)).content.decode()
    assert stored(refund).status == Status.PROPOSED

    assert officer[0].post(url, typed(officer, note="A slip.")).status_code == 302

    assert (stored(refund).status, stored(refund).decision_note) == (Status.WITHDRAWN, "A slip.")
    # Pressed once more it changes nothing.
    assert officer[0].post(url, typed(officer, note="Again.")).status_code == 409


def test_who_may_only_propose_may_withdraw(sandbox: Sandbox, pay: Pay) -> None:
    collector = hire("collector")
    payment = receive(pay)
    collector[0].post(propose_url(payment), typed(collector))
    refund = Refund.objects.get()

    answer = collector[0].post(decide_url(refund, "withdraw"), typed(collector, note="A slip."))

    assert answer.status_code == 302
    assert stored(refund).status == Status.WITHDRAWN


@pytest.mark.parametrize("code", ["", "000000", "not a code"])
def test_without_a_fresh_code_nothing_is_approved(
    sandbox: Sandbox, pay: Pay, second: Person, enqueued: Mock, code: str
) -> None:
    refund = propose(receive(pay), 20_000)

    answer = second[0].post(decide_url(refund, "approve"), {"note": "Seen.", "code": code})

    assert answer.status_code == 200
    assert answer.context["form"].errors["code"]
    assert stored(refund).status == Status.PROPOSED
    assert not enqueued.called


def test_a_code_works_once(sandbox: Sandbox, pay: Pay, second: Person, enqueued: Mock) -> None:
    payment = receive(pay)
    refunds = [propose(payment, 20_000) for _ in range(2)]
    same = typed(second)

    for refund in refunds:
        second[0].post(decide_url(refund, "approve"), same)

    assert [stored(one).status for one in refunds] == [Status.APPROVED, Status.PROPOSED]


def test_a_mistake_elsewhere_does_not_use_the_code_up(
    sandbox: Sandbox, pay: Pay, second: Person, enqueued: Mock
) -> None:
    refund = propose(receive(pay), 20_000)
    code = code_of(second)
    answer = second[0].post(decide_url(refund, "approve"), {"note": "", "code": code})
    assert list(answer.context["form"].errors) == ["note"]

    second[0].post(decide_url(refund, "approve"), {"note": "Seen.", "code": code})

    assert stored(refund).status == Status.APPROVED
    enqueued.assert_called_once_with(refund_id=refund.pk)


def test_a_refund_is_declined_with_a_reason(sandbox: Sandbox, pay: Pay, second: Person) -> None:
    payment = receive(pay)
    refund = propose(payment, 20_000, origin=Refund.Origin.BORROWER)
    page = second[0].get(decide_url(refund, "decline")).content.decode()
    assert "The borrower reads this." in page

    second[0].post(decide_url(refund, "decline"), typed(second, note="June is due."))

    payment.refresh_from_db()
    assert (stored(refund).status, payment.going_back) == (Status.DECLINED, 0)
    assert stored(refund).decision_note == "June is due."


@pytest.mark.parametrize("amount", ["500.01", "0", "-1", "12.505", "much"])
def test_an_amount_that_is_not_there_shows_on_the_form(
    sandbox: Sandbox, pay: Pay, officer: Person, amount: str
) -> None:
    answer = officer[0].post(propose_url(receive(pay)), typed(officer, amount=amount))

    assert answer.status_code == 200
    assert answer.context["form"].errors["amount"]
    assert not Refund.objects.exists()


def test_below_the_policy_one_person_sends_it(
    sandbox: Sandbox, pay: Pay, officer: Person, enqueued: Mock
) -> None:
    RefundPolicy.objects.filter(currency="CNY").update(approve_above=20_000)

    officer[0].post(propose_url(receive(pay)), typed(officer))

    refund = Refund.objects.get()
    assert (refund.status, refund.decided_by) == (Status.APPROVED, officer[1])
    enqueued.assert_called_once_with(refund_id=refund.pk)


def test_who_was_slower_is_told_so(
    sandbox: Sandbox, pay: Pay, officer: Person, second: Person, enqueued: Mock
) -> None:
    refund = propose(receive(pay), 20_000)
    officer[0].post(decide_url(refund, "approve"), typed(officer))

    answer = second[0].post(decide_url(refund, "decline"), typed(second))

    assert answer.status_code == 409
    assert stored(refund).status == Status.APPROVED
    page = second[0].get(decide_url(refund, "decline")).content.decode()
    assert "Nothing is to be decided here now." in page


def test_a_broker_that_is_down_does_not_lose_an_approval(
    sandbox: Sandbox, pay: Pay, second: Person, enqueued: Mock
) -> None:
    refund = propose(receive(pay), 20_000)
    enqueued.side_effect = OSError("no broker")

    assert second[0].post(decide_url(refund, "approve"), typed(second)).status_code == 302
    assert stored(refund).status == Status.APPROVED


def test_a_disputed_charge_is_refused_with_its_reason(
    sandbox: Sandbox, pay: Pay, officer: Person, second: Person
) -> None:
    payment = receive(pay)
    refund = propose(payment, 10_000)
    made = sandbox.control(f"charges/{payment.charge_id}/dispute", withdraw=False)["dispute"]
    settle(object_type="dispute", object_id=made["id"], now=now())

    proposed = officer[0].post(propose_url(payment), typed(officer))
    approved = second[0].post(decide_url(refund, "approve"), typed(second))

    for answer in (proposed, approved):
        assert "bank has taken this payment back" in answer.content.decode()
    assert stored(refund).status == Status.PROPOSED


def test_a_transfers_refund_is_recorded_with_the_banks_reference(
    sandbox: Sandbox, pay: Pay, loan: Loan, second: Person
) -> None:
    payment = receive(pay)
    Payment.objects.filter(pk=payment.pk).update(provider=Provider.BANK)
    refund = approve(propose(payment, 20_000))
    page = second[0].get(f"/admin/payments/refund/{refund.pk}/change/").content.decode()
    assert decide_url(refund, "sent") in page

    second[0].post(decide_url(refund, "sent"), typed(second, note="T-77"))

    assert stored(refund).status == Status.SUCCEEDED
    assert money_of(loan) == [50_000, -20_000]


def test_unmatched_money_is_proposed_from_its_own_page(sandbox: Sandbox, officer: Person) -> None:
    suspense = Suspense.objects.create(
        provider=Provider.STRIPE,
        object_id="pi_nobody",
        amount=30_000,
        currency="CNY",
        cause=Suspense.Cause.UNKNOWN_LOAN,
        opened_at=now(),
    )
    url = f"/admin/payments/refund/propose/suspense/{suspense.pk}/"
    page = officer[0].get(f"/admin/payments/suspense/{suspense.pk}/change/").content.decode()
    assert url in page

    officer[0].post(url, typed(officer))

    suspense.refresh_from_db()
    assert (Refund.objects.get().suspense, suspense.going_back) == (suspense, 20_000)


# --- Who may ------------------------------------------------------------------------------------


def test_who_may_only_look_is_refused(sandbox: Sandbox, pay: Pay, enqueued: Mock) -> None:
    payment = receive(pay)
    refund = propose(payment, 20_000)
    collector, auditor = hire("collector"), hire("auditor")

    assert collector[0].get(propose_url(payment)).status_code == 200
    for person, url in [
        (collector, decide_url(refund, "approve")),
        (auditor, decide_url(refund, "approve")),
        (auditor, propose_url(payment)),
    ]:
        assert person[0].get(url).status_code == 403
        assert person[0].post(url, {"note": "Seen."}).status_code == 403
    assert stored(refund).status == Status.PROPOSED


def test_strangers_and_wrong_ways_are_refused(
    client: Client, sandbox: Sandbox, pay: Pay, loan: Loan, second: Person
) -> None:
    payment = receive(pay)
    refund = propose(payment, 20_000)
    urls = [propose_url(payment), decide_url(refund, "approve")]
    for url in urls:
        assert "/login/" in client.get(url)["Location"]
    client.force_login(loan.borrower.user)
    for url in urls:
        assert client.get(url).status_code in (302, 403)
        assert second[0].put(url).status_code == 405
    assert second[0].get(decide_url(refund, "burn")).status_code == 404
    assert second[0].get("/admin/payments/refund/propose/loan/1/").status_code == 404


def test_lists_and_pages_open(sandbox: Sandbox, pay: Pay, officer: Person) -> None:
    payment = receive(pay)
    propose(payment, 20_000)
    made = sandbox.control(f"charges/{payment.charge_id}/dispute", withdraw=False)["dispute"]
    settle(object_type="dispute", object_id=made["id"], now=now())

    for model in (Refund, Dispute, RefundPolicy):
        name = model.__name__.lower()
        row = model.objects.first()
        listed = officer[0].get(f"/admin/payments/{name}/")
        page = officer[0].get(f"/admin/payments/{name}/{row.pk}/change/")
        assert (listed.status_code, page.status_code) == (200, 200)
        assert (b'name="_save"' in page.content) == (model is RefundPolicy)


@pytest.mark.parametrize(("word", "found"), [("refunded", 1), ("asked", 1), ("", 3)])
def test_payments_are_found_by_what_became_of_their_money(
    sandbox: Sandbox, pay: Pay, officer: Person, word: str, found: int
) -> None:
    refunded, questioned, _kept = [receive(pay, 10_000) for _ in range(3)]
    for object_type, made in [
        ("refund", sandbox.control(f"charges/{refunded.charge_id}/refund")["refund"]),
        ("dispute", sandbox.control(f"charges/{questioned.charge_id}/dispute")["dispute"]),
    ]:
        settle(object_type=object_type, object_id=made["id"], now=now())

    listed = officer[0].get("/admin/payments/payment/", {"back": word} if word else {})

    assert listed.context["cl"].result_count == found


def test_a_changed_policy_is_on_record(officer: Person) -> None:
    policy = RefundPolicy.objects.get(currency="CNY")

    officer[0].post(
        f"/admin/payments/refundpolicy/{policy.pk}/change/",
        {"currency": "CNY", "approve_above": "5000"},
    )

    policy.refresh_from_db()
    assert policy.approve_above == 5_000
    event = Event.objects.get(action="payments.refund_policy_changed")
    assert (event.actor, event.payload["changed"]) == (officer[1], {"approve_above": "5000"})
