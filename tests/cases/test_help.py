"""The borrower's way to a person: four topics, each with a day by which it is answered."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from accounts.models import Borrower
from repayments.cases.models import Case
from repayments.cases.services import ask_for_help, claim_case, close_case, reopen_case
from repayments.contacts.models import ContactAttempt, Decision, Hold, Message
from repayments.loans.models import Loan
from tests.factories.cases import (
    NOW,
    make_case,
    make_colleague,
    make_debtor,
    make_late_loan,
    sign_in_staff,
)

pytestmark = pytest.mark.django_db
KINDS = ["hardship", "dispute", "complaint", "question"]


@pytest.fixture(autouse=True)
def _a_tuesday_morning() -> Any:
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def borrower() -> Borrower:
    return make_debtor()


@pytest.fixture
def loan(borrower: Borrower) -> Loan:
    return make_late_loan(borrower=borrower)


@pytest.fixture
def phone(client: Client, borrower: Borrower) -> Client:
    client.force_login(borrower.user)
    return client


def url_of(loan: Loan) -> str:
    return reverse("cases:help", args=[loan.public_id])


@pytest.mark.parametrize("kind", KINDS)
def test_own_words_open_a_case_and_say_by_when_a_person_answers(
    phone: Client, loan: Loan, kind: str
) -> None:
    response = phone.post(url_of(loan), {"kind": kind, "words": "My factory closed."}, follow=True)

    case = Case.objects.get()
    assert (case.kind, case.request, case.borrower) == (kind, "My factory closed.", loan.borrower)
    assert response.redirect_chain == [(f"{url_of(loan)}#{kind}", 302)]
    page = response.content.decode()
    assert page.count("A person answers by") > 1
    assert "17:00 (China Time)" in page
    assert "We have your message of 1 December 2026." in page


def test_cn12_a_complaint_is_answered_within_fifteen_days(phone: Client, loan: Loan) -> None:
    page = phone.post(url_of(loan), {"kind": "complaint", "words": "Rude."}, follow=True)

    assert "16 Dec 2026, 17:00" in page.content.decode()


@pytest.mark.parametrize(
    ("kind", "holds"),
    [
        ("hardship", ["hardship"]),
        ("dispute", ["dispute"]),
        ("complaint", ["complaint"]),
        ("question", []),
    ],
)
def test_what_was_told_holds_the_lender_back(
    phone: Client, loan: Loan, kind: str, holds: list[str]
) -> None:
    phone.post(url_of(loan), {"kind": kind, "words": "x"})

    assert list(Hold.objects.values_list("name", flat=True)) == holds


def test_a_confirmation_is_queued_once(phone: Client, loan: Loan) -> None:
    for words in ("One thing.", "One thing.", "Another thing."):
        phone.post(url_of(loan), {"kind": "question", "words": words})

    assert Message.objects.filter(purpose="help_received").count() == 1


def test_more_words_go_to_the_open_case_and_a_double_tap_adds_nothing(
    phone: Client, loan: Loan
) -> None:
    for words in ("One thing.", "One thing.", "Another thing.", "Another thing."):
        phone.post(url_of(loan), {"kind": "dispute", "words": words})

    case = Case.objects.get()
    assert case.request == "One thing."
    assert list(case.notes.values_list("text", flat=True)) == ["Another thing."]


def test_no_words_are_asked_for_again_at_the_field(phone: Client, loan: Loan) -> None:
    response = phone.post(url_of(loan), {"kind": "dispute", "words": "  "})
    page = response.content.decode()

    assert response.status_code == 200
    assert 'href="#id_dispute_words"' in page
    assert 'aria-invalid="true"' in page
    assert not Case.objects.exists()


@pytest.mark.parametrize("kind", ["", "collections", "conduct", "x"])
def test_no_other_kind_is_opened_from_here(phone: Client, loan: Loan, kind: str) -> None:
    assert phone.post(url_of(loan), {"kind": kind, "words": "x"}).status_code == 200
    assert not Case.objects.exists()


def test_each_topic_can_be_linked_to(phone: Client, loan: Loan) -> None:
    page = phone.get(url_of(loan)).content.decode()

    for kind in KINDS:
        assert f'id="{kind}"' in page


def test_with_one_loan_help_leads_straight_there(phone: Client, loan: Loan) -> None:
    assert phone.get("/help/")["Location"] == url_of(loan)


def test_with_two_loans_one_chooses(phone: Client, loan: Loan, borrower: Borrower) -> None:
    other = make_late_loan(borrower=borrower)
    page = phone.get("/help/").content.decode()

    assert url_of(loan) in page
    assert url_of(other) in page


def test_without_a_loan_there_is_still_a_number_to_call(phone: Client) -> None:
    assert "Talk to a person" in phone.get("/help/").content.decode()


def test_pv5_it_says_who_holds_the_account_without_private_names(phone: Client, loan: Loan) -> None:
    assert "Nobody else has been given your account." in phone.get(url_of(loan)).content.decode()

    colleague = make_colleague("collector", name="Zhang Private")
    claim_case(case_id=make_case(loan=loan).pk, actor=colleague, now=NOW)
    page = phone.get(url_of(loan)).content.decode()

    assert "A person of our team has looked after it since 1 December 2026." in page
    assert "Zhang Private" not in page


def test_every_contact_is_listed_and_nothing_that_was_not_sent(phone: Client, loan: Loan) -> None:
    ask_for_help(loan=loan, kind="question", words="x", actor=loan.borrower.user, now=NOW)
    Message.objects.update(status="sent", sent_at=NOW)
    ask_for_help(loan=loan, kind="dispute", words="x", actor=loan.borrower.user, now=NOW)
    decision = Decision.objects.create(
        borrower=loan.borrower,
        subject=loan.stream,
        channel="voice",
        address=loan.borrower.phone,
        message_class="call",
        verdict="allow",
        profile_version="CN v1",
        at=NOW,
    )
    ContactAttempt.objects.create(
        borrower=loan.borrower,
        subject=loan.stream,
        channel="voice",
        address=loan.borrower.phone,
        outcome="no_answer",
        note="sounded busy",
        decision=decision,
        actor=make_colleague("collector"),
        at=NOW - timedelta(days=1),
    )
    page = phone.get(url_of(loan)).content.decode()

    assert page.count("we have your message") == 1
    assert "a person tried to reach you" in page
    assert "sounded busy" not in page


def test_staff_words_stay_away(phone: Client, loan: Loan) -> None:
    make_case(loan=loan)
    page = phone.get(url_of(loan)).content.decode().lower()

    for word in ("collector", "dpd", "case ", "assignee", "overdue"):
        assert word not in page, word


def test_a_stranger_gets_404(client: Client, loan: Loan) -> None:
    client.force_login(make_debtor().user)

    assert client.get(url_of(loan)).status_code == 404
    assert client.post(url_of(loan), {"kind": "question", "words": "x"}).status_code == 404
    assert not Case.objects.exists()


def test_the_anonymous_go_to_sign_in(client: Client, loan: Loan) -> None:
    assert "/login/" in client.get(url_of(loan))["Location"]
    assert "/login/" in client.get("/help/")["Location"]


def test_a_wrong_method_is_refused(phone: Client, loan: Loan) -> None:
    assert phone.put(url_of(loan)).status_code == 405
    assert phone.post("/help/").status_code == 405


@pytest.mark.parametrize("requests", [0, 3])
def test_it_takes_few_statements(
    phone: Client, loan: Loan, requests: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for kind in KINDS[:requests]:
        ask_for_help(loan=loan, kind=kind, words="x", actor=loan.borrower.user, now=NOW)
    phone.get(url_of(loan))

    # session, user, the row of this session, the loan, its cases, messages, calls, policies,
    # workdays
    with django_assert_num_queries(9):
        phone.get(url_of(loan))


def ask(phone: Client, loan: Loan, kind: str = "question") -> Case:
    phone.post(url_of(loan), {"kind": kind, "words": "How much is left?"})
    return Case.objects.get(kind=kind)


def test_the_answer_of_a_person_is_shown_with_its_day_and_announced_once(
    phone: Client, loan: Loan
) -> None:
    case = ask(phone, loan)
    desk = sign_in_staff(make_colleague("collector"))
    closing = {"reason": "answered", "note": "Told.", "answer": "Two payments.\nThen it is done."}
    desk.post(reverse("admin:cases_case_act", args=[case.pk, "close"]), closing)

    page = phone.get(url_of(loan)).content.decode()

    assert "Your earlier messages" in page
    assert "How much is left?" in page
    assert "Our answer of 1 December 2026" in page
    assert "Two payments.<br>Then it is done." in page
    # The note is for staff.
    assert "Told." not in page
    message = Message.objects.get(purpose="help_answered")
    assert message.subject == loan.stream
    assert "Two payments" not in str(message.context)
    staff = desk.get(reverse("admin:cases_case_change", args=[case.pk])).content.decode()
    assert "Answer to the borrower, 2026-12-01" in staff


def test_without_an_answer_the_page_says_that_it_was_closed(phone: Client, loan: Loan) -> None:
    case = ask(phone, loan)
    staff = make_colleague("collector")
    close_case(case_id=case.pk, reason="mistake", note="Twice.", actor=staff, now=NOW)

    page = phone.get(url_of(loan)).content.decode()

    assert "Closed on 1 December 2026." in page
    assert "Our answer" not in page
    assert not Message.objects.filter(purpose="help_answered").exists()


def test_an_answer_stays_when_the_case_is_opened_again(phone: Client, loan: Loan) -> None:
    case = ask(phone, loan)
    staff = make_colleague("collector")
    common: dict[str, Any] = {"case_id": case.pk, "actor": staff}
    close_case(reason="answered", note="x", answer="Two payments.", now=NOW, **common)
    reopen_case(reason="More to say.", now=NOW + timedelta(hours=1), **common)
    assert "Two payments." in phone.get(url_of(loan)).content.decode()

    later = NOW + timedelta(hours=2)
    close_case(reason="answered", note="x", answer="Only one.", now=later, **common)

    page = phone.get(url_of(loan)).content.decode()
    assert "Only one." in page
    assert "Two payments." not in page
    assert Message.objects.filter(purpose="help_answered").count() == 2


def test_nobody_is_answered_who_asked_nothing(loan: Loan) -> None:
    case = make_case(loan=loan)
    staff = make_colleague("collector")

    desk = sign_in_staff(staff)
    page = desk.get(reverse("admin:cases_case_change", args=[case.pk])).content.decode()
    assert "Close the case" in page
    assert "Answer to the borrower" not in page
    with pytest.raises(ValueError, match="asks nothing"):
        close_case(case_id=case.pk, reason="paid", note="x", answer="Hello", actor=staff, now=NOW)
    case.refresh_from_db()
    assert case.status == "open"
