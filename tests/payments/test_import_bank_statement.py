"""Bank statements: each line posted once or resting with a case, all of a file or nothing."""

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command

from accounts.models import User
from repayments.cases.models import Case
from repayments.cases.services import open_signaled_cases
from repayments.clock import now, today
from repayments.contacts.models import Message
from repayments.ledger.models import JournalEntry
from repayments.loans.models import Loan
from repayments.loans.tape import Faults
from repayments.payments.models import BankLine, Payment, PostingKey, Suspense
from repayments.payments.references import loan_reference
from repayments.payments.services import StatementReport, import_statement

pytestmark = pytest.mark.django_db

Write = Callable[..., Path]
HEADER = "booked_on,amount,currency,payer,text"


@pytest.fixture
def teller(db: None) -> User:
    user = User.objects.create_user("teller@example.com", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="add_bankline"))
    return User.objects.get(pk=user.pk)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(*rows: str, header: str = HEADER) -> Path:
        path = tmp_path / "statement.csv"
        path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        return path

    return to_file


def row(loan: Loan | None, amount: str = "1050.00", *, days_ago: int = 1, **cells: str) -> str:
    day = today() - timedelta(days=days_ago)
    text = cells.get("text", f"loan {loan_reference(loan.public_id)}" if loan else "rent")
    currency = cells.get("currency", "CNY")
    return f"{day},{amount},{currency},{cells.get('payer', 'Lin Xia')},{text}"


def take_in(path: Path, actor: User, **options: Any) -> tuple[StatementReport, list[Any]]:
    with Faults() as faults:
        report = import_statement(
            path=path, faults=faults, actor=actor, as_of=today(), now=now(), **options
        )
        return report, list(faults)


def counts() -> tuple[int, ...]:
    models: tuple[Any, ...] = (JournalEntry, BankLine, Payment, Suspense, PostingKey, Message)
    return tuple(model.objects.count() for model in models)


def test_a_line_with_a_reference_is_posted_from_its_day_by_a_named_person(
    write: Write, teller: User, loan: Loan
) -> None:
    report, _faults = take_in(write(row(loan, days_ago=9)), teller)

    assert (report.posted, report.unmatched, report.amounts) == (1, 0, {"CNY": 105_000})
    payment = Payment.objects.get()
    assert (payment.status, payment.channel, payment.provider, payment.amount_received) == (
        "succeeded",
        "transfer",
        "bank",
        105_000,
    )
    assert payment.entry is not None
    assert payment.entry.effective_date == today() - timedelta(days=9)
    assert payment.entry.actor == teller
    line = BankLine.objects.get()
    assert (line.loan, line.payment, line.recorded_by) == (loan, payment, teller)
    key = PostingKey.objects.get()
    assert (key.provider, key.object_id, key.entry) == ("bank", line.line_key, payment.entry)
    assert Message.objects.filter(business_key=f"payment_received:{payment.public_id}").exists()


def test_the_same_file_and_the_same_line_again_change_nothing(
    write: Write, teller: User, loan: Loan
) -> None:
    first = row(loan)
    take_in(write(first, row(None)), teller)
    before = counts()

    report, _faults = take_in(write(first, row(None)), teller)
    assert (report.known, report.posted, report.unmatched) == (2, 0, 0)
    report, _faults = take_in(write(first, first, row(None)), teller)
    assert (report.known, report.repeated) == (2, 1)
    assert counts() == before


def test_two_equal_transfers_are_told_apart_by_the_banks_own_name(
    write: Write, teller: User, loan: Loan
) -> None:
    rows = [f"{row(loan)},a-1", f"{row(loan)},a-2", f"{row(loan)},a-2"]

    report, _faults = take_in(write(*rows, header=f"{HEADER},line_id"), teller)

    assert (report.posted, report.repeated) == (2, 1)


@pytest.mark.parametrize(
    ("make", "cause"),
    [
        (lambda loan: row(None), "unknown_loan"),
        (lambda loan: row(loan, currency="USD"), "amount"),
        (lambda loan: row(loan, days_ago=400), "no_payments"),
        (lambda loan: row(loan, text=f"{loan_reference(loan.public_id)[:-1]}"), "unknown_loan"),
    ],
)
def test_what_fits_no_loan_rests_with_a_case(
    write: Write, teller: User, loan: Loan, make: Callable[[Loan], str], cause: str
) -> None:
    report, _faults = take_in(write(make(loan)), teller)
    open_signaled_cases(now=now())

    assert report.unmatched == 1
    suspense = Suspense.objects.get()
    assert (suspense.cause, suspense.provider) == (cause, "bank")
    assert Case.objects.get(suspense=suspense).kind == "payment_exception"
    assert not JournalEntry.objects.filter(kind="payment").exists()


def test_money_for_a_closed_loan_rests(write: Write, teller: User, loan: Loan) -> None:
    Loan.objects.update(status=Loan.Status.CLOSED)

    take_in(write(row(loan)), teller)

    assert Suspense.objects.get().cause == "no_payments"
    assert not PostingKey.objects.exists()


def test_a_text_that_names_two_loans_names_none(
    write: Write, teller: User, loan: Loan, other_loan: Loan
) -> None:
    both = f"{loan_reference(loan.public_id)} {loan_reference(other_loan.public_id)}"

    take_in(write(row(None, text=both)), teller)

    assert Suspense.objects.get().cause == "unknown_loan"


def test_money_that_went_out_is_passed_over(write: Write, teller: User, loan: Loan) -> None:
    report, faults = take_in(write(row(loan, "-12.50"), row(loan)), teller)

    assert (report.outgoing, report.posted, faults) == (1, 1, [])


BAD = [
    ("2026-13-01,1,CNY,x,y", "booked_on", "not_a_date"),
    ("2999-01-01,1,CNY,x,y", "booked_on", "date_out_of_range"),
    ("2199-01-01,1,CNY,x,y", "booked_on", "in_the_future"),
    ("2026-01-01,1.234,CNY,x,y", "amount", "too_many_decimals"),
    ("2026-01-01,1e2,CNY,x,y", "amount", "not_a_number"),
    ("2026-01-01,0,CNY,x,y", "amount", "zero"),
    ("2026-01-01,,CNY,x,y", "amount", "missing"),
    ("2026-01-01,1,cny,x,y", "currency", "unknown_currency"),
    ("2026-01-01,1,CNY,x", "", "wrong_cell_count"),
]


@pytest.mark.parametrize(("bad", "column", "code"), BAD)
def test_with_one_bad_row_nothing_is_kept(
    write: Write, teller: User, loan: Loan, bad: str, column: str, code: str
) -> None:
    before = counts()

    report, faults = take_in(write(row(loan), bad), teller)

    assert [(one.line, one.column, one.code) for one in faults] == [(3, column, code)]
    assert report.faults == 1
    assert counts() == before


def test_a_name_given_to_two_different_lines_is_a_fault(
    write: Write, teller: User, loan: Loan
) -> None:
    header = f"{HEADER},line_id"
    _report, faults = take_in(
        write(f"{row(loan)},a-1", f"{row(loan, '7.00')},a-1", header=header), teller
    )
    assert [(one.line, one.code) for one in faults] == [(3, "repeated_line")]

    take_in(write(f"{row(loan)},a-1", header=header), teller)
    _report, faults = take_in(write(f"{row(loan, '7.00')},a-1", header=header), teller)
    assert [(one.line, one.code) for one in faults] == [(2, "line_differs")]


def test_a_dry_run_keeps_nothing(write: Write, teller: User, loan: Loan) -> None:
    before = counts()

    report, _faults = take_in(write(row(loan), row(None)), teller, dry_run=True)

    assert (report.posted, report.unmatched) == (1, 1)
    assert counts() == before


def test_the_command_reports_in_words_and_as_json(write: Write, teller: User, loan: Loan) -> None:
    out = StringIO()
    call_command("import_bank_statement", write(row(loan)), stdout=out)
    assert "1 posted" in out.getvalue()

    out = StringIO()
    with pytest.raises(CommandError):
        call_command("import_bank_statement", write("x,y,CNY,a,b"), "--json", stdout=out)
    report = json.loads(out.getvalue())
    assert report["status"] == "refused"
    assert {one["column"] for one in report["errors"]} == {"booked_on", "amount"}


def test_the_command_wants_a_person_who_may(write: Write, loan: Loan) -> None:
    with pytest.raises(CommandError):
        call_command("import_bank_statement", write(row(loan)))
