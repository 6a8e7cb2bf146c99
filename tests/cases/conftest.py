"""People and situations of this room."""

import pytest
from django.test import Client

from accounts.models import User
from repayments.cases.models import Case
from tests.factories.cases import make_case, make_colleague, sign_in_staff


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
