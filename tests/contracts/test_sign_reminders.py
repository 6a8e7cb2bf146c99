"""Reminders to sign: three days and one day before the last, by the gate, never too late."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from repayments.contacts.models import Decision, Message
from repayments.contacts.rendering import render_message
from repayments.contacts.services import place_hold, send_message
from repayments.contacts.wording import DEBT_WORDS, find_faults
from repayments.contracts import deadlines, services, tasks
from repayments.contracts.models import Contract
from repayments.contracts.services import remind
from tests.contracts.test_races import both
from tests.factories.contracts import (
    NOW,
    ORIGIN,
    consent,
    make_contract,
    make_person,
    pass_code,
    sign,
    signer_of,
)

pytestmark = pytest.mark.usefixtures("room")
# Sent on 1 December at 9:30 in Shanghai for thirty days.
LAST = date(2026, 12, 31)


def shanghai(month: int, day: int, hour: int = 9, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC) - timedelta(hours=8)


def reminders() -> list[tuple[str, ...]]:
    """Give distance and last day of each reminder, oldest first."""
    keys = Message.objects.filter(purpose="sign_reminder").order_by("pk")
    return [tuple(key.split(":")[2:]) for key in keys.values_list("business_key", flat=True)]


def remind_on(*days: int) -> None:
    for day in days:
        services.queue_sign_reminders(now=shanghai(12, day))


def test_they_come_three_days_and_one_day_before_the_last_day(sent: Contract) -> None:
    remind_on(*range(1, 32))

    assert deadlines.last_day(sent.expires_at) == LAST
    assert reminders() == [("3", "2026-12-31"), ("1", "2026-12-31")]
    first, second = Message.objects.filter(purpose="sign_reminder").order_by("pk")
    assert first.not_before == shanghai(12, 28)
    assert second.not_before == shanghai(12, 30)
    assert first.expires_at == sent.expires_at


def test_a_contract_that_ends_at_midnight_names_the_day_before(sent: Contract) -> None:
    over = deadlines.end_of(date(2026, 12, 20))
    services.change_expiry(contract_id=sent.pk, expires_at=over, actor=None, now=NOW)

    remind_on(17)

    assert reminders() == [("3", "2026-12-20")]


def test_run_again_nothing_is_written_and_four_statements_are_asked(sent: Contract) -> None:
    make_contract()
    assert services.queue_sign_reminders(now=shanghai(12, 28)) == 2

    with CaptureQueriesContext(connection) as asked:
        assert services.queue_sign_reminders(now=shanghai(12, 28, 15)) == 0

    # One INSERT for each distance and each of the two days it may be sent on.
    assert len(asked) == 4


def test_a_missed_one_is_made_up_for_on_the_day_after_only(sent: Contract) -> None:
    remind_on(29)
    assert reminders() == [("3", "2026-12-31")]
    assert Message.objects.get(purpose="sign_reminder").not_before == shanghai(12, 29)

    remind_on(31)
    assert reminders()[1:] == [("1", "2026-12-31")]


def test_a_batch_is_bounded_and_the_next_one_goes_on(room: None) -> None:
    for _number in range(3):
        make_contract()

    assert services.queue_sign_reminders(now=shanghai(12, 28), limit=2) == 2
    assert services.queue_sign_reminders(now=shanghai(12, 28), limit=2) == 1
    assert len(set(Message.objects.filter(purpose="sign_reminder").values_list("borrower"))) == 3


def test_a_contract_sent_a_day_before_its_last_is_not_sent_and_reminded_of_at_once(
    room: None,
) -> None:
    contract = make_contract()
    soon = deadlines.end_of(date(2026, 12, 2))
    Contract.objects.filter(pk=contract.pk).update(expires_at=soon)

    services.queue_sign_reminders(now=NOW)
    assert reminders() == []


def test_who_has_no_sign_in_is_not_reminded(room: None) -> None:
    make_contract(make_person(user=None))

    remind_on(28, 30)

    assert reminders() == []


def test_whose_account_is_closed_is_not_reminded(sent: Contract) -> None:
    User.objects.filter(pk=signer_of(sent).pk).update(is_active=False)

    remind_on(28, 30)

    assert reminders() == []


def act(name: str, contract: Contract) -> None:
    """Bring a contract to an end, or to its signature, just before its reminder goes out."""
    moment = shanghai(12, 28, 8, 30)
    if name == "signed":
        consent(contract, now=moment)
        pass_code(contract, now=moment)
        sign(contract, now=moment)
    elif name == "declined":
        services.decline_contract(
            contract_id=contract.pk,
            reason="too dear",
            actor=signer_of(contract),
            origin=ORIGIN,
            now=moment,
        )
    elif name == "voided":
        services.void_contract(contract_id=contract.pk, reason="wrong", actor=None, now=moment)
    elif name == "expired":
        services.change_expiry(contract_id=contract.pk, expires_at=moment, actor=None, now=moment)
        services.expire_contracts(now=moment)
    elif name == "moved":
        later = contract.expires_at + timedelta(days=7)
        services.change_expiry(contract_id=contract.pk, expires_at=later, actor=None, now=moment)
    else:
        services.change_expiry(contract_id=contract.pk, expires_at=None, actor=None, now=moment)


@pytest.mark.parametrize("end", ["signed", "declined", "voided", "expired", "moved", "cleared"])
def test_case_15_and_16_a_waiting_reminder_is_not_sent_after(end: str, sent: Contract) -> None:
    services.queue_sign_reminders(now=shanghai(12, 28, 0, 5))
    message = Message.objects.get(purpose="sign_reminder")

    act(end, sent)
    send_message(message_id=message.pk, now=shanghai(12, 28))

    message.refresh_from_db()
    assert (message.status, message.error) == ("canceled", "no longer wanted")


@pytest.mark.parametrize("end", ["signed", "declined", "voided", "expired", "cleared"])
def test_case_15_and_16_none_is_made_after(end: str, sent: Contract) -> None:
    act(end, sent)

    remind_on(28, 29, 30, 31)

    assert reminders() == []


def test_case_16_a_moved_day_has_reminders_of_its_own(sent: Contract) -> None:
    remind_on(28)
    services.change_expiry(
        contract_id=sent.pk,
        expires_at=sent.expires_at + timedelta(days=7),
        actor=None,
        now=shanghai(12, 28),
    )

    remind_on(29, 30, 31)
    assert reminders() == [("3", "2026-12-31")]
    services.queue_sign_reminders(now=datetime(2027, 1, 4, 2, tzinfo=UTC))
    services.queue_sign_reminders(now=datetime(2027, 1, 6, 2, tzinfo=UTC))
    assert reminders()[1:] == [("3", "2027-01-07"), ("1", "2027-01-07")]


# --- The gate -----------------------------------------------------------------------------------
def wait_and_send(at: datetime) -> Message:
    services.queue_sign_reminders(now=at)
    message = Message.objects.get(purpose="sign_reminder")
    Message.objects.filter(pk=message.pk).update(not_before=at)
    send_message(message_id=message.pk, now=at)
    message.refresh_from_db()
    return message


def test_in_the_morning_it_goes_out(sent: Contract) -> None:
    assert wait_and_send(shanghai(12, 28)).status == "sent"


def test_at_night_it_waits_for_the_hours_of_the_profile(sent: Contract) -> None:
    message = wait_and_send(shanghai(12, 28, 22, 30))

    assert (message.status, message.not_before) == ("due", shanghai(12, 29, 8))


def test_a_hold_stops_it(sent: Contract) -> None:
    place_hold(
        borrower=sent.loan.borrower,
        name="hardship",
        subject="",
        reason="told us",
        actor=None,
        now=NOW,
    )

    message = wait_and_send(shanghai(12, 28))

    assert (message.status, message.error) == ("refused", "hold_hardship")


def test_a_cap_stops_it(sent: Contract) -> None:
    """CN-20: one such message a day; a second contract of the same person is not written about."""
    other = make_contract(sent.loan.borrower)
    services.queue_sign_reminders(now=shanghai(12, 28))
    for message in Message.objects.filter(purpose="sign_reminder").order_by("pk"):
        send_message(message_id=message.pk, now=shanghai(12, 28, 10))

    states = Message.objects.filter(purpose="sign_reminder").order_by("pk")
    assert other.loan.borrower == sent.loan.borrower
    assert [message.status for message in states] == ["sent", "refused"]
    assert Decision.objects.filter(verdict="refuse", rule_id="CN-20").exists()


# --- The words ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "including 31 December"), ("zh-hans", "2026年12月31日（含当天）")],
)
def test_it_names_the_day_and_no_debt(room: None, language: str, words: str) -> None:
    contract = make_contract(make_person("Li Na", language=language))
    remind_on(28)

    message = Message.objects.get(purpose="sign_reminder")
    rendered = render_message(message)
    body = rendered.text.partition("\n\nNeed help?")[0].partition("\n\n需要帮助")[0]
    assert words.replace(" ", "") in body.replace(" ", "")
    assert f"/contracts/{contract.public_id}/" in body
    assert find_faults(message.template_version) == []
    plain = f"{rendered.subject} {body}".replace(settings.LENDER_NAME, "").lower()
    assert [word for word in DEBT_WORDS if word in plain.split() or f" {word} " in plain] == []
    assert not any(char in plain for char in ("¥", "借款", "贷款", "欠"))


# --- Two at once --------------------------------------------------------------------------------
def test_the_minutes_sweep_reminds_whoever_runs_it_twice(
    sent: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "now", lambda: shanghai(12, 28))

    tasks.sweep_contracts()
    tasks.sweep_contracts()

    assert len(reminders()) == 1


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_f15_two_sweeps_at_once_write_one_reminder_each(room: None) -> None:
    for _number in range(5):
        make_contract()

    written = both(*[lambda: services.queue_sign_reminders(now=shanghai(12, 28))] * 4)

    assert sum(written) == 5
    assert len(reminders()) == 5


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_f15_without_the_unique_key_two_sweeps_write_it_twice(
    room: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look for what is there already is no guard: both look before either has written."""
    make_contract()
    monkeypatch.setattr(
        remind,
        "_INSERT",
        remind._INSERT.replace("ON CONFLICT (business_key) DO NOTHING", "")
        # Held open, as a busy database would, until both have looked.
        .replace("'', '', {moment}\n", "'', (SELECT left(pg_sleep(0.5)::text, 0)), {moment}\n"),
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE conrelid = 'contacts_message'::regclass "
            "AND contype = 'u' AND conname LIKE '%%business_key%%'"
        )
        (name,) = cursor.fetchone()
        cursor.execute(f'ALTER TABLE contacts_message DROP CONSTRAINT "{name}"')
    try:
        both(*[lambda: services.queue_sign_reminders(now=shanghai(12, 28))] * 2)
        assert len(reminders()) == 2
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM contacts_message")
            cursor.execute(
                f'ALTER TABLE contacts_message ADD CONSTRAINT "{name}" UNIQUE (business_key)'
            )
