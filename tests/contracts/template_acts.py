"""Acts on templates that several tests share."""

from dataclasses import replace
from typing import Any

from accounts.models import User
from repayments.contracts.documents import ClauseText
from repayments.contracts.models import ContractTemplate
from repayments.contracts.services import templates as services
from repayments.contracts.template_words import Pair
from tests.factories.contracts import NOW


def template_of(kind: str = "loan") -> ContractTemplate:
    return ContractTemplate.objects.get(kind=kind)


def published_pair(kind: str = "loan") -> Pair:
    template = template_of(kind)
    number = template.versions.filter(status="published").values_list("number", flat=True)[0]
    return services.get_pair(template, number)[0]


def draft_by(author: User, kind: str = "loan") -> int:
    template = template_of(kind)
    number = template.versions.order_by("-number").values_list("number", flat=True)[0]
    return services.start_template_version(
        template_id=template.pk, from_number=number, actor=author, now=NOW
    )


def edit(number: int, pair: Pair, author: User, *, kind: str = "loan", seen: str = "") -> None:
    template = template_of(kind)
    services.edit_template_version(
        template_id=template.pk,
        number=number,
        pair=pair,
        seen=seen or services.get_pair(template, number)[0].sha256,
        actor=author,
        now=NOW,
    )


def publish(number: int, actor: User, *, kind: str = "loan", seen: str = "") -> None:
    template = template_of(kind)
    services.publish_template_version(
        template_id=template.pk,
        number=number,
        seen=seen or services.get_pair(template, number)[0].sha256,
        actor=actor,
        now=NOW,
    )


def with_text(pair: Pair, locale: str, clause: int, text: str) -> Pair:
    """Add a paragraph to a clause (from 1) of one language."""
    body = list(pair.bodies[locale])
    body[clause - 1] = ClauseText(
        heading=body[clause - 1]["heading"], paragraphs=[*body[clause - 1]["paragraphs"], text]
    )
    return replace(pair, bodies={**pair.bodies, locale: body})


def without_clause(pair: Pair, clause: int, *locales: str) -> Pair:
    bodies = dict(pair.bodies)
    for locale in locales or tuple(bodies):
        body = list(bodies[locale])
        del body[clause - 1]
        bodies[locale] = body
    return replace(pair, bodies=bodies)


def statuses(kind: str = "loan") -> list[tuple[int, str]]:
    rows = template_of(kind).versions.order_by("number", "locale")
    return list(rows.values_list("number", "status"))


def posted(pair: Pair, seen: str, **changes: Any) -> dict[str, Any]:
    """What a browser sends of the page that shows these words."""
    from repayments.contracts.template_form import TemplateForm

    form = TemplateForm(pair=pair, seen=seen)
    return {name: form[name].value() for name in form.fields} | changes
