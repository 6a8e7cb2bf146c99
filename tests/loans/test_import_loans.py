"""The loan tape: what it brings, what it refuses, and that a refused one leaves nothing behind."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command

from accounts.models import Borrower, Invitation
from repayments.audit.models import Event
from repayments.audit.services import verify_audit
from repayments.contacts import secrets
from repayments.contacts.models import ContactPoint, Message
from repayments.ledger.models import JournalEntry, Posting
from repayments.ledger.services import get_balances, verify_ledger
from repayments.loans.amortization import Terms
from repayments.loans.models import Installment, Loan, Product, Schedule
from repayments.loans.queries import get_position
from repayments.loans.services import (
    activate_loan,
    charge_fee,
    create_loan,
    record_payment,
    refresh_figures,
)
from repayments.loans.signals import loans_imported
from tests.factories.tape import GOOD, tape_row, write_rows, write_tape

pytestmark = pytest.mark.django_db

TODAY = date(2026, 9, 1)
NOW = datetime(2026, 9, 1, 3, 0, tzinfo=UTC)

Report = dict[str, Any]


@pytest.fixture(autouse=True)
def first_of_september() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def run(path: Path, **options: Any) -> Report:
    """Import a file and give the report, whatever the verdict."""
    out = StringIO()
    try:
        call_command("import_loans", str(path), json=True, stdout=out, **options)
        refused = False
    except CommandError:
        refused = True
    report: Report = json.loads(out.getvalue())
    assert refused == (report["status"] == "refused") == bool(report["errors"])
    assert report["error_count"] == len(report["errors"])
    return report


def import_rows(folder: Path, *rows: dict[str, str], **options: Any) -> Report:
    return run(write_tape(folder / "tape.csv", *rows), **options)


def codes(report: Report) -> list[tuple[int, str, str]]:
    return [(fault["line"], fault["column"], fault["code"]) for fault in report["errors"]]


def count_everything() -> dict[str, int]:
    models = [Borrower, Loan, Schedule, Installment, JournalEntry, Posting, Event, Message]
    return {model.__name__: model.objects.count() for model in [*models, Invitation, ContactPoint]}


# --- What a good tape brings ----------------------------------------------------------------------


def test_a_good_row_becomes_a_loan_with_schedule_books_and_figures(folder: Path) -> None:
    report = import_rows(folder, GOOD)

    loan = Loan.objects.select_related("borrower", "product").get()
    assert report["loans"] == {"created": 1, "changed": 0, "unchanged": 0}
    assert (loan.number, loan.principal, loan.status) == ("L-1001", 1_200_000, "active")
    assert loan.borrower.phone == "+8613800138000"
    assert loan.installments.current().count() == 12
    assert sum(loan.installments.values_list("principal_due", flat=True)) == 1_200_000
    position = get_position(loan=loan, as_of=TODAY)
    assert (loan.past_due_amount, loan.days_past_due) == (position.past_due_amount, 48)
    assert loan.past_due_amount == 2 * loan.installments.get(number=1).unpaid > 0
    assert loan.next_due_date == date(2026, 9, 15)
    assert verify_ledger() is None
    assert verify_audit() is None


def test_an_imported_loan_is_what_create_loan_makes_of_the_same_terms(folder: Path) -> None:
    import_rows(folder, GOOD | {"paid_installments": "2", "penalty_rate": "18", "grace_days": "3"})
    imported = Loan.objects.get()
    terms = Terms(
        principal=1_200_000,
        currency="CNY",
        annual_rate=imported.annual_rate,
        installments=12,
        disbursed_on=date(2026, 6, 15),
        first_due_on=date(2026, 7, 15),
    )

    made = create_loan(
        borrower=imported.borrower,
        product=imported.product,
        number="SAME",
        terms=terms,
        penalty_rate=imported.penalty_rate,
        grace_days=3,
        paid_installments=2,
        actor=None,
        now=NOW,
    )
    refresh_figures(loan_ids=[made.pk], as_of=TODAY)

    made.refresh_from_db()
    own = {"id", "public_id", "number", "book_id", "created_at"}
    columns = [f.attname for f in Loan._meta.concrete_fields if f.attname not in own]
    assert [getattr(imported, name) for name in columns] == [
        getattr(made, name) for name in columns
    ]
    rows = [
        list(
            loan.installments.order_by("number").values_list(
                "number",
                "start_date",
                "due_date",
                "principal_due",
                "interest_due",
                "interest_billed",
                "interest_paid",
                "principal_paid",
                "is_current",
            )
        )
        for loan in (imported, made)
    ]
    assert rows[0] == rows[1]
    entries = [
        list(
            JournalEntry.objects.filter(book=loan.book)
            .order_by("seq", "postings__account")
            .values_list("seq", "kind", "effective_date", "reference", "postings__amount")
        )
        for loan in (imported, made)
    ]
    assert entries[0] == entries[1]
    assert get_balances(book_id=imported.book_id) == get_balances(book_id=made.book_id)


def test_paid_installments_open_the_books_with_what_is_left(folder: Path) -> None:
    import_rows(folder, GOOD | {"paid_installments": "2"})

    loan = Loan.objects.get()
    paid = loan.installments.filter(unpaid=0)
    assert list(paid.order_by("number").values_list("number", flat=True)) == [1, 2]
    left = 1_200_000 - sum(paid.values_list("principal_due", flat=True))
    entry = JournalEntry.objects.get(book=loan.book)
    assert (entry.kind, entry.effective_date) == ("opening", date(2026, 8, 15))
    assert dict(entry.postings.values_list("account", "amount")) == {
        "principal_receivable": left,
        "opening": -left,
    }
    assert (loan.outstanding_principal, loan.days_past_due) == (left, 0)


def test_installments_due_before_the_import_are_billed_on_their_due_dates(folder: Path) -> None:
    import_rows(folder, GOOD)

    billed = JournalEntry.objects.filter(kind="interest").order_by("seq")
    assert [entry.effective_date for entry in billed] == [date(2026, 7, 15), date(2026, 8, 15)]
    assert [entry.seq for entry in billed] == [2, 3]
    first = Installment.objects.get(number=1)
    assert first.interest_billed == first.interest_due == 12_000


def test_the_lenders_own_level_installment_is_kept(folder: Path) -> None:
    import_rows(folder, GOOD | {"installment_amount": "1070"})

    loan = Loan.objects.get()
    assert loan.installment_amount == 107_000
    assert loan.installments.get(number=5).unpaid == 107_000


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"disbursed_on": "2026-08-31", "first_due_on": "2026-10-01"}, "active"),
        ({"disbursed_on": "2026-09-01", "first_due_on": "2026-10-01"}, "active"),
        ({"disbursed_on": "2026-09-02", "first_due_on": "2026-10-01"}, "pending_signature"),
        (
            {
                "disbursed_on": "2026-08-31",
                "first_due_on": "2026-10-01",
                "status": "pending_signature",
            },
            "pending_signature",
        ),
        ({"paid_installments": "12"}, "paid_off"),
    ],
)
def test_where_the_tape_does_not_say_the_day_decides_the_status(
    folder: Path, changes: dict[str, str], expected: str
) -> None:
    import_rows(folder, GOOD | changes)

    loan = Loan.objects.get()
    assert loan.status == expected
    if expected == "pending_signature":
        assert not JournalEntry.objects.exists()
        assert loan.outstanding_principal == 0


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\r\n", "\n"),
        lambda text: text.replace("\r\n", "\r"),
        lambda text: text.replace("\r\n", "\n", 1) + "\r\n\n",
        lambda text: text.rstrip(),
        lambda text: text.replace("12000.00", '" 12,000.00 "'),
        lambda text: text.replace("王小梅", '"王小梅"'),
        lambda text: text.replace("C-77", "\u3000C-77\u00a0"),
    ],
    ids=["bom", "lf", "cr", "mixed", "no last line end", "thousands", "quoted", "blanks"],
)
def test_harmless_differences_of_form_are_read(folder: Path, spoil: Callable[[str], str]) -> None:
    path = write_tape(folder / "tape.csv", GOOD)
    text = path.read_bytes().decode()
    path.write_bytes(spoil(text).encode())

    assert run(path)["loans"]["created"] == 1
    assert Loan.objects.get().borrower.reference == "C-77"


def test_columns_may_stand_in_any_order(folder: Path) -> None:
    path = folder / "tape.csv"
    names = sorted(GOOD, reverse=True)
    path.write_text(",".join(names) + "\n" + ",".join(GOOD[name] for name in names) + "\n")

    assert run(path)["loans"]["created"] == 1


def test_a_quoted_line_end_is_refused_with_the_line_where_its_row_begins(folder: Path) -> None:
    report = import_rows(
        folder, tape_row(0), tape_row(1, legal_name="王\n小梅"), tape_row(2, currency="XXX")
    )

    assert codes(report) == [
        (3, "legal_name", "hidden_characters"),
        (5, "currency", "unknown_currency"),
    ]


def test_yen_and_dinar_are_read_in_their_own_decimals(folder: Path) -> None:
    import_rows(
        folder,
        tape_row(1, currency="JPY", principal="120000"),
        tape_row(2, currency="KWD", principal="120.125", installment_multiple="0.001"),
    )

    assert list(Loan.objects.order_by("number").values_list("principal", flat=True)) == [
        120_000,
        120_125,
    ]
    assert Loan.objects.get(currency="JPY").installment_multiple == 1


# --- People ---------------------------------------------------------------------------------------


def test_new_people_are_invited_once_by_a_link_that_is_stored_encrypted(folder: Path) -> None:
    report = import_rows(folder, GOOD, tape_row(loan_number="L-2"))

    assert (report["borrowers"]["created"], report["invited"]) == (1, 1)
    message = Message.objects.get()
    assert (message.purpose, message.address, message.status) == (
        "invitation",
        "xiaomei@example.cn",
        "due",
    )
    token = secrets.decrypt(message.secret)["link"].split("/")[2]
    assert token not in json.dumps(message.context)
    assert Invitation.objects.get().token_sha256 != token
    assert set(ContactPoint.objects.values_list("channel", "address")) == {
        ("email", "xiaomei@example.cn"),
        ("sms", "+8613800138000"),
    }


def test_no_invite_leaves_people_to_a_later_import(folder: Path) -> None:
    assert import_rows(folder, GOOD, no_invite=True)["invited"] == 0
    assert not Invitation.objects.exists()

    again = import_rows(folder, GOOD)

    assert (again["invited"], again["loans"]["unchanged"]) == (1, 1)


def test_a_corrected_address_is_invited_anew_and_the_old_link_is_dead(folder: Path) -> None:
    import_rows(folder, GOOD)
    old = Invitation.objects.get().token_sha256

    report = import_rows(folder, GOOD | {"email": "right@example.cn"})

    assert (report["borrowers"]["changed"], report["invited"]) == (1, 1)
    assert Invitation.objects.get().token_sha256 != old
    assert Message.objects.order_by("pk").last().address == "right@example.cn"


def test_the_language_a_person_chose_outlives_the_next_tape(folder: Path) -> None:
    import_rows(folder, GOOD)
    borrower = Borrower.objects.get()
    borrower.user = _sign_in_of(borrower)
    borrower.language = "en"
    borrower.save()

    report = import_rows(folder, GOOD)

    assert report["borrowers"]["unchanged"] == 1
    assert Borrower.objects.get().language == "en"


def _sign_in_of(borrower: Borrower) -> Any:
    from accounts.models import User

    return User.objects.create_user(borrower.email)


def test_an_address_of_another_borrower_here_is_refused(folder: Path) -> None:
    Borrower.objects.create(reference="C-1", legal_name="Somebody", email="XiaoMei@example.cn")

    assert codes(import_rows(folder, GOOD)) == [(2, "email", "email_taken")]


def test_an_address_of_a_member_of_staff_is_refused(folder: Path) -> None:
    from accounts.models import User

    User.objects.create_user("xiaomei@example.cn", is_staff=True)

    assert codes(import_rows(folder, GOOD)) == [(2, "email", "email_taken")]


def test_people_who_change_addresses_with_each_other_in_one_tape_are_let(folder: Path) -> None:
    import_rows(folder, tape_row(1), tape_row(2))

    report = import_rows(
        folder, tape_row(1, email="person2@example.cn"), tape_row(2, email="person1@example.cn")
    )

    assert report["borrowers"]["changed"] == 2


# --- The same again, and changes ------------------------------------------------------------------


def test_the_same_file_twice_changes_nothing(folder: Path) -> None:
    rows = [tape_row(number) for number in range(4)]
    import_rows(folder, *rows)
    before = count_everything()

    report = import_rows(folder, *rows)

    assert report["loans"] == {"created": 0, "changed": 0, "unchanged": 4}
    assert report["borrowers"] == {"created": 0, "changed": 0, "unchanged": 4}
    assert report["invited"] == 0
    assert count_everything() == before


def test_the_same_file_is_unchanged_even_after_a_repayment(folder: Path) -> None:
    import_rows(folder, GOOD)
    _pay(Loan.objects.get())
    before = count_everything()

    assert import_rows(folder, GOOD)["loans"]["unchanged"] == 1
    assert count_everything() == before


def test_the_same_pending_loan_is_unchanged_once_its_day_has_passed(folder: Path) -> None:
    pending = GOOD | {
        "status": "pending_signature",
        "disbursed_on": "2026-09-05",
        "first_due_on": "2026-10-05",
    }
    import_rows(folder, pending)

    with time_machine.travel(datetime(2026, 11, 1, tzinfo=UTC), tick=False):
        assert import_rows(folder, pending)["loans"]["unchanged"] == 1


def test_terms_are_replaced_cleanly_while_there_are_no_repayments(folder: Path) -> None:
    import_rows(folder, GOOD)

    report = import_rows(
        folder, GOOD | {"principal": "6000", "installments": "6", "paid_installments": "1"}
    )

    loan = Loan.objects.get()
    assert report["loans"] == {"created": 0, "changed": 1, "unchanged": 0}
    assert (loan.principal, loan.installments.current().count()) == (600_000, 6)
    assert list(loan.schedules.order_by("version").values_list("version", "is_current")) == [
        (1, False),
        (2, True),
    ]
    position = get_position(loan=loan, as_of=TODAY)
    assert loan.outstanding_principal == position.outstanding_principal < 600_000
    assert loan.past_due_amount == position.past_due_amount
    balances = get_balances(book_id=loan.book_id)
    assert balances["principal_receivable"] == loan.outstanding_principal
    assert balances["clearing"] == 0
    assert balances["interest_receivable"] == position.interest_past_due
    assert verify_ledger() is None
    # And once more, so that the second set of names is no obstacle.
    assert import_rows(folder, GOOD)["loans"]["changed"] == 1
    loan.refresh_from_db()
    assert loan.outstanding_principal == 1_200_000
    assert verify_ledger() is None


def _pay(loan: Loan) -> None:
    record_payment(
        loan_id=loan.pk,
        amount=1_000,
        effective_date=TODAY,
        reference="test",
        actor=None,
        now=NOW,
    )


def test_terms_stay_once_there_are_repayments(folder: Path) -> None:
    import_rows(folder, GOOD)
    _pay(Loan.objects.get())

    report = import_rows(folder, GOOD | {"annual_rate": "10"})

    assert codes(report) == [(2, "loan_number", "has_repayments")]
    assert Loan.objects.get().annual_rate == 12


def test_terms_stay_once_the_loan_was_signed_here(folder: Path) -> None:
    pending = GOOD | {"disbursed_on": "2026-09-05", "first_due_on": "2026-10-05"}
    import_rows(folder, pending)
    activate_loan(loan_id=Loan.objects.get().pk, actor=None, now=NOW, as_of=TODAY)

    report = import_rows(folder, pending | {"annual_rate": "10"})

    assert codes(report) == [(2, "loan_number", "signed_here")]


def test_terms_stay_once_a_fee_was_charged(folder: Path) -> None:
    import_rows(folder, GOOD)
    charge_fee(
        loan_id=Loan.objects.get().pk,
        amount=500,
        reason="late",
        charged_on=TODAY,
        actor=None,
        now=NOW,
    )

    report = import_rows(folder, GOOD | {"annual_rate": "10"})

    assert codes(report) == [(2, "loan_number", "changed_here")]


def test_a_loan_changes_neither_borrower_nor_currency(folder: Path) -> None:
    import_rows(folder, GOOD)

    report = import_rows(
        folder,
        GOOD | {"borrower_reference": "C-99", "email": "other@example.cn", "currency": "USD"},
    )

    assert codes(report) == [
        (2, "borrower_reference", "other_borrower"),
        (2, "currency", "other_currency"),
    ]


# --- All or nothing -------------------------------------------------------------------------------


def test_one_bad_row_among_many_leaves_nothing_behind(folder: Path) -> None:
    rows = [tape_row(number) for number in range(1, 1200)]
    rows[700]["annual_rate"] = "12%"
    before = count_everything()

    report = import_rows(folder, *rows)

    assert codes(report) == [(702, "annual_rate", "not_a_number")]
    assert report["rows"] == 1199
    assert count_everything() == before


def test_a_dry_run_gives_the_report_and_keeps_nothing(folder: Path) -> None:
    before = count_everything()

    report = import_rows(folder, tape_row(1), tape_row(2), dry_run=True)

    assert report["status"] == "checked"
    assert (report["loans"]["created"], report["invited"]) == (2, 2)
    assert count_everything() == before


def test_every_bad_row_is_reported_with_all_that_is_wrong_with_it(folder: Path) -> None:
    report = import_rows(
        folder,
        tape_row(1, principal="-5", unit="year"),
        tape_row(2),
        tape_row(3, email="nobody"),
    )

    assert codes(report) == [
        (2, "principal", "negative"),
        (2, "unit", "unknown_value"),
        (4, "email", "bad_email"),
    ]


def test_loans_are_announced_once_they_are_there_to_stay(
    folder: Path, django_capture_on_commit_callbacks: Any
) -> None:
    heard: list[int] = []

    def hear(loan_ids: list[int], **kwargs: Any) -> None:
        heard.extend(loan_ids)

    loans_imported.connect(hear)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            import_rows(folder, GOOD)
        with django_capture_on_commit_callbacks(execute=True):
            import_rows(folder, GOOD)
    finally:
        loans_imported.disconnect(hear)

    assert heard == [Loan.objects.get().pk]


# --- What is refused, cell by cell ----------------------------------------------------------------

BAD_CELLS = [
    # Nothing there
    *[
        (column, "", "missing")
        for column in GOOD
        if column != "phone"  # some people have none; the second fact is then the reference
    ],
    ("legal_name", "   ", "missing"),
    # Formulas, in any text
    *[
        (column, value, "formula")
        for column in ("loan_number", "borrower_reference", "legal_name", "email", "product")
        for value in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1+1", "＋1", " =1", "\u3000=1")
    ],
    ("legal_name", '=HYPERLINK("http://evil","x")', "formula"),
    ("legal_name", "\r=1", "formula"),
    # What cannot be seen
    *[
        ("legal_name", f"王{hidden}小梅", "hidden_characters")
        for hidden in (
            "\x00",
            "\x07",
            "\n",
            "\u202e",
            "\u2066",
            "\u200b",
            "\u200d",
            "\ufeff",
            "\u2028",
        )
    ],
    # What no contract could print
    ("legal_name", "王𠮷", "not_printable"),
    ("legal_name", "Wang 😀", "not_printable"),
    ("loan_number", "L\u200b1", "hidden_characters"),
    ("loan_number", "L\x001", "hidden_characters"),
    ("loan_number", "L" * 15_000, "too_long"),
    ("principal", "9" * 13 + ".99", "too_large"),
    ("legal_name", "a" + "\u0301" * 20, "too_many_marks"),
    ("legal_name", "王" * 201, "too_long"),
    ("loan_number", "L" * 65, "too_long"),
    ("borrower_reference", "C" * 65, "too_long"),
    # Words
    ("borrower_kind", "company", "unknown_value"),
    ("borrower_kind", "Person", "unknown_value"),
    ("language", "de", "unknown_value"),
    ("jurisdiction", "FR", "unknown_value"),
    ("unit", "years", "unknown_value"),
    ("amortization", "balloon", "unknown_value"),
    ("interest_method", "compound", "unknown_value"),
    ("interest_period", "yearly", "unknown_value"),
    ("day_count", "30/360", "unknown_value"),
    ("rounding", "down", "unknown_value"),
    ("status", "closed", "unknown_value"),
    ("product", "none", "unknown_product"),
    # Addresses
    ("email", "nobody", "bad_email"),
    ("email", "a@b", "bad_email"),
    ("email", "a b@example.cn", "bad_email"),
    ("email", "a@example.cn, b@example.cn", "bad_email"),
    ("email", "mıke@example.cn", "email_not_ascii"),
    ("email", "王@example.cn", "email_not_ascii"),
    ("email", "ａ@example.cn", "email_not_ascii"),
    ("email", "a@exämple.cn", "email_not_ascii"),
    ("email", "a" * 250 + "@example.cn", "too_long"),
    ("phone", "12", "bad_phone"),
    ("phone", "phone", "bad_phone"),
    ("phone", "1.38E+10", "bad_phone"),
    ("phone", "1-800-FLOWERS", "bad_phone"),
    ("phone", "=13800138000", "bad_phone"),
    ("phone", "13800138000;13900139000", "bad_phone"),
    ("phone", "+44 909 8790000", "paid_phone"),
    ("time_zone", "Mars/Olympus", "unknown_zone"),
    ("time_zone", "asia/shanghai", "unknown_zone"),
    ("time_zone", "../etc/passwd", "unknown_zone"),
    ("time_zone", "Factory", "unknown_zone"),
    # Money
    ("currency", "RMB", "unknown_currency"),
    ("currency", "cny", "unknown_currency"),
    ("currency", "XXX", "unknown_currency"),
    ("currency", "￥", "unknown_currency"),
    ("principal", "0", "zero"),
    ("principal", "-0", "negative"),
    ("principal", "-1", "negative"),
    ("principal", "0.001", "too_many_decimals"),
    ("principal", "1e2", "not_a_number"),
    ("principal", "1E400", "not_a_number"),
    ("principal", "NaN", "not_a_number"),
    ("principal", "sNaN", "not_a_number"),
    ("principal", "Infinity", "not_a_number"),
    ("principal", "1,00", "not_a_number"),
    ("principal", "1.000,00", "not_a_number"),
    ("principal", "１００", "not_a_number"),
    ("principal", "١٠٠", "not_a_number"),
    ("principal", "1٫5", "not_a_number"),
    ("principal", "+100", "not_a_number"),
    ("principal", "1\x00", "not_a_number"),
    ("principal", "¥100", "not_a_number"),
    ("principal", "=100", "not_a_number"),
    ("principal", "123456789012345678901234567890", "too_large"),
    ("principal", "9" * 5000, "too_large"),
    ("annual_rate", "-1", "negative"),
    ("annual_rate", "12%", "not_a_number"),
    ("annual_rate", "1000", "too_large"),
    ("annual_rate", "１２", "not_a_number"),
    ("annual_rate", "0.0000001", "too_many_decimals"),
    ("penalty_rate", "-1", "negative"),
    ("penalty_rate", "0.05%", "not_a_number"),
    ("installment_amount", "0", "zero"),
    ("installment_amount", "100", "below_interest"),
    ("installment_amount", "99999", "repaid_too_soon"),
    ("installment_multiple", "0", "zero"),
    ("installment_multiple", "100000", "multiple_too_large"),
    # Whole numbers
    ("installments", "0", "too_small"),
    ("installments", "-1", "negative"),
    ("installments", "12.0", "not_whole"),
    ("installments", "１２", "not_whole"),
    ("installments", "1201", "too_large"),
    ("installments", "9" * 40, "too_large"),
    ("every", "0", "too_small"),
    ("every", "367", "too_large"),
    ("every", "one", "not_whole"),
    ("grace_days", "-1", "negative"),
    ("grace_days", "366", "too_large"),
    ("paid_installments", "13", "more_paid_than_due"),
    ("paid_installments", "1.5", "not_whole"),
    # Days
    ("disbursed_on", "2026-02-30", "not_a_date"),
    ("disbursed_on", "2025-02-29", "not_a_date"),
    ("disbursed_on", "30/06/2026", "not_a_date"),
    ("disbursed_on", "20260615", "not_a_date"),
    ("disbursed_on", "2026-W25-1", "not_a_date"),
    ("disbursed_on", "２０２６-06-15", "not_a_date"),
    ("disbursed_on", "2026-06-15T00:00", "not_a_date"),
    ("disbursed_on", "46188", "not_a_date"),
    ("disbursed_on", "0001-01-01", "date_out_of_range"),
    ("first_due_on", "9999-12-31", "date_out_of_range"),
    ("first_due_on", "2026-06-15", "first_due_too_early"),
    ("first_due_on", "2026-06-14", "first_due_too_early"),
    ("amortization", "custom", "needs_rows"),
]


@pytest.mark.parametrize(
    ("column", "value", "code"), BAD_CELLS, ids=lambda value: ascii(value)[1:30]
)
def test_a_bad_cell_is_named_by_line_column_and_reason(
    folder: Path, column: str, value: str, code: str
) -> None:
    report = import_rows(folder, tape_row(1), GOOD | {column: value})

    assert (3, column, code) in codes(report)
    assert all(line == 3 for line, _column, _code in codes(report))
    fault = next(fault for fault in report["errors"] if fault["column"] == column)
    assert fault["reason"]
    assert "%(" not in fault["reason"]
    assert fault["value"].isprintable()
    assert len(fault["value"]) < 400
    assert not Loan.objects.exists()


@pytest.mark.parametrize(
    ("changes", "column", "code"),
    [
        ({"disbursed_on": "2026-09-02", "status": "active"}, "disbursed_on", "not_paid_out"),
        ({"status": "pending_signature"}, "first_due_on", "pending_but_due"),
        (
            {
                "disbursed_on": "2026-09-02",
                "first_due_on": "2026-10-02",
                "paid_installments": "1",
            },
            "paid_installments",
            "pending_but_paid",
        ),
        (
            {"amortization": "equal_principal", "installment_amount": "1100"},
            "installment_amount",
            "not_for_this_amortization",
        ),
        ({"installments": "1200", "every": "12"}, "installments", "last_due_too_late"),
        ({"installments": "1200", "every": "366"}, "installments", "last_due_too_late"),
    ],
)
def test_values_that_do_not_go_together_are_refused(
    folder: Path, changes: dict[str, str], column: str, code: str
) -> None:
    row = GOOD | {"disbursed_on": "2026-06-15", "first_due_on": "2026-07-15"} | changes
    if changes.get("disbursed_on") == "2026-09-02":
        row["first_due_on"] = "2026-10-02"

    assert (2, column, code) in codes(import_rows(folder, row))


# --- Rows against each other ----------------------------------------------------------------------


def test_a_loan_number_twice_is_refused_also_far_apart(folder: Path) -> None:
    rows = [tape_row(number) for number in range(1, 600)]
    rows.append(tape_row(700, loan_number="L-1002"))

    report = import_rows(folder, *rows)

    assert codes(report) == [(601, "loan_number", "repeated_loan")]
    assert "2" in report["errors"][0]["reason"]


def test_a_number_in_another_form_of_the_same_letters_is_the_same_number(folder: Path) -> None:
    report = import_rows(
        folder, tape_row(1, loan_number="caf\u00e9"), tape_row(2, loan_number="cafe\u0301")
    )

    assert codes(report) == [(3, "loan_number", "repeated_loan")]


def test_a_number_twice_is_found_beside_other_faults(folder: Path) -> None:
    report = import_rows(folder, tape_row(1, principal="0"), tape_row(2, loan_number="L-1002"))

    assert (3, "loan_number", "repeated_loan") in codes(report)


def test_rows_must_agree_about_a_borrower(folder: Path) -> None:
    report = import_rows(
        folder,
        GOOD,
        tape_row(loan_number="L-2", legal_name="王大梅", borrower_kind="business"),
    )

    assert codes(report) == [
        (3, "borrower_kind", "borrower_differs"),
        (3, "legal_name", "borrower_differs"),
    ]


def test_two_borrowers_with_one_address_are_refused(folder: Path) -> None:
    report = import_rows(folder, tape_row(1), tape_row(2, email="PERSON1@example.cn"))

    assert codes(report) == [(3, "email", "repeated_email")]


def test_one_phone_for_two_borrowers_is_let(folder: Path) -> None:
    assert import_rows(folder, tape_row(1), tape_row(2))["loans"]["created"] == 2


# --- Files that are no tapes ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (b"\n\n", "empty_file"),
        (b"\xef\xbb\xbf", "empty_file"),
        (b"PK\x03\x04rest", "not_text"),
        ("\ufeffloan_number".encode("utf-16"), "not_utf8"),
        (b"\xff\xff", "not_utf8"),
        (";".join(GOOD).encode(), "not_commas"),
        ("\t".join(GOOD).encode(), "not_commas"),
        (",".join(GOOD).encode(), "no_rows"),
        (",".join([*GOOD, "rate"]).encode(), "unknown_column"),
        (",".join([*GOOD, "email"]).encode(), "repeated_column"),
        (",".join([*GOOD, ""]).encode(), "unknown_column"),
        (",".join(list(GOOD)[1:]).encode(), "missing_column"),
        (b'"loan_number', "bad_quotes"),
        (b"x" * 30_000, "line_too_long"),
    ],
)
def test_a_file_that_is_no_tape_is_refused_in_plain_words(
    folder: Path, data: bytes, code: str
) -> None:
    path = folder / "tape.csv"
    path.write_bytes(data)

    report = run(path)

    assert code in {fault["code"] for fault in report["errors"]}
    assert report["rows"] == 0


@pytest.mark.parametrize("name", ["missing.csv", ".", "/dev/null"])
def test_a_file_that_cannot_be_read_is_refused(folder: Path, name: str) -> None:
    assert [code for _line, _column, code in codes(run(folder / name))] == ["unreadable"]


@pytest.mark.parametrize(
    ("spoiled", "code"),
    [
        (b'"abc"def', "bad_quotes"),
        (b"\xcd\xf5", "not_utf8"),
        (b"\xed\xa0\x80", "not_utf8"),
        (b"a,b", "wrong_cell_count"),
        (b"y" * 30_000, "line_too_long"),
    ],
)
def test_a_broken_row_is_named_and_reading_goes_on(folder: Path, spoiled: bytes, code: str) -> None:
    path = write_tape(
        folder / "tape.csv", tape_row(1, legal_name="SPOILED"), tape_row(2, every="0")
    )
    path.write_bytes(path.read_bytes().replace(b"SPOILED", spoiled))

    found = codes(run(path))

    assert [(line, one) for line, _column, one in found] == [(2, code), (3, "too_small")]


def test_a_quotation_mark_never_closed_does_not_swallow_the_whole_file(folder: Path) -> None:
    path = write_tape(folder / "tape.csv", *[tape_row(number) for number in range(1, 200)])
    path.write_bytes(path.read_bytes().replace("王小梅".encode(), '"王小梅'.encode(), 1))

    report = run(path)

    assert codes(report)[0][::2] == (2, "bad_quotes")
    assert report["rows"] > 150


def test_a_row_of_commas_is_refused_and_an_empty_line_is_not(folder: Path) -> None:
    path = write_tape(folder / "tape.csv", GOOD)
    path.write_bytes(path.read_bytes() + b"\r\n" + b"," * (len(GOOD) - 1) + b"\r\n")

    assert codes(run(path)) == [(4, "", "empty_row")]


def test_the_report_for_people_names_line_and_column(folder: Path) -> None:
    out = StringIO()
    path = write_tape(folder / "tape.csv", GOOD | {"principal": "1\u202e00"})

    with pytest.raises(CommandError):
        call_command("import_loans", str(path), stdout=out)

    assert "principal" in out.getvalue()
    assert "2" in out.getvalue()
    assert "\\u202e" in out.getvalue()
    assert "\u202e" not in out.getvalue()


# --- Schedules of their own -----------------------------------------------------------------------

CUSTOM = GOOD | {
    "amortization": "custom",
    "installments": "3",
    "principal": "900",
    "disbursed_on": "2026-06-15",
    "first_due_on": "2026-07-15",
}
ROWS: list[tuple[Any, ...]] = [
    ("L-1001", 1, "2026-07-15", "300", "9", "1", "300", "9", "1"),
    ("L-1001", 2, "2026-08-15", "200.50", "6", "", "100", "", ""),
    ("L-1001", 3, "2026-12-31", "399.50", "12", "0"),
]


def import_custom(folder: Path, tape: dict[str, str], *rows: tuple[Any, ...]) -> Report:
    path = write_rows(folder / "rows.csv", *rows)
    return import_rows(folder, tape, rows=path)


def test_custom_rows_are_kept_as_given_with_what_is_paid_of_them(folder: Path) -> None:
    import_custom(folder, CUSTOM, *reversed(ROWS))

    loan = Loan.objects.get()
    rows = loan.installments.order_by("number")
    assert [row.unpaid for row in rows] == [0, 10_650, 41_150]
    assert loan.outstanding_principal == 50_000
    assert loan.past_due_amount == 10_650
    balances = get_balances(book_id=loan.book_id)
    assert (balances["principal_receivable"], balances["interest_receivable"]) == (50_000, 600)
    assert JournalEntry.objects.get(seq=1).kind == "opening"
    assert verify_ledger() is None


def test_custom_rows_twice_change_nothing_and_other_rows_replace_them(folder: Path) -> None:
    import_custom(folder, CUSTOM, *ROWS)
    assert import_custom(folder, CUSTOM, *ROWS)["loans"]["unchanged"] == 1

    other = ("L-1001", 3, "2027-01-31", "399.50", "14")
    assert import_custom(folder, CUSTOM, *ROWS[:2], other)["loans"]["changed"] == 1

    assert Loan.objects.get().installments.current().get(number=3).due_date == date(2027, 1, 31)


def test_a_count_of_paid_installments_speaks_where_the_rows_do_not(folder: Path) -> None:
    bare = [row[:6] for row in ROWS]

    import_custom(folder, CUSTOM | {"paid_installments": "2"}, *bare)

    rows = Loan.objects.get().installments.order_by("number")
    assert [row.unpaid for row in rows] == [0, 0, 41_150]


@pytest.mark.parametrize(
    ("at", "row", "fault"),
    [
        (1, ("L-1001", 2, "2026-08-15", "200.50", "-6"), ("rows", 3, "interest_due", "negative")),
        (1, ("L-1001", 2, "2026-08-15", "", "6"), ("rows", 3, "principal_due", "missing")),
        (1, ("L-1001", 2, "2026-02-30", "200.50", "6"), ("rows", 3, "due_date", "not_a_date")),
        (1, ("L-1001", 2, "2026-07-15", "200.50", "6"), ("rows", 3, "due_date", "not_in_order")),
        (1, ("L-1001", 4, "2026-08-15", "200.50", "6"), ("rows", 4, "number", "wrong_number")),
        (1, ("L-1001", 1, "2026-08-15", "200.50", "6"), ("rows", 3, "number", "repeated_row")),
        (1, ("L-1001", 2, "2026-08-15", "200", "6"), ("tape", 2, "principal", "sum_differs")),
        (
            1,
            ("L-1001", 2, "2026-08-15", "200.50", "6", "0", "200.51"),
            ("rows", 3, "principal_paid", "paid_more_than_due"),
        ),
        (1, ("L-1001", 2, "2026-08-15", "=1", "6"), ("rows", 3, "principal_due", "not_a_number")),
        (
            1,
            ("L-1001", 2, "2026-08-15", "9" * 5000, "6"),
            ("rows", 3, "principal_due", "too_large"),
        ),
        (
            1,
            ("L-1001", 2, "2026-08-15", "1\x00", "6"),
            ("rows", 3, "principal_due", "not_a_number"),
        ),
        (1, ("L-\x00", 2, "2026-08-15", "1", "6"), ("rows", 3, "loan_number", "hidden_characters")),
        (1, ("=L", 2, "2026-08-15", "200.50", "6"), ("rows", 3, "loan_number", "formula")),
        (
            1,
            ("L-9", 2, "2026-08-15", "200.50", "6"),
            ("rows", 3, "loan_number", "rows_without_loan"),
        ),
        (
            0,
            ("L-1001", 1, "2026-06-15", "300", "9"),
            ("rows", 2, "due_date", "before_disbursement"),
        ),
        (
            0,
            ("L-1001", 1, "2026-07-16", "300", "9"),
            ("tape", 2, "first_due_on", "first_due_differs"),
        ),
    ],
)
def test_bad_custom_rows_are_named(
    folder: Path, at: int, row: tuple[Any, ...], fault: tuple[Any, ...]
) -> None:
    rows = [*ROWS]
    rows[at] = row

    report = import_custom(folder, CUSTOM, *rows)

    found = [(one["file"], one["line"], one["column"], one["code"]) for one in report["errors"]]
    assert fault in found
    assert not Loan.objects.exists()


def test_the_count_of_custom_rows_must_be_the_tapes(folder: Path) -> None:
    report = import_custom(folder, CUSTOM | {"installments": "4"}, *ROWS)

    assert codes(report) == [(2, "installments", "wrong_row_count")]


def test_a_custom_loan_without_rows_in_the_file_is_named(folder: Path) -> None:
    report = import_custom(folder, CUSTOM, ("L-9", 1, "2026-07-15", "1", "1"))

    assert (2, "loan_number", "no_rows_given") in codes(report)


def test_rows_of_a_loan_that_is_not_custom_are_named(folder: Path) -> None:
    report = import_custom(folder, GOOD, *ROWS)

    assert codes(report) == [(2, "loan_number", "rows_without_loan")]


def test_other_products_are_found_by_their_key(folder: Path) -> None:
    Product.objects.create(key="sme", name_zh="企业", name_en="Business")

    import_rows(folder, GOOD | {"product": "sme"})

    assert Loan.objects.get().product.key == "sme"
