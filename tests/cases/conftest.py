"""People and situations of this room."""

from collections.abc import Iterator

import pytest
import time_machine
from django.test import Client

from accounts.models import User
from repayments.cases.models import Case
from tests.factories.cases import NOW, make_case, make_colleague, sign_in_staff


@pytest.fixture(autouse=True)
def clock_of_the_cases() -> Iterator[None]:
    """Let pages and commands read the moment at which the factories' cases stand."""
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def collector(db: None) -> User:
    return make_colleague("collector")


@pytest.fixture
def other_collector(db: None) -> User:
    return make_colleague("collector")


@pytest.fixture
def supervisor(db: None) -> User:
    return make_colleague("supervisor")


@pytest.fixture
def case(db: None) -> Case:
    return make_case()


@pytest.fixture
def desk(collector: User) -> Client:
    """The browser of a collector who signed in with a second factor."""
    return sign_in_staff(collector)
