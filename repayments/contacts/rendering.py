"""From a template version and flat values to the words that go out.

Placeholders are names in single braces from ``PLACEHOLDERS``, replaced as text: no template engine
sees what staff or borrowers wrote, so there is nothing in a message to evaluate. Every e-mail ends
with where help is and how to change or stop such messages (US-7); it is added here, so no template
can lack it. The module refuses to know why a message is sent.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date

from babel.dates import format_date
from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.template.loader import render_to_string

from accounts.models import Language
from repayments.contacts import secrets
from repayments.contacts.models import Channel, Message, MessageTemplate, MessageTemplateVersion

# Filled in for every message; the rest comes with the message.
STANDING = frozenset({"lender", "phone", "name", "help_link", "stop_link", "account_link"})
GIVEN = frozenset(
    {
        "amount",
        "answer_by",
        "code",
        "date",
        "days",
        "document",
        "link",
        "minutes",
        "number",
        "reason",
        "reference",
        "until",
    }
)
PLACEHOLDERS = STANDING | GIVEN
PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
ADDRESS = re.compile(r"https?://[^\s<>\"，。；）]+")
CLASSES_THAT_STOP = frozenset({"due_notice", "reminder"})
FOOTERS: dict[str, tuple[str, str, str]] = {
    Language.CHINESE: (
        "需要帮助？请看 {help_link} ，或拨打 {phone}。",
        "更改或停止这类邮件：{stop_link}",
        "更改联系方式：{account_link}",
    ),
    Language.ENGLISH: (
        "Need help? See {help_link} or call {phone}.",
        "Change or stop these e-mails: {stop_link}",
        "Change how we reach you: {account_link}",
    ),
}
SAMPLE_NAMES: dict[str, str] = {Language.CHINESE: "林晓", Language.ENGLISH: "Alex Lin"}
SAMPLE_VALUES = {
    "amount": "¥1,050.00",
    "answer_by": "2026-12-01",
    "code": "123456",
    "date": "2026-12-01",
    "days": "7",
    "document": "C-2026-001",
    "link": "/",
    "minutes": "5",
    "number": "L-2026-001",
    "reason": "…",
    "reference": "P-2026-001",
    "until": "2026-12-01",
}
_signer = Signer(salt="contacts.stop")


class RenderError(Exception):
    """The words cannot be made: a value is missing, or who writes is not said (CN-7)."""


@dataclass(frozen=True)
class Rendered:
    """What goes out. ``html`` and ``headers`` are for e-mail alone."""

    subject: str
    text: str
    html: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def names_in(*texts: str) -> set[str]:
    """List the placeholders that texts use, allowed or not."""
    return {name for text in texts for name in PLACEHOLDER.findall(text)}


def needed_values(version: MessageTemplateVersion) -> set[str]:
    """List what a message of this version must bring; ``link`` falls back to the home page."""
    texts = (version.subject_zh, version.subject_en, version.text_zh, version.text_en)
    return names_in(*texts) - STANDING - {"link"}


def used_values(version: MessageTemplateVersion) -> set[str]:
    texts = (version.subject_zh, version.subject_en, version.text_zh, version.text_en)
    return names_in(*texts) - STANDING


def render(
    *,
    version: MessageTemplateVersion,
    language: str,
    name: str,
    values: Mapping[str, str],
    stop_link: str = "",
) -> Rendered:
    """Put values into the words of one language.

    Args:
        version: with its template.
        language: a ``Language``.
        name: whom it addresses.
        values: flat texts; ISO dates are written out in the language, a link that starts with "/"
            gets the site's address.
        stop_link: where such messages are stopped; empty for those that cannot be.
    Raises: RenderError.
    """
    template = version.template
    chinese = language != Language.ENGLISH
    filled = _standing_values(name, stop_link) | {
        key: _written(key, value, language) for key, value in values.items() if key in GIVEN
    }
    filled.setdefault("link", f"{settings.SITE_URL}/")
    subject = " ".join(_fill(version.subject_zh if chinese else version.subject_en, filled).split())
    text = _fill(version.text_zh if chinese else version.text_en, filled).strip()
    if settings.LENDER_NAME not in text:
        raise RenderError(f"{template.key} does not say who writes")
    if template.channel != Channel.EMAIL:
        return Rendered(subject="", text=text)
    text = "\n\n".join([text, *_footer(template, language, filled)])
    html = render_to_string(
        "messages/email.html",
        {
            "language": "zh-Hans" if chinese else "en",
            "subject": subject,
            "paragraphs": paragraphs(text),
        },
    )
    return Rendered(subject=subject, text=text, html=html, headers=_headers(template, stop_link))


def render_message(message: Message) -> Rendered:
    """Make the words of a stored message, its secret values included.

    Raises: RenderError, SecretUnreadable.
    """
    version = message.template_version
    stoppable = can_be_stopped(version.template) and message.borrower_id is not None
    return render(
        version=version,
        language=message.language,
        name=message.borrower.legal_name if message.borrower else "",
        values={**message.context, **secrets.decrypt(message.secret)},
        stop_link=stop_link_for(message.public_id) if stoppable else "",
    )


def preview(version: MessageTemplateVersion, language: str) -> Rendered:
    """Make the words of a version with sample values, for whoever is about to publish them.

    Raises: RenderError.
    """
    return render(
        version=version,
        language=language,
        name=SAMPLE_NAMES[language],
        values=SAMPLE_VALUES,
        stop_link=f"{settings.SITE_URL}/messages/stop/…/",
    )


def paragraphs(text: str) -> list[list[tuple[str, str]]]:
    """Cut a text at its empty lines, and each part into (kind, text): text, link or break."""
    return [list(_pieces(part)) for part in text.split("\n\n")]


def stop_token(public_id: object) -> str:
    """Sign the message's public id, so that its link stops messages without a sign-in."""
    return _signer.sign(str(public_id))


def read_stop_token(token: str) -> str | None:
    """Give the message's public id back; None for a token that is not ours."""
    try:
        return _signer.unsign(token)
    except BadSignature:
        return None


def stop_link_for(public_id: object) -> str:
    return f"{settings.SITE_URL}/messages/stop/{stop_token(public_id)}/"


def can_be_stopped(template: MessageTemplate) -> bool:
    return template.message_class in CLASSES_THAT_STOP


def _standing_values(name: str, stop_link: str) -> dict[str, str]:
    return {
        "lender": settings.LENDER_NAME,
        "phone": settings.LENDER_PHONE,
        "name": name,
        "help_link": f"{settings.SITE_URL}/help/",
        "account_link": f"{settings.SITE_URL}/account/",
        "stop_link": stop_link,
    }


def _written(key: str, value: str, language: str) -> str:
    if key == "link" and value.startswith("/"):
        return f"{settings.SITE_URL}{value}"
    if key == "link" and not value.startswith(f"{settings.SITE_URL}/"):
        raise RenderError("a link leads to another site")
    if ISO_DATE.fullmatch(value):
        if language == Language.ENGLISH:
            return format_date(date.fromisoformat(value), format="d MMMM y", locale="en")
        return format_date(date.fromisoformat(value), format="y年M月d日", locale="zh_Hans")
    return value


def _fill(text: str, values: Mapping[str, str]) -> str:
    missing = names_in(text) - set(values)
    if missing:
        raise RenderError(f"no value for {', '.join(sorted(missing))}")
    return PLACEHOLDER.sub(lambda match: values[match[1]], text)


def _footer(template: MessageTemplate, language: str, values: Mapping[str, str]) -> list[str]:
    help_line, stop_line, account_line = FOOTERS[language]
    second = stop_line if can_be_stopped(template) and values["stop_link"] else account_line
    return [f"{_fill(help_line, values)}\n{_fill(second, values)}"]


def _headers(template: MessageTemplate, stop_link: str) -> dict[str, str]:
    if not (stop_link and can_be_stopped(template)):
        return {}
    return {
        "List-Unsubscribe": f"<{stop_link}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def _pieces(paragraph: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(paragraph.split("\n")):
        if number:
            yield "break", ""
        start = 0
        for match in ADDRESS.finditer(line):
            end = match.start() + len(match[0].rstrip(".,;:!?)"))
            yield "text", line[start : match.start()]
            yield "link", line[match.start() : end]
            start = end
        yield "text", line[start:]
