"""A link, a second fact, and a person signs in."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from accounts.models import Borrower, Invitation, User
from accounts.services import (
    MOST_TRIES,
    AlreadyHasAccount,
    InvitationNotUsable,
    WrongSecondFact,
    activate_account,
    invite_borrower,
)

NOW = datetime(2026, 11, 25, 4, tzinfo=UTC)


@pytest.fixture
def borrower(db: None) -> Borrower:
    return Borrower.objects.create(
        reference="B-1001",
        legal_name="王小梅",
        email="mei@example.com",
        phone="+8613800138000",
        language="en",
    )


def test_the_right_digits_open_the_account(borrower: Borrower) -> None:
    _, token = invite_borrower(borrower=borrower, now=NOW)
    user = activate_account(token=token, second_fact="8000", now=NOW)
    borrower.refresh_from_db()
    assert borrower.user == user
    assert not user.has_usable_password()
    assert user.language == "en"


def test_the_token_is_kept_only_as_its_hash(borrower: Borrower) -> None:
    invitation, token = invite_borrower(borrower=borrower, now=NOW)
    assert token not in str(Invitation.objects.values().get(pk=invitation.pk))


def test_a_link_works_once(borrower: Borrower) -> None:
    _, token = invite_borrower(borrower=borrower, now=NOW)
    activate_account(token=token, second_fact="8000", now=NOW)
    with pytest.raises(InvitationNotUsable):
        activate_account(token=token, second_fact="8000", now=NOW)
    assert User.objects.count() == 1


def test_a_link_expires(borrower: Borrower) -> None:
    _, token = invite_borrower(borrower=borrower, now=NOW)
    with pytest.raises(InvitationNotUsable):
        activate_account(token=token, second_fact="8000", now=NOW + timedelta(days=14, seconds=1))


def test_a_newer_link_ends_the_older_one(borrower: Borrower) -> None:
    _, older = invite_borrower(borrower=borrower, now=NOW)
    _, newer = invite_borrower(borrower=borrower, now=NOW)
    with pytest.raises(InvitationNotUsable):
        activate_account(token=older, second_fact="8000", now=NOW)
    activate_account(token=newer, second_fact="8000", now=NOW)


def test_wrong_answers_use_the_link_up(borrower: Borrower) -> None:
    _, token = invite_borrower(borrower=borrower, now=NOW)
    for _try in range(MOST_TRIES):
        with pytest.raises(WrongSecondFact):
            activate_account(token=token, second_fact="1234", now=NOW)
    with pytest.raises(InvitationNotUsable):
        activate_account(token=token, second_fact="8000", now=NOW)
    assert not User.objects.exists()


def test_without_a_phone_the_reference_is_asked(borrower: Borrower) -> None:
    Borrower.objects.update(phone="")
    _, token = invite_borrower(borrower=borrower, now=NOW)
    with pytest.raises(WrongSecondFact):
        activate_account(token=token, second_fact="8000", now=NOW)
    activate_account(token=token, second_fact=" b-1001 ", now=NOW)


def test_an_address_that_signs_in_already_is_refused(borrower: Borrower) -> None:
    User.objects.create_user("MEI@example.com")
    _, token = invite_borrower(borrower=borrower, now=NOW)
    with pytest.raises(AlreadyHasAccount):
        activate_account(token=token, second_fact="8000", now=NOW)
    borrower.refresh_from_db()
    assert borrower.user is None
    assert Invitation.objects.get().used_at is None


def open_link(client: Client, borrower: Borrower) -> None:
    _, token = invite_borrower(borrower=borrower, now=datetime.now(UTC))
    response = client.get(f"/activate/{token}/")
    assert response.status_code == 302
    assert token not in response["Location"]


def test_opening_the_link_changes_nothing_and_clears_the_address(
    client: Client, borrower: Borrower
) -> None:
    open_link(client, borrower)
    assert client.get("/activate/").status_code == 200
    assert not User.objects.exists()


@pytest.mark.parametrize("digits", ["8000", "８０００"])
def test_the_page_signs_the_person_in(client: Client, borrower: Borrower, digits: str) -> None:
    open_link(client, borrower)
    response = client.post("/activate/", {"second_fact": digits, "password": ""})
    assert response.status_code == 302
    assert client.session["_auth_user_id"] == str(User.objects.get().pk)


def test_a_wrong_answer_is_shown_at_the_field(client: Client, borrower: Borrower) -> None:
    open_link(client, borrower)
    response = client.post("/activate/", {"second_fact": "1111", "password": ""})
    assert response.status_code == 422
    assert "second_fact" in response.context["form"].errors


def test_a_weak_password_is_shown_at_the_field(client: Client, borrower: Borrower) -> None:
    open_link(client, borrower)
    response = client.post("/activate/", {"second_fact": "8000", "password": "12345"})
    assert "password" in response.context["form"].errors
    assert not User.objects.exists()


def test_a_made_up_link_is_refused_politely(client: Client, db: None) -> None:
    client.get("/activate/no-such-token/")
    assert client.get("/activate/").status_code == 410
