"""Where a person is signed in: the list is right, and keeping it costs one query a page."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from allauth.usersessions.models import UserSession
from allauth.usersessions.signals import session_client_changed
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User

PAGE = "/account/"
LIST = "/accounts/sessions/"


@pytest.fixture
def user(db: None) -> User:
    return User.objects.create_user("mei@example.com", "long-enough-secret", name="Mei")


@pytest.fixture
def phone(user: User) -> Client:
    return signed_in()


def signed_in(agent: str = "A phone") -> Client:
    client = Client(headers={"User-Agent": agent})
    client.cookies["django_language"] = "en"
    client.post("/accounts/login/", {"login": "mei@example.com", "password": "long-enough-secret"})
    return client


def of_the_list(client: Client, **more: Any) -> list[str]:
    """What a page asked of the list of sessions, as the first words of each statement."""
    with CaptureQueriesContext(connection) as queries:
        assert client.get(PAGE, **more).status_code == 200
    return [
        query["sql"].split()[0]
        for query in queries
        if "usersessions" in query["sql"] or "SAVEPOINT" in query["sql"]
    ]


def test_signing_in_is_listed_and_a_page_only_reads(phone: Client, user: User) -> None:
    (row,) = UserSession.objects.all()
    assert (row.user, row.ip, row.user_agent) == (user, "127.0.0.1", "A phone")
    assert row.session_key == phone.session.session_key

    assert of_the_list(phone) == ["SELECT"]
    assert of_the_list(phone) == ["SELECT"]


def test_a_use_is_noted_every_five_minutes(phone: Client) -> None:
    began = UserSession.objects.get().last_seen_at

    with time_machine.travel(began + timedelta(minutes=4, seconds=59), tick=False):
        assert of_the_list(phone) == ["SELECT"]
    assert UserSession.objects.get().last_seen_at == began

    later = began + timedelta(minutes=5)
    with time_machine.travel(later, tick=False):
        assert of_the_list(phone) == ["SELECT", "UPDATE"]
        assert of_the_list(phone) == ["SELECT"]
    assert UserSession.objects.get().last_seen_at == later


@pytest.mark.parametrize(
    ("change", "address", "agent"),
    [
        ({"REMOTE_ADDR": "192.0.2.7"}, "192.0.2.7", "A phone"),
        ({"HTTP_USER_AGENT": "Another browser"}, "127.0.0.1", "Another browser"),
    ],
)
def test_another_client_of_the_same_session_is_noted_at_once_and_told_of(
    phone: Client, change: dict[str, str], address: str, agent: str
) -> None:
    heard: list[tuple[str, str]] = []

    def hear(from_session: UserSession, to_session: UserSession, **_news: Any) -> None:
        heard.append((str(from_session), str(to_session)))

    session_client_changed.connect(hear)
    phone.get(PAGE, **change)  # type: ignore[arg-type]
    session_client_changed.disconnect(hear)

    row = UserSession.objects.get()
    assert (row.ip, row.user_agent) == (address, agent)
    assert heard == [("127.0.0.1 (A phone)", f"{address} ({agent})")]


def test_a_very_long_name_of_a_browser_is_no_change_on_each_page(user: User) -> None:
    long = signed_in("x" * 5000)

    assert of_the_list(long) == ["SELECT"]


def test_a_session_from_before_the_list_is_added(client: Client, user: User) -> None:
    client.force_login(user)

    client.get(PAGE)

    assert UserSession.objects.get().session_key == client.session.session_key
    assert of_the_list(client) == ["SELECT"]


def test_another_person_in_the_same_session_owns_its_row(phone: Client) -> None:
    other = User.objects.create_user("other@example.com", name="Other")
    key = phone.session.session_key
    UserSession.objects.update(user=other)

    phone.get(PAGE)

    assert UserSession.objects.get(session_key=key).user.email == "mei@example.com"


def test_signing_out_everywhere_else_ends_the_others_and_keeps_this_one(phone: Client) -> None:
    lost = signed_in("A lost phone")
    page = phone.get(LIST).content.decode()
    assert "A lost phone" in page
    assert "Sign out everywhere else" in page

    phone.post(LIST)

    assert lost.get(PAGE)["Location"].startswith("/accounts/login/")
    assert phone.get(PAGE).status_code == 200
    assert [row.user_agent for row in UserSession.objects.all()] == ["A phone"]
    # What had been a session of somebody's adds no row again.
    lost.get("/accounts/login/")
    assert UserSession.objects.count() == 1


def test_a_row_that_was_deleted_meanwhile_is_not_brought_back(
    phone: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at an old row and the note of its use, it is ended on another device."""
    UserSession.objects.update(last_seen_at=timezone.now() - timedelta(hours=1))

    class EndedFirst:
        @staticmethod
        def now() -> datetime:
            UserSession.objects.all().delete()
            return timezone.now()

    monkeypatch.setattr("accounts.middleware.timezone", EndedFirst)
    phone.get(PAGE)

    assert not UserSession.objects.exists()


def test_nobody_in_particular_costs_nothing(client: Client, db: None) -> None:
    with CaptureQueriesContext(connection) as queries:
        client.get("/illustration/")

    assert [each for each in queries if "usersessions" in each["sql"]] == []
