"""The page a payer sees, driven by plain HTTP as a browser without scripts would."""

import http.client
import threading
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import stripe

from tests.sandbox_server import Sandbox
from tests.stripe_sandbox.calls import session_params

CARD = {"expiry": "12/34", "cvc": "123", "holder": "Wang Xiaoming"}
NUMBERS = {
    "4242": "4242 4242 4242 4242",
    "0002": "4000000000000002",
    "9995": "4000000000009995",
    "0069": "4000000000000069",
    "0127": "4000000000000127",
    "3155": "4000002500003155",
}


def visit(url: str, form: dict[str, str] | None = None, **headers: str) -> tuple[int, str, str]:
    """GET, or POST a form: status, page and Location. Redirects are not followed."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    body = None
    if form is not None:
        body = urlencode(form)
        sent["Content-Type"] = "application/x-www-form-urlencoded"
    try:
        connection.request("GET" if form is None else "POST", parts.path, body, sent)
        answer = connection.getresponse()
        return answer.status, answer.read().decode(), answer.headers.get("Location", "")
    finally:
        connection.close()


def typed(last4: str, **changes: str) -> dict[str, str]:
    return {"number": NUMBERS[last4], **CARD, **changes}


def charges_of(client: stripe.StripeClient, session_id: str) -> list[Any]:
    intent = client.v1.checkout.sessions.retrieve(session_id).payment_intent
    return client.v1.charges.list({"payment_intent": intent}).data if intent else []


def test_the_page_says_test_and_shows_what_is_paid(session: stripe.checkout.Session) -> None:
    status, page, _ = visit(session.url)

    assert status == 200
    assert "TEST" in page
    assert "Installment 3" in page
    assert "123.45 CNY" in page
    assert 'href="https://portal.test/canceled"' in page
    assert "<script" not in page
    assert "width=device-width" in page


def test_a_good_card_pays_and_leads_to_the_success_url(
    client: stripe.StripeClient, session: stripe.checkout.Session
) -> None:
    status, _, location = visit(session.url, typed("4242"))

    assert status == 303
    assert location == f"https://portal.test/return?session_id={session.id}"
    paid = client.v1.checkout.sessions.retrieve(session.id)
    assert (paid.status, paid.payment_status) == ("complete", "paid")
    assert paid.customer_details.name == "Wang Xiaoming"


@pytest.mark.parametrize(
    ("last4", "english", "chinese"),
    [
        ("0002", "Your card was declined.", "您的银行卡被拒绝。"),
        ("9995", "Your card has insufficient funds.", "您的银行卡余额不足。"),
        ("0069", "Your card has expired.", "您的银行卡已过期。"),
        ("0127", "Your card&#x27;s security code is incorrect.", "您的银行卡安全码不正确。"),
    ],
)
def test_a_declined_card_is_explained_and_another_may_be_tried(
    client: stripe.StripeClient,
    session: stripe.checkout.Session,
    last4: str,
    english: str,
    chinese: str,
) -> None:
    status, page, _ = visit(session.url, typed(last4))
    _, chinese_page, _ = visit(session.url, typed(last4), Accept_Language="zh-CN,zh;q=0.9")

    assert status == 402
    assert english in page
    assert chinese in chinese_page
    assert visit(session.url, typed("4242"))[0] == 303
    assert [charge.status for charge in charges_of(client, session.id)] == [
        "succeeded",
        "failed",
        "failed",
    ]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"number": "4242424242424241"}, "Your card number is invalid."),
        ({"number": ""}, "Your card number is invalid."),
        ({"number": "4242４242４242４242"}, "Your card number is invalid."),
        ({"expiry": "13/34"}, "expiration date is invalid"),
        ({"expiry": "12/20"}, "expiration date is in the past"),
        ({"expiry": ""}, "expiration date is invalid"),
        ({"cvc": "12"}, "security code is incomplete"),
        ({"holder": " "}, "Enter the name on the card."),
        ({"holder": "4242 4242 4242 4242"}, "Enter the name on the card."),
    ],
)
def test_a_mistyped_card_is_no_try(
    client: stripe.StripeClient,
    session: stripe.checkout.Session,
    changes: dict[str, str],
    message: str,
) -> None:
    status, page, _ = visit(session.url, typed("4242", **changes))

    assert status == 400
    assert message in page
    assert "aria-invalid" in page
    assert charges_of(client, session.id) == []


def test_neither_number_nor_code_is_shown_again(session: stripe.checkout.Session) -> None:
    _, page, _ = visit(session.url, typed("0002", cvc="987", number="4000-0000-0000-0002"))

    assert "4000-0000-0000-0002" not in page
    assert "4000000000000002" not in page
    assert "987" not in page
    assert "Wang Xiaoming" in page


def test_a_real_card_is_declined_as_no_test_card(session: stripe.checkout.Session) -> None:
    status, page, _ = visit(session.url, typed("4242", number="4111111111111111"))

    assert status == 402
    assert "non test card" in page


def test_pressing_pay_twice_at_once_charges_once(
    client: stripe.StripeClient, session: stripe.checkout.Session
) -> None:
    answers: list[tuple[int, str, str]] = []
    threads = [
        threading.Thread(target=lambda: answers.append(visit(session.url, typed("4242"))))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {(status, location) for status, _, location in answers} == {
        (303, f"https://portal.test/return?session_id={session.id}")
    }
    assert [charge.status for charge in charges_of(client, session.id)] == ["succeeded"]


def test_three_d_secure_completed_pays(
    sandbox: Sandbox, client: stripe.StripeClient, session: stripe.checkout.Session
) -> None:
    status, _, location = visit(session.url, typed("3155"))
    assert (status, location) == (303, f"/c/pay/{session.id}/authenticate")
    assert client.v1.checkout.sessions.retrieve(session.id).payment_status == "unpaid"

    status, page, _ = visit(sandbox.base_url + location)
    assert status == 200
    assert "Complete authentication" in page
    _, _, back = visit(sandbox.base_url + location, {"result": "pass"})
    status, _, end = visit(sandbox.base_url + back)

    assert (status, end) == (303, f"https://portal.test/return?session_id={session.id}")
    [charge] = charges_of(client, session.id)
    assert charge.payment_method_details.card.three_d_secure.result == "authenticated"
    assert visit(sandbox.base_url + location, {"result": "pass"})[0] == 303
    assert len(charges_of(client, session.id)) == 1


def test_three_d_secure_failed_charges_nothing_and_may_be_tried_again(
    sandbox: Sandbox, client: stripe.StripeClient, session: stripe.checkout.Session
) -> None:
    _, _, location = visit(session.url, typed("3155"))

    status, page, _ = visit(sandbox.base_url + location, {"result": "fail"})

    assert status == 200
    assert "unable to authenticate" in page
    assert f'href="/c/pay/{session.id}"' in page
    assert charges_of(client, session.id) == []
    intent = client.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["payment_intent"]}
    ).payment_intent
    assert intent.status == "requires_payment_method"
    assert intent.last_payment_error.code == "payment_intent_authentication_failure"
    assert visit(session.url, typed("4242"))[0] == 303


def test_three_d_secure_of_an_intent_returns_to_its_return_url(
    sandbox: Sandbox, client: stripe.StripeClient
) -> None:
    intent = client.v1.payment_intents.create(
        {
            "amount": 1000,
            "currency": "usd",
            "confirm": True,
            "payment_method": "pm_card_authenticationRequired",
            "return_url": "https://portal.test/back?loan=7",
        }
    )
    url = intent.next_action.redirect_to_url.url

    assert visit(url)[0] == 200
    status, _, location = visit(url, {"result": "pass"})

    assert status == 303
    assert location.startswith(f"https://portal.test/back?loan=7&payment_intent={intent.id}&")
    assert location.endswith("redirect_status=succeeded")
    assert client.v1.payment_intents.retrieve(intent.id).status == "succeeded"


def test_an_expired_session_says_so_and_takes_no_card(
    sandbox: Sandbox, client: stripe.StripeClient, session: stripe.checkout.Session
) -> None:
    sandbox.control(f"sessions/{session.id}/expire")

    status, page, _ = visit(session.url)
    posted, posted_page, _ = visit(session.url, typed("4242"))

    assert (status, posted) == (200, 200)
    assert "expired" in page
    assert "expired" in posted_page
    assert charges_of(client, session.id) == []


def test_a_paid_session_leads_on_to_the_success_url(
    sandbox: Sandbox, session: stripe.checkout.Session
) -> None:
    sandbox.control(f"sessions/{session.id}/pay", card="4242")

    assert visit(session.url)[2].endswith(session.id)


@pytest.mark.parametrize(
    ("locale", "accept", "language"),
    [
        ("zh", "en", "zh-Hans"),
        ("en", "zh-CN", "en"),
        ("auto", "zh-CN,zh;q=0.9", "zh-Hans"),
        (None, "zh-TW", "zh-Hans"),
        (None, "fr", "en"),
    ],
)
def test_the_language_is_the_sessions_or_the_browsers(
    client: stripe.StripeClient, locale: str | None, accept: str, language: str
) -> None:
    made = client.v1.checkout.sessions.create(session_params(locale=locale))

    _, page, _ = visit(made.url, Accept_Language=accept)

    assert f'<html lang="{language}">' in page
    assert "TEST" in page


def test_an_email_is_asked_only_when_none_is_known(
    client: stripe.StripeClient, session: stripe.checkout.Session
) -> None:
    guest = client.v1.checkout.sessions.create(session_params())
    known = client.v1.checkout.sessions.create(session_params(customer_email="a@b.co"))

    assert 'name="email"' in visit(guest.url)[1]
    assert 'name="email"' not in visit(known.url)[1]
    assert 'name="email"' not in visit(session.url)[1]
    assert visit(guest.url, typed("4242"))[0] == 400
    assert visit(guest.url, typed("4242", email="g@example.com"))[0] == 303
    paid = client.v1.checkout.sessions.retrieve(guest.id)
    assert (paid.customer_details.email, paid.customer) == ("g@example.com", None)


def test_what_the_portal_named_is_escaped(client: stripe.StripeClient) -> None:
    params = session_params()
    params["line_items"][0]["price_data"]["product_data"]["name"] = "<b>x</b>"

    page = visit(client.v1.checkout.sessions.create(params).url)[1]

    assert "<b>x</b>" not in page
    assert "&lt;b&gt;x&lt;/b&gt;" in page


def test_an_unknown_session_is_404(sandbox: Sandbox) -> None:
    assert visit(f"{sandbox.base_url}/c/pay/cs_test_none")[0] == 404
    assert visit(f"{sandbox.base_url}/c/pay/cs_test_none/authenticate")[0] == 404
    assert visit(f"{sandbox.base_url}/authenticate/pi_none")[0] == 404


def test_no_card_number_or_code_reaches_the_database(
    sandbox: Sandbox, session: stripe.checkout.Session
) -> None:
    planted = "9" * 3 + "1"
    for last4 in NUMBERS:
        visit(session.url, typed(last4, cvc=planted, holder="Planted Name"))

    stored = b"".join(
        path.read_bytes() for path in sandbox.database.parent.glob(sandbox.database.name + "*")
    )
    log = (sandbox.database.parent / "sandbox.log").read_bytes()

    # The scan sees what was typed beside the number, so it would have seen the number.
    assert b"Planted Name" in stored
    for number in NUMBERS.values():
        digits = number.replace(" ", "").encode()
        assert digits not in stored + log
        assert number.encode() not in stored + log
    assert b'"cvc"' not in stored
