"""A day, a borrower ten days late, and somebody who answers plans."""

import pytest
from django.test import Client

from accounts.models import User
from repayments.loans.models import Loan
from repayments.plans import admin, views
from tests.factories.accounts import make_borrower
from tests.factories.cases import make_colleague, sign_in_staff
from tests.factories.contracts import NOW, TODAY
from tests.factories.plans import make_late_loan


@pytest.fixture
def on_the_day(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages are opened on the morning the factories work on."""
    for module in (views, admin):
        monkeypatch.setattr(module, "now", lambda: NOW)
        monkeypatch.setattr(module, "today", lambda: TODAY)


@pytest.fixture
def loan(db: None) -> Loan:
    return make_late_loan()


@pytest.fixture
def signed_in(client: Client, loan: Loan, on_the_day: None) -> Client:
    """The borrower of ``loan``, reading English."""
    client.force_login(loan.borrower.user)  # type: ignore[arg-type]
    client.cookies["django_language"] = "en"
    return client


@pytest.fixture
def stranger(on_the_day: None, db: None) -> Client:
    client = Client()
    client.force_login(make_borrower().user)  # type: ignore[arg-type]
    return client


@pytest.fixture
def officer(db: None) -> User:
    return make_colleague("plan_officer")


@pytest.fixture
def staff(officer: User, on_the_day: None) -> Client:
    client = sign_in_staff(officer)
    client.cookies["django_language"] = "en"
    return client
