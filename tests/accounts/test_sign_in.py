"""Coming in, and what nobody learns from trying."""

import re
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from allauth.mfa.utils import decrypt
from django.test import Client

from accounts.models import User
from accounts.signals import account_mail_requested


@pytest.fixture
def mails() -> Any:
    sent: list[dict[str, Any]] = []

    def keep(**news: Any) -> None:
        sent.append(news)

    account_mail_requested.connect(keep, weak=False)
    yield sent
    account_mail_requested.disconnect(keep)


@pytest.fixture
def user(db: None) -> User:
    return User.objects.create_user("mei@example.com", "long-enough-secret", name="王小梅")


def test_a_code_signs_a_borrower_in(client: Client, user: User, mails: Any) -> None:
    client.post("/accounts/login/code/", {"email": user.email})
    code = mails[0]["code"]
    assert (len(code), code.isdigit()) == (6, True)
    response = client.post("/accounts/login/code/confirm/", {"code": code})
    assert response.status_code == 302
    assert client.session["_auth_user_id"] == str(user.pk)


def test_the_third_wrong_code_ends_the_try(client: Client, user: User, mails: Any) -> None:
    client.post("/accounts/login/code/", {"email": user.email})
    for _try in range(3):
        client.post("/accounts/login/code/confirm/", {"code": "WRONG-1"})
    client.post("/accounts/login/code/confirm/", {"code": mails[0]["code"]})
    assert "_auth_user_id" not in client.session


def test_an_unknown_address_gets_the_same_answer(client: Client, user: User) -> None:
    known = client.post("/accounts/login/code/", {"email": user.email})
    unknown = Client().post("/accounts/login/code/", {"email": "nobody@example.com"})
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])


def test_a_password_signs_in_too(client: Client, user: User) -> None:
    client.post("/accounts/login/", {"login": user.email, "password": "long-enough-secret"})
    assert client.session["_auth_user_id"] == str(user.pk)


def test_nobody_signs_up(client: Client, db: None) -> None:
    client.post("/accounts/signup/", {"email": "new@example.com", "password1": "long-enough-1"})
    assert not User.objects.exists()


def test_signing_in_changes_the_session_id(client: Client, user: User) -> None:
    client.get("/accounts/login/")
    session = client.session
    session["marker"] = 1
    session.save()
    before = session.session_key
    client.post("/accounts/login/", {"login": user.email, "password": "long-enough-secret"})
    assert client.session.session_key != before


def test_staff_without_a_second_factor_are_led_to_set_one(client: Client, user: User) -> None:
    User.objects.update(is_staff=True, is_superuser=True)
    client.force_login(user)
    response = client.get("/admin/")
    assert response.status_code == 302
    assert response["Location"] == "/accounts/2fa/"


def test_staff_with_a_factor_they_did_not_use_are_asked_for_it(client: Client, user: User) -> None:
    User.objects.update(is_staff=True, is_superuser=True)
    Authenticator.objects.create(user=user, type="totp", data={"secret": "x"})
    client.force_login(user)
    response = client.get("/admin/")
    assert response["Location"].startswith("/accounts/2fa/reauthenticate/?next=/admin/")


def test_what_a_signed_in_person_sees_is_not_kept(client: Client, user: User) -> None:
    client.force_login(user)
    assert "no-store" in client.get("/account/")["Cache-Control"]


def test_the_language_chosen_is_kept_for_messages(client: Client, user: User) -> None:
    client.force_login(user)
    client.post("/account/", {"language": "en"})
    user.refresh_from_db()
    assert user.language == "en"


@pytest.mark.parametrize("next_page", ["//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_sign_in_leads_only_to_this_site(client: Client, user: User, next_page: str) -> None:
    response = client.post(
        "/accounts/login/",
        {"login": user.email, "password": "long-enough-secret", "next": next_page},
    )
    assert response["Location"] == "/"


def test_both_ways_in_stand_open_on_the_page_and_the_code_comes_first(
    client: Client, db: None
) -> None:
    page = client.get("/accounts/login/", headers={"Accept-Language": "en"}).content.decode()
    assert "<details" not in page.partition("<main")[2]
    code, link, password = (
        page.index(each) for each in ('name="email"', 'href="#id_login"', 'id="id_login"')
    )
    assert code < link < password
    # The field brings the way out along; once is enough.
    assert page.count("Forgot your password?") == 1


JARGON = ("two-factor", "authenticator app", "reauthenticate", "recovery code", "deactivate")


@pytest.fixture
def collector(client: Client, user: User) -> Client:
    """Staff with an app and spare codes, who signed in with both steps a moment ago."""
    User.objects.update(is_staff=True)
    TOTP.activate(user, generate_totp_secret())
    RecoveryCodes.activate(user)
    client.cookies["django_language"] = "en"
    client.post("/accounts/login/", {"login": user.email, "password": "long-enough-secret"})
    return client


def now_on_the_phone(user: User) -> str:
    secret = decrypt(Authenticator.objects.get(user=user, type="totp").data["secret"])
    return format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))


def words(response: Any) -> str:
    """What can be read on a page, without its tags."""
    main = response.content.decode().partition("<main")[2]
    return " ".join(re.sub("<[^>]+>", " ", main).split())


def test_the_second_step_speaks_plainly(collector: Client, user: User) -> None:
    step = "/accounts/2fa/authenticate/"
    assert "Six digits from your app" in words(collector.get(step))
    wrong = words(collector.post(step, {"code": "000 000"}))
    assert "That is not what the app shows now" in wrong

    assert collector.post(step, {"code": now_on_the_phone(user)}).status_code == 302
    collector.post("/accounts/reauthenticate/", {"password": "long-enough-secret"})

    pages = {
        "/accounts/2fa/": "You have 10 left.",
        "/accounts/2fa/recovery-codes/": "Each works once",
        "/accounts/2fa/recovery-codes/generate/": "The spare codes you have now stop working.",
        "/accounts/2fa/totp/deactivate/": "Stop using the app",
        "/accounts/reauthenticate/": "Please write your password once more.",
        "/accounts/2fa/reauthenticate/": "What follows is protected by a second step.",
    }
    for path, sentence in pages.items():
        page = words(collector.get(path))
        assert sentence in page, path
        assert not [term for term in JARGON if term in page.lower()], path
    refused = words(collector.post("/accounts/2fa/totp/deactivate/"))
    assert "Staff pages open only with a second step: keep it." in refused


def test_every_spare_code_is_shown(collector: Client, user: User) -> None:
    collector.post("/accounts/2fa/authenticate/", {"code": now_on_the_phone(user)})
    collector.post("/accounts/reauthenticate/", {"password": "long-enough-secret"})
    page = words(collector.get("/accounts/2fa/recovery-codes/"))
    spare = Authenticator.objects.get(user=user, type="recovery_codes").wrap()
    assert all(code in page for code in spare.get_unused_codes())


def test_the_app_is_set_up_in_plain_words(client: Client, user: User) -> None:
    client.cookies["django_language"] = "en"
    client.post("/accounts/login/", {"login": user.email, "password": "long-enough-secret"})
    assert "It is not set up yet." in words(client.get("/accounts/2fa/"))
    client.post("/accounts/reauthenticate/", {"password": "long-enough-secret"})
    page = client.get("/accounts/2fa/totp/activate/")
    assert "Then write the six digits the app shows" in words(page)
    secret = re.findall(
        r'id="authenticator_secret"[^>]* value="([A-Z2-7]+)"', page.content.decode()
    )
    code = format_hotp_value(hotp_value(secret[0], next(iter(yield_hotp_counters_from_time()))))
    answer = client.post("/accounts/2fa/totp/activate/", {"code": code}, follow=True)
    # Nobody can do without them later, so they are shown at once.
    assert "Each works once" in words(answer)
    assert "It is set up." in words(client.get("/accounts/2fa/"))
