"""Writing a template: drafted by one person, published by another, then fixed for good.

Both languages of a number are one version: they are written, published and retired together. What
a second person publishes is what that person saw; a change in between is refused.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.names import show_characters
from repayments.audit.services import record_event
from repayments.contracts import documents
from repayments.contracts.models import ContractTemplate, TemplateVersion
from repayments.contracts.template_samples import render_sample
from repayments.contracts.template_words import (
    LOCALES,
    Fault,
    Pair,
    find_faults,
    find_text_faults,
)
from repayments.contracts.terms import sha256_of

Status = TemplateVersion.Status


class SameAuthor(Exception):
    """Whoever wrote the words last cannot be the one who publishes them."""


class VersionNotDraft(Exception):
    """The version was published or retired before; nothing was changed."""


class VersionChanged(Exception):
    """Somebody changed the draft since it was looked at; nothing was changed."""


class VersionNotFit(Exception):
    """The words cannot be kept or published as they are; ``faults`` says why."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(str(fault) for fault in faults))
        self.faults = list(faults)


def get_pair(template: ContractTemplate, number: int) -> tuple[Pair, list[TemplateVersion]]:
    """Read both languages of a version.

    Raises: TemplateVersion.DoesNotExist unless both are there.
    """
    rows = template.versions.filter(number=number).select_related("author", "approved_by")
    found = {row.locale: row for row in rows}
    if set(found) != set(LOCALES):
        raise TemplateVersion.DoesNotExist
    versions = [found[locale] for locale in LOCALES]
    pair = Pair(
        titles={row.locale: row.title for row in versions},
        bodies={row.locale: row.body for row in versions},
        governing_language=versions[0].governing_language,
    )
    return pair, versions


@transaction.atomic
def start_template_version(
    *, template_id: int, from_number: int, actor: User, now: datetime
) -> int:
    """Begin a draft with the words of an earlier version; return its number."""
    template = ContractTemplate.objects.select_for_update().get(pk=template_id)
    pair, _versions = get_pair(template, from_number)
    number = (template.versions.aggregate(last=Max("number"))["last"] or 0) + 1
    TemplateVersion.objects.bulk_create(
        TemplateVersion(template=template, number=number, author=actor, **_columns(pair, locale))
        for locale in LOCALES
    )
    payload = {"number": number, "from": from_number, "sha256": pair.sha256}
    _record("contracts.template_drafted", template, actor, now, payload)
    return number


@transaction.atomic
def edit_template_version(
    *, template_id: int, number: int, pair: Pair, seen: str, actor: User, now: datetime
) -> None:
    """Change a draft; whoever changes it becomes its author, so another person must publish it.

    Args:
        seen: ``Pair.sha256`` of the words the change was made on.
    Raises: VersionNotDraft, VersionChanged, VersionNotFit.
    """
    template = ContractTemplate.objects.select_for_update().get(pk=template_id)
    faults = find_text_faults(template.kind, pair)
    if faults:
        raise VersionNotFit(faults)
    stored, versions = get_pair(template, number)
    _need_draft(versions)
    _need_seen(stored, seen)
    changed = sum(
        TemplateVersion.objects.filter(
            pk=row.pk, status=Status.DRAFT, body_sha256=row.body_sha256, title=row.title
        ).update(author=actor, **_columns(pair, row.locale))
        for row in versions
    )
    if changed != len(LOCALES):
        raise _changed()
    payload = {"number": number, "sha256": pair.sha256}
    _record("contracts.template_edited", template, actor, now, payload)


def publish_template_version(
    *, template_id: int, number: int, seen: str, actor: User, now: datetime
) -> None:
    """Publish a draft that someone else wrote; the version before it is retired.

    The sample is rendered before anything is locked. Contracts that are frozen keep their words.

    Args:
        seen: ``Pair.sha256`` of the words that the second person looked at.
    Raises: VersionNotDraft, VersionChanged, SameAuthor, VersionNotFit.
    """
    template = ContractTemplate.objects.get(pk=template_id)
    pair, versions = get_pair(template, number)
    _need_draft(versions)
    _need_seen(pair, seen)
    _need_second_person(versions, actor)
    faults = check_template_version(template=template, pair=pair, now=now)
    if faults:
        raise VersionNotFit(faults)
    try:
        _publish(template=template, versions=versions, pair=pair, actor=actor, now=now)
    except IntegrityError as error:
        # Another version of the same template was published at the same moment.
        raise _changed() from error


def check_template_version(*, template: ContractTemplate, pair: Pair, now: datetime) -> list[Fault]:
    """List all that keeps words from being published, a sample that does not render included."""
    faults = find_faults(template.kind, pair)
    if faults:
        return faults
    for locale in LOCALES:
        try:
            render_sample(kind=template.kind, pair=pair, locale=locale, now=now)
        except documents.MissingGlyph as error:
            words = _("The sample could not be printed: %(characters)s") % {
                "characters": show_characters(error.characters)
            }
            faults.append(Fault(locale, 0, "", str(words)))
        except documents.DocumentError as error:
            words = _("The sample could not be made: %(error)s") % {"error": error}
            faults.append(Fault(locale, 0, "", str(words)))
    return faults


@transaction.atomic
def _publish(
    *,
    template: ContractTemplate,
    versions: Sequence[TemplateVersion],
    pair: Pair,
    actor: User,
    now: datetime,
) -> None:
    number = versions[0].number
    _lock(template)
    retired = (
        TemplateVersion.objects.filter(template=template, status=Status.PUBLISHED)
        .exclude(number=number)
        .order_by("number")
    )
    numbers = sorted(set(retired.values_list("number", flat=True)))
    retired.update(status=Status.RETIRED)
    _claim(versions, actor, now)
    if numbers:
        _record("contracts.template_retired", template, actor, now, {"numbers": numbers})
    payload = {
        "number": number,
        "sha256": pair.sha256,
        "body_sha256": {row.locale: row.body_sha256 for row in versions},
        "author": versions[0].author_id,
    }
    _record("contracts.template_published", template, actor, now, payload)


def _lock(template: ContractTemplate) -> None:
    ContractTemplate.objects.select_for_update().get(pk=template.pk)


def _claim(versions: Sequence[TemplateVersion], actor: User, now: datetime) -> None:
    """Turn both rows from draft to published, as they were looked at, or refuse."""
    changed = sum(
        TemplateVersion.objects.filter(
            pk=row.pk,
            status=Status.DRAFT,
            author=row.author_id,
            title=row.title,
            body_sha256=row.body_sha256,
            governing_language=row.governing_language,
        ).update(
            status=Status.PUBLISHED,
            approved_by=actor,
            published_at=now,
            font_set_sha256=documents.font_set_sha256(),
            engine_version=documents.ENGINE_VERSION,
        )
        for row in versions
    )
    if changed != len(LOCALES):
        raise _changed()


def _need_draft(versions: Sequence[TemplateVersion]) -> None:
    if any(row.status != Status.DRAFT for row in versions):
        raise VersionNotDraft(_("This version is published and cannot be changed."))


def _need_seen(pair: Pair, seen: str) -> None:
    if pair.sha256 != seen:
        raise _changed()


def _need_second_person(versions: Sequence[TemplateVersion], actor: User) -> None:
    if any(row.author_id is None or row.author_id == actor.pk for row in versions):
        raise SameAuthor(_("Someone other than the author must publish."))


def _changed() -> VersionChanged:
    return VersionChanged(_("Someone changed or published this version meanwhile."))


def _columns(pair: Pair, locale: str) -> dict[str, Any]:
    body = list(pair.bodies[locale])
    return {
        "locale": locale,
        "title": pair.titles[locale],
        "body": body,
        "body_sha256": sha256_of(body),
        "font_set_sha256": documents.font_set_sha256(),
        "engine_version": documents.ENGINE_VERSION,
        "governing_language": pair.governing_language,
    }


def _record(
    action: str, template: ContractTemplate, actor: User, now: datetime, payload: dict[str, Any]
) -> None:
    record_event(
        stream=f"contract_template:{template.key}",
        action=action,
        actor=actor,
        at=now,
        payload=payload,
    )
