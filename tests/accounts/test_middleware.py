"""Pages speak the language a person chose, unless this browser was told another."""

import pytest
from django.test import Client

from accounts.models import User


@pytest.fixture
def reader(db: None, client: Client) -> Client:
    client.force_login(User.objects.create_user("ann@example.com", name="Ann", language="en"))
    return client


def test_a_signed_in_person_reads_their_language(reader: Client) -> None:
    assert reader.get("/account/").content.decode().find('<html lang="en">') > 0


def test_the_browsers_own_choice_comes_first(reader: Client) -> None:
    reader.cookies["django_language"] = "zh-hans"
    assert reader.get("/account/").content.decode().find('<html lang="zh-Hans">') > 0
