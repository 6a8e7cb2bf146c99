"""One open case of a kind a loan, whoever opens it."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from accounts.models import User
from repayments.audit.models import Event
from repayments.audit.services import verify_audit
from repayments.cases.models import Case, CasePolicy
from repayments.cases.services import close_case, due_moment, open_case
from repayments.loans.models import Workday
from tests.factories.cases import NOW, TODAY, make_case, make_late_loan

pytestmark = pytest.mark.django_db


def test_a_second_call_gives_the_open_case() -> None:
    loan = make_late_loan()
    first = make_case(loan=loan)
    second = make_case(loan=loan, now=NOW + timedelta(hours=1))

    assert first == second
    assert Case.objects.count() == 1
    assert Event.objects.filter(action="cases.opened", stream=loan.stream).count() == 1


def test_another_kind_is_another_case() -> None:
    loan = make_late_loan()

    assert make_case(loan=loan) != make_case(loan=loan, kind="dispute", reason="dispute_raised")


def test_after_closing_a_new_one_may_be_opened(collector: User) -> None:
    loan = make_late_loan()
    first = make_case(loan=loan)
    close_case(case_id=first.pk, reason="answered", note="done", actor=collector, now=NOW)

    assert make_case(loan=loan) != first


def test_the_database_refuses_a_second_open_case_where_the_look_before_missed_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loan = make_late_loan()
    first = make_case(loan=loan)
    from repayments.cases.services import open as module

    looks = iter([None, first])
    monkeypatch.setattr(module, "_find_open", lambda **_kwargs: next(looks))

    assert make_case(loan=loan) == first
    assert Case.objects.count() == 1


def test_it_is_due_at_the_end_of_the_policys_day(case: Case) -> None:
    due = case.due_at.astimezone(ZoneInfo("Asia/Shanghai"))

    assert (due.date() - NOW.astimezone(ZoneInfo("Asia/Shanghai")).date()).days == 3
    assert due.hour == 17


@pytest.mark.parametrize(
    ("kind", "asked", "due"),
    [
        # Friday: the weekend does not count.
        ("question", date(2026, 12, 4), date(2026, 12, 9)),
        # The evening before National Day, which lasts until the 7th; Saturday the 10th is worked.
        ("question", date(2026, 9, 30), date(2026, 10, 10)),
        ("hardship", date(2026, 9, 30), date(2026, 10, 9)),
        # The law counts every day, whatever the policy says.
        ("complaint", date(2026, 9, 30), date(2026, 10, 15)),
    ],
)
def test_days_to_act_are_the_lenders_workdays(kind: str, asked: date, due: date) -> None:
    policy = CasePolicy.objects.get(kind=kind)
    now = datetime.combine(asked, time(19), tzinfo=ZoneInfo("Asia/Shanghai"))

    moment = due_moment(policy=policy, now=now)

    assert moment == datetime.combine(due, time(17), tzinfo=ZoneInfo("Asia/Shanghai"))


def test_a_day_that_staff_made_free_does_not_count() -> None:
    policy = CasePolicy.objects.get(kind="question")
    before = due_moment(policy=policy, now=NOW)  # a Friday
    Workday.objects.create(
        calendar="CN", date=TODAY + timedelta(days=1), is_workday=False, name="flood"
    )

    assert due_moment(policy=policy, now=NOW) == before + timedelta(days=3)


def test_cn12_a_complaint_is_due_within_fifteen_days() -> None:
    case = make_case(kind="complaint", reason="complaint_made")

    assert timedelta(days=14) < case.due_at - NOW < timedelta(days=16)


def test_the_story_of_the_case_and_of_the_loan_both_tell_it() -> None:
    loan = make_late_loan()
    case = open_case(kind="question", reason="question_asked", loan=loan, actor=None, now=NOW)

    streams = set(Event.objects.filter(action="cases.opened").values_list("stream", flat=True))
    assert streams == {case.stream, loan.stream}
    assert verify_audit() is None
