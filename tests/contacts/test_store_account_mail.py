"""What sign-in wants to tell a person goes through the outbox, to the stored address alone."""

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from accounts.models import User
from accounts.signals import account_mail_requested
from repayments.contacts import secrets
from repayments.contacts.models import Message
from repayments.contacts.rendering import render_message
from tests.factories.contacts import make_borrower


@pytest.fixture
def user(db: None) -> User:
    user = User.objects.create_user("lin@example.com", "a long enough password")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def request_mail(prefix: str, email: str, **fields: object) -> None:
    account_mail_requested.send(sender=None, template_prefix=prefix, email=email, **fields)


def test_a_sign_in_code_is_queued_encrypted_for_five_minutes(user: User) -> None:
    borrower = make_borrower(user=user)

    request_mail("account/email/login_code", "LIN@example.com", code="483920")

    message = Message.objects.select_related("template_version__template").get()
    assert message.template_version.template.key == "sign_in_code"
    assert (message.borrower, message.address) == (borrower, "lin@example.com")
    assert secrets.decrypt(message.secret) == {"code": "483920"}
    assert (message.expires_at - message.created_at).total_seconds() == 300


def test_p10_a_code_goes_to_the_stored_address_never_to_a_look_alike(user: User) -> None:
    request_mail("account/email/login_code", "lın@example.com", user=user, code="483920")

    assert Message.objects.get().address == "lin@example.com"


@pytest.mark.parametrize(
    "prefix", ["account/email/unknown_account", "account/email/account_already_exists"]
)
def test_p10_nobody_is_told_by_mail_whether_an_address_has_an_account(
    user: User, prefix: str
) -> None:
    request_mail(prefix, "stranger@example.com")
    request_mail(prefix, user.email)

    assert not Message.objects.exists()


def test_a_reset_link_keeps_its_path_and_leaves_the_host_of_the_request_behind(
    user: User,
) -> None:
    request_mail(
        "account/email/password_reset_key",
        user.email,
        link="https://evil.example/accounts/password/reset/key/1-abc/",
    )

    text = render_message(Message.objects.get()).text
    assert "https://portal.example/accounts/password/reset/key/1-abc/" in text
    assert "evil" not in text


@pytest.mark.parametrize(
    ("prefix", "key"),
    [
        ("account/email/password_changed", "security_notice"),
        ("mfa/email/totp_activated", "security_notice"),
        ("mfa/email/webauthn_removed", "security_notice"),
        ("account/email/email_changed", "email_changed"),
    ],
)
def test_changes_of_security_are_told(user: User, prefix: str, key: str) -> None:
    request_mail(prefix, user.email)

    assert Message.objects.get().template_version.template.key == key


def test_p10_the_page_answers_alike_and_queues_for_the_known_alone(
    user: User, client: Client
) -> None:
    answers = []
    for email in (user.email, "stranger@example.com"):
        visitor = Client()
        answer = visitor.post("/accounts/login/code/", {"email": email})
        answers.append((answer.status_code, answer.headers.get("Location")))

    assert answers[0] == answers[1]
    assert answers[0][0] == 302
    assert list(Message.objects.values_list("address", flat=True)) == [user.email]
