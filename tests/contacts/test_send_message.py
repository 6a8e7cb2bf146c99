"""From the outbox to the way out: once, still wanted, allowed at that moment, and recorded."""

import smtplib
from datetime import datetime, timedelta
from importlib import import_module
from threading import Barrier, Thread

import pytest
from django.conf import settings
from django.core import mail
from django.db import connection, connections, transaction
from pytest_django import DjangoCaptureOnCommitCallbacks

from accounts.models import Borrower, Language
from repayments.contacts import facts as facts_module
from repayments.contacts import rechecks, rendering, secrets, tasks
from repayments.contacts.models import ContactProfile, Decision, Message, MessageTemplateVersion
from repayments.contacts.queries import list_stuck_messages
from repayments.contacts.services import (
    MessageMovedOn,
    MissingValue,
    UnknownTemplate,
    decide,
    mark_message_sent,
    place_hold,
    queue_message,
    return_stale_messages,
    send_message,
    send_message_again,
    stop_messages,
    wipe_secrets,
)
from repayments.contacts.services.send import MAX_ATTEMPTS
from repayments.contacts.transports import EmailTransport, NotSent, OutcomeUnknown, Outgoing
from tests.factories.contacts import (
    LOAN,
    MORNING,
    RecordingTransport,
    make_borrower,
    make_staff,
    queue_reminder,
    shanghai,
)

Status = Message.Status


def status_of(message: Message) -> str:
    message.refresh_from_db()
    return message.status


# --- The way of one message ---------------------------------------------------------------------
@pytest.mark.django_db
def test_a_due_message_is_sent_once_and_recorded(
    borrower: Borrower, transport: RecordingTransport
) -> None:
    message = queue_reminder(borrower)

    for _again in range(3):
        send_message(message_id=message.pk, now=MORNING)

    assert status_of(message) == Status.SENT
    assert (message.sent_at, message.attempts) == (MORNING, 1)
    assert message.provider_reference == f"recorded:{message.public_id}"
    (outgoing,) = transport.sent
    assert outgoing.address == borrower.email
    assert "2026年11月23日" in outgoing.rendered.text


@pytest.mark.django_db(transaction=True)
def test_the_way_out_is_called_with_no_transaction_open(
    borrower: Borrower, transport: RecordingTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    original = transport.send

    def look(outgoing: Outgoing) -> str:
        seen.append((connection.in_atomic_block, Message.objects.get().status))
        return original(outgoing)

    monkeypatch.setattr(transport, "send", look)
    send_message(message_id=queue_reminder(borrower).pk, now=MORNING)

    assert seen == [(False, Status.SENDING)]


@pytest.mark.django_db
def test_before_its_time_nothing_is_sent(borrower: Borrower, transport: RecordingTransport) -> None:
    message = queue_reminder(borrower, not_before=MORNING + timedelta(seconds=1))

    send_message(message_id=message.pk, now=MORNING)

    assert status_of(message) == Status.DUE
    assert transport.sent == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("at", "status"),
    [
        ("2026-11-24 21:59:59", Status.SENT),
        ("2026-11-24 22:00:00", Status.DUE),
        ("2026-11-24 22:01:00", Status.DUE),
        ("2026-11-25 07:59:59", Status.DUE),
        ("2026-11-25 08:00:00", Status.SENT),
    ],
)
def test_cn_1_what_was_queued_in_time_is_judged_when_it_is_sent(
    borrower: Borrower, transport: RecordingTransport, at: str, status: str
) -> None:
    message = queue_reminder(borrower, now=shanghai("2026-11-24 21:59:00"))

    send_message(message_id=message.pk, now=shanghai(at))

    assert status_of(message) == status
    decision = Decision.objects.get()
    assert decision.profile_version == "CN v1"
    assert decision.message == message
    if status == Status.DUE:
        assert (decision.verdict, decision.rule_id) == ("defer", "CN-1")
        assert message.not_before == decision.until == shanghai("2026-11-25 08:00:00")
        assert message.attempts == 0
        send_message(message_id=message.pk, now=message.not_before)
        assert status_of(message) == Status.SENT
    assert len(transport.sent) == 1


@pytest.mark.django_db
def test_cn_20_a_second_message_of_the_day_is_refused_and_says_so(
    borrower: Borrower, transport: RecordingTransport
) -> None:
    first, second = queue_reminder(borrower), queue_reminder(borrower)

    for message in (first, second):
        send_message(message_id=message.pk, now=MORNING)

    assert (status_of(first), status_of(second)) == (Status.SENT, Status.REFUSED)
    assert second.error == "cap"
    assert list(second.decisions.values_list("code", "rule_id")) == [("cap", "CN-20")]
    assert len(transport.sent) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("flag", ["dispute", "hardship", "stopped"])
def test_nothing_goes_out_after_the_flag_is_set(
    borrower: Borrower, transport: RecordingTransport, flag: str
) -> None:
    message = queue_reminder(borrower)
    if flag == "stopped":
        stop_messages(
            borrower=borrower, channel="email", address="a@b.example", actor=None, now=MORNING
        )
    else:
        place_hold(borrower=borrower, name=flag, subject=LOAN, reason="", actor=None, now=MORNING)

    send_message(message_id=message.pk, now=MORNING)

    assert status_of(message) == Status.REFUSED
    assert transport.sent == []


@pytest.mark.django_db
def test_a_hold_on_another_debt_stops_nothing_here(
    borrower: Borrower, transport: RecordingTransport
) -> None:
    message = queue_reminder(borrower)
    place_hold(
        borrower=borrower, name="dispute", subject="loan:x", reason="", actor=None, now=MORNING
    )

    send_message(message_id=message.pk, now=MORNING)

    assert status_of(message) == Status.SENT


@pytest.mark.django_db
def test_what_is_no_longer_wanted_is_canceled_in_the_send_transaction(
    borrower: Borrower, transport: RecordingTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def still_wanted(message: Message, now: datetime) -> bool:
        asked.append((message.status, now, connection.in_atomic_block))
        return False

    monkeypatch.setitem(rechecks._rechecks, "test", still_wanted)
    message = queue_reminder(borrower)

    send_message(message_id=message.pk, now=MORNING)

    assert asked == [(Status.SENDING, MORNING, True)]
    assert status_of(message) == Status.CANCELED
    assert transport.sent == []
    assert not Decision.objects.exists()


def test_two_rooms_cannot_answer_for_one_purpose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rechecks, "_rechecks", {})

    def first(message: Message, now: datetime) -> bool:
        return True

    rechecks.register("mine", first)
    rechecks.register("mine", first)
    with pytest.raises(ValueError, match="mine"):
        rechecks.register("mine", lambda message, now: True)


@pytest.mark.django_db
def test_a_message_of_no_more_use_is_canceled_and_its_secret_emptied(
    borrower: Borrower, transport: RecordingTransport
) -> None:
    message = queue_code(borrower)

    send_message(message_id=message.pk, now=MORNING + timedelta(minutes=5))

    assert status_of(message) == Status.CANCELED
    assert message.secret == ""
    assert transport.sent == []


@pytest.mark.django_db
def test_without_an_address_on_record_it_fails_where_staff_can_see_it(
    transport: RecordingTransport,
) -> None:
    message = queue_reminder(make_borrower(email=""))

    send_message(message_id=message.pk, now=MORNING)

    assert (status_of(message), message.error) == (Status.FAILED, "no address on record")


@pytest.mark.django_db
def test_without_a_provider_a_text_message_fails_and_says_so(borrower: Borrower) -> None:
    message = queue_reminder(borrower, channel="sms")

    send_message(message_id=message.pk, now=MORNING)

    assert (status_of(message), message.error) == (Status.FAILED, "no provider for sms")


# --- Queueing -----------------------------------------------------------------------------------
def queue_code(borrower: Borrower) -> Message:
    return queue_message(
        borrower=borrower,
        template_key="sign_in_code",
        purpose="sign_in_code",
        subject="",
        business_key="code:1",
        context={},
        secret={"code": "483920"},
        expires_at=MORNING + timedelta(minutes=5),
        now=MORNING,
    )


@pytest.mark.django_db
def test_the_same_business_key_gives_the_message_there_is(borrower: Borrower) -> None:
    first = queue_reminder(borrower, business_key="one")
    second = queue_reminder(borrower, business_key="one")

    assert first.pk == second.pk
    assert Message.objects.count() == 1


@pytest.mark.django_db
def test_unknown_words_and_missing_values_are_refused(borrower: Borrower) -> None:
    with pytest.raises(UnknownTemplate):
        queue_reminder(borrower, template_key="no_such")
    with pytest.raises(UnknownTemplate):
        queue_reminder(borrower, channel="push")
    with pytest.raises(MissingValue, match="date"):
        queue_reminder(borrower, context={})


@pytest.mark.django_db
def test_values_the_words_do_not_use_are_not_kept(borrower: Borrower) -> None:
    message = queue_reminder(borrower, context={"date": "2026-11-23", "amount": "¥1,050.00"})

    assert message.context == {"date": "2026-11-23"}


@pytest.mark.django_db
def test_words_are_those_published_when_the_message_was_queued(borrower: Borrower) -> None:
    message = queue_reminder(borrower)
    published = MessageTemplateVersion.objects.get(pk=message.template_version_id)
    MessageTemplateVersion.objects.filter(pk=published.pk).update(status="retired")

    assert rendering.render_message(message).subject.startswith("来自")


@pytest.mark.django_db
@pytest.mark.usefixtures("hastened")
def test_a_queued_message_is_hastened_once_committed(
    borrower: Borrower,
    transport: RecordingTransport,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        message = queue_code(borrower)
        assert transport.sent == []

    assert len(transport.sent) == 1
    assert Message.objects.get(pk=message.pk).attempts == 1


@pytest.mark.django_db
@pytest.mark.usefixtures("hastened")
def test_a_broker_that_is_down_does_not_undo_what_was_done(
    borrower: Borrower,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    def refuse(**kwargs: object) -> None:
        raise OSError("broker down")

    monkeypatch.setattr(tasks.send_message, "delay_on_commit", refuse)
    with django_capture_on_commit_callbacks(execute=True):
        message = queue_code(borrower)

    assert status_of(message) == Status.DUE


# --- Secrets ------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_code_lies_encrypted_and_is_emptied_once_sent(
    borrower: Borrower, transport: RecordingTransport
) -> None:
    message = queue_code(borrower)
    assert "483920" not in message.secret + str(message.context)
    assert secrets.decrypt(message.secret) == {"code": "483920"}

    send_message(message_id=message.pk, now=MORNING)

    assert "483920" in transport.sent[0].rendered.text
    assert status_of(message) == Status.SENT
    assert message.secret == ""


@pytest.mark.django_db
def test_development_shows_a_code_until_it_expires(
    borrower: Borrower, settings: pytest.FixtureRequest
) -> None:
    settings.DEVELOPMENT_OUTBOX = True  # type: ignore[attr-defined]
    message = queue_code(borrower)
    send_message(message_id=message.pk, now=MORNING)
    assert status_of(message) == Status.SENT

    wipe_secrets(now=MORNING + timedelta(minutes=4))
    assert status_of(message)
    assert secrets.decrypt(message.secret) == {"code": "483920"}
    wipe_secrets(now=MORNING + timedelta(minutes=5))
    assert status_of(message)
    assert message.secret == ""


def test_a_secret_of_another_key_is_an_error(settings: pytest.FixtureRequest) -> None:
    text = secrets.encrypt({"code": "1"})
    settings.SECRET_KEY = "another-key-altogether" * 3  # type: ignore[attr-defined]

    with pytest.raises(secrets.SecretUnreadable):
        secrets.decrypt(text)


# --- Faults -------------------------------------------------------------------------------------
class Crash(BaseException):
    """The process is gone: no handler of the product sees it."""


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("hastened")
def test_f9_a_crash_before_the_enqueue_is_made_up_for_by_the_sweep_once(
    borrower: Borrower, transport: RecordingTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(**kwargs: object) -> None:
        raise Crash

    with monkeypatch.context() as broken:
        broken.setattr(tasks.send_message, "delay_on_commit", crash)
        with pytest.raises(Crash), transaction.atomic():
            queue_reminder(borrower)
    message = Message.objects.get()
    assert status_of(message) == Status.DUE

    tasks.sweep_messages()
    tasks.sweep_messages()

    assert status_of(message) == Status.SENT
    assert len(transport.sent) == 1


@pytest.mark.django_db
def test_f10_a_crash_after_the_mail_left_is_shown_to_staff_and_not_sent_again(
    borrower: Borrower,
    transport: RecordingTransport,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    message = queue_reminder(borrower)
    transport.failure = Crash()
    with pytest.raises(Crash):
        send_message(message_id=message.pk, now=MORNING)
    transport.failure = None

    next_day = MORNING + timedelta(days=1)
    monkeypatch.setattr("repayments.clock.now", lambda: next_day)
    with django_capture_on_commit_callbacks(execute=True):
        tasks.sweep_messages()
    send_message(message_id=message.pk, now=next_day)

    assert status_of(message) == Status.SENDING
    assert len(transport.sent) == 1
    assert list(list_stuck_messages(now=MORNING + timedelta(minutes=14))) == []
    assert list(list_stuck_messages(now=next_day)) == [message]


@pytest.mark.django_db
def test_f10_where_a_second_hand_over_does_no_harm_the_sweep_finishes_it(
    borrower: Borrower,
    transport: RecordingTransport,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    transport.is_idempotent = True
    message = queue_reminder(borrower)
    transport.failure = Crash()
    with pytest.raises(Crash):
        send_message(message_id=message.pk, now=MORNING)
    transport.failure = None

    assert return_stale_messages(now=MORNING + timedelta(seconds=59)) == 0
    monkeypatch.setattr("repayments.clock.now", lambda: MORNING + timedelta(seconds=60))
    with django_capture_on_commit_callbacks(execute=True):
        tasks.sweep_messages()

    assert status_of(message) == Status.SENT
    assert len({outgoing.key for outgoing in transport.sent}) == 1


@pytest.mark.django_db
def test_f10_staff_settle_a_stuck_message_either_way(
    borrower: Borrower, transport: RecordingTransport
) -> None:
    staff = make_staff()
    transport.failure = OutcomeUnknown("fell silent")
    arrived, lost = queue_reminder(borrower), queue_reminder(make_borrower())
    for message in (arrived, lost):
        send_message(message_id=message.pk, now=MORNING)
        assert (status_of(message), message.error) == (Status.SENDING, "fell silent")
    transport.failure = None

    mark_message_sent(message_id=arrived.pk, reason="seen", actor=staff, now=MORNING)
    send_message_again(message_id=lost.pk, reason="not seen", actor=staff, now=MORNING)
    send_message(message_id=lost.pk, now=MORNING)

    assert status_of(arrived) == status_of(lost) == Status.SENT
    for settle in (mark_message_sent, send_message_again):
        with pytest.raises(MessageMovedOn):
            settle(message_id=lost.pk, reason="", actor=staff, now=MORNING)


@pytest.mark.django_db(transaction=True)
def test_f15_two_sweeps_at_once_send_once(
    borrower: Borrower, transport: RecordingTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("repayments.clock.now", lambda: MORNING)
    message = queue_reminder(borrower)

    in_parallel(lambda: tasks.sweep_messages(), lambda: tasks.sweep_messages())

    assert status_of(message) == Status.SENT
    assert len(transport.sent) == 1


@pytest.mark.django_db
def test_f18_a_message_that_cannot_be_prepared_ends_after_a_few_tries(
    borrower: Borrower, transport: RecordingTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    def poison(message: Message, now: datetime) -> bool:
        raise RuntimeError("poison")

    monkeypatch.setitem(rechecks._rechecks, "test", poison)
    message = queue_reminder(borrower)

    tries = try_until_it_ends(message)

    assert status_of(message) == Status.FAILED
    assert tries == message.attempts == MAX_ATTEMPTS
    assert transport.sent == []


@pytest.mark.django_db
def test_f24_what_did_not_leave_is_tried_again_at_growing_distance_then_failed(
    borrower: Borrower, transport: RecordingTransport
) -> None:
    transport.failure = NotSent("no connection", is_final=False)
    message = queue_reminder(borrower)

    tries = try_until_it_ends(message)

    assert (status_of(message), message.error) == (Status.FAILED, "no connection")
    assert tries == len(transport.sent) == MAX_ATTEMPTS


def try_until_it_ends(message: Message) -> int:
    """Send at each moment the message asks for; give the number of tries."""
    waits: list[timedelta] = []
    for tries in range(1, 20):
        now = message.not_before
        send_message(message_id=message.pk, now=now)
        if status_of(message) != Status.DUE:
            assert waits == sorted(waits)
            return tries
        waits.append(message.not_before - now)
        assert waits[-1] > timedelta(0)
    raise AssertionError("it never ends")


@pytest.mark.django_db
def test_a_final_refusal_is_not_tried_again(
    borrower: Borrower, transport: RecordingTransport
) -> None:
    transport.failure = NotSent("no such box", is_final=True)
    message = queue_reminder(borrower)

    send_message(message_id=message.pk, now=MORNING)

    assert (status_of(message), message.error) == (Status.FAILED, "no such box")


@pytest.mark.parametrize(
    ("failing", "error", "outcome"),
    [
        ("open", TimeoutError("slow"), False),
        ("open", smtplib.SMTPAuthenticationError(535, b"no"), False),
        ("send", smtplib.SMTPRecipientsRefused({"a@b.example": (550, b"no")}), True),
        ("send", smtplib.SMTPRecipientsRefused({"a@b.example": (451, b"later")}), False),
        ("send", smtplib.SMTPDataError(554, b"no"), True),
        ("send", smtplib.SMTPDataError(421, b"later"), False),
        ("send", smtplib.SMTPServerDisconnected("gone"), None),
        ("send", TimeoutError("slow"), None),
    ],
)
def test_f24_only_silence_after_the_hand_over_is_unknown(
    monkeypatch: pytest.MonkeyPatch, failing: str, error: Exception, outcome: bool | None
) -> None:
    """``outcome``: final or not; None where nobody knows."""

    class Connection:
        def open(self) -> None:
            if failing == "open":
                raise error

        def send_messages(self, messages: object) -> int:
            raise error

        def close(self) -> None:
            raise OSError("already gone")

    monkeypatch.setattr("repayments.contacts.transports.get_connection", Connection)
    outgoing = Outgoing("key", "email", "a@b.example", rendering.Rendered("s", "t", "<p>t</p>"))

    with pytest.raises(OutcomeUnknown if outcome is None else NotSent) as raised:
        EmailTransport().send(outgoing)
    assert getattr(raised.value, "is_final", None) is outcome


# --- Races --------------------------------------------------------------------------------------
def in_parallel(*functions: object) -> None:
    barrier = Barrier(len(functions))

    def run(function: object) -> None:
        try:
            barrier.wait(timeout=20)
            function()  # type: ignore[operator]
        finally:
            connections.close_all()

    threads = [Thread(target=run, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)


def send_both_at_once(borrower: Borrower) -> list[str]:
    """Two workers, two messages, one slot of the day left."""
    messages = [queue_reminder(borrower), queue_reminder(borrower)]
    in_parallel(
        *(
            lambda pk=message.pk: send_message(message_id=pk, now=MORNING)  # type: ignore[misc]
            for message in messages
        )
    )
    return sorted(status_of(message) for message in messages)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("_round", range(3))
def test_two_workers_and_one_slot_left_send_exactly_one(
    borrower: Borrower, transport: RecordingTransport, _round: int
) -> None:
    assert send_both_at_once(borrower) == [Status.REFUSED, Status.SENT]
    assert len(transport.sent) == 1


@pytest.mark.django_db(transaction=True)
def test_without_the_slot_taken_in_the_decision_two_workers_send_two(
    borrower: Borrower, transport: RecordingTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: both workers looked at the day's contacts before either of them decided."""
    profile = facts_module.get_profile("CN", MORNING.date())
    seen_by_both = facts_module.collect_facts(
        borrower=borrower,
        channel="email",
        subject=LOAN,
        profile=profile,
        now=MORNING,
        message_id=None,
    )
    monkeypatch.setattr(decide_module(), "collect_facts", lambda **asked: seen_by_both)

    assert send_both_at_once(borrower) == [Status.SENT, Status.SENT]


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_without_the_lock_on_the_person_two_workers_send_two(
    borrower: Borrower, transport: RecordingTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin on PostgreSQL: no row lock, and both have read before either writes."""
    both_have_read = Barrier(2)
    collect = facts_module.collect_facts

    def collect_together(**asked: object) -> facts_module.Facts:
        found = collect(**asked)  # type: ignore[arg-type]
        both_have_read.wait(timeout=20)
        return found

    monkeypatch.setattr(decide_module(), "lock_borrower", lambda borrower: None)
    monkeypatch.setattr(decide_module(), "collect_facts", collect_together)

    assert send_both_at_once(borrower) == [Status.SENT, Status.SENT]


def decide_module() -> object:
    """Give the module; the package exports the function under the same name."""
    return import_module("repayments.contacts.services.decide")


@pytest.mark.django_db(transaction=True)
def test_one_message_and_many_workers_is_sent_once(
    borrower: Borrower, transport: RecordingTransport
) -> None:
    message = queue_reminder(borrower)

    in_parallel(*[lambda: send_message(message_id=message.pk, now=MORNING)] * 6)

    assert status_of(message) == Status.SENT
    assert len(transport.sent) == 1


# --- Calls, and staff ---------------------------------------------------------------------------
@pytest.mark.django_db
def test_cn_3_a_call_that_was_allowed_holds_its_slot_before_it_is_logged(
    borrower: Borrower,
) -> None:
    staff = make_staff()

    def call() -> Decision:
        return decide(
            borrower=borrower,
            channel="voice",
            address="+8613800000000",
            message_class="call",
            subject=LOAN,
            now=MORNING,
            actor=staff,
        )

    # Three calls under way may all turn out to be conversations (CN-2).
    assert [call().verdict for _dial in range(4)] == ["allow"] * 3 + ["refuse"]
    assert Decision.objects.filter(actor=staff).count() == 4


@pytest.mark.django_db
def test_without_a_profile_nothing_goes_out(borrower: Borrower) -> None:
    ContactProfile.objects.all().delete()

    decision = decide(
        borrower=borrower,
        channel="email",
        address="a@b.example",
        message_class="account",
        subject="",
        now=MORNING,
        actor=None,
    )

    assert (decision.verdict, decision.code) == ("refuse", "no_profile")


@pytest.mark.django_db
def test_a_new_version_of_a_profile_leaves_old_decisions_naming_the_old_one(
    borrower: Borrower,
) -> None:
    old = ContactProfile.objects.get(jurisdiction="CN")

    def ask() -> Decision:
        return decide(
            borrower=borrower,
            channel="email",
            address="a@b.example",
            message_class="reminder",
            subject=LOAN,
            now=shanghai("2026-11-24 21:30:00"),
            actor=None,
        )

    first = ask()
    stricter = {**old.rules, "quiet_hours": {**old.rules["quiet_hours"], "start": "21:00"}}
    ContactProfile.objects.create(
        jurisdiction="CN", version=2, effective_from="2026-11-01", rules=stricter
    )
    second = ask()

    first.refresh_from_db()
    assert (first.verdict, first.profile_version) == ("allow", "CN v1")
    assert (second.verdict, second.profile_version) == ("defer", "CN v2")


# --- By e-mail ----------------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize("language", [Language.CHINESE, Language.ENGLISH])
def test_us_7_an_email_says_who_writes_where_help_is_and_how_to_stop(language: str) -> None:
    message = queue_reminder(make_borrower(language=language))

    send_message(message_id=message.pk, now=MORNING)

    (sent,) = mail.outbox
    stop = rendering.stop_link_for(message.public_id)
    assert settings.LENDER_NAME in sent.body
    assert f"{settings.SITE_URL}/help/" in sent.body
    assert stop in sent.body
    assert sent.extra_headers["List-Unsubscribe"] == f"<{stop}>"
    assert sent.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert isinstance(sent, mail.EmailMultiAlternatives)
    html, kind = sent.alternatives[0]
    assert kind == "text/html"
    assert f'<a href="{stop}">' in html
    assert f'lang="{"zh-Hans" if language == Language.CHINESE else "en"}"' in html


@pytest.mark.django_db
def test_a_name_with_markup_and_line_breaks_stays_text() -> None:
    message = queue_reminder(make_borrower(legal_name="<b>Eve</b>\r\nBcc: x@y.example"))

    send_message(message_id=message.pk, now=MORNING)

    (sent,) = mail.outbox
    assert sent.to == [message.address]
    assert isinstance(sent, mail.EmailMultiAlternatives)
    assert "<b>" not in sent.alternatives[0][0]
    assert "\n" not in sent.subject
