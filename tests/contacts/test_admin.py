"""What staff can do here, and what nobody can."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Borrower, User
from repayments.contacts.models import (
    ContactProfile,
    Decision,
    Hold,
    Message,
    MessageTemplate,
    MessageTemplateVersion,
)
from repayments.contacts.services import place_hold, send_message
from repayments.contacts.transports import OutcomeUnknown
from repayments.reminders.models import ReminderPolicy
from tests.factories.cases import make_colleague, sign_in_staff
from tests.factories.contacts import MORNING, RecordingTransport, make_draft, queue_reminder

VERSIONS = "admin:contacts_messagetemplateversion"


@pytest.fixture
def supervisor(db: None) -> User:
    return make_colleague("supervisor")


@pytest.fixture
def desk(supervisor: User) -> Client:
    return sign_in_staff(supervisor)


@pytest.fixture
def stuck(borrower: Borrower, transport: RecordingTransport) -> Message:
    message = queue_reminder(borrower)
    transport.failure = OutcomeUnknown("fell silent")
    send_message(message_id=message.pk, now=MORNING)
    return message


def act(client: Client, model: str, action: str, pk: int, **fields: str) -> int:
    page = reverse(f"admin:contacts_{model}_changelist")
    return client.post(page, {"action": action, "_selected_action": [pk], **fields}).status_code


# --- Messages -----------------------------------------------------------------------------------
def test_f10_staff_find_a_stuck_message_and_settle_it_with_a_reason(
    desk: Client, stuck: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("repayments.clock.now", lambda: MORNING + timedelta(hours=1))
    listed = desk.get(reverse("admin:contacts_message_changelist"), {"stuck": "1"})
    assert listed.context["cl"].result_count == 1

    asked = act(desk, "message", "mark_sent", stuck.pk)
    stuck.refresh_from_db()
    assert (asked, stuck.status) == (200, Message.Status.SENDING)

    done = act(desk, "message", "mark_sent", stuck.pk, reason="the provider's log shows it")
    stuck.refresh_from_db()
    assert (done, stuck.status) == (302, Message.Status.SENT)


def test_who_may_only_read_cannot_settle(stuck: Message) -> None:
    collector = sign_in_staff(make_colleague("collector"))

    act(collector, "message", "mark_sent", stuck.pk, reason="x")

    stuck.refresh_from_db()
    assert stuck.status == Message.Status.SENDING


def test_a_message_can_be_read_but_its_secret_and_its_fields_cannot(
    desk: Client, borrower: Borrower
) -> None:
    message = queue_reminder(borrower)
    Message.objects.filter(pk=message.pk).update(secret="ciphertext-of-a-code")
    page = reverse("admin:contacts_message_change", args=[message.pk])

    assert b"ciphertext-of-a-code" not in desk.get(page).content
    assert desk.post(page, {"status": "sent"}).status_code == 403


@pytest.mark.django_db
@pytest.mark.parametrize("model", [Decision, ContactProfile, MessageTemplate])
def test_what_is_on_record_can_be_read_alone(model: type) -> None:
    auditor = sign_in_staff(make_colleague("auditor"))
    name = f"admin:contacts_{model.__name__.lower()}"

    assert auditor.get(reverse(f"{name}_changelist")).status_code == 200
    assert auditor.get(reverse(f"{name}_add")).status_code == 403
    row = model.objects.first()  # type: ignore[attr-defined]
    if row:
        page = reverse(f"{name}_change", args=[row.pk])
        assert auditor.get(page).status_code == 200
        assert auditor.post(page, {}).status_code == 403
        assert auditor.post(reverse(f"{name}_delete", args=[row.pk])).status_code == 403


# --- Holds --------------------------------------------------------------------------------------
def test_a_supervisor_places_and_lifts_a_hold(
    desk: Client, supervisor: User, borrower: Borrower
) -> None:
    answer = desk.post(
        reverse("admin:contacts_hold_add"),
        {"borrower": borrower.pk, "name": "hardship", "subject": "", "reason": "ill"},
    )
    assert answer.status_code == 302
    hold = Hold.objects.get()
    assert (hold.name, hold.placed_by) == ("hardship", supervisor)

    act(desk, "hold", "lift", hold.pk, reason="well again")

    hold.refresh_from_db()
    assert hold.lifted_by == supervisor


def test_a_hold_lifted_meanwhile_is_told_not_lifted_twice(desk: Client, borrower: Borrower) -> None:
    hold = place_hold(
        borrower=borrower, name="hardship", subject="", reason="", actor=None, now=MORNING
    )
    Hold.objects.filter(pk=hold.pk).update(lifted_at=MORNING)

    act(desk, "hold", "lift", hold.pk, reason="x")

    hold.refresh_from_db()
    assert hold.lifted_by is None


# --- Words --------------------------------------------------------------------------------------
def test_words_are_drafted_previewed_and_published_by_two_people(db: None) -> None:
    author, second = make_colleague("contract_officer"), make_colleague("contract_officer")
    template = MessageTemplate.objects.get(key="reminder_due", channel="email")
    answer = sign_in_staff(author).post(
        reverse(f"{VERSIONS}_add"),
        {
            "template": template.pk,
            "subject_zh": "来自{lender}",
            "subject_en": "From {lender}",
            "text_zh": "{lender} {date} {link}",
            "text_en": "{lender} writes to {name} about {date}: {link}",
        },
    )
    assert answer.status_code == 302
    draft = MessageTemplateVersion.objects.get(status="draft")
    assert draft.author == author
    page = reverse(f"{VERSIONS}_publish", args=[draft.pk])

    preview = sign_in_staff(second).get(page).content.decode()
    assert "writes to Alex Lin about 1 December 2026" in preview
    sign_in_staff(author).post(page)
    draft.refresh_from_db()
    assert draft.status == "draft"
    sign_in_staff(second).post(page)
    draft.refresh_from_db()
    assert (draft.status, draft.approved_by) == ("published", second)


def test_changing_a_draft_makes_one_its_author(db: None) -> None:
    author, second = make_colleague("contract_officer"), make_colleague("contract_officer")
    draft = make_draft(author)
    texts = {key: getattr(draft, key) for key in ("subject_zh", "subject_en", "text_zh")}

    sign_in_staff(second).post(
        reverse(f"{VERSIONS}_change", args=[draft.pk]), {**texts, "text_en": "{lender} {link}"}
    )

    draft.refresh_from_db()
    assert (draft.author, draft.text_en) == (second, "{lender} {link}")


def test_published_words_have_no_form(db: None) -> None:
    officer = sign_in_staff(make_colleague("contract_officer"))
    version = MessageTemplateVersion.objects.filter(status="published").first()
    page = reverse(f"{VERSIONS}_change", args=[version.pk])

    assert officer.get(page).status_code == 200
    assert officer.post(page, {"text_en": "x"}).status_code == 403


def test_faulty_words_are_shown_with_their_faults_and_stay_a_draft(db: None) -> None:
    draft = make_draft(make_colleague("contract_officer"), text_en="{lender} pay or else")
    officer = sign_in_staff(make_colleague("contract_officer"))
    page = reverse(f"{VERSIONS}_publish", args=[draft.pk])

    assert "or else" in officer.get(page).content.decode()
    officer.post(page)

    draft.refresh_from_db()
    assert draft.status == "draft"


def test_a_supervisor_does_not_see_the_words(desk: Client) -> None:
    draft = make_draft(make_colleague("contract_officer"))

    assert desk.get(reverse(f"{VERSIONS}_publish", args=[draft.pk])).status_code == 404


# --- Reminder policies --------------------------------------------------------------------------
def test_a_policy_is_moved_to_another_day_and_a_template_without_words_is_refused(
    desk: Client,
) -> None:
    policy = ReminderPolicy.objects.get(kind="late_1")
    page = reverse("admin:reminders_reminderpolicy_change", args=[policy.pk])
    values = {
        "kind": "late_1",
        "offset_days": 2,
        "channel": "email",
        "template_key": "reminder_late_1",
        "is_active": "on",
    }

    refused = desk.post(page, {**values, "template_key": "no_such"})
    moved = desk.post(page, values)

    policy.refresh_from_db()
    assert (refused.status_code, moved.status_code) == (200, 302)
    assert policy.offset_days == 2
