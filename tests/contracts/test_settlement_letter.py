"""The settlement letter: made once a settlement, sealed, checked, void when money goes back."""

import subprocess
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import Borrower
from repayments.audit.models import Event
from repayments.audit.services import verify_audit
from repayments.contacts.models import Message
from repayments.contracts import blobs, failpoints, receivers, sealing, services, tasks
from repayments.contracts.models import SettlementLetter
from repayments.contracts.queries import get_code_answer, get_verdict
from repayments.contracts.services import letter_seal
from repayments.documents_list import list_documents
from repayments.ledger.models import JournalEntry
from repayments.loans.models import Loan
from repayments.loans.queries import get_position
from repayments.loans.services import restore_money, return_money
from tests.factories.contracts import NOW, TODAY, make_person
from tests.factories.loans import make_loan, pay

LATER = NOW + timedelta(hours=2)


class PowerCut(BaseException):
    """No handler catches it, as none would."""


@pytest.fixture
def person(room: None) -> Borrower:
    return make_person("王镕 #1 <b>")


@pytest.fixture
def loan(person: Borrower) -> Loan:
    """A loan, not paid off yet."""
    return make_loan(
        borrower=person,
        terms={"disbursed_on": date(2026, 11, 5), "first_due_on": date(2026, 12, 5)},
        now=NOW,
    )


def settle(loan: Loan) -> JournalEntry:
    owed = get_position(loan=loan, as_of=TODAY).payoff_amount
    entry = pay(loan, owed, TODAY)
    loan.refresh_from_db()
    assert loan.status == "paid_off"
    return entry


def give_back(entry: JournalEntry, loan: Loan) -> JournalEntry:
    returned = return_money(
        entry_id=entry.pk,
        amount=5_000,
        kind=JournalEntry.Kind.CHARGEBACK,
        reference="dp_1",
        effective_date=TODAY,
        actor=None,
        now=NOW,
    )
    loan.refresh_from_db()
    assert loan.status == "active"
    return returned


def make(loan: Loan) -> SettlementLetter:
    made = services.make_letter(loan_id=loan.pk, now=NOW)
    assert made is not None
    return made


def issue(loan: Loan) -> SettlementLetter:
    letter = make(loan)
    assert services.seal_letter(letter_id=letter.pk, now=NOW)
    letter.refresh_from_db()
    return letter


def pdf_of(letter: SettlementLetter) -> bytes:
    assert letter.final_id is not None
    return blobs.read(letter.final_id)


def text_of(pdf: bytes, folder: Path) -> str:
    (folder / "letter.pdf").write_bytes(pdf)
    found = subprocess.run(  # noqa: S603 - a fixed command
        ["pdftotext", "-layout", "letter.pdf", "-"],  # noqa: S607
        cwd=folder,
        capture_output=True,
        check=True,
    )
    return found.stdout.decode()


def test_a_letter_is_made_sealed_and_announced_once(loan: Loan) -> None:
    settle(loan)

    letter = issue(loan)

    assert (letter.status, letter.issued_at, letter.tsa_time) == ("issued", NOW, NOW)
    assert services.make_letter(loan_id=loan.pk, now=LATER) is None
    assert not services.seal_letter(letter_id=letter.pk, now=LATER)
    [message] = Message.objects.filter(purpose="settlement_letter")
    assert str(letter.public_id) in message.context["link"]
    actions = Event.objects.filter(stream=loan.stream).values_list("action", flat=True)
    assert list(actions).count("contracts.letter_issued") == 1
    assert verify_audit(streams=[loan.stream]) is None


def test_a_loan_that_is_not_settled_gets_no_letter(loan: Loan) -> None:
    assert services.make_letter(loan_id=loan.pk, now=NOW) is None
    assert services.list_loans_without_letter(now=NOW) == []


def test_a_status_that_is_ahead_of_the_rows_gets_no_letter(loan: Loan) -> None:
    entry = settle(loan)
    give_back(entry, loan)
    Loan.objects.filter(pk=loan.pk).update(status="paid_off")

    assert services.make_letter(loan_id=loan.pk, now=NOW) is None


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        (
            "zh-hans",
            [
                "结清证明",
                "王镕 #1 <b>",
                "借款金额",
                "2026年11月5日",
                "2026年12月1日",
                "不再欠付任何款项",
            ],
        ),
        (
            "en",
            ["Settlement letter", "王镕 #1 <b>", "Amount borrowed", "5 November 2026"]
            + ["1 December 2026", "owes nothing more on it"],
        ),
    ],
)
def test_it_says_what_was_borrowed_and_that_nothing_is_owed(
    loan: Loan, language: str, sentences: list[str], tmp_path: Path
) -> None:
    Borrower.objects.filter(pk=loan.borrower_id).update(language=language)
    settle(loan)

    letter = issue(loan)

    # Where lines break, and the gaps between Chinese and digits, are the layout's affair.
    text = "".join(text_of(pdf_of(letter), tmp_path).split())
    page = "第1页，共1页" if language == "zh-hans" else "Page 1 of 1"
    for sentence in [*sentences, loan.number, "12,000.00", letter.reference, page]:
        assert "".join(sentence.split()) in text
    assert letter.verify_code in text


def test_it_is_genuine_with_words_of_its_own(loan: Loan) -> None:
    settle(loan)
    letter = issue(loan)
    pdf = pdf_of(letter)

    for parse_known in (True, False):
        verdict = get_verdict(pdf, parse_known=parse_known)
        assert (verdict.verdict, verdict.reason) == ("genuine", "letter_on_record")
    answer = get_code_answer(letter.verify_code.lower())
    assert answer is not None
    assert (answer.state, answer.sha256) == ("letter", letter.final_id)
    # What was never sealed, and what was changed afterwards, is no letter of ours.
    frozen = get_verdict(blobs.read(letter.frozen_id), parse_known=False)
    assert (frozen.verdict, frozen.reason) == ("invalid", "no_signatures")
    changed = get_verdict(pdf + b"\n% more\n", parse_known=False)
    assert (changed.verdict, changed.reason) == ("invalid", "changed_after_signing")


def test_the_frozen_file_is_an_exact_prefix_of_the_sealed_one(loan: Loan) -> None:
    settle(loan)
    letter = issue(loan)

    assert pdf_of(letter).startswith(blobs.read(letter.frozen_id))


def test_money_that_goes_back_makes_it_void_and_a_new_settlement_has_its_own(loan: Loan) -> None:
    entry = settle(loan)
    letter = issue(loan)

    returned = give_back(entry, loan)

    # Before any task has run the letter already counts no more.
    pdf = pdf_of(letter)
    for parse_known in (True, False):
        verdict = get_verdict(pdf, parse_known=parse_known)
        assert (verdict.verdict, verdict.reason) == ("invalid", "letter_void")
    assert services.list_loans_with_wrong_letter() == [loan.pk]
    assert services.void_letters(loan_id=loan.pk, now=NOW) == 1
    assert services.void_letters(loan_id=loan.pk, now=NOW) == 0
    letter.refresh_from_db()
    assert (letter.status, letter.voided_at) == ("voided", NOW)
    answer = get_code_answer(letter.verify_code)
    assert answer is not None
    assert answer.state == "letter_void"

    restore_money(
        entry_id=returned.pk, reference="won", effective_date=TODAY, actor=None, now=LATER
    )
    assert services.list_loans_without_letter(now=LATER) == [loan.pk]
    newer = issue(loan)
    assert newer.pk != letter.pk
    assert get_verdict(pdf_of(newer), parse_known=False).verdict == "genuine"
    assert get_verdict(pdf, parse_known=False).reason == "letter_void"


def test_a_settlement_after_a_missed_reopening_replaces_the_letter(loan: Loan) -> None:
    entry = settle(loan)
    letter = issue(loan)
    returned = give_back(entry, loan)
    restore_money(
        entry_id=returned.pk, reference="won", effective_date=TODAY, actor=None, now=LATER
    )

    assert services.list_loans_without_letter(now=LATER) == [loan.pk]
    newer = issue(loan)

    letter.refresh_from_db()
    assert (letter.status, newer.status) == ("voided", "issued")


@pytest.mark.parametrize("when", ["letter_written", "letter_final_written"])
def test_a_loan_opened_again_in_the_middle_gets_no_letter(loan: Loan, when: str) -> None:
    entry = settle(loan)
    failpoints.put(when, lambda: give_back(entry, loan))

    letter = services.make_letter(loan_id=loan.pk, now=NOW)
    if letter is not None:
        assert not services.seal_letter(letter_id=letter.pk, now=NOW)

    assert not SettlementLetter.objects.exclude(status="voided").exists()
    assert not Message.objects.filter(purpose="settlement_letter").exists()


def test_without_the_second_look_such_a_letter_would_be_issued(
    loan: Loan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: the guard is what holds the letter back."""
    entry = settle(loan)
    letter = make(loan)
    monkeypatch.setattr(letter_seal, "SETTLED", Loan.Status.values)
    failpoints.put("letter_final_written", lambda: give_back(entry, loan))

    assert services.seal_letter(letter_id=letter.pk, now=NOW)


@pytest.mark.parametrize("point", ["letter_written", "letter_making"])
def test_a_crash_while_it_is_made_is_made_good_by_the_sweep(loan: Loan, point: str) -> None:
    settle(loan)
    crash_at(point, lambda: services.make_letter(loan_id=loan.pk, now=NOW))
    assert not SettlementLetter.objects.exists()

    sweep_at(LATER)

    [letter] = SettlementLetter.objects.all()
    assert letter.status == "issued"


@pytest.mark.parametrize(
    "point", ["letter_claimed", "letter_sealed", "letter_final_written", "letter_issuing"]
)
def test_a_crash_while_it_is_sealed_ends_in_one_letter_and_one_message(
    loan: Loan, point: str
) -> None:
    settle(loan)
    letter = make(loan)
    crash_at(point, lambda: services.seal_letter(letter_id=letter.pk, now=NOW))
    letter.refresh_from_db()
    assert (letter.status, letter.final_id) == ("sealing", None)
    assert not services.seal_letter(letter_id=letter.pk, now=NOW)

    sweep_at(LATER)

    letter.refresh_from_db()
    assert (letter.status, letter.seal_attempts) == ("issued", 2)
    assert Message.objects.filter(purpose="settlement_letter").count() == 1
    assert get_verdict(pdf_of(letter), parse_known=True).verdict == "genuine"


def test_a_seal_that_fails_is_tried_again_later(
    loan: Loan, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(loan)
    letter = make(loan)
    with monkeypatch.context() as patch:

        def refuse(*args: Any, **kwargs: Any) -> None:
            raise sealing.SealingError("time_stamp_unavailable", "no answer")

        patch.setattr(sealing, "seal_as_lender", refuse)
        assert not services.seal_letter(letter_id=letter.pk, now=NOW)
    letter.refresh_from_db()
    assert (letter.status, letter.seal_error) == ("seal_failed", "time_stamp_unavailable")
    assert services.list_unsealed_letters(now=NOW) == []

    sweep_at(LATER)

    letter.refresh_from_db()
    assert letter.status == "issued"


def test_news_of_a_settlement_hastens_the_letter(
    loan: Loan,
    django_capture_on_commit_callbacks: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[str, int]] = []
    for name in ("make_letter", "seal_letter", "void_letters"):
        task = getattr(tasks, name)
        monkeypatch.setattr(
            task, "delay_on_commit", lambda _name=name, **ids: asked.append((_name, *ids.values()))
        )
    with django_capture_on_commit_callbacks(execute=True):
        entry = settle(loan)
    with django_capture_on_commit_callbacks(execute=True):
        letter = make(loan)
    with django_capture_on_commit_callbacks(execute=True):
        give_back(entry, loan)

    assert asked == [
        ("make_letter", loan.pk),
        ("seal_letter", letter.pk),
        ("void_letters", loan.pk),
    ]


def test_nobody_is_told_of_a_letter_that_became_void(loan: Loan) -> None:
    entry = settle(loan)
    issue(loan)
    message = Message.objects.get(purpose="settlement_letter")
    assert receivers.is_letter_still_true(message, NOW)

    give_back(entry, loan)

    assert not receivers.is_letter_still_true(message, NOW)


def test_its_borrower_finds_reads_and_downloads_it(
    loan: Loan, person: Borrower, client: Client
) -> None:
    settle(loan)
    client.force_login(person.user)
    assert client.get(f"/loans/{loan.public_id}/letter/").status_code == 200
    letter = issue(loan)

    assert (
        f"/loans/{loan.public_id}/letter/" in client.get(loan.get_absolute_url()).content.decode()
    )
    page = client.get(f"/loans/{loan.public_id}/letter/", follow=True).content.decode()
    assert letter.reference not in page
    assert letter.verify_code in page
    assert "王镕 #1 &lt;b&gt;" in page
    answer = client.get(letter.get_absolute_url() + "letter.pdf")
    assert answer.content == pdf_of(letter)
    assert letter.reference in answer["Content-Disposition"]
    assert letter.get_absolute_url() in client.get("/documents/").content.decode()
    [line] = list_documents(user=person.user).letters
    assert line.tone == "fine"


def test_a_void_letter_says_so_and_is_not_handed_out(
    loan: Loan, person: Borrower, client: Client
) -> None:
    entry = settle(loan)
    letter = issue(loan)
    give_back(entry, loan)
    client.force_login(person.user)

    page = client.get(letter.get_absolute_url())

    assert not page.context["is_in_force"]
    assert "letter.pdf" not in page.content.decode()
    assert client.get(letter.get_absolute_url() + "letter.pdf").status_code == 404
    assert client.get(f"/loans/{loan.public_id}/letter/").status_code == 404
    [line] = list_documents(user=person.user).letters
    assert line.tone == ""


def test_a_stranger_gets_404_and_the_anonymous_sign_in(loan: Loan, client: Client) -> None:
    settle(loan)
    letter = issue(loan)
    paths = [
        letter.get_absolute_url(),
        letter.get_absolute_url() + "letter.pdf",
        f"/loans/{loan.public_id}/letter/",
    ]
    assert {client.get(path).status_code for path in paths} == {302}

    client.force_login(make_person("李娜").user)

    assert {client.get(path).status_code for path in paths} == {404}
    assert {client.post(path).status_code for path in paths} == {405}


def test_the_public_page_tells_a_letter_in_force_from_a_void_one(
    loan: Loan, client: Client
) -> None:
    entry = settle(loan)
    letter = issue(loan)

    def ask() -> str:
        return client.post(
            "/verify/", {"code": letter.verify_code}, headers={"Accept-Language": "en"}
        ).content.decode()

    assert "This settlement letter is in force" in ask()
    give_back(entry, loan)
    assert "Void: this letter no longer counts" in ask()


def crash_at(point: str, act: Callable[[], object]) -> None:
    def die() -> None:
        raise PowerCut

    failpoints.put(point, die)
    with pytest.raises(PowerCut):
        act()
    failpoints.clear()


def sweep_at(now: Any) -> None:
    """What the minute's sweep hands on, done in turn."""
    services.release_stale_letters(now=now)
    for loan_id in services.list_loans_without_letter(now=now):
        services.make_letter(loan_id=loan_id, now=now)
    for letter_id in services.list_unsealed_letters(now=now):
        services.seal_letter(letter_id=letter_id, now=now)
