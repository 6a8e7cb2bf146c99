"""Keys, versions, bodies, errors, expansion: what every endpoint shares."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
import stripe

from tests.sandbox_server import API_VERSION, ControlRefused, Sandbox
from tests.stripe_sandbox.calls import call, session_params


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer sk_test_sandbox",
        "Bearer rk_test_sandbox",
        "Basic " + base64.b64encode(b"sk_test_sandbox:").decode(),
    ],
)
def test_a_test_key_opens_the_api(sandbox: Sandbox, authorization: str) -> None:
    status, body, _ = call(sandbox, "GET", "/v1/events", Authorization=authorization)

    assert status == 200
    assert body["object"] == "list"


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer ",
        "Bearer sk_live_0123456789",
        "Bearer rk_live_0123456789",
        "Bearer pk_test_0123456789",
        "Bearer something",
        "Basic %%%",
        "Digest sk_test_sandbox",
    ],
)
def test_anything_else_is_unauthorized(sandbox: Sandbox, authorization: str) -> None:
    status, body, headers = call(sandbox, "GET", "/v1/events", Authorization=authorization)

    assert status == 401
    assert body["error"]["type"] == "invalid_request_error"
    assert headers["Request-Id"].startswith("req_")


def test_a_live_key_is_not_repeated_in_the_answer(sandbox: Sandbox) -> None:
    key = "sk_live_verysecretkey0123"

    _, body, _ = call(sandbox, "GET", "/v1/events", Authorization=f"Bearer {key}")

    assert key not in json.dumps(body)
    assert "sk_live_" in body["error"]["message"]


def test_another_api_version_is_refused(sandbox: Sandbox) -> None:
    status, body, _ = call(sandbox, "GET", "/v1/events", Stripe_Version="2024-06-20")

    assert status == 400
    assert "2024-06-20" in body["error"]["message"]


def test_every_answer_names_its_request_and_version(sandbox: Sandbox) -> None:
    _, _, headers = call(sandbox, "GET", "/v1/events", Stripe_Version=API_VERSION)

    assert headers["Request-Id"].startswith("req_")
    assert headers["Stripe-Version"] == API_VERSION


def test_a_json_body_is_refused(sandbox: Sandbox) -> None:
    status, body, _ = call(
        sandbox, "POST", "/v1/customers", '{"email": "a@b.co"}', Content_Type="application/json"
    )

    assert status == 400
    assert "application/x-www-form-urlencoded" in body["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/nothing"), ("DELETE", "/v1/customers"), ("POST", "/v1/charges"), ("GET", "/v1/")],
)
def test_an_unknown_address_or_method_is_unrecognized(
    sandbox: Sandbox, method: str, path: str
) -> None:
    status, body, _ = call(sandbox, method, path)

    assert status == 404
    assert body["error"]["message"].startswith(f"Unrecognized request URL ({method}: {path})")


def test_an_unknown_parameter_is_refused(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.customers.create({"emial": "a@b.co"})  # type: ignore[typeddict-unknown-key]

    assert refusal.value.http_status == 400
    assert refusal.value.code == "parameter_unknown"
    assert refusal.value.param == "emial"
    assert refusal.value.error.doc_url.endswith("/parameter-unknown")


@pytest.mark.parametrize("place", ["session", "create", "confirm"])
def test_payment_method_types_is_no_longer_supported(
    client: stripe.StripeClient, place: str
) -> None:
    types: Any = {"payment_method_types": ["card"]}

    intent = client.v1.payment_intents.create({"amount": 1000, "currency": "cny"})
    sends: dict[str, Callable[[], Any]] = {
        "session": lambda: client.v1.checkout.sessions.create(session_params(**types)),
        "create": lambda: client.v1.payment_intents.create(
            {"amount": 1000, "currency": "cny", **types}
        ),
        "confirm": lambda: client.v1.payment_intents.confirm(intent.id, types),
    }

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        sends[place]()

    assert refusal.value.code == "payment_method_types_no_longer_supported"


def test_what_stripe_knows_and_the_sandbox_does_not_is_refused_aloud(
    client: stripe.StripeClient,
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        client.v1.checkout.sessions.create(session_params(automatic_tax={"enabled": True}))

    assert refusal.value.code == "sandbox_not_modeled"


def test_a_missing_object_is_404_in_the_path_and_400_as_a_parameter(
    client: stripe.StripeClient,
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as in_path:
        client.v1.customers.retrieve("cus_none")
    with pytest.raises(stripe.InvalidRequestError) as as_parameter:
        client.v1.checkout.sessions.create(session_params(customer="cus_none"))

    assert (in_path.value.http_status, in_path.value.code) == (404, "resource_missing")
    assert (as_parameter.value.http_status, as_parameter.value.code) == (400, "resource_missing")
    assert as_parameter.value.param == "customer"


def test_metadata_and_text_come_back_as_sent(client: stripe.StripeClient) -> None:
    sent = {"loan": "贷款 №7 & more=less?", "empty": ""}

    customer = client.v1.customers.create({"name": "王小明", "metadata": sent})
    again = client.v1.customers.retrieve(customer.id)

    assert again.name == "王小明"
    assert again.metadata.to_dict() == {"loan": sent["loan"]}


def test_expand_puts_objects_in_the_place_of_ids(
    sandbox: Sandbox, client: stripe.StripeClient, session: stripe.checkout.Session
) -> None:
    sandbox.control(f"sessions/{session.id}/pay", card="4242")

    paid = client.v1.checkout.sessions.retrieve(
        session.id,
        {"expand": ["payment_intent.latest_charge.balance_transaction", "customer", "line_items"]},
    )

    assert paid.payment_intent.latest_charge.amount == 12345
    assert paid.payment_intent.latest_charge.balance_transaction.type == "charge"
    assert paid.customer.email == "borrower@example.com"
    assert paid.line_items.data[0].description == "Installment 3"


@pytest.mark.parametrize("path", ["status", "payment_intent.nothing", "a.b.c.d.e"])
def test_what_cannot_be_expanded_is_refused(
    sandbox: Sandbox, client: stripe.StripeClient, session: stripe.checkout.Session, path: str
) -> None:
    sandbox.control(f"sessions/{session.id}/pay", card="4242")

    with pytest.raises(stripe.InvalidRequestError):
        client.v1.checkout.sessions.retrieve(session.id, {"expand": [path]})


def test_lists_expand_their_items(
    client: stripe.StripeClient, customer: stripe.Customer, session: stripe.checkout.Session
) -> None:
    listed = client.v1.checkout.sessions.list(
        {"customer": customer.id, "expand": ["data.customer", "data.line_items"]}
    )

    assert [item.customer.id for item in listed.data] == [customer.id]
    assert listed.data[0].line_items.data[0].amount_total == 12345


def test_lists_are_newest_first_with_cursors(client: stripe.StripeClient) -> None:
    email = "cursor-{}@example.com"
    made = [client.v1.customers.create({"email": email.format(n)}).id for n in range(5)]

    first = client.v1.customers.list({"limit": 2})
    second = client.v1.customers.list({"limit": 2, "starting_after": first.data[-1].id})
    back = client.v1.customers.list({"limit": 2, "ending_before": second.data[0].id})

    assert [item.id for item in first.data] == [made[4], made[3]]
    assert [item.id for item in second.data] == [made[2], made[1]]
    assert [item.id for item in back.data] == [made[4], made[3]]
    assert first.has_more


def test_a_limit_above_100_and_a_foreign_cursor_are_refused(client: stripe.StripeClient) -> None:
    with pytest.raises(stripe.InvalidRequestError) as limit:
        client.v1.customers.list({"limit": 101})
    with pytest.raises(stripe.InvalidRequestError) as cursor:
        client.v1.customers.list({"starting_after": "cus_none"})

    assert limit.value.code == "parameter_invalid_integer"
    assert cursor.value.code == "resource_missing"


def test_a_restricted_key_needs_its_permission(sandbox: Sandbox) -> None:
    sandbox.control("keys", key="rk_test_reader", permissions=["customer_read"])
    reader = sandbox.client("rk_test_reader")

    reader.v1.customers.list()
    with pytest.raises(stripe.PermissionError) as refusal:
        reader.v1.customers.create({"email": "a@b.co"})

    assert refusal.value.http_status == 403
    assert refusal.value.error.type == "invalid_request_error"
    assert "does not have the required permissions" in str(refusal.value)
    assert "rak_customer_write" in str(refusal.value)


# What an operator gives the portal's key.
PORTAL = [
    "checkout_session_write", "customer_write", "payment_intent_write", "payment_method_write",
    "refund_write", "setup_intent_write", "balance_transaction_read", "charge_read",
    "dispute_read", "event_read",
]  # fmt: skip


def test_a_key_with_the_portals_permissions_does_the_portals_work_and_no_more(
    sandbox: Sandbox, client: stripe.StripeClient
) -> None:
    sandbox.control("keys", key="rk_test_portal", permissions=PORTAL)
    portal = sandbox.client("rk_test_portal").v1

    customer = portal.customers.create({})
    session = portal.checkout.sessions.create(session_params(customer=customer.id))
    portal.checkout.sessions.expire(session.id)
    intent = portal.payment_intents.create(
        {"amount": 1000, "currency": "cny", "confirm": True, "payment_method": "pm_card_visa"}
    )
    portal.refunds.create({"payment_intent": intent.id})
    for read in (portal.events, portal.balance_transactions, portal.disputes, portal.refunds):
        read.list({"limit": 1})

    with pytest.raises(stripe.PermissionError, match="rak_dispute_write"):
        portal.disputes.close("dp_none")


def test_a_refused_permission_does_nothing(sandbox: Sandbox, client: stripe.StripeClient) -> None:
    sandbox.control("keys", key="rk_test_nothing", permissions=["event_read"])
    paid = client.v1.payment_intents.create(
        {"amount": 1000, "currency": "cny", "confirm": True, "payment_method": "pm_card_visa"}
    )

    with pytest.raises(stripe.PermissionError):
        sandbox.client("rk_test_nothing").v1.refunds.create({"payment_intent": paid.id})

    assert client.v1.refunds.list({"payment_intent": paid.id}).data == []


def test_a_misspelled_permission_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(ControlRefused, match="customer_write"):
        sandbox.control("keys", key="rk_test_reader", permissions=["customers_write"])


def test_requests_are_kept_as_they_came(sandbox: Sandbox, client: stripe.StripeClient) -> None:
    client.v1.customers.create({"email": "kept@example.com"})

    kept = sandbox.control("requests")["requests"][-1]

    assert (kept["method"], kept["path"]) == ("POST", "/v1/customers")
    assert kept["body"] == "email=kept%40example.com"
