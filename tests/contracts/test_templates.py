"""Writing the words of contracts: what a draft may hold, and what a second person may publish."""

import pytest
from django.db import DatabaseError, connection, transaction

from accounts.models import User
from repayments.append_only import lifted
from repayments.audit.models import Event
from repayments.contracts import documents
from repayments.contracts.models import ContractTemplate, TemplateVersion
from repayments.contracts.paper import PLACEHOLDERS
from repayments.contracts.services import templates as services
from repayments.contracts.stored import get_frozen
from repayments.contracts.template_diff import compare_clauses, compare_titles
from repayments.contracts.template_form import rearrange
from repayments.contracts.template_samples import render_sample, sample_values
from repayments.contracts.template_words import LOCALES, find_faults
from tests.contracts.template_acts import (
    draft_by,
    edit,
    publish,
    published_pair,
    statuses,
    template_of,
    with_text,
    without_clause,
)
from tests.factories.cases import make_colleague
from tests.factories.contracts import NOW, make_contract, make_person

pytestmark = pytest.mark.usefixtures("room")


@pytest.fixture
def author(room: None) -> User:
    return make_colleague("contract_officer")


@pytest.fixture
def approver(room: None) -> User:
    return make_colleague("contract_officer")


@pytest.mark.parametrize("kind", ["loan", "plan"])
def test_the_words_that_came_with_the_portal_have_no_fault(kind: str) -> None:
    assert find_faults(kind, published_pair(kind)) == []


@pytest.mark.parametrize("kind", ["loan", "plan"])
@pytest.mark.parametrize("locale", LOCALES)
def test_each_placeholder_has_a_sample_in_each_language(kind: str, locale: str) -> None:
    values = sample_values(kind=kind, locale=locale, now=NOW)

    assert set(values) == PLACEHOLDERS
    assert all(values.values())


def test_a_draft_is_written_by_one_and_published_by_another(author: User, approver: User) -> None:
    number = draft_by(author)
    pair = with_text(published_pair(), "en", 2, "The money is yours to use.")
    edit(number, with_text(pair, "zh-hans", 2, "借款由借款人自主使用。"), author)

    publish(number, approver)

    assert statuses() == [(1, "retired")] * 2 + [(2, "published")] * 2
    rows = TemplateVersion.objects.filter(template__kind="loan", number=2)
    assert {(row.author, row.approved_by, row.published_at) for row in rows} == {
        (author, approver, NOW)
    }
    contract = make_contract(make_person(language="en"))
    assert "The money is yours to use." in str(get_frozen(contract).data["clauses"][1])
    acts = Event.objects.filter(stream="contract_template:loan_contract").order_by("seq")
    assert [(event.action, event.actor_id) for event in acts] == [
        ("contracts.template_drafted", author.pk),
        ("contracts.template_edited", author.pk),
        ("contracts.template_retired", approver.pk),
        ("contracts.template_published", approver.pk),
    ]
    assert acts.last().payload["body_sha256"] == {row.locale: row.body_sha256 for row in rows}


def test_case_4_a_version_retired_midway_leaves_a_contract_to_sign_alone(
    author: User, approver: User
) -> None:
    contract = make_contract()
    before = get_frozen(contract)

    publish(draft_by(author), approver)

    contract.refresh_from_db()
    assert contract.template_version.status == "retired"
    assert contract.status == "sent"
    assert get_frozen(contract) == before


def test_the_author_cannot_publish(author: User) -> None:
    number = draft_by(author)

    with pytest.raises(services.SameAuthor):
        publish(number, author)

    assert statuses()[2:] == [(2, "draft")] * 2


def test_who_changes_a_draft_becomes_its_author(author: User, approver: User) -> None:
    number = draft_by(author)
    edit(number, published_pair(), approver)

    with pytest.raises(services.SameAuthor):
        publish(number, approver)
    publish(number, author)


def test_only_what_was_seen_is_published(author: User, approver: User) -> None:
    number = draft_by(author)
    seen = services.get_pair(template_of(), number)[0].sha256
    edit(number, with_text(published_pair(), "en", 1, "One more thing."), author)

    with pytest.raises(services.VersionChanged):
        publish(number, approver, seen=seen)


def test_of_two_who_write_at_once_the_later_one_is_told(author: User, approver: User) -> None:
    number = draft_by(author)
    seen = published_pair().sha256
    edit(number, with_text(published_pair(), "en", 1, "Mine."), author, seen=seen)

    with pytest.raises(services.VersionChanged):
        edit(number, with_text(published_pair(), "en", 1, "Theirs."), approver, seen=seen)

    assert "Mine." in str(services.get_pair(template_of(), number)[0].bodies["en"])


def test_a_published_version_is_neither_edited_nor_published_again(
    author: User, approver: User
) -> None:
    for act in (lambda: edit(1, published_pair(), author), lambda: publish(1, approver)):
        with pytest.raises(services.VersionNotDraft):
            act()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("You owe {secret_rate}.", "{secret_rate}"),
        ("An open { brace", "{ brace"),
        ("A closing } brace", "}"),
        ("{ amount }", "{ amount }"),
        ("{amount!r}", "{amount!r}"),
        ("吉 written 𠮷", "“𠮷” (U+20BB7)"),
        ("Smile 😀", "“😀” (U+1F600)"),
        ("turned \u202e around", "U+202E"),
    ],
)
@pytest.mark.parametrize("locale", LOCALES)
def test_a_slip_is_refused_at_its_clause_and_named(
    locale: str, text: str, named: str, author: User
) -> None:
    number = draft_by(author)

    with pytest.raises(services.VersionNotFit) as refusal:
        edit(number, with_text(published_pair(), locale, 3, text), author)

    (fault,) = refusal.value.faults
    assert (fault.locale, fault.clause, fault.part) == (locale, 3, "text")
    assert named in fault.message


def test_case_8_languages_that_differ_in_clause_count_are_not_published(
    author: User, approver: User
) -> None:
    number = draft_by(author)
    edit(number, without_clause(published_pair(), 6, "en"), author)

    with pytest.raises(services.VersionNotFit, match="13 clauses and the English one 12"):
        publish(number, approver)

    assert statuses()[2:] == [(2, "draft")] * 2


def test_a_clause_that_is_empty_in_one_language_is_named(author: User, approver: User) -> None:
    number = draft_by(author)
    pair, _focus = rearrange(published_pair(), "add:2") or (None, 0)
    assert pair is not None
    edit(number, with_text(pair, "en", 3, "Only in English."), author)

    with pytest.raises(services.VersionNotFit) as refusal:
        publish(number, approver)

    assert {(f.locale, f.clause, f.part) for f in refusal.value.faults} == {
        ("zh-hans", 3, "text"),
        ("zh-hans", 3, "heading"),
        ("en", 3, "heading"),
    }


def test_a_figure_in_one_language_alone_is_not_published(author: User, approver: User) -> None:
    number = draft_by(author)
    edit(number, with_text(published_pair(), "en", 2, "It costs {total_fees}."), author)

    with pytest.raises(services.VersionNotFit, match=r"Clause 2: .*Chinese.*\{total_fees\}"):
        publish(number, approver)


def test_without_the_agreed_method_nothing_is_published(author: User, approver: User) -> None:
    """ES-1: the clause by which both sides agree on how they sign."""
    pair = published_pair()
    signing = 1 + [clause["heading"] for clause in pair.bodies["en"]].index(
        "Signing electronically"
    )
    number = draft_by(author)
    edit(number, without_clause(pair, signing), author)

    with pytest.raises(services.VersionNotFit, match="agree to sign electronically"):
        publish(number, approver)


def test_a_sample_that_does_not_render_is_not_published(
    author: User, approver: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = draft_by(author)

    def fail(*args: object, **kwargs: object) -> bytes:
        raise documents.MissingGlyph(["𠮷"])

    monkeypatch.setattr(documents, "render_contract", fail)
    with pytest.raises(services.VersionNotFit, match="could not be printed: “𠮷”"):
        publish(number, approver)


@pytest.mark.parametrize("kind", ["loan", "plan"])
@pytest.mark.parametrize("locale", LOCALES)
def test_a_sample_is_made_of_the_words(kind: str, locale: str) -> None:
    pair = published_pair(kind)
    pdf = render_sample(kind=kind, pair=pair, locale=locale, now=NOW)

    data = documents.read_attachment(pdf)
    assert data["title"] == pair.titles[locale]
    assert len(data["clauses"]) == len(pair.bodies[locale])
    assert len(data["schedule"]["rows"]) == 12


@pytest.fixture
def published(author: User, approver: User) -> TemplateVersion:
    """A version published by staff, with author, approver and all."""
    publish(draft_by(author), approver)
    return TemplateVersion.objects.get(template__kind="loan", number=2, locale="en")


@pytest.mark.parametrize(
    "change",
    [
        "status = 'draft'",
        "title = 'Another'",
        "body = '[]'",
        "body_sha256 = ''",
        "number = 9",
        "locale = 'fr'",
        "governing_language = 'en'",
        "approved_by_id = NULL",
        "author_id = NULL",
        "published_at = NULL",
        "font_set_sha256 = ''",
        "engine_version = ''",
        "status = 'retired', title = 'Another'",
        "status = 'retired', approved_by_id = NULL",
        "status = 'published'",
        "status = NULL",
    ],
)
def test_the_database_refuses_any_change_of_published_words(
    published: TemplateVersion, change: str
) -> None:
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE contracts_templateversion SET {change} WHERE id = %s",  # noqa: S608 - listed above
            [published.pk],
        )


def test_the_database_refuses_to_delete_published_words_or_to_bring_retired_ones_back(
    published: TemplateVersion,
) -> None:
    old = TemplateVersion.objects.get(template__kind="loan", number=1, locale="en")
    assert old.status == "retired"
    for sql, pk in (
        ("DELETE FROM contracts_templateversion WHERE id = %s", published.pk),
        ("DELETE FROM contracts_templateversion WHERE id = %s", old.pk),
        ("UPDATE contracts_templateversion SET status = 'published' WHERE id = %s", old.pk),
        ("UPDATE contracts_templateversion SET status = 'draft' WHERE id = %s", old.pk),
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, [pk])


def test_a_draft_may_be_changed_and_published_words_retired_by_sql_too(
    published: TemplateVersion, author: User
) -> None:
    """The twin of the refusals above: the trigger looks at what changes, and not at the table."""
    draft = draft_by(author)
    with connection.cursor() as cursor:
        for sql, values in (
            ("UPDATE contracts_templateversion SET title = 'x' WHERE number = %s", [draft]),
            ("DELETE FROM contracts_templateversion WHERE number = %s", [draft]),
            ("UPDATE contracts_templateversion SET status = 'retired' WHERE id = %s",
             [published.pk]),
        ):  # fmt: skip
            cursor.execute(sql, values)
            assert cursor.rowcount > 0


def test_the_database_refuses_an_author_who_approves(author: User) -> None:
    number = draft_by(author)

    with pytest.raises(DatabaseError), transaction.atomic():
        TemplateVersion.objects.filter(number=number).update(approved_by=author)


def test_the_database_keeps_one_published_version(author: User) -> None:
    draft_by(author)

    with pytest.raises(DatabaseError), transaction.atomic(), lifted():
        TemplateVersion.objects.filter(template__kind="loan", number=2).update(status="published")


def test_a_row_without_its_other_language_is_no_version(author: User) -> None:
    number = draft_by(author)
    TemplateVersion.objects.filter(number=number, locale="en").delete()

    with pytest.raises(TemplateVersion.DoesNotExist):
        services.get_pair(ContractTemplate.objects.get(kind="loan"), number)


def test_a_changed_an_added_a_removed_and_a_moved_clause_are_told_apart() -> None:
    old = published_pair()
    new = with_text(old, "en", 2, "Use it well.")
    new, _focus = rearrange(new, "add:4") or (new, 0)
    new = without_clause(with_text(new, "zh-hans", 5, "新的条款。"), 1)

    changes = compare_clauses(old, new)

    seen = [(change.kind, change.was, change.number) for change in changes]
    assert seen[0] == ("removed", 1, 0)
    assert ("changed", 2, 1) in seen
    assert ("added", 0, 4) in seen
    assert ("same", 5, 5) in seen
    assert len([kind for kind, _was, _number in seen if kind != "same"]) == 3
    (changed,) = (change for change in changes if change.kind == "changed")
    english = changed.sides[1].paragraphs[-1]
    assert [(piece.kind, piece.text) for piece in english] == [("added", "Use it well.")]


def test_a_diff_names_the_words_that_changed_and_no_more() -> None:
    old = published_pair()
    body = list(old.bodies["zh-hans"])
    was = body[5]
    changed = was["paragraphs"][0].replace("随时", "每日")
    body[5] = {"heading": was["heading"], "paragraphs": [changed]}
    new = type(old)({**old.titles, "en": "Loan agreement"}, {**old.bodies, "zh-hans": body}, "en")

    (change,) = (each for each in compare_clauses(old, new) if each.kind != "same")
    pieces = [piece for piece in change.sides[0].paragraphs[0] if piece.kind != "same"]
    assert [(piece.kind, piece.text) for piece in pieces] == [
        ("removed", "随时"),
        ("added", "每日"),
    ]
    (title,) = compare_titles(old, new)
    assert [(piece.kind, piece.text) for piece in title.pieces] == [
        ("same", "Loan "),
        ("removed", "contract"),
        ("added", "agreement"),
    ]
