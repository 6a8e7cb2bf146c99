"""Checkout Sessions through the API: shape, limits, life."""

import threading
import time
from typing import Any

import pytest
import stripe

from tests.sandbox_server import Sandbox
from tests.stripe_sandbox.calls import call, line_item, session_params


def test_a_new_session_is_open_unpaid_and_has_no_intent_yet(
    session: stripe.checkout.Session, sandbox: Sandbox
) -> None:
    assert session.id.startswith("cs_test_")
    assert (session.status, session.payment_status) == ("open", "unpaid")
    assert (session.amount_total, session.currency) == (12345, "cny")
    assert session.payment_intent is None
    assert session.url == f"{sandbox.base_url}/c/pay/{session.id}"
    assert session.payment_method_types == ["card", "alipay", "wechat_pay"]
    assert session.ui_mode == "hosted_page"
    assert session.livemode is False
    assert session.expires_at - session.created == 24 * 3600


def test_metadata_goes_where_it_was_put_and_nowhere_else(
    sandbox: Sandbox, client: stripe.StripeClient
) -> None:
    params = session_params(metadata={"a": "1"}, payment_intent_data={"metadata": {"b": "2"}})
    made = client.v1.checkout.sessions.create(params)

    sandbox.control(f"sessions/{made.id}/pay", card="4242")
    paid = client.v1.checkout.sessions.retrieve(made.id, {"expand": ["payment_intent"]})

    assert paid.metadata.to_dict() == {"a": "1"}
    assert paid.payment_intent.metadata.to_dict() == {"b": "2"}


def test_a_paid_session_is_complete_with_its_intent_and_charge(
    sandbox: Sandbox, client: stripe.StripeClient, session: stripe.checkout.Session
) -> None:
    sandbox.control(f"sessions/{session.id}/pay", card="4242")

    paid = client.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["payment_intent.latest_charge"]}
    )

    assert (paid.status, paid.payment_status, paid.url) == ("complete", "paid", None)
    assert (paid.payment_intent.status, paid.payment_intent.amount_received) == (
        "succeeded",
        12345,
    )
    charge = paid.payment_intent.latest_charge
    assert (charge.paid, charge.amount, charge.payment_method_details.card.last4) == (
        True,
        12345,
        "4242",
    )
    assert paid.customer_details.email == "borrower@example.com"


@pytest.mark.parametrize(
    ("changes", "param", "code"),
    [
        ({"mode": None}, "mode", "parameter_missing"),
        ({"mode": "pay"}, "mode", None),
        ({"ui_mode": "hosted"}, "ui_mode", None),
        ({"ui_mode": "embedded_page"}, "ui_mode=embedded_page", "sandbox_not_modeled"),
        ({"success_url": None}, "success_url", "parameter_missing"),
        ({"success_url": "/return"}, "success_url", "url_invalid"),
        ({"cancel_url": "javascript:alert(1)"}, "cancel_url", "url_invalid"),
        ({"return_url": "https://portal.test/"}, "return_url", None),
        ({"line_items": None}, "line_items", "parameter_missing"),
        ({"line_items": [{"quantity": 1}]}, "line_items[0][price_data]", "parameter_missing"),
        ({"line_items": [line_item(quantity=0)]}, "line_items[0][quantity]",
         "parameter_invalid_integer"),
        ({"line_items": [line_item(amount=-1)]}, "line_items[0][price_data][unit_amount]",
         "parameter_invalid_integer"),
        ({"line_items": [line_item(currency="CNY")]}, "line_items[0][price_data][currency]", None),
        ({"line_items": [line_item(currency="xyz")]}, "line_items[0][price_data][currency]", None),
        ({"line_items": [line_item(399)]}, None, "amount_too_small"),
        ({"line_items": [line_item(49, "usd")]}, None, "amount_too_small"),
        ({"line_items": [line_item(50_000_000, quantity=2)]}, "line_items", "amount_too_large"),
        ({"line_items": [line_item(10_001, "kwd")]}, "line_items[0][price_data][unit_amount]",
         "parameter_invalid_integer"),
        ({"line_items": [line_item(), line_item(5000, "usd")]}, None, None),
        ({"currency": "usd"}, None, None),
        ({"setup_intent_data": {"description": "x"}}, "setup_intent_data", None),
        ({"customer": "cus_1", "customer_email": "a@b.co"}, None, None),
        ({"expires_at": 1}, "expires_at", None),
        ({"locale": "zh-Hans"}, "locale", None),
        ({"allowed_payment_method_types": ["alipay"], "line_items": [line_item(1000, "dkk")]},
         None, None),
        ({"allowed_payment_method_types": ["klarna"]}, None, None),
        ({"allowed_payment_method_types": ["card"], "excluded_payment_method_types": ["alipay"]},
         "allowed_payment_method_types", None),
        ({"allowed_payment_method_types": ["visa"]}, "allowed_payment_method_types[0]", None),
        ({"metadata": {"k": "v" * 501}}, "metadata[k]", None),
        ({"payment_intent_data": {"metdata": {"a": "1"}}}, "payment_intent_data[metdata]",
         "parameter_unknown"),
    ],
)  # fmt: skip
def test_a_session_that_stripe_would_refuse_is_refused(
    client: stripe.StripeClient, changes: dict[str, Any], param: str | None, code: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.checkout.sessions.create(session_params(**changes))

    assert refusal.value.http_status == 400
    if param is not None:
        assert refusal.value.param == param
    assert refusal.value.code == code or code is None


@pytest.mark.parametrize(
    ("amount", "currency"),
    [(50, "usd"), (400, "cny"), (50, "jpy"), (99_999_999, "cny"), (10_010, "kwd")],
)
def test_amounts_at_the_limits_are_taken(
    client: stripe.StripeClient, amount: int, currency: str
) -> None:
    made = client.v1.checkout.sessions.create(
        session_params(line_items=[line_item(amount, currency)])
    )

    assert (made.amount_total, made.currency) == (amount, currency)


@pytest.mark.parametrize(("seconds", "taken"), [(1790, False), (1810, True), (86_390, True),
                                                (86_410, False)])  # fmt: skip
def test_a_session_lives_thirty_minutes_to_a_day(
    client: stripe.StripeClient, seconds: int, taken: bool
) -> None:
    params = session_params(expires_at=int(time.time()) + seconds)

    if taken:
        client.v1.checkout.sessions.create(params)
    else:
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            client.v1.checkout.sessions.create(params)
        assert refusal.value.param == "expires_at"


@pytest.mark.parametrize(
    ("changes", "types"),
    [
        ({"allowed_payment_method_types": ["wechat_pay", "klarna"]}, ["wechat_pay"]),
        ({"excluded_payment_method_types": ["card"]}, ["alipay", "wechat_pay"]),
        ({"line_items": [line_item(1000, "myr")]}, ["card", "alipay"]),
        ({"line_items": [line_item(1000, "dkk")]}, ["card", "wechat_pay"]),
        ({"line_items": [line_item(1000, "mxn")]}, ["card"]),
        ({"payment_intent_data": {"setup_future_usage": "off_session"}}, ["card"]),
        (
            {"payment_method_options": {"card": {"setup_future_usage": "off_session"}}},
            ["card", "alipay", "wechat_pay"],
        ),
    ],
)
def test_types_are_those_enabled_that_fit_the_request(
    client: stripe.StripeClient, changes: dict[str, Any], types: list[str]
) -> None:
    made = client.v1.checkout.sessions.create(session_params(**changes))

    assert made.payment_method_types == types


def test_a_session_in_setup_mode_saves_a_card(
    sandbox: Sandbox, client: stripe.StripeClient, customer: stripe.Customer
) -> None:
    made = client.v1.checkout.sessions.create(
        {
            "mode": "setup",
            "currency": "cny",
            "customer": customer.id,
            "success_url": "https://portal.test/{CHECKOUT_SESSION_ID}",
            "setup_intent_data": {"metadata": {"mandate": "m1"}},
        }
    )
    assert (made.payment_status, made.amount_total) == ("no_payment_required", None)

    sandbox.control(f"sessions/{made.id}/pay", card="3155", three_d_secure="pass")

    done = client.v1.checkout.sessions.retrieve(made.id, {"expand": ["setup_intent"]})
    saved = client.v1.payment_methods.list({"customer": customer.id})
    assert (done.status, done.setup_intent.status) == ("complete", "succeeded")
    assert done.setup_intent.metadata.to_dict() == {"mandate": "m1"}
    assert [method.card.last4 for method in saved.data] == ["3155"]
    charged = client.v1.payment_intents.create(
        {
            "amount": 1000,
            "currency": "cny",
            "customer": customer.id,
            "payment_method": saved.data[0].id,
            "off_session": True,
            "confirm": True,
        }
    )
    assert charged.status == "succeeded"


def test_setup_mode_needs_a_currency_and_takes_no_line_items(client: stripe.StripeClient) -> None:
    params: Any = {"mode": "setup", "success_url": "https://portal.test/"}

    with pytest.raises(stripe.InvalidRequestError) as currency:
        client.v1.checkout.sessions.create(params)
    with pytest.raises(stripe.InvalidRequestError) as items:
        client.v1.checkout.sessions.create(
            {**params, "currency": "cny", "line_items": [line_item()]}
        )

    assert (currency.value.code, currency.value.param) == ("parameter_missing", "currency")
    assert items.value.param == "line_items"


def test_an_expired_session_is_closed_and_its_intent_canceled(
    sandbox: Sandbox, client: stripe.StripeClient, session: stripe.checkout.Session
) -> None:
    sandbox.control(f"sessions/{session.id}/pay", card="0002")

    client.v1.checkout.sessions.expire(session.id)

    gone = client.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    assert (gone.status, gone.payment_status, gone.url) == ("expired", "unpaid", None)
    assert gone.payment_intent.status == "canceled"


@pytest.mark.parametrize("how", ["paid", "expired"])
def test_only_an_open_session_can_be_expired(
    sandbox: Sandbox, client: stripe.StripeClient, session: stripe.checkout.Session, how: str
) -> None:
    if how == "paid":
        sandbox.control(f"sessions/{session.id}/pay", card="4242")
    else:
        client.v1.checkout.sessions.expire(session.id)

    with pytest.raises(stripe.InvalidRequestError, match="can be expired"):
        client.v1.checkout.sessions.expire(session.id)


def test_many_who_find_sessions_past_their_time_expire_each_once(
    sandbox: Sandbox, client: stripe.StripeClient
) -> None:
    params = session_params(expires_at=int(time.time()) + 1810)
    made = {client.v1.checkout.sessions.create(params).id for _ in range(12)}
    sandbox.control("webhooks/pause")
    refusals: list[Any] = []

    def look(stripe_id: str) -> None:
        status = ""
        while status != "expired" and not refusals:
            code, body, _ = call(sandbox, "GET", f"/v1/checkout/sessions/{stripe_id}")
            status = body.get("status", "")
            refusals.extend([body] if code != 200 else [])

    threads = [threading.Thread(target=look, args=[stripe_id]) for stripe_id in made]
    for thread in threads:
        thread.start()
    sandbox.control("clock", seconds=1900)
    try:
        for thread in threads:
            thread.join()
    finally:
        sandbox.control("clock", seconds=-1900)

    assert refusals == []
    told = client.v1.events.list({"types": ["checkout.session.expired"], "limit": 100}).data
    ids = [event.data.object.id for event in told if event.data.object.id in made]
    assert sorted(ids) == sorted(made)


def test_a_session_expires_by_itself(sandbox: Sandbox, client: stripe.StripeClient) -> None:
    made = client.v1.checkout.sessions.create(session_params(expires_at=int(time.time()) + 1810))
    sandbox.control("clock", seconds=1900)
    try:
        gone = client.v1.checkout.sessions.retrieve(made.id)
    finally:
        sandbox.control("clock", seconds=-1900)

    assert gone.status == "expired"


def test_sessions_are_listed_by_customer_status_and_intent(
    sandbox: Sandbox, client: stripe.StripeClient, customer: stripe.Customer
) -> None:
    first = client.v1.checkout.sessions.create(session_params(customer=customer.id))
    second = client.v1.checkout.sessions.create(session_params(customer=customer.id))
    sandbox.control(f"sessions/{first.id}/pay", card="4242")
    paid = client.v1.checkout.sessions.retrieve(first.id)

    sessions = client.v1.checkout.sessions
    by_customer = sessions.list({"customer": customer.id})
    still_open = sessions.list({"customer": customer.id, "status": "open"})
    by_intent = sessions.list({"payment_intent": paid.payment_intent})

    assert [item.id for item in by_customer.data] == [second.id, first.id]
    assert [item.id for item in still_open.data] == [second.id]
    assert [item.id for item in by_intent.data] == [first.id]


def test_line_items_can_be_listed(client: stripe.StripeClient) -> None:
    made = client.v1.checkout.sessions.create(
        session_params(line_items=[line_item(1000), line_item(2000, quantity=3)])
    )

    items = client.v1.checkout.sessions.line_items.list(made.id, {"limit": 1})
    rest = client.v1.checkout.sessions.line_items.list(
        made.id, {"starting_after": items.data[0].id}
    )

    assert (made.amount_total, items.has_more) == (7000, True)
    assert [item.amount_total for item in [*items.data, *rest.data]] == [1000, 6000]


def test_saving_the_card_while_paying_makes_it_the_customers(
    sandbox: Sandbox, client: stripe.StripeClient, customer: stripe.Customer
) -> None:
    made = client.v1.checkout.sessions.create(
        session_params(
            customer=customer.id,
            payment_method_options={"card": {"setup_future_usage": "off_session"}},
        )
    )

    sandbox.control(f"sessions/{made.id}/pay", card="4242")

    saved = client.v1.payment_methods.list({"customer": customer.id, "type": "card"})
    assert [method.card.last4 for method in saved.data] == ["4242"]
