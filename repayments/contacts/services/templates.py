"""Writing the words of messages: drafted by one person, published by another, then fixed."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from repayments.audit.services import record_event
from repayments.contacts.models import MessageTemplate, MessageTemplateVersion
from repayments.contacts.wording import Fault, find_faults

Status = MessageTemplateVersion.Status
TEXTS = ("subject_zh", "subject_en", "text_zh", "text_en")


class SameAuthor(Exception):
    """Whoever wrote the words last cannot be the one who publishes them."""


class VersionNotDraft(Exception):
    """The version was published or retired before; nothing was changed."""


class VersionNotFit(Exception):
    """The words must not go out as they are; ``faults`` says why."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(str(fault) for fault in faults))
        self.faults = faults


@transaction.atomic
def draft_template_version(
    *, template_id: int, texts: Mapping[str, str], actor: User, now: datetime
) -> MessageTemplateVersion:
    """Write a new draft under the next number of its template.

    Args:
        texts: values for ``TEXTS``.
    """
    template = MessageTemplate.objects.select_for_update().get(pk=template_id)
    last = template.versions.aggregate(last=Max("number"))["last"] or 0
    version = MessageTemplateVersion.objects.create(
        template=template,
        number=last + 1,
        author=actor,
        **{key: texts.get(key, "") for key in TEXTS},
    )
    _record("contacts.template_drafted", version, actor, now)
    return version


@transaction.atomic
def edit_template_version(
    *, version_id: int, texts: Mapping[str, str], actor: User, now: datetime
) -> MessageTemplateVersion:
    """Change a draft; whoever changes it becomes its author, so another person must publish it.

    Raises: VersionNotDraft.
    """
    changed = MessageTemplateVersion.objects.filter(pk=version_id, status=Status.DRAFT).update(
        author=actor, **{key: texts[key] for key in TEXTS if key in texts}
    )
    if changed != 1:
        raise VersionNotDraft(_("These words are published and cannot be changed."))
    version = MessageTemplateVersion.objects.select_related("template").get(pk=version_id)
    _record("contacts.template_edited", version, actor, now)
    return version


@transaction.atomic
def publish_template_version(
    *, version_id: int, actor: User, now: datetime
) -> MessageTemplateVersion:
    """Publish a draft that someone else wrote; the version before it is retired.

    Messages already in the outbox keep the words they were queued with.

    Raises: VersionNotDraft, SameAuthor, VersionNotFit.
    """
    version = MessageTemplateVersion.objects.select_related("template").get(pk=version_id)
    MessageTemplate.objects.select_for_update().get(pk=version.template_id)
    version.refresh_from_db()
    if version.status != Status.DRAFT:
        raise VersionNotDraft(_("These words are not a draft any more."))
    if version.author_id is None or version.author_id == actor.pk:
        raise SameAuthor(_("Someone other than the author must publish."))
    faults = find_faults(version)
    if faults:
        raise VersionNotFit(faults)
    MessageTemplateVersion.objects.filter(
        template=version.template_id, status=Status.PUBLISHED
    ).update(status=Status.RETIRED)
    changed = MessageTemplateVersion.objects.filter(
        pk=version_id, status=Status.DRAFT, author=version.author_id
    ).update(status=Status.PUBLISHED, approved_by=actor, published_at=now)
    if changed != 1:
        raise VersionNotDraft(_("These words are not a draft any more."))
    _record("contacts.template_published", version, actor, now)
    version.refresh_from_db()
    return version


def _record(action: str, version: MessageTemplateVersion, actor: User, now: datetime) -> None:
    record_event(
        stream=f"template:{version.template.key}:{version.template.channel}",
        action=action,
        actor=actor,
        at=now,
        payload={"number": version.number},
    )
