"""Words: written by one, published by another, checked before, never changed after."""

from collections import Counter

import pytest
from django.conf import settings
from django.db import DatabaseError, transaction

from accounts.models import Borrower, Language
from repayments.contacts import rendering
from repayments.contacts.models import MessageTemplate, MessageTemplateVersion
from repayments.contacts.rendering import RenderError, render
from repayments.contacts.services import (
    SameAuthor,
    VersionNotDraft,
    VersionNotFit,
    draft_template_version,
    edit_template_version,
    publish_template_version,
)
from repayments.contacts.wording import PHRASES, find_faults, find_phrases
from tests.factories.contacts import MORNING, make_draft, make_staff, queue_reminder

# What migrations lay, by channel and class: what these rules and pages send is all there.
SEEDED = {
    "email account": (
        "autopay_asks autopay_confirm autopay_ended autopay_left_out autopay_not_taken "
        "autopay_retry autopay_started "
        "contract_completed contract_to_sign contract_withdrawn email_changed help_answered "
        "help_received invitation "
        "password_reset payment_failed payment_received plan_accepted plan_countered plan_declined "
        "plan_referred refund_declined refund_failed refund_sent security_notice "
        "settlement_letter sign_in_code signing_code"
    ),
    "email due_notice": "reminder_before reminder_due sign_reminder",
    "email reminder": "reminder_late_1 reminder_late_7 reminder_late_15",
    "email statutory": "autopay_notice",
    "sms account": "sign_in_code signing_code",
    "sms due_notice": "reminder_before reminder_due",
    "sms reminder": "reminder_late_1 reminder_late_7 reminder_late_15",
}
VALUES = {
    "amount": "¥1,050.00",
    "code": "483920",
    "date": "2026-11-24",
    "document": "…",
    "link": "/",
    "reason": "…",
    "until": "2026-12-31",
}


def published() -> list[MessageTemplateVersion]:
    return list(
        MessageTemplateVersion.objects.filter(status="published").select_related("template")
    )


# --- What is seeded -----------------------------------------------------------------------------
@pytest.mark.django_db
def test_every_seeded_template_is_fit_to_be_published() -> None:
    versions = published()

    named = Counter(
        (f"{one.template.channel} {one.template.message_class}", one.template.key)
        for one in versions
    )
    wanted = Counter((kind, key) for kind, keys in SEEDED.items() for key in keys.split())
    assert (wanted - named, named - wanted) == ({}, {}), "missing, and not expected"
    assert {str(one): find_faults(one) for one in versions if find_faults(one)} == {}


@pytest.mark.django_db
@pytest.mark.parametrize("language", Language.values)
def test_us_7_every_template_says_who_writes_and_every_email_where_help_is(language: str) -> None:
    for version in published():
        out = render(
            version=version,
            language=language,
            name="林晓",
            values=VALUES,
            stop_link="https://portal.example/messages/stop/x/",
        )
        assert settings.LENDER_NAME in out.text, version
        if version.template.channel == "email":
            assert f"{settings.SITE_URL}/help/" in out.text, version
        if version.template.message_class in {"due_notice", "reminder"}:
            assert "/messages/stop/x/" in out.text, version
        assert "{" not in out.subject + out.text, version


# --- Two people ---------------------------------------------------------------------------------
@pytest.mark.django_db
def test_another_person_publishes_and_the_version_before_is_retired() -> None:
    author, second = make_staff(), make_staff()
    before = MessageTemplateVersion.objects.get(
        template__key="reminder_due", template__channel="email", status="published"
    )
    draft = make_draft(author)

    version = publish_template_version(version_id=draft.pk, actor=second, now=MORNING)

    before.refresh_from_db()
    assert (version.status, version.approved_by, version.published_at) == (
        "published",
        second,
        MORNING,
    )
    assert before.status == "retired"


@pytest.mark.django_db
def test_the_author_cannot_publish_nor_whoever_changed_the_draft_last() -> None:
    author, second = make_staff(), make_staff()
    draft = make_draft(author)
    with pytest.raises(SameAuthor):
        publish_template_version(version_id=draft.pk, actor=author, now=MORNING)

    edit_template_version(
        version_id=draft.pk, texts={"text_en": "{lender} {link}"}, actor=second, now=MORNING
    )

    with pytest.raises(SameAuthor):
        publish_template_version(version_id=draft.pk, actor=second, now=MORNING)
    assert publish_template_version(version_id=draft.pk, actor=author, now=MORNING)


@pytest.mark.django_db
def test_a_new_draft_takes_the_next_number() -> None:
    template = MessageTemplate.objects.get(key="reminder_due", channel="email")

    draft = draft_template_version(
        template_id=template.pk, texts={"text_zh": "x"}, actor=make_staff(), now=MORNING
    )

    assert (draft.number, draft.status) == (2, "draft")


@pytest.mark.django_db
def test_published_words_can_only_be_retired(borrower: Borrower) -> None:
    author, second = make_staff(), make_staff()
    version = publish_template_version(version_id=make_draft(author).pk, actor=second, now=MORNING)
    with pytest.raises(VersionNotDraft):
        edit_template_version(
            version_id=version.pk, texts={"text_en": "x"}, actor=author, now=MORNING
        )
    with pytest.raises(VersionNotDraft):
        publish_template_version(version_id=version.pk, actor=second, now=MORNING)
    rows = MessageTemplateVersion.objects.filter(pk=version.pk)

    for change in (
        {"text_en": "other"},
        {"status": "draft"},
        {"status": "retired", "text_zh": "other"},
        {"approved_by": None},
        {"number": 99},
    ):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            rows.update(**change)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        rows.delete()
    rows.update(status="retired")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        rows.update(status="published")


@pytest.mark.django_db
def test_a_draft_can_be_thrown_away() -> None:
    draft = make_draft(make_staff())

    assert draft.delete()[0] == 1


# --- What keeps words from being published ------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("kind", "phrase"),
    [(kind, phrases[position]) for kind, phrases in PHRASES.items() for position in (0, -1)],
)
def test_cn_8_a_phrase_of_each_class_is_refused_in_both_languages(kind: str, phrase: str) -> None:
    place = "text_en" if phrase.isascii() else "text_zh"
    draft = make_draft(make_staff(), **{place: f"{{lender}} {phrase} {{link}}"})

    with pytest.raises(VersionNotFit) as refused:
        publish_template_version(version_id=draft.pk, actor=make_staff(), now=MORNING)

    assert (kind, place) in {(fault.kind, fault.place) for fault in refused.value.faults}
    draft.refresh_from_db()
    assert draft.status == "draft"


def test_cn_8_plain_words_pass() -> None:
    assert (
        find_phrases("You can pay, or suggest a plan that fits you. 您可以提出适合您的方案。") == []
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("channel", "place", "words", "kind"),
    [
        ("email", "text_en", "{lender} {0.__class__}", "placeholder"),
        ("email", "text_en", "{lender} {{ settings.SECRET_KEY }}", "placeholder"),
        ("email", "text_en", "{lender} {% load x %}", "placeholder"),
        ("email", "text_en", "{lender} {name.user.password}", "placeholder"),
        ("email", "text_en", "{lender} {salary}", "placeholder"),
        ("email", "text_en", "{lender} {name!r}", "placeholder"),
        ("email", "text_en", "{lender} {", "placeholder"),
        ("email", "text_en", "Pay here: {link}", "identity"),
        ("email", "text_zh", " ", "empty"),
        ("email", "subject_en", "Your loan is overdue", "debt_word"),
        ("email", "subject_zh", "您的贷款已逾期", "debt_word"),
        ("email", "subject_en", "Pay {amount} to {lender}", "amount"),
        ("email", "subject_zh", "请付1,050.00元", "amount"),
        ("sms", "text_en", "{lender} Your loan: {link} {stop_link}", "debt_word"),
        ("sms", "text_zh", "{lender} ¥100 {link} {stop_link}", "amount"),
        ("sms", "text_zh", "{lender} {link}", "opt_out"),
        ("sms", "text_zh", "{lender} {link} {stop_link}" + "长" * 300, "length"),
    ],
)
def test_words_that_must_not_go_out_are_refused(
    channel: str, place: str, words: str, kind: str
) -> None:
    draft = make_draft(make_staff(), channel=channel, **{place: words})

    assert (kind, place) in {(fault.kind, fault.place) for fault in find_faults(draft)}


# --- Rendering ----------------------------------------------------------------------------------
def render_draft(**fields: object) -> rendering.Rendered:
    draft = make_draft(make_staff(), **{key: fields.pop(key) for key in list(fields) if "_" in key})
    given = {"language": Language.ENGLISH, "name": "Lin", "values": VALUES, **fields}
    return render(version=draft, **given)  # type: ignore[arg-type]


@pytest.mark.django_db
def test_a_value_that_looks_like_a_placeholder_stays_text() -> None:
    out = render_draft(text_en="{lender} {name} {link}", name="{code} {{ 7*7 }} {0.__class__}")

    assert "{code} {{ 7*7 }} {0.__class__}" in out.text


@pytest.mark.django_db
@pytest.mark.parametrize("link", ["https://evil.example/", "//evil.example/", "javascript:x"])
def test_a_link_leads_to_the_portal_or_nowhere(link: str) -> None:
    try:
        out = render_draft(values={**VALUES, "link": link})
    except RenderError:
        return
    assert f" {settings.SITE_URL}/" in out.text


@pytest.mark.django_db
def test_cn_7_words_that_do_not_say_who_writes_are_not_sent() -> None:
    with pytest.raises(RenderError, match="who writes"):
        render_draft(text_en="{link}")


@pytest.mark.django_db
def test_a_missing_value_is_an_error_never_an_empty_place() -> None:
    with pytest.raises(RenderError, match="date"):
        render_draft(values={})


@pytest.mark.django_db
def test_dates_are_written_in_the_language_of_the_person(borrower: Borrower) -> None:
    message = queue_reminder(borrower)
    assert "2026年11月23日" in rendering.render_message(message).text

    message.language = Language.ENGLISH
    assert "23 November 2026" in rendering.render_message(message).text


def test_a_tampered_stop_token_is_read_as_nothing() -> None:
    token = rendering.stop_token("abc")

    assert rendering.read_stop_token(token) == "abc"
    assert rendering.read_stop_token(token[:-1]) is None
    assert rendering.read_stop_token("abd" + token[3:]) is None
