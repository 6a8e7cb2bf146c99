"""Two who publish at once, on the real engine; the twin without guards shows the race."""

import threading
from collections.abc import Iterator, Sequence

import pytest
from django.db import connection

from accounts.models import User
from repayments.append_only import lifted
from repayments.audit.models import Event
from repayments.contracts.models import TemplateVersion
from repayments.contracts.services import templates as services
from tests.contracts.template_acts import draft_by, publish, statuses
from tests.contracts.test_races import both
from tests.factories.cases import make_colleague

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
CONSTRAINT = "contracts_templateversion_one_published"


@pytest.fixture
def officers(room: None) -> list[User]:
    return [make_colleague("contract_officer") for _ in range(3)]


def publications() -> int:
    return Event.objects.filter(action="contracts.template_published").count()


def test_of_two_who_publish_the_same_draft_one_does(officers: list[User]) -> None:
    author, one, other = officers
    number = draft_by(author)

    answers = both(lambda: publish(number, one), lambda: publish(number, other))

    assert sorted(str(type(answer).__name__) for answer in answers) in (
        ["NoneType", "VersionChanged"],
        ["NoneType", "VersionNotDraft"],
    ), answers
    assert statuses() == [(1, "retired")] * 2 + [(2, "published")] * 2
    assert publications() == 1


def test_of_two_versions_published_at_once_one_stays(officers: list[User]) -> None:
    author, one, other = officers
    drafts = [draft_by(author), draft_by(author)]

    answers = both(lambda: publish(drafts[0], one), lambda: publish(drafts[1], other))

    assert None in answers, answers
    published = {number for number, status in statuses() if status == "published"}
    assert len(published) == 1
    assert sum(status == "published" for _number, status in statuses()) == 2


@pytest.fixture
def unguarded(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take away the lock, the row count, the trigger and the constraint; let both look first."""
    meeting = threading.Barrier(2)

    def claim(versions: Sequence[TemplateVersion], actor: User, now: object) -> None:
        keys = [row.pk for row in versions]
        TemplateVersion.objects.filter(pk__in=keys).update(
            status="published", approved_by=actor, published_at=now
        )

    monkeypatch.setattr(services, "_lock", lambda template: meeting.wait(timeout=20))
    monkeypatch.setattr(services, "_claim", claim)
    with lifted():
        with connection.cursor() as cursor:
            cursor.execute(f"DROP INDEX {CONSTRAINT}")
        yield
        with connection.cursor() as cursor:
            # The first version alone remains, as migrations laid it.
            cursor.execute("DELETE FROM contracts_templateversion WHERE number > 1")
            cursor.execute("UPDATE contracts_templateversion SET status = 'published'")
            cursor.execute(
                f"CREATE UNIQUE INDEX {CONSTRAINT} ON contracts_templateversion "
                "(template_id, locale) WHERE status = 'published'"
            )


def test_without_its_guards_the_same_draft_is_published_twice(
    officers: list[User], unguarded: None
) -> None:
    author, one, other = officers
    number = draft_by(author)

    answers = both(lambda: publish(number, one), lambda: publish(number, other))

    assert answers == [None, None]
    assert publications() == 2


def test_without_its_guards_two_versions_are_published(
    officers: list[User], unguarded: None
) -> None:
    author, one, other = officers
    drafts = [draft_by(author), draft_by(author)]

    answers = both(lambda: publish(drafts[0], one), lambda: publish(drafts[1], other))

    assert answers == [None, None]
    assert {number for number, status in statuses() if status == "published"} == set(drafts)


@pytest.mark.parametrize("guard", ["lock", "constraint"])
def test_one_guard_alone_keeps_one_published_version(
    guard: str, officers: list[User], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind the lock stands the constraint."""
    author, one, other = officers
    drafts = [draft_by(author), draft_by(author)]
    meeting = threading.Barrier(2)
    if guard == "constraint":
        monkeypatch.setattr(services, "_lock", lambda template: meeting.wait(timeout=20))

    both(lambda: publish(drafts[0], one), lambda: publish(drafts[1], other))

    assert sum(status == "published" for _number, status in statuses()) == 2
