"""The staff pages of contract templates: writing, looking at the PDF, publishing each other's."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from repayments.contracts import documents
from repayments.contracts.models import TemplateVersion
from repayments.contracts.services import templates as services
from repayments.contracts.template_form import rearrange
from repayments.contracts.template_words import MOST_CLAUSES, empty_clause
from tests.contracts.template_acts import (
    draft_by,
    edit,
    posted,
    published_pair,
    statuses,
    template_of,
    with_text,
    without_clause,
)
from tests.factories.cases import make_colleague, sign_in_staff
from tests.factories.contracts import make_person
from tests.factories.second_factor import Person, code_of, hire

pytestmark = pytest.mark.usefixtures("room")


@pytest.fixture(autouse=True)
def half_a_minute_passes_meanwhile(settings: Any, db: None) -> Iterator[None]:
    settings.MFA_TOTP_TOLERANCE = 1
    yield
    cache.clear()


@pytest.fixture
def author(room: None) -> Person:
    return hire("contract_officer")


@pytest.fixture
def approver(room: None) -> Person:
    return hire("contract_officer")


def address(page: str, number: int, *more: object, kind: str = "loan") -> str:
    args = [template_of(kind).pk, number, *more]
    return reverse(f"admin:contracts_template_{page}", args=args)


def draft(author: Person) -> int:
    return draft_by(author[1])


def seen_of(number: int) -> str:
    return services.get_pair(template_of(), number)[0].sha256


def test_a_version_is_written_looked_at_and_published(author: Person, approver: Person) -> None:
    writer, reader = author[0], approver[0]
    page = writer.get(reverse("admin:contracts_contracttemplate_change", args=[template_of().pk]))
    assert "Start a new version from version 1" in page.content.decode()
    begun = writer.post(address("start", 1))
    assert begun["Location"] == address("edit", 2)

    pair = with_text(published_pair(), "en", 2, "The money is yours to use.")
    pair = with_text(pair, "zh-hans", 2, "借款由借款人自主使用。")
    saved = writer.post(address("edit", 2), posted(pair, seen_of(2)))
    assert saved["Location"] == address("version", 2)
    assert "someone else must publish" in writer.get(address("version", 2)).content.decode()

    shown = reader.get(address("version", 2))
    assert "<ins>The money is yours to use.</ins>" in shown.content.decode()
    assert shown.context["faults"] == []
    answer = reader.post(
        address("version", 2),
        {"code": code_of(approver), "seen": shown.context["form"]["seen"].value()},
    )
    assert answer["Location"] == address("version", 2)
    assert statuses() == [(1, "retired")] * 2 + [(2, "published")] * 2


@pytest.mark.parametrize("code", ["", "000000"])
def test_without_a_fresh_code_nothing_is_published(
    code: str, author: Person, approver: Person
) -> None:
    number = draft(author)

    answer = approver[0].post(address("version", number), {"code": code, "seen": seen_of(number)})

    assert answer.status_code == 200
    assert answer.context["form"].errors["code"]
    assert statuses()[2:] == [(2, "draft")] * 2


def test_the_author_is_refused_with_a_reason(author: Person) -> None:
    number = draft(author)

    answer = author[0].post(
        address("version", number), {"code": code_of(author), "seen": seen_of(number)}
    )

    assert answer.context["form"].non_field_errors() == [
        "Someone other than the author must publish."
    ]
    assert statuses()[2:] == [(2, "draft")] * 2


def test_a_draft_changed_after_it_was_looked_at_answers_409(
    author: Person, approver: Person
) -> None:
    number = draft(author)
    seen = seen_of(number)
    edit(number, with_text(published_pair(), "en", 1, "More."), author[1])

    answer = approver[0].post(address("version", number), {"code": code_of(approver), "seen": seen})

    assert answer.status_code == 409
    assert "changed or published this version meanwhile" in answer.content.decode()
    assert statuses()[2:] == [(2, "draft")] * 2


def test_reasons_are_told_in_words_and_lead_to_their_clause(
    author: Person, approver: Person
) -> None:
    number = draft(author)
    edit(number, with_text(published_pair(), "en", 2, "{total_fees}"), author[1])

    page = approver[0].get(address("version", number))

    words = page.content.decode()
    assert f'href="{address("edit", number)}#clause-2"' in words
    assert "lacks what the other one has: {total_fees}" in words
    assert 'name="code"' not in words


def test_a_mistake_stands_at_its_clause_and_loses_nothing_typed(author: Person) -> None:
    number = draft(author)
    pair = with_text(published_pair(), "zh-hans", 3, "错字𠮷和{unknown}")
    pair = with_text(pair, "en", 4, "An honest sentence.")

    answer = author[0].post(address("edit", number), posted(pair, seen_of(number)))

    assert answer.status_code == 200
    form = answer.context["form"]
    assert set(form.errors) == {"c3_zh_text"}
    assert "{unknown}" in str(form.errors["c3_zh_text"])
    assert "“𠮷” (U+20BB7)" in str(form.errors["c3_zh_text"])
    page = answer.content.decode()
    assert "An honest sentence." in page
    assert "错字𠮷和{unknown}" in page
    assert 'href="#id_c3_zh_text"' in page
    assert "An honest sentence." not in str(services.get_pair(template_of(), number)[0].bodies)


@pytest.mark.parametrize(
    ("act", "length", "order"),
    [
        ("up:2", 13, (1, 0, 2)),
        ("down:1", 13, (1, 0, 2)),
        ("remove:1", 12, (1, 2, 3)),
        ("add", 14, (0, 1, 2)),
        ("add:1", 14, (0, None, 1)),
    ],
)
def test_buttons_rearrange_what_was_typed_and_keep_nothing(
    act: str, length: int, order: tuple[int | None, ...], author: Person
) -> None:
    number = draft(author)
    # What is not fit to be kept is not lost by moving a clause either.
    pair = with_text(published_pair(), "en", 1, "Typed, not saved: { 😀")
    before = seen_of(number)

    answer = author[0].post(address("edit", number), posted(pair, before, act=act))

    form = answer.context["form"]
    assert form.clauses == length
    for place, index in enumerate(order, start=1):
        for locale, key in (("en", "en"), ("zh-hans", "zh")):
            clause = empty_clause() if index is None else pair.clause(locale, index)
            assert form[f"c{place}_{key}_heading"].value() == clause["heading"]
            assert form[f"c{place}_{key}_text"].value() == "\n\n".join(clause["paragraphs"])
    assert form["seen"].value() == before
    assert seen_of(number) == before
    assert b"autofocus" in answer.content


@pytest.mark.parametrize("act", ["up:1", "down:13", "remove:0", "remove:99", "up:x", "fly:2", "²"])
def test_a_button_that_is_not_there_changes_nothing(act: str, author: Person) -> None:
    number = draft(author)
    pair = published_pair()

    answer = author[0].post(address("edit", number), posted(pair, seen_of(number), act=act))

    assert answer.status_code == 200
    assert answer.context["form"].clauses == 13
    assert rearrange(pair, act) is None


@pytest.mark.parametrize("count", ["", "-1", "9999999", "²", "x", "61"])
def test_a_count_nobody_can_send_from_the_page_is_refused(count: str, author: Person) -> None:
    number = draft(author)
    before = seen_of(number)

    answer = author[0].post(address("edit", number), posted(published_pair(), before, count=count))

    assert answer.status_code == 200
    assert answer.context["form"].errors
    assert seen_of(number) == before


def test_a_template_has_an_end(author: Person) -> None:
    pair = published_pair()
    while pair.length < MOST_CLAUSES:
        pair = (rearrange(pair, "add") or (pair, 0))[0]

    assert rearrange(pair, "add") is None
    number = draft(author)
    answer = author[0].post(address("edit", number), posted(pair, seen_of(number), act="up:2"))
    assert b'value="add"' not in answer.content


def test_who_was_slower_keeps_what_they_typed(author: Person, approver: Person) -> None:
    number = draft(author)
    seen = seen_of(number)
    edit(number, with_text(published_pair(), "en", 1, "Faster."), approver[1])

    answer = author[0].post(
        address("edit", number), posted(with_text(published_pair(), "en", 1, "Slower."), seen)
    )

    assert answer.status_code == 409
    assert "Slower." in answer.content.decode()
    assert "changed or published this version meanwhile" in answer.content.decode()
    assert "Faster." in str(services.get_pair(template_of(), number)[0].bodies["en"])


def test_a_published_version_has_no_page_to_write_in(author: Person) -> None:
    assert author[0].get(address("edit", 1)).status_code == 409
    assert author[0].post(address("edit", 1), posted(published_pair(), "x")).status_code == 409


@pytest.mark.parametrize(("locale", "title"), [("zh-hans", "借款合同"), ("en", "Loan contract")])
def test_a_draft_is_shown_as_the_pdf_it_makes(locale: str, title: str, author: Person) -> None:
    number = draft(author)

    answer = author[0].get(address("preview", number, locale))

    assert answer["Content-Type"] == "application/pdf"
    assert documents.read_attachment(answer.content)["title"] == title
    assert answer["Content-Disposition"].startswith("inline")


def test_a_draft_that_does_not_render_says_so(author: Person) -> None:
    number = draft(author)
    TemplateVersion.objects.filter(number=number, locale="en").update(title="𠮷")

    assert author[0].get(address("preview", number, "en")).status_code == 409
    assert "could not be printed" not in author[0].get(address("version", 1)).content.decode()
    page = author[0].get(address("version", number)).content.decode()
    assert "“𠮷” (U+20BB7)" in page


def test_markup_in_a_clause_stays_text(author: Person) -> None:
    number = draft(author)
    text = "<script>alert(1)</script> #panic() $x$ \u200fRTL"
    for locale in ("en", "zh-hans"):
        pair = with_text(services.get_pair(template_of(), number)[0], locale, 2, text)
        edit(number, pair, author[1])

    for page in (address("version", number), address("edit", number)):
        words = author[0].get(page).content.decode()
        assert "<script>alert" not in words
        assert "&lt;script&gt;alert" in words
    pdf = author[0].get(address("preview", number, "en")).content
    assert text in documents.read_attachment(pdf)["clauses"][1]["paragraphs"]


PAGES = ["version", "start", "edit", "preview"]


def all_addresses(number: int) -> list[str]:
    return [address(page, number, *(["en"] if page == "preview" else [])) for page in PAGES]


def test_strangers_come_to_none_of_the_pages(author: Person) -> None:
    number = draft(author)
    borrower = Client()
    person = make_person().user
    assert person is not None
    borrower.force_login(person)
    collector = sign_in_staff(make_colleague("collector"))
    for page in all_addresses(number):
        for method in ("get", "post"):
            assert getattr(Client(), method)(page).status_code == 302
            assert getattr(borrower, method)(page).status_code in {302, 403, 404}
            assert getattr(collector, method)(page).status_code in {403, 405}
    assert statuses()[2:] == [(2, "draft")] * 2


def test_an_auditor_looks_and_does_nothing(author: Person) -> None:
    number = draft(author)
    auditor = sign_in_staff(make_colleague("auditor"))

    assert auditor.get(address("preview", number, "zh-hans")).status_code == 200
    page = auditor.get(address("version", number))
    assert page.status_code == 200
    assert b'name="code"' not in page.content
    for act in ("version", "start", "edit"):
        assert auditor.post(address(act, number)).status_code == 403
    assert auditor.get(address("edit", number)).status_code == 403


def test_a_wrong_method_is_refused(author: Person) -> None:
    number = draft(author)
    assert author[0].get(address("start", number)).status_code == 405
    assert author[0].post(address("preview", number, "en")).status_code == 405
    assert author[0].delete(address("edit", number)).status_code == 405


@pytest.mark.parametrize("name", ["version", "edit", "preview", "start"])
def test_a_version_that_never_was_is_not_found(name: str, author: Person) -> None:
    more = ["en"] if name == "preview" else []
    method = author[0].post if name == "start" else author[0].get
    assert method(address(name, 99, *more)).status_code == 404


def test_a_language_that_is_not_ours_is_not_found(author: Person) -> None:
    assert author[0].get(address("preview", 1, "fr")).status_code == 404


def test_the_lists_lead_to_the_pages(author: Person) -> None:
    row = TemplateVersion.objects.get(template__kind="loan", number=1, locale="en")
    lists = author[0].get(reverse("admin:contracts_templateversion_changelist"))
    assert lists.status_code == 200
    led = author[0].get(reverse("admin:contracts_templateversion_change", args=[row.pk]))
    assert led["Location"] == address("version", 1)
    for name in ("contracttemplate", "templateversion"):
        missing = author[0].get(reverse(f"admin:contracts_{name}_change", args=[10**6]))
        assert missing.status_code == 404


def test_pages_ask_few_questions(
    author: Person, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    number = draft(author)
    client = author[0]
    preview, edit_page, version = (
        address("preview", number, "en"),
        address("edit", number),
        address("version", number),
    )
    client.get(version)
    # Three for the session and where it was last seen, one for the second factor, two for the
    # permissions; then the template, and both languages at once.
    with django_assert_num_queries(8):
        client.get(preview)
    with django_assert_num_queries(8):
        client.get(edit_page)
    # And the version before, with its two languages.
    with django_assert_num_queries(10):
        client.get(version)


def test_a_removed_last_clause_leaves_a_page(author: Person) -> None:
    pair = published_pair()
    while pair.length > 1:
        pair = without_clause(pair, 1)
    number = draft(author)

    answer = author[0].post(address("edit", number), posted(pair, seen_of(number), act="remove:1"))

    assert answer.status_code == 200
    assert answer.context["form"].clauses == 0
