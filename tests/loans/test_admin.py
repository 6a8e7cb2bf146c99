"""Staff read loans, schedules and books; nobody changes status, figures or postings there."""

from datetime import date
from decimal import Decimal

import pytest
from django.apps import apps
from django.test import Client
from django.urls import reverse

from repayments.loans.services import quote_payoff
from tests.factories.cases import make_colleague, sign_in_staff
from tests.factories.loans import make_overdue_loan, noon, pay

pytestmark = pytest.mark.django_db

AS_OF = date(2026, 4, 20)
LISTS = [
    "loans_loan",
    "loans_schedule",
    "loans_product",
    "loans_stage",
    "loans_workday",
    "loans_payoffquote",
    "loans_dayclose",
    "ledger_book",
    "ledger_journalentry",
    "audit_event",
]


@pytest.fixture
def staff() -> Client:
    """The browser of someone who may do everything, signed in with a second factor."""
    return sign_in_staff(make_colleague(is_superuser=True))


def make_rows() -> None:
    for _loan in range(3):
        loan = make_overdue_loan(as_of=AS_OF, penalty_rate=Decimal("18"))
        pay(loan, 100, AS_OF)
        quote_payoff(loan_id=loan.pk, good_through=AS_OF, actor=None, now=noon(AS_OF))


@pytest.mark.parametrize("name", LISTS)
def test_a_list_opens_and_its_rows_too(staff: Client, name: str) -> None:
    make_rows()
    response = staff.get(reverse(f"admin:{name}_changelist"))
    assert response.status_code == 200
    row = apps.get_model(*name.split("_")).objects.first()
    if row is not None:
        assert staff.get(reverse(f"admin:{name}_change", args=[row.pk])).status_code == 200


@pytest.mark.parametrize("name", ["loans_loan", "loans_schedule", "ledger_journalentry"])
def test_nothing_is_added_there(staff: Client, name: str) -> None:
    assert staff.get(reverse(f"admin:{name}_add")).status_code == 403


def test_a_post_changes_neither_status_nor_figures(staff: Client) -> None:
    loan = make_overdue_loan(as_of=AS_OF)
    url = reverse("admin:loans_loan_change", args=[loan.pk])
    assert staff.post(url, {"status": "closed", "days_past_due": "0"}).status_code == 403
    loan.refresh_from_db()
    assert (loan.status, loan.days_past_due) == ("active", 10)
