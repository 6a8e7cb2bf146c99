"""Coming in, and what nobody learns from trying."""

from typing import Any

import pytest
from allauth.mfa.models import Authenticator
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
