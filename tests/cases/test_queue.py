"""The staff's work queue: what stands in it, in which order, and what it costs to show."""

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from repayments.audit.models import Event
from repayments.cases.models import Case
from repayments.cases.queries import count_queue, list_aging, list_queue
from repayments.cases.services import claim_case, open_signaled_cases
from repayments.payments.models import Suspense
from tests.factories.cases import (
    NOW,
    make_case,
    make_colleague,
    make_debtor,
    make_late_loan,
    sign_in_staff,
)

pytestmark = pytest.mark.django_db
URL = "/admin/queue/"


def person(case: Case) -> str:
    return case.borrower.legal_name


def queue_of(user: User, tab: str, **wish: object) -> list[int]:
    return [row.pk for row in list_queue(user=user, tab=tab, now=NOW, **wish).rows]  # type: ignore[arg-type]


def test_it_has_its_own_address_beside_the_lists() -> None:
    assert reverse("admin:cases_queue") == URL


def test_it_shows_who_how_much_how_late_and_why(desk: Client, case: Case) -> None:
    page = desk.get(URL).content.decode()

    assert person(case) in page
    assert "1,000.00" in page
    assert "Opened on day 45 after the due date, when ¥1,000.00 was past due." in page
    # Said once, by the column.
    row = page[page.index("data-row") :].partition("</tr>")[0]
    assert row.lower().count("late") == row.count("late payment") + row.count("Days late") == 2
    assert "Unassigned" in page
    assert "Claim" in page


def test_the_most_urgent_comes_first_then_the_soonest_then_the_largest(collector: User) -> None:
    later = make_case()
    Case.objects.filter(pk=later.pk).update(due_at=later.due_at + timedelta(days=1))
    small = make_case(loan=make_late_loan(past_due_amount=50))
    large = make_case(loan=make_late_loan(past_due_amount=900_000))
    urgent = make_case(kind="hardship", reason="hardship_told")
    Case.objects.filter(pk=urgent.pk).update(due_at=later.due_at + timedelta(days=9))

    assert queue_of(collector, "all") == [urgent.pk, large.pk, small.pk, later.pk]


def test_the_tabs_hold_what_they_say(collector: User, other_collector: User) -> None:
    mine, theirs, free, due, breached = (make_case() for _number in range(5))
    claim_case(case_id=mine.pk, actor=collector, now=NOW)
    claim_case(case_id=theirs.pk, actor=other_collector, now=NOW)
    Case.objects.filter(pk=due.pk).update(due_at=NOW + timedelta(hours=3))
    Case.objects.filter(pk=breached.pk).update(due_at=NOW - timedelta(days=3))
    make_case(loan=make_late_loan())
    closed = Case.objects.last()
    Case.objects.filter(pk=closed.pk).update(status="closed", close_reason="paid")

    tabs = {key: set(queue_of(collector, key)) for key in count_queue(user=collector, now=NOW)}
    assert tabs == {
        "mine": {mine.pk},
        "unassigned": {free.pk, due.pk, breached.pk},
        "today": {due.pk},
        "breached": {breached.pk},
        "all": {mine.pk, theirs.pk, free.pk, due.pk, breached.pk},
    }
    assert {key: len(rows) for key, rows in tabs.items()} == count_queue(user=collector, now=NOW)


def test_pages_follow_each_other_without_gap_or_repeat(collector: User) -> None:
    for number in range(7):
        # Some stand at the very same place but for their number.
        make_case(loan=make_late_loan(past_due_amount=100 + number % 2))
    make_case(kind="hardship", reason="hardship_told")

    seen: list[int] = []
    cursor = ""
    while True:
        page = list_queue(user=collector, tab="all", now=NOW, cursor=cursor, page_size=3)
        seen += [row.pk for row in page.rows]
        cursor = page.next_cursor
        if not cursor:
            break

    assert seen == queue_of(collector, "all")
    assert len(seen) == len(set(seen)) == 8


@pytest.mark.parametrize(
    "cursor", ["x", "1~2~3", "1~20261201T000000000000~x~1", f"1~20261201T000000000000~1~{10**30}"]
)
def test_a_cursor_that_cannot_be_read_gives_the_first_page(
    desk: Client, case: Case, cursor: str
) -> None:
    page = desk.get(URL, {"tab": "all", "after": cursor})

    assert page.status_code == 200
    assert person(case) in page.content.decode()


@pytest.mark.parametrize("cases", [1, 25])
def test_it_takes_the_same_few_statements_for_many(
    desk: Client, cases: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for _number in range(cases):
        make_case()
    desk.get(URL)  # the look is recorded once an hour

    # session, user, the row of this session, second factor,
    # permissions (own, of groups), counts, the page, whether this hour's look is on record
    with django_assert_num_queries(9):
        desk.get(URL, {"tab": "all"})


def test_a_kind_can_be_picked_out(desk: Client) -> None:
    make_case(loan=make_late_loan(borrower=make_debtor(legal_name="Late Person")))
    make_case(
        loan=make_late_loan(borrower=make_debtor(legal_name="Asking Person")),
        kind="question",
        reason="question_asked",
    )

    page = desk.get(URL, {"tab": "all", "kind": "question"}).content.decode()

    assert "Asking Person" in page
    assert "Late Person" not in page


def test_money_that_fits_nobody_stands_in_it_too(desk: Client) -> None:
    Suspense.objects.create(
        provider="stripe", object_id="pi", amount=700, currency="CNY", cause="amount", opened_at=NOW
    )
    open_signaled_cases(now=NOW)

    assert "came in and fits nothing" in desk.get(URL).content.decode()


def test_one_click_claims_and_stays_in_the_queue(desk: Client, collector: User, case: Case) -> None:
    claim = reverse("admin:cases_case_act", args=[case.pk, "claim"])
    response = desk.post(claim, {"next": f"{URL}?tab=unassigned"})

    assert response["Location"] == f"{URL}?tab=unassigned"
    case.refresh_from_db()
    assert case.assignee == collector


@pytest.mark.parametrize("elsewhere", ["//evil.example", "https://evil.example/", "javascript:x"])
def test_claiming_leads_only_to_this_site(desk: Client, case: Case, elsewhere: str) -> None:
    response = desk.post(
        reverse("admin:cases_case_act", args=[case.pk, "claim"]), {"next": elsewhere}
    )

    assert response["Location"] == reverse("admin:cases_case_change", args=[case.pk])


def test_who_looked_is_recorded_once_an_hour(desk: Client, collector: User, case: Case) -> None:
    for _look in range(3):
        desk.get(URL)

    looks = Event.objects.filter(action="cases.queue_viewed", actor=collector)
    assert looks.count() == 1


def test_the_anonymous_go_to_sign_in(client: Client) -> None:
    assert "/login/" in client.get(URL)["Location"]


def test_a_borrower_gets_no_further_than_sign_in(client: Client) -> None:
    client.force_login(make_debtor().user)

    assert "/login/" in client.get(URL)["Location"]


def test_staff_without_the_permission_are_refused() -> None:
    assert sign_in_staff(make_colleague("risk_officer")).get(URL).status_code == 403


def test_it_only_reads(desk: Client) -> None:
    assert desk.post(URL).status_code == 405


def test_the_first_page_counts_what_waits_and_how_late_the_book_is(desk: Client) -> None:
    make_case()
    make_late_loan(days=5)
    make_late_loan(days=0)

    page = desk.get("/admin/").content.decode()

    assert "Too late" in page
    assert "91 days and more" in page
    assert LogEntry.objects.count() == 0


def test_the_bars_hold_every_late_loan_once() -> None:
    for days in (0, 1, 7, 8, 30, 31, 60, 61, 90, 91, 400):
        make_late_loan(days=days)

    bars = list_aging()

    assert [bar.loans for bar in bars] == [2, 2, 2, 2, 2]
    assert sum(amount for bar in bars for _currency, amount in bar.amounts) == 10 * 100_000
    assert {bar.width for bar in bars} == {"100.0"}
