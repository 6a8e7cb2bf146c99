"""Which installment gets which message on which day, once."""

from datetime import UTC, date, datetime, timedelta
from threading import Barrier, Thread
from uuid import UUID

import pytest
from django.conf import settings
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from accounts.models import Language, User
from repayments.contacts.models import Channel, ContactPoint, Message, MessageTemplateVersion
from repayments.contacts.services import place_hold, send_message
from repayments.loans.models import Installment, Loan
from repayments.reminders import statements
from repayments.reminders.models import Reminder, ReminderPolicy
from repayments.reminders.queries import DAYS_AHEAD, UpcomingReminder, list_upcoming
from repayments.reminders.services import create_due_reminders
from tests.factories.contacts import make_borrower, shanghai
from tests.factories.reminders import make_loan, pay

DUE = date(2026, 11, 24)
NIGHT = shanghai("2026-11-24 00:10:00")


def close(day: date) -> int:
    """Create a day's reminders ten minutes after its midnight in Shanghai."""
    return create_due_reminders(as_of=day, now=NIGHT + (day - DUE))


def kinds() -> list[tuple[str, date]]:
    return list(Reminder.objects.order_by("date", "kind").values_list("kind", "date"))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("offset", "kind"),
    [(-3, "before_3"), (0, "due_day"), (1, "late_1"), (7, "late_7"), (15, "late_15")],
)
def test_each_policy_day_has_its_reminder_and_message(offset: int, kind: str) -> None:
    loan = make_loan(due_dates=[DUE])
    day = DUE + timedelta(days=offset)

    assert close(day) == 1

    reminder = Reminder.objects.select_related("message__template_version__template").get()
    message = reminder.message
    assert (reminder.kind, reminder.date) == (kind, day)
    assert message.business_key == f"reminder:{reminder.installment_id}:{kind}:{day}"
    assert message.subject == loan.stream
    assert message.context == {"date": "2026-11-24", "link": f"/loans/{loan.public_id}/"}
    assert message.template_version.template.key == reminder.policy.template_key
    assert message.address == loan.borrower.email
    assert message.not_before == shanghai(f"{day} 09:00:00")
    assert message.status == Message.Status.DUE
    assert UUID(str(message.public_id))


@pytest.mark.django_db
@pytest.mark.parametrize("offset", [-10, -4, 5, 12, 30])
def test_other_days_have_none(offset: int) -> None:
    make_loan(due_dates=[DUE])

    assert close(DUE + timedelta(days=offset)) == 0


@pytest.mark.django_db
def test_the_same_day_again_writes_nothing() -> None:
    make_loan(due_dates=[DUE, DUE + timedelta(days=30)])

    assert [close(DUE) for _again in range(3)] == [1, 0, 0]
    assert Message.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        lambda loan: pay(loan),
        lambda loan: Loan.objects.filter(pk=loan.pk).update(status="paid_off"),
        lambda loan: Loan.objects.filter(pk=loan.pk).update(status="pending_signature"),
        lambda loan: Installment.objects.filter(loan=loan).update(is_current=False),
        lambda loan: ReminderPolicy.objects.filter(kind="late_1").update(is_active=False),
    ],
    ids=["paid", "paid off", "not signed", "replaced", "not in use"],
)
def test_what_is_not_owed_or_not_in_use_has_no_reminder(change: object) -> None:
    loan = make_loan(due_dates=[DUE])
    ReminderPolicy.objects.exclude(kind="late_1").delete()
    change(loan)  # type: ignore[operator]

    assert close(DUE + timedelta(days=1)) == 0


@pytest.mark.django_db
@pytest.mark.parametrize(("grace_days", "expected"), [(0, 1), (1, 0), (6, 0)])
def test_grace_days_hold_back_late_reminders(grace_days: int, expected: int) -> None:
    make_loan(due_dates=[DUE], grace_days=grace_days)
    close(DUE)

    assert close(DUE + timedelta(days=1)) == expected
    assert close(DUE + timedelta(days=7)) == 1


@pytest.mark.django_db
def test_the_address_and_language_are_those_of_the_account_once_there_is_one() -> None:
    user = User.objects.create_user("new@example.com", language=Language.ENGLISH)
    make_loan(due_dates=[DUE], borrower=make_borrower(user=user, email="old@example.com"))

    close(DUE)

    message = Message.objects.get()
    assert (message.address, message.language) == ("new@example.com", Language.ENGLISH)


@pytest.mark.django_db
def test_nine_in_the_morning_is_the_borrowers_own() -> None:
    for zone in ("Europe/London", "America/New_York", "Mars/Olympus"):
        make_loan(due_dates=[DUE], borrower=make_borrower(time_zone=zone))

    close(DUE)

    mornings = dict(Message.objects.values_list("borrower__time_zone", "not_before"))
    assert mornings == {
        "Europe/London": datetime(2026, 11, 24, 9, tzinfo=UTC),
        "America/New_York": datetime(2026, 11, 24, 14, tzinfo=UTC),
        "Mars/Olympus": datetime(2026, 11, 24, 1, tzinfo=UTC),
    }


@pytest.mark.django_db
def test_words_not_published_create_no_reminder_that_could_not_be_sent() -> None:
    make_loan(due_dates=[DUE])
    MessageTemplateVersion.objects.filter(template__key="reminder_due").update(status="retired")

    assert close(DUE) == 0


@pytest.mark.django_db
def test_two_channels_of_one_day_both_have_their_reminder() -> None:
    make_loan(due_dates=[DUE])
    ReminderPolicy.objects.create(
        kind="due_day_text", offset_days=0, channel=Channel.SMS, template_key="reminder_due"
    )

    assert close(DUE) == 2
    text = Message.objects.get(channel=Channel.SMS)
    assert text.address == text.borrower.phone


@pytest.mark.django_db
def test_the_number_of_statements_does_not_grow_with_the_loans() -> None:
    def statements_for(loans: int, day: date) -> int:
        for _loan in range(loans):
            make_loan(due_dates=[day])
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert create_due_reminders(as_of=day, now=NIGHT) == loans
        return len(captured)

    # Savepoint, span of the policies, zones, messages, reminders, release.
    few = statements_for(1, DUE)
    assert few == statements_for(25, DUE + timedelta(days=60)) == 6


# --- F16: an outage -----------------------------------------------------------------------------
@pytest.mark.django_db
def test_f16_after_an_outage_only_the_newest_missed_reminder_is_made_up_for() -> None:
    make_loan(due_dates=[DUE])

    # Down on the due day and the day after it.
    assert close(DUE + timedelta(days=2)) == 1

    assert kinds() == [("late_1", DUE + timedelta(days=1))]
    assert Message.objects.get().not_before == shanghai("2026-11-26 09:00:00")


@pytest.mark.django_db
def test_f16_what_was_missed_longer_ago_is_let_go() -> None:
    make_loan(due_dates=[DUE])

    assert close(DUE + timedelta(days=1 + statements.CATCH_UP_DAYS)) == 0


@pytest.mark.django_db
def test_f16_days_closed_one_after_the_other_still_send_one_reminder() -> None:
    make_loan(due_dates=[DUE])
    late = DUE + timedelta(days=1)
    now = shanghai("2026-11-25 10:00:00")
    for day in (DUE, late):
        create_due_reminders(as_of=day, now=now)
    assert kinds() == [("due_day", DUE), ("late_1", late)]

    for message in Message.objects.order_by("pk"):
        send_message(message_id=message.pk, now=now)

    assert dict(Reminder.objects.values_list("kind", "message__status")) == {
        "due_day": Message.Status.CANCELED,
        "late_1": Message.Status.SENT,
    }


@pytest.mark.django_db
def test_f16_a_catch_up_in_the_evening_waits_for_the_morning() -> None:
    make_loan(due_dates=[DUE])
    close(DUE + timedelta(days=2))
    message = Message.objects.get()

    send_message(message_id=message.pk, now=shanghai("2026-11-26 22:30:00"))

    message.refresh_from_db()
    assert message.status == Message.Status.DUE
    assert message.not_before == shanghai("2026-11-27 08:00:00")


# --- F15: two beats -----------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_f15_two_closes_at_once_create_one_reminder() -> None:
    make_loan(due_dates=[DUE])

    written = run_two_closes()

    assert sorted(written) == [0, 1]
    assert Reminder.objects.count() == Message.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_f15_without_the_unique_keys_two_closes_would_create_two(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The twin: keys that differ by run stand in for no keys; the check alone is passed by both."""
    make_loan(due_dates=[DUE])
    unguarded = statements._CANDIDATES.split("        AND NOT EXISTS (\n            SELECT 1 FROM")
    key = "'reminder:' || i.id || ':' || p.kind || ':' || {scheduled}"
    messages = statements._MESSAGES
    for part in unguarded[2:]:
        messages = messages.replace(
            "        AND NOT EXISTS (\n            SELECT 1 FROM" + part, ""
        )
    monkeypatch.setattr(
        statements, "_MESSAGES", messages.replace(key, f"{key} || ':' || {{new_uuid}}")
    )

    run_two_closes()

    assert Message.objects.count() == 2


def run_two_closes() -> list[int]:
    barrier, written = Barrier(2), []

    def run() -> None:
        try:
            barrier.wait(timeout=20)
            written.append(close(DUE))
        finally:
            connections.close_all()

    threads = [Thread(target=run) for _beat in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return written


# --- At sending ---------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        lambda loan: pay(loan),
        lambda loan: Loan.objects.filter(pk=loan.pk).update(status="paid_off"),
        lambda loan: Installment.objects.filter(loan=loan).update(is_current=False),
        lambda loan: ReminderPolicy.objects.filter(kind="late_1").update(is_active=False),
    ],
    ids=["paid", "paid off", "replaced", "taken out of use"],
)
def test_nothing_goes_to_someone_who_paid_a_second_ago(change: object) -> None:
    loan = make_loan(due_dates=[DUE])
    close(DUE + timedelta(days=1))
    change(loan)  # type: ignore[operator]
    message = Message.objects.get()

    send_message(message_id=message.pk, now=shanghai("2026-11-25 09:00:00"))

    message.refresh_from_db()
    assert message.status == Message.Status.CANCELED


@pytest.mark.django_db
def test_a_reminder_goes_out_at_nine_in_the_persons_language(mailoutbox: list) -> None:
    loan = make_loan(due_dates=[DUE], borrower=make_borrower(language=Language.ENGLISH))
    close(DUE + timedelta(days=1))
    message = Message.objects.get()

    send_message(message_id=message.pk, now=shanghai("2026-11-25 08:59:59"))
    assert mailoutbox == []
    send_message(message_id=message.pk, now=shanghai("2026-11-25 09:00:00"))

    (mail,) = mailoutbox
    assert mail.to == [loan.borrower.email]
    assert "24 November 2026" in mail.body
    assert f"{settings.SITE_URL}/loans/{loan.public_id}/" in mail.body
    assert "¥" not in mail.subject + mail.body


@pytest.mark.django_db
def test_cn_11_a_running_plan_lets_due_notices_through_and_no_reminder() -> None:
    loan = make_loan(due_dates=[DUE, DUE + timedelta(days=1)])
    place_hold(
        borrower=loan.borrower,
        name="plan_active",
        subject=loan.stream,
        reason="",
        actor=None,
        now=NIGHT,
    )
    create_due_reminders(as_of=DUE + timedelta(days=1), now=NIGHT)

    for message in Message.objects.order_by("-template_version__template__message_class"):
        send_message(message_id=message.pk, now=shanghai("2026-11-25 09:00:00"))

    assert dict(Reminder.objects.values_list("kind", "message__status")) == {
        "late_1": Message.Status.REFUSED,
        "due_day": Message.Status.SENT,
    }


# --- What lies ahead ----------------------------------------------------------------------------
@pytest.mark.django_db
def test_what_happens_next_is_what_the_close_will_do() -> None:
    following = DUE + timedelta(days=30)
    loan = make_loan(due_dates=[DUE, following])
    promised = list_upcoming(loan=loan, as_of=DUE)

    assert promised == [
        UpcomingReminder(DUE + timedelta(days=1), "late_1", "email", DUE),
        UpcomingReminder(DUE + timedelta(days=7), "late_7", "email", DUE),
        UpcomingReminder(DUE + timedelta(days=15), "late_15", "email", DUE),
        UpcomingReminder(following - timedelta(days=3), "before_3", "email", following),
        UpcomingReminder(following, "due_day", "email", following),
        UpcomingReminder(following + timedelta(days=1), "late_1", "email", following),
        UpcomingReminder(following + timedelta(days=7), "late_7", "email", following),
        UpcomingReminder(following + timedelta(days=15), "late_15", "email", following),
    ]

    for step in range(1, DAYS_AHEAD + 1):
        close(DUE + timedelta(days=step))
    assert kinds() == [(one.kind, one.date) for one in promised]


@pytest.mark.django_db
def test_a_paid_installment_has_nothing_ahead_but_the_next_one_has() -> None:
    loan = make_loan(due_dates=[DUE, DUE + timedelta(days=30)])
    pay(loan)

    assert [one.kind for one in list_upcoming(loan=loan, as_of=DUE)][0] == "before_3"


@pytest.mark.django_db
def test_nothing_is_promised_that_would_not_be_sent() -> None:
    loan = make_loan(due_dates=[DUE, DUE + timedelta(days=30)])

    def late_kinds() -> list[str]:
        return [one.kind for one in list_upcoming(loan=loan, as_of=DUE)]

    place_hold(
        borrower=loan.borrower,
        name="plan_active",
        subject=loan.stream,
        reason="",
        actor=None,
        now=NIGHT,
    )
    assert late_kinds() == ["before_3", "due_day"]
    ContactPoint.objects.create(
        borrower=loan.borrower,
        channel="email",
        address=loan.borrower.email,
        opted_out_at=NIGHT,
        created_at=NIGHT,
    )
    assert late_kinds() == []


@pytest.mark.django_db
def test_what_happens_next_takes_two_queries(django_assert_num_queries: object) -> None:
    loan = make_loan(due_dates=[DUE + timedelta(days=30 * step) for step in range(12)])

    # The policies; the open installments, with holds and stopped channels.
    with django_assert_num_queries(2):  # type: ignore[operator]
        list_upcoming(loan=loan, as_of=DUE)
