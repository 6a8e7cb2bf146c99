"""The nightly comparison of the gateway's movements with the books."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from repayments.cases.models import Case
from repayments.cases.reasons import reason_sentence
from repayments.cases.services import open_signaled_cases
from repayments.clock import lender_zone, now
from repayments.ledger.models import JournalEntry
from repayments.loans.models import Loan
from repayments.payments import gateway, tasks
from repayments.payments.gateway import BalanceLine, GatewayTimeout, IntentFacts
from repayments.payments.models import (
    ClearingCheck,
    FailedCall,
    Payment,
    PostingKey,
    Refund,
    Suspense,
)
from repayments.payments.services import check_clearing, settle
from tests.payments.conftest import Pay
from tests.sandbox_server import Sandbox

pytestmark = pytest.mark.django_db

DAY = date(2026, 11, 20)


def moment(day: date = DAY, hour: int = 12) -> datetime:
    return datetime.combine(day, time(hour), tzinfo=lender_zone())


def line(category: str, amount: int, source: str, **changes: Any) -> BalanceLine:
    values = {"id": f"txn_{source}_{category}", "currency": "CNY", "created_at": moment()}
    return BalanceLine(category=category, amount=amount, source_id=source, **{**values, **changes})


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """What the gateway says of the days around, and of its intents."""

    def say(*lines: BalanceLine, intents: tuple[IntentFacts, ...] = ()) -> None:
        def listed(*, since: datetime, until: datetime) -> list[BalanceLine]:
            return [one for one in lines if since <= one.created_at <= until]

        monkeypatch.setattr(gateway, "list_balance", listed)
        monkeypatch.setattr(gateway, "list_intents", lambda **span: iter(intents))

    return say


def book(loan: Loan, amount: int, object_id: str, *, kind: str = "payment", on: date = DAY) -> None:
    """A posting as settling makes it, with its key; only its clearing line matters here."""
    seq = JournalEntry.objects.filter(book=loan.book).count() + 1000
    entry = JournalEntry.objects.create(
        book=loan.book,
        seq=seq,
        kind=JournalEntry.Kind.PAYMENT,
        effective_date=on,
        posted_at=now(),
        reference=f"{object_id}-{kind}",
    )
    entry.postings.create(account="clearing", amount=amount)
    PostingKey.objects.create(
        provider="stripe", object_id=object_id, entry_kind=kind, entry=entry, created_at=now()
    )


def charged(loan: Loan, charge_id: str, intent_id: str) -> None:
    Payment.objects.create(
        loan=loan,
        amount=1,
        currency="CNY",
        status="failed",
        charge_id=charge_id,
        intent_id=intent_id,
        created_at=now(),
        updated_at=now(),
    )


def test_what_is_booked_as_it_moved_is_no_difference(loan: Loan, told: Callable[..., None]) -> None:
    charged(loan, "ch_1", "pi_1")
    book(loan, 50_000, "pi_1")
    book(loan, -20_000, "re_1", kind="refund")
    book(loan, -30_000, "dp_1", kind="chargeback", on=DAY + timedelta(days=1))
    told(
        line("charge", 50_000, "ch_1"),
        line("refund", -20_000, "re_1"),
        line("dispute", -30_000, "dp_1"),
        line("fee", -900, "fee_1"),
        line("payout", -9_000, "po_1"),
    )

    (check,) = check_clearing(day=DAY, now=now())

    assert (check.gateway_total, check.books_total, check.differences) == (0, 0, [])
    assert open_signaled_cases(now=now()) == 0


@pytest.mark.parametrize(
    ("booked", "expected"),
    [
        (None, {"object": "pi_1", "kind": "payment", "gateway": 50_000, "books": 0}),
        (49_999, {"object": "pi_1", "kind": "payment", "gateway": 50_000, "books": 49_999}),
    ],
)
def test_a_difference_is_a_case_and_posts_nothing(
    loan: Loan, told: Callable[..., None], booked: int | None, expected: dict[str, Any]
) -> None:
    charged(loan, "ch_1", "pi_1")
    if booked:
        book(loan, booked, "pi_1")
    told(line("charge", 50_000, "ch_1"))
    before = JournalEntry.objects.count()

    (check,) = check_clearing(day=DAY, now=now())
    open_signaled_cases(now=now())
    open_signaled_cases(now=now())

    assert check.differences == [expected]
    assert JournalEntry.objects.count() == before
    case = Case.objects.get()
    assert (case.kind, case.reason, case.loan) == ("payment_exception", "clearing_differs", None)
    assert "20 November 2026" in reason_sentence(case.reason, case.reason_facts)


def test_what_the_gateway_does_not_have_is_a_difference(
    loan: Loan, told: Callable[..., None]
) -> None:
    book(loan, 50_000, "pi_ghost")
    told()

    (check,) = check_clearing(day=DAY, now=now())

    assert (check.gateway_total, check.books_total) == (0, 50_000)
    assert check.differences[0]["object"] == "pi_ghost"


def test_midnight_makes_no_difference(loan: Loan, told: Callable[..., None]) -> None:
    charged(loan, "ch_1", "pi_1")
    book(loan, 50_000, "pi_1", on=DAY)
    told(line("charge", 50_000, "ch_1", created_at=moment(DAY + timedelta(days=1), 0)))

    assert check_clearing(day=DAY, now=now()) == []
    (check,) = check_clearing(day=DAY + timedelta(days=1), now=now())
    assert check.differences == []


def test_money_in_suspense_is_known(loan: Loan, told: Callable[..., None]) -> None:
    Suspense.objects.create(
        provider="stripe",
        object_id="pi_9",
        amount=700,
        currency="USD",
        cause=Suspense.Cause.UNKNOWN_LOAN,
        opened_at=now(),
    )
    intent = IntentFacts(
        "pi_9", "succeeded", 700, 700, "USD", {}, None, "", "", "", charge_id="ch_9"
    )
    told(line("charge", 700, "ch_9", currency="USD"), intents=(intent,))

    (check,) = check_clearing(day=DAY, now=now())

    assert (check.currency, check.differences) == ("USD", [])


def test_unmatched_money_of_an_intent_made_days_before_is_known(
    loan: Loan, told: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wallet's money comes days after its intent was made, which no listing of the day names."""
    Suspense.objects.create(
        provider="stripe",
        object_id="pi_9",
        amount=700,
        currency="USD",
        cause=Suspense.Cause.AMOUNT,
        opened_at=moment(DAY + timedelta(days=1)),
    )
    intent = IntentFacts(
        "pi_9", "succeeded", 701, 700, "USD", {}, None, "", "", "", charge_id="ch_9"
    )
    told(line("charge", 700, "ch_9", currency="USD"))
    monkeypatch.setattr(gateway, "fetch_intent", {"pi_9": intent}.__getitem__)

    (check,) = check_clearing(day=DAY, now=now())

    assert check.differences == []


@pytest.mark.parametrize("category", ["refund", "refund_failure"])
def test_a_refund_that_failed_before_it_was_known_is_no_difference(
    loan: Loan, told: Callable[..., None], category: str
) -> None:
    """It went and came again, on days that may differ; the books need neither."""
    payment = Payment.objects.create(
        loan=loan,
        amount=700,
        amount_received=700,
        currency="CNY",
        status="failed",
        created_at=now(),
        updated_at=now(),
    )
    Refund.objects.create(
        payment=payment,
        amount=700,
        currency="CNY",
        status=Refund.Status.FAILED,
        origin=Refund.Origin.GATEWAY,
        reason=Refund.Reason.OTHER,
        refund_id="re_9",
        needs_approval=False,
        created_at=now(),
        updated_at=now(),
    )
    told(line(category, -700 if category == "refund" else 700, "re_9"))

    (check,) = check_clearing(day=DAY, now=now())

    assert check.differences == []


def test_what_was_posted_on_the_day_of_its_late_news_is_no_difference(
    loan: Loan, told: Callable[..., None]
) -> None:
    book(loan, -50_000, "dp_1", kind="chargeback")
    told(line("dispute", -50_000, "dp_1", created_at=moment(DAY - timedelta(days=5))))

    assert check_clearing(day=DAY, now=now()) == []


def test_the_same_day_again_renews_its_rows(loan: Loan, told: Callable[..., None]) -> None:
    charged(loan, "ch_1", "pi_1")
    told(line("charge", 50_000, "ch_1"))
    check_clearing(day=DAY, now=now())
    book(loan, 50_000, "pi_1")

    check_clearing(day=DAY, now=now())

    assert ClearingCheck.objects.get().differences == []


def test_each_currency_has_its_row(loan: Loan, told: Callable[..., None]) -> None:
    told(line("charge", 1, "ch_a"), line("charge", 2, "ch_b", currency="USD"))

    checks = check_clearing(day=DAY, now=now())

    assert [(one.currency, one.gateway_total) for one in checks] == [("CNY", 1), ("USD", 2)]


def test_the_task_keeps_a_call_that_failed(
    borrower: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(**span: Any) -> Any:
        raise GatewayTimeout("silent", request_id="req_9")

    monkeypatch.setattr(gateway, "list_balance", silent)

    tasks.check_clearing()

    assert FailedCall.objects.get().request_id == "req_9"
    assert not ClearingCheck.objects.exists()


def test_a_real_charge_agrees_with_the_books(sandbox: Sandbox, pay: Pay, loan: Loan) -> None:
    payment = pay(50_000)
    settle(object_type="checkout.session", object_id=payment.session_id, now=now())
    payment.refresh_from_db()
    today = gateway.clock().astimezone(lender_zone()).date()

    check = next(one for one in check_clearing(day=today, now=now()) if one.currency == "CNY")

    # The sandbox remembers other tests, whose charges are in no book of this one.
    assert payment.intent_id not in {one["object"] for one in check.differences}
