"""Late loans, staff of each role, cases at every step."""

import time
from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any

from allauth.mfa.models import Authenticator
from django.contrib.auth.models import Group
from django.test import Client

from accounts.models import Borrower, User
from repayments.cases.models import Case
from repayments.cases.services import open_case
from repayments.ledger.models import Book
from repayments.loans.models import Installment, Loan, Product, Schedule
from repayments.plans.models import InstallmentPlan

# A Tuesday morning in Shanghai.
NOW = datetime(2026, 12, 1, 2, 0, tzinfo=UTC)
TODAY = date(2026, 12, 1)
_numbers = count(1)


def make_debtor(*, signs_in: bool = True, **fields: Any) -> Borrower:
    """Give a borrower, with an account unless told otherwise."""
    number = next(_numbers)
    user = None
    if signs_in:
        user = User.objects.create_user(f"debtor{number}@example.com", language="en")
    values: dict[str, Any] = {
        "reference": f"D-{number:05d}",
        "legal_name": "陈明",
        "email": f"debtor{number}@example.com",
        "phone": f"+86139000{number:05d}",
        "language": "en",
        "user": user,
        **fields,
    }
    return Borrower.objects.create(**values)


def make_late_loan(*, days: int = 45, borrower: Borrower | None = None, **fields: Any) -> Loan:
    """Give an active loan of three installments whose first is so many days late on ``TODAY``."""
    number = next(_numbers)
    product, _created = Product.objects.get_or_create(
        key="for-cases", defaults={"name_zh": "贷款", "name_en": "Loan"}
    )
    first = TODAY - timedelta(days=days)
    is_late = days > 0
    values: dict[str, Any] = {
        "number": f"C-{number:05d}",
        "borrower": borrower or make_debtor(),
        "product": product,
        "book": Book.objects.create(currency="CNY"),
        "currency": "CNY",
        "principal": 300_000,
        "annual_rate": 0,
        "installments_count": 3,
        "disbursed_on": first - timedelta(days=31),
        "first_due_on": first,
        "outstanding_principal": 300_000,
        "past_due_amount": 100_000 if is_late else 0,
        "past_due_since": first if is_late else None,
        "days_past_due": max(days, 0),
        "created_at": NOW - timedelta(days=days + 31),
        **fields,
    }
    loan = Loan.objects.create(**values)
    schedule = Schedule.objects.create(
        loan=loan, version=1, effective_date=loan.disbursed_on, created_at=loan.created_at
    )
    Installment.objects.bulk_create(
        Installment(
            schedule=schedule,
            loan=loan,
            number=step + 1,
            start_date=first + timedelta(days=90 * step - 30),
            due_date=first + timedelta(days=90 * step),
            principal_due=100_000,
        )
        for step in range(3)
    )
    return loan


def make_colleague(*roles: str, **fields: Any) -> User:
    """Give a member of staff with these roles and a second factor."""
    number = next(_numbers)
    values: dict[str, Any] = {"name": f"Colleague {number}", "language": "en", **fields}
    user = User.objects.create_user(f"colleague{number}@lender.example", is_staff=True, **values)
    user.groups.set(Group.objects.filter(name__in=roles))
    Authenticator.objects.create(user=user, type="totp", data={"secret": "x"})
    return user


def sign_in_staff(user: User) -> Client:
    """Give a client that signed in as this colleague, second factor included."""
    client = Client()
    client.force_login(user)
    session = client.session
    session["account_authentication_methods"] = [{"method": "mfa", "at": time.time()}]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()
    return client


def make_case(*, loan: Loan | None = None, kind: str = "collections", **fields: Any) -> Case:
    values: dict[str, Any] = {"reason": "late", "actor": None, "now": NOW, **fields}
    if values["reason"] == "late":
        values.setdefault("facts", {"days_late": 45, "amount": 100_000, "currency": "CNY"})
    return open_case(kind=kind, loan=loan or make_late_loan(), **values)


def make_plan(loan: Loan, **fields: Any) -> InstallmentPlan:
    values: dict[str, Any] = {
        "status": InstallmentPlan.Status.PROPOSED,
        "total": 300_000,
        "created_at": NOW,
        **fields,
    }
    return InstallmentPlan.objects.create(loan=loan, **values)
