"""Alipay and WeChat Pay: approved, refused, expired, or paid days later."""

from typing import Any

import pytest
import stripe

from tests.sandbox_server import ControlRefused, Sandbox
from tests.stripe_sandbox.calls import session_params
from tests.stripe_sandbox.conftest import Receiver
from tests.stripe_sandbox.test_hosted_page import visit

WALLETS = ["alipay", "wechat_pay"]
DAYS = 86_400


@pytest.fixture
def opened(client: stripe.StripeClient, receiver: Receiver) -> stripe.checkout.Session:
    """An open session of a guest: nothing has been sent for it."""
    return client.v1.checkout.sessions.create(session_params())


def pay(sandbox: Sandbox, session: str, kind: str, outcome: str) -> Any:
    return sandbox.control(f"sessions/{session}/pay", method=kind, outcome=outcome)


def paid(client: stripe.StripeClient, session: str) -> Any:
    return client.v1.checkout.sessions.retrieve(
        session, {"expand": ["payment_intent.latest_charge"]}
    )


@pytest.mark.parametrize("kind", WALLETS)
def test_an_approved_wallet_pays_at_once(
    sandbox: Sandbox,
    client: stripe.StripeClient,
    receiver: Receiver,
    opened: stripe.checkout.Session,
    kind: str,
) -> None:
    pay(sandbox, opened.id, kind, "approve")

    done = paid(client, opened.id)
    assert (done.status, done.payment_status) == ("complete", "paid")
    assert (done.payment_intent.status, done.payment_intent.amount_received) == ("succeeded", 12345)
    charge = done.payment_intent.latest_charge
    assert (charge.status, charge.payment_method_details.type) == ("succeeded", kind)
    assert done.customer_details.email == "payer@example.com"
    receiver.wait_for(5)
    assert sorted(receiver.types()) == [
        "charge.succeeded",
        "checkout.session.completed",
        "payment_intent.created",
        "payment_intent.requires_action",
        "payment_intent.succeeded",
    ]


@pytest.mark.parametrize(
    ("kind", "outcome", "code"),
    [
        ("alipay", "fail", "payment_intent_authentication_failure"),
        ("wechat_pay", "fail", "payment_intent_authentication_failure"),
        ("wechat_pay", "expire", "payment_intent_payment_attempt_expired"),
    ],
)
def test_a_refused_wallet_charges_nothing_and_another_way_is_open(
    sandbox: Sandbox,
    client: stripe.StripeClient,
    receiver: Receiver,
    opened: stripe.checkout.Session,
    kind: str,
    outcome: str,
    code: str,
) -> None:
    pay(sandbox, opened.id, kind, outcome)

    tried = paid(client, opened.id)
    assert (tried.status, tried.payment_status) == ("open", "unpaid")
    assert tried.payment_intent.status == "requires_payment_method"
    assert tried.payment_intent.last_payment_error.code == code
    assert client.v1.charges.list({"payment_intent": tried.payment_intent.id}).data == []
    receiver.wait_for(3)
    assert "payment_intent.payment_failed" in receiver.types()
    sandbox.control(f"sessions/{opened.id}/pay", card="4242")
    assert paid(client, opened.id).payment_status == "paid"


@pytest.mark.parametrize(
    ("outcome", "session_event", "intent_status", "payment_status", "charge_status"),
    [
        ("later", "async_payment_succeeded", "succeeded", "paid", "succeeded"),
        ("later_fail", "async_payment_failed", "requires_payment_method", "unpaid", "failed"),
    ],
)
def test_a_delayed_wallet_completes_unpaid_and_ends_after_days(
    sandbox: Sandbox,
    client: stripe.StripeClient,
    receiver: Receiver,
    opened: stripe.checkout.Session,
    outcome: str,
    session_event: str,
    intent_status: str,
    payment_status: str,
    charge_status: str,
) -> None:
    pay(sandbox, opened.id, "alipay", outcome)
    waiting = paid(client, opened.id)
    assert (waiting.status, waiting.payment_status) == ("complete", "unpaid")
    assert (waiting.payment_intent.status, waiting.payment_intent.amount_received) == (
        "processing",
        0,
    )
    assert waiting.payment_intent.latest_charge.status == "pending"
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.cancel(waiting.payment_intent.id)
    receiver.wait_for(5)
    assert {"charge.pending", "payment_intent.processing"} <= set(receiver.types())

    sandbox.control("clock", seconds=4 * DAYS)
    try:
        ended = paid(client, opened.id)
    finally:
        sandbox.control("clock", seconds=-4 * DAYS)

    assert (ended.status, ended.payment_status) == ("complete", payment_status)
    assert ended.payment_intent.status == intent_status
    assert ended.payment_intent.latest_charge.status == charge_status
    receiver.wait_for_types(f"checkout.session.{session_event}")
    told = {event.type: event.data.object for event in receiver.events()}
    assert told[f"checkout.session.{session_event}"].payment_status == payment_status


def test_a_control_ends_what_is_processing_and_only_that(
    sandbox: Sandbox, client: stripe.StripeClient, opened: stripe.checkout.Session
) -> None:
    pay(sandbox, opened.id, "wechat_pay", "later_fail")
    intent = paid(client, opened.id).payment_intent.id

    sandbox.control(f"payment_intents/{intent}/conclude", outcome="succeed")

    assert paid(client, opened.id).payment_status == "paid"
    with pytest.raises(ControlRefused, match="cannot conclude"):
        sandbox.control(f"payment_intents/{intent}/conclude", outcome="fail")
    sandbox.control("clock", seconds=4 * DAYS)
    sandbox.control("clock", seconds=-4 * DAYS)
    assert paid(client, opened.id).payment_intent.status == "succeeded"


def test_a_code_dies_after_two_hours(
    sandbox: Sandbox, client: stripe.StripeClient, opened: stripe.checkout.Session
) -> None:
    pay(sandbox, opened.id, "wechat_pay", "wait")
    waiting = paid(client, opened.id).payment_intent
    assert waiting.status == "requires_action"
    assert waiting.next_action.type == "wechat_pay_display_qr_code"

    sandbox.control("clock", seconds=2 * 3600 + 1)
    try:
        ended = paid(client, opened.id)
    finally:
        sandbox.control("clock", seconds=-(2 * 3600 + 1))

    assert ended.status == "open"
    assert ended.payment_intent.last_payment_error.code == "payment_intent_payment_attempt_expired"


@pytest.mark.parametrize("card", ["4242", "3155"])
def test_a_code_that_was_left_for_a_card_changes_nothing_any_more(
    sandbox: Sandbox, client: stripe.StripeClient, opened: stripe.checkout.Session, card: str
) -> None:
    pay(sandbox, opened.id, "wechat_pay", "wait")
    sandbox.control(f"sessions/{opened.id}/pay", card=card)
    before = paid(client, opened.id).payment_intent

    sandbox.control("clock", seconds=2 * 3600 + 1)
    try:
        after = paid(client, opened.id).payment_intent
    finally:
        sandbox.control("clock", seconds=-(2 * 3600 + 1))

    assert after.status == before.status
    assert after.status == ("succeeded" if card == "4242" else "requires_action")
    assert after.last_payment_error is None


def test_a_session_that_expires_takes_its_waiting_wallet_along(
    sandbox: Sandbox, client: stripe.StripeClient, opened: stripe.checkout.Session
) -> None:
    pay(sandbox, opened.id, "alipay", "wait")
    assert paid(client, opened.id).payment_intent.next_action.type == "alipay_handle_redirect"

    client.v1.checkout.sessions.expire(opened.id)

    gone = paid(client, opened.id)
    assert (gone.status, gone.payment_intent.status) == ("expired", "canceled")
    with pytest.raises(ControlRefused, match="status of expired"):
        pay(sandbox, opened.id, "alipay", "approve")


def test_a_wallet_is_for_one_payment_and_never_saved(
    sandbox: Sandbox, client: stripe.StripeClient, customer: stripe.Customer
) -> None:
    session = client.v1.checkout.sessions.create(
        session_params(
            customer=customer.id,
            payment_method_options={"card": {"setup_future_usage": "off_session"}},
        )
    )
    pay(sandbox, session.id, "alipay", "approve")
    method = paid(client, session.id).payment_intent.payment_method

    assert client.v1.payment_methods.list({"customer": customer.id}).data == []
    with pytest.raises(stripe.InvalidRequestError, match="single-use"):
        client.v1.payment_methods.attach(method, {"customer": customer.id})
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.create(
            {
                "amount": 1000,
                "currency": "cny",
                "customer": customer.id,
                "payment_method": method,
                "confirm": True,
                "off_session": True,
            }
        )


@pytest.mark.parametrize("kind", WALLETS)
def test_a_wallet_that_the_session_does_not_take_is_refused(
    sandbox: Sandbox, client: stripe.StripeClient, kind: str
) -> None:
    session = client.v1.checkout.sessions.create(
        session_params(allowed_payment_method_types=["card"])
    )

    with pytest.raises(ControlRefused, match="does not take"):
        pay(sandbox, session.id, kind, "approve")
    assert "alipay" not in visit(session.url)[1]


@pytest.mark.parametrize(
    ("kind", "days", "taken"),
    [("alipay", 89, True), ("alipay", 91, False), ("wechat_pay", 91, True)],
)
def test_alipay_takes_a_refund_for_ninety_days(
    sandbox: Sandbox,
    client: stripe.StripeClient,
    opened: stripe.checkout.Session,
    kind: str,
    days: int,
    taken: bool,
) -> None:
    pay(sandbox, opened.id, kind, "approve")
    intent = paid(client, opened.id).payment_intent.id

    sandbox.control("clock", seconds=days * DAYS)
    try:
        if taken:
            refund = client.v1.refunds.create({"payment_intent": intent})
            assert (refund.status, refund.destination_details.type) == ("succeeded", kind)
        else:
            with pytest.raises(stripe.InvalidRequestError) as refusal:
                client.v1.refunds.create({"payment_intent": intent})
            assert refusal.value.code == "charge_not_refundable"
    finally:
        sandbox.control("clock", seconds=-days * DAYS)


@pytest.mark.parametrize("kind", WALLETS)
def test_a_payer_walks_through_the_wallets_page(
    sandbox: Sandbox, client: stripe.StripeClient, opened: stripe.checkout.Session, kind: str
) -> None:
    page = visit(opened.url)[1]
    assert f'name="method" value="{kind}"' in page
    assert visit(opened.url, {"method": kind})[0] == 400
    status, _, location = visit(opened.url, {"method": kind, "email": "lin@example.com"})
    assert (status, location) == (303, f"/c/pay/{opened.id}/wallet")
    wallet = sandbox.base_url + location

    status, page, _ = visit(wallet)
    assert status == 200
    assert "TEST" in page
    assert "123.45 CNY" in page
    assert ("<img" in page) == (kind == "wechat_pay")
    assert visit(wallet, {"outcome": "expires"})[0] == 303
    status, page, _ = visit(wallet, {"outcome": "fail"})
    assert status == 200
    assert "Nothing was charged" in page
    assert visit(wallet)[2] == f"/c/pay/{opened.id}"

    visit(opened.url, {"method": kind, "email": "lin@example.com"})
    back = visit(wallet, {"outcome": "approve"})[2]
    _, _, end = visit(sandbox.base_url + back)

    assert end == f"https://portal.test/return?session_id={opened.id}"
    assert paid(client, opened.id).payment_status == "paid"
    assert len(client.v1.charges.list({"payment_intent": paid(client, opened.id)
                                       .payment_intent.id}).data) == 1  # fmt: skip


def test_the_code_is_a_picture(
    sandbox: Sandbox, client: stripe.StripeClient, opened: stripe.checkout.Session
) -> None:
    pay(sandbox, opened.id, "wechat_pay", "wait")

    shown = paid(client, opened.id).payment_intent.next_action.wechat_pay_display_qr_code

    assert shown.data.startswith("weixin://")
    status, svg, _ = visit(shown.image_url_svg)
    assert status == 200
    assert svg.startswith("<svg")


def test_the_wallets_page_speaks_chinese(sandbox: Sandbox, client: stripe.StripeClient) -> None:
    session = client.v1.checkout.sessions.create(session_params(locale="zh"))
    assert "支付宝" in visit(session.url)[1]

    _, _, location = visit(session.url, {"method": "wechat_pay", "email": "lin@example.com"})

    page = visit(sandbox.base_url + location)[1]
    assert '<html lang="zh-Hans">' in page
    assert "微信支付" in page
