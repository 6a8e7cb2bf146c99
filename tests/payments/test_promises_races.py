"""Promises at once, on the real engine: one is kept open, and one sweep decides each of them.

The twins take the guard away, the unique key or the lock, and the race shows.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, models

from repayments.audit.models import Event
from repayments.clock import now, today
from repayments.loans.models import Loan
from repayments.payments.models import PromiseToPay
from repayments.payments.services import PromiseAlreadyOpen, decide_promises, make_promise
from tests.payments.test_races import at_once

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

MANY = 4


def promise_at_once(loan: Loan) -> list[object]:
    return at_once(
        *[
            lambda: make_promise(
                loan_id=loan.pk,
                amount=50_000,
                promised_for=today() + timedelta(days=5),
                actor=loan.borrower.user,
                as_of=today(),
                now=now(),
            )
        ]
        * MANY
    )


@contextmanager
def without(model: type[models.Model], name: str) -> Iterator[None]:
    """Take a unique constraint away; the rows that break it go before it comes back."""
    constraint = next(one for one in model._meta.constraints if one.name == name)
    with connection.schema_editor() as editor:
        editor.remove_constraint(model, constraint)
    try:
        yield
    finally:
        model._default_manager.all().delete()
        with connection.schema_editor() as editor:
            editor.add_constraint(model, constraint)


def test_of_promises_made_at_once_one_is_open(loan: Loan) -> None:
    answers = promise_at_once(loan)

    assert sorted(type(one).__name__ for one in answers) == [
        *["PromiseAlreadyOpen"] * (MANY - 1),
        "PromiseToPay",
    ]
    assert PromiseToPay.objects.filter(loan=loan).count() == 1
    assert Event.objects.filter(action="payments.promised").count() == 1
    refusal = next(one for one in answers if isinstance(one, PromiseAlreadyOpen))
    assert "There is a promise for this loan already." in str(refusal)


def test_twin_without_the_unique_key_several_promises_are_open(loan: Loan) -> None:
    with without(PromiseToPay, "payments_promise_one_open"):
        promise_at_once(loan)

        assert PromiseToPay.objects.filter(loan=loan, status="open").count() > 1


@pytest.fixture
def over(loan: Loan) -> PromiseToPay:
    """A promise whose day has passed without money."""
    made: PromiseToPay = PromiseToPay.objects.create(
        loan=loan,
        amount=50_000,
        promised_for=today() - timedelta(days=1),
        made_at=now() - timedelta(days=5),
    )
    return made


def sweep_at_once() -> list[object]:
    return at_once(*[lambda: decide_promises(as_of=today(), now=now())] * MANY)


def test_of_sweeps_at_once_one_breaks_the_promise_and_tells_of_it(over: PromiseToPay) -> None:
    counts = sweep_at_once()

    assert sorted(counts) == [*[0] * (MANY - 1), 1]  # type: ignore[type-var]
    over.refresh_from_db()
    assert over.status == PromiseToPay.Status.BROKEN
    assert Event.objects.filter(action="payments.promise_broken").count() == 1


def test_twin_without_the_lock_each_sweep_tells_of_it(
    over: PromiseToPay, monkeypatch: pytest.MonkeyPatch
) -> None:
    meeting = threading.Barrier(MANY)

    class Read(list[Any]):
        """Rows as they were before anybody wrote; asked on like a query set."""

        def select_related(self, *_names: str) -> "Read":
            return self

        def order_by(self, *_names: str) -> "Read":
            return self

    real = models.QuerySet.select_for_update

    def look(self: models.QuerySet[Any], **of: Any) -> Any:
        if self.model is not PromiseToPay:
            return real(self, **of)
        rows = Read(self.select_related("loan"))
        if rows:
            meeting.wait(20)
        return rows

    monkeypatch.setattr(models.QuerySet, "select_for_update", look)

    sweep_at_once()

    assert Event.objects.filter(action="payments.promise_broken").count() > 1
