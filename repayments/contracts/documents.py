"""Turns data into paper: PDF/A-3a files that hold the data they were made from.

The one importer of typst. A document is a typst source of ours and a mapping of finished text; the
mapping travels as JSON and is never read as markup, so ``#``, ``$`` or ``<b>`` in a name are
printed as they stand. The same inputs give the same bytes in any process. A character the font
lacks stops the render: a box in a signed contract would be beyond repair. The module refuses to
know models, money, signatures and translations in progress: every value is text already.
"""

import hashlib
import json
import re
import struct
import unicodedata
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict

from fontTools.ttLib import TTFont

if TYPE_CHECKING:
    import typst

HERE = Path(__file__).parent
FONTS = HERE / "fonts"
TYPST = HERE / "typst"
ATTACHMENT = "contract.json"
FIELDS_ATTACHMENT = "fields.json"
ENGINE_VERSION = f"typst {metadata.version('typst')}"
DRAWING_MAX_BYTES = 200_000
DRAWING_MAX_SIDE = 2000
ATTACHMENT_MAX_BYTES = 5_000_000

# They print nothing, yet turn what stands beside them around: "001" could read as "100".
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Printed as nothing or as a space; the font needs no picture of them.
_BLANK = frozenset("\t\n\u00ad\u200b\u200c\u200d\u200e\u200f\u2060")
_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")


class LabelValue(TypedDict):
    label: str
    value: str


class Party(TypedDict):
    name: str
    lines: list[LabelValue]
    reference: NotRequired[str]


class CostItem(TypedDict):
    """One interest or fee item of the cost table, who collects it included."""

    item: str
    method: str
    rate: str
    collector: str


class CostTable(TypedDict):
    """The all-in cost table (CN-R1); default costs stand apart, the last sentence is required."""

    title: str
    principal: LabelValue | None
    items: list[CostItem]
    all_in_cost: LabelValue
    basis: str
    default_costs: list[CostItem]
    no_other_charges: str


class Clause(TypedDict):
    number: str
    heading: str
    paragraphs: list[str]


class ClauseText(TypedDict):
    """A clause of a template, before its ``{placeholders}`` are filled."""

    heading: str
    paragraphs: list[str]


class ScheduleTable(TypedDict):
    """``align`` holds "left" or "right" a column; ``total`` is empty or one cell a column."""

    title: str
    columns: list[str]
    align: list[str]
    rows: list[list[str]]
    total: list[str]
    note: str


class SignatureBlock(TypedDict):
    intro: str
    facts: list[LabelValue]
    notes: list[str]


class ContractData(TypedDict):
    """All a contract says, as finished text; the PDF and the reading page are both made of it.

    ``kind`` is loan, plan, settlement or another code of the caller; ``locale`` is "zh-hans" or
    "en"; ``labels`` come from `labels_for`.
    """

    reference: str
    kind: str
    locale: str
    title: str
    subtitle: NotRequired[str]
    governing_language: str
    lender: Party
    borrower: Party
    key_terms: list[LabelValue]
    cost_table: CostTable | None
    clauses: list[Clause]
    schedule: ScheduleTable | None
    signature_block: SignatureBlock
    labels: dict[str, str]


class ReceiptData(TypedDict):
    """A receipt, statement or settlement letter; ``total`` is printed large."""

    reference: str
    kind: str
    locale: str
    title: str
    subtitle: NotRequired[str]
    lender: Party
    addressee: str
    opening: list[str]
    total: LabelValue | None
    lines: list[LabelValue]
    table: NotRequired[ScheduleTable]
    paragraphs: list[str]
    dated: str
    labels: dict[str, str]


# Words of the paper itself. They are part of the document's data and not of the site's translation:
# a frozen contract must not change when a translator rewords a page.
LABELS: dict[str, dict[str, str]] = {
    "zh-hans": {
        "number": "编号：{reference}",
        "page": "第 {page} 页，共 {pages} 页",
        "key_terms": "主要条款",
        "cost_item": "项目",
        "cost_method": "收取方式",
        "cost_rate": "标准",
        "cost_collector": "收取主体",
        "default_costs": "违约情形下的费用",
        "parties": "合同双方",
        "lender": "出借人",
        "borrower": "借款人",
        "clauses": "合同条款",
        "signatures": "签署页",
        "attachment": "本文件所依据的数据",
        "fields": "签名位置",
        "signed_by": "电子签名",
        "sealed_by": "电子签章",
    },
    "en": {
        "number": "No. {reference}",
        "page": "Page {page} of {pages}",
        "key_terms": "Key terms",
        "cost_item": "Item",
        "cost_method": "How it is charged",
        "cost_rate": "Rate",
        "cost_collector": "Collected by",
        "default_costs": "Costs only if payments are missed",
        "parties": "The parties",
        "lender": "Lender",
        "borrower": "Borrower",
        "clauses": "Terms of the contract",
        "signatures": "Signatures",
        "attachment": "The data this document was made from",
        "fields": "Where the signatures stand",
        "signed_by": "Signed electronically",
        "sealed_by": "Sealed electronically",
    },
}


class DocumentError(Exception):
    """The document could not be made or read; nothing was produced."""


class MissingGlyph(DocumentError):
    """Text holds characters that cannot be printed.

    Attributes:
        characters: the offending characters, each once; empty if the engine did not name them.
    """

    def __init__(self, characters: Iterable[str]) -> None:
        self.characters = list(dict.fromkeys(characters))
        named = ", ".join(
            f"{c} (U+{ord(c[0]):04X})" if c.isprintable() else repr(c) for c in self.characters
        )
        super().__init__(f"characters that cannot be printed: {named}")


class ClauseError(DocumentError):
    """A template names a placeholder that is unknown, unfilled, or not well formed."""


class AttachmentMissing(DocumentError):
    """The file holds no such attachment in the form `render` writes."""


def labels_for(locale: str) -> dict[str, str]:
    """Return the paper's own words, in Chinese for any ``zh`` locale, else in English."""
    return dict(LABELS["zh-hans" if locale.lower().startswith("zh") else "en"])


def template_source(name: str) -> str:
    """Return the typst source of a kind: "contract", "receipt", "letter" or "evidence"."""
    if name not in ("contract", "receipt", "letter", "evidence"):
        raise DocumentError(f"no such document kind: {name}")
    return (TYPST / f"{name}.typ").read_text(encoding="utf-8")


@cache
def font_set_sha256() -> str:
    """Return a hash over every font file and the shared layout, for the record of a template."""
    digest = hashlib.sha256()
    for path in [*sorted(FONTS.glob("*.ttf")), *sorted(TYPST.glob("*.typ"))]:
        digest.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def find_unprintable(text: str) -> list[str]:
    """Return the characters of ``text`` that a document cannot print, each once, in order.

    For checks at entry. Reads the character map of the full regular font. Direction overrides are
    refused too: they print nothing but can make a number read backwards.
    """
    covered = _covered()
    return list(
        dict.fromkeys(
            char
            for char in text
            if char in _TURNING
            or (ord(char) not in covered and char not in _BLANK)
            or unicodedata.category(char) == "Cs"
        )
    )


def drop_unprintable(text: str) -> str:
    """Leave out of a name what a document cannot print, where a paper is better than none."""
    missing = set(find_unprintable(text))
    return "".join(char for char in text if char not in missing)


def render(*, template: str, data: Mapping[str, Any], timestamp: datetime) -> bytes:
    """Render a document as PDF/A-3a with ``data`` attached as ``contract.json``.

    Args:
        template: typst source, as from `template_source`. It may import ``/layout.typ`` and
            nothing else: packages would be fetched over the network.
        data: finished text, JSON values only; `ContractData` or `ReceiptData`.
        timestamp: aware; the document's date. With the same inputs the bytes are the same.
    Raises:
        MissingGlyph: a character cannot be printed.
        DocumentError: the template does not compile with this data.
    """
    if timestamp.tzinfo is None:
        raise ValueError("timestamp must be aware")
    if re.search(r"""["']@""", template):
        raise DocumentError("a template may not import packages")
    unprintable = find_unprintable("".join(_texts(data)))
    if unprintable:
        raise MissingGlyph(unprintable)
    return _compile(template, data, timestamp=timestamp, standard="a-3a")


def render_contract(data: ContractData, *, timestamp: datetime) -> bytes:
    """Render a contract; see `render`."""
    return render(template=template_source("contract"), data=data, timestamp=timestamp)


def render_receipt(data: ReceiptData, *, timestamp: datetime) -> bytes:
    """Render a receipt or statement; see `render`."""
    return render(template=template_source("receipt"), data=data, timestamp=timestamp)


def render_letter(data: ReceiptData, *, timestamp: datetime) -> bytes:
    """Render a letter with a place for the lender's seal; see `render`."""
    return render(template=template_source("letter"), data=data, timestamp=timestamp)


def render_stamp(
    *,
    name: str,
    heading: str,
    lines: Sequence[str],
    width: float,
    height: float,
    timestamp: datetime,
    image: bytes = b"",
    tone: str = "signature",
) -> bytes:
    """Render what is seen of a signature: a one-page PDF of the box's size (points).

    Args:
        image: a drawn signature as PNG, at most 200 kB and 2000 pixels a side, or empty.
        tone: "signature" (ink) or "seal" (red).
    Raises: MissingGlyph; DocumentError when the image is not such a PNG.
    """
    if image:
        # A PNG names its width and height in its first chunk; a few bytes can claim gigabytes.
        sides = struct.unpack(">II", image[16:24]) if len(image) >= 24 else (0, 0)
        if (
            len(image) > DRAWING_MAX_BYTES
            or not image.startswith(b"\x89PNG\r\n\x1a\n")
            or not all(0 < side <= DRAWING_MAX_SIDE for side in sides)
        ):
            raise DocumentError("the drawing is not a PNG of at most 200 kB and 2000 pixels a side")
    data = {
        "name": name,
        "heading": heading,
        "lines": list(lines),
        "width": width,
        "height": height,
        "tone": tone,
        "image": list(image),
    }
    unprintable = find_unprintable("".join([name, heading, *lines]))
    if unprintable:
        raise MissingGlyph(unprintable)
    source = (TYPST / "stamp.typ").read_text(encoding="utf-8")
    return _compile(source, data, timestamp=timestamp, standard="a-2b", tags=False)


def read_attachment(pdf: bytes, name: str = ATTACHMENT) -> dict[str, Any]:
    """Take the JSON out of a document made by `render`, sealed or not.

    Reads the first revision alone, as `render` writes it; what was appended later is not looked
    at. No reader of PDF in general; files from outside go through `verification`.

    Raises: AttachmentMissing.
    """
    end = pdf.find(b"%%EOF")
    first = pdf[:end] if end >= 0 else b""
    # A name cannot be forged from inside a stream: the entry must lead to an embedded file. Repeats
    # are bounded, or a file of many beginnings without an end would be searched for minutes.
    found = re.search(
        rb"/Type/Filespec/F\(" + re.escape(name.encode()) + rb"\)[^>]{0,500}?/EF<</F (\d+) 0 R",
        first,
    )
    if found is None:
        raise AttachmentMissing(name)
    head = re.search(
        rb"\n" + found[1] + rb" 0 obj\s*<<((?:[^>]|>(?!>\s*stream)){0,1000})>>\s*stream\r?\n", first
    )
    length = re.search(rb"/Length (\d+)", head[1]) if head else None
    if head is None or length is None or b"/Type/EmbeddedFile" not in head[1]:
        raise AttachmentMissing(name)
    raw = first[head.end() : head.end() + int(length[1])]
    try:
        if b"/FlateDecode" in head[1]:
            raw = zlib.decompressobj().decompress(raw, ATTACHMENT_MAX_BYTES)
        value = json.loads(raw)
    except (zlib.error, ValueError) as error:
        raise AttachmentMissing(name) from error
    if not isinstance(value, dict):
        raise AttachmentMissing(name)
    return value


def placeholders(body: Sequence[ClauseText]) -> set[str]:
    """Return the names a template's clauses ask for.

    Raises: ClauseError when a brace is not part of a ``{flat_name}``.
    """
    names: set[str] = set()
    for text in _clause_texts(body):
        names.update(_PLACEHOLDER.findall(text))
        if re.search(r"[{}]", _PLACEHOLDER.sub("", text)):
            raise ClauseError(f"a brace that is no placeholder: {text[:80]}")
    return names


def fill_clauses(
    body: Sequence[ClauseText],
    values: Mapping[str, str],
    allowed: Collection[str],
    *,
    locale: str = "en",
) -> list[Clause]:
    """Number a template's clauses and put values in place of ``{names}``.

    Args:
        body: the template's clauses, ``[{"heading": …, "paragraphs": […]}]``.
        values: finished text by name; a value is never searched for placeholders itself.
        allowed: the names a template may use.
        locale: decides how clauses are numbered (第一条, or 1.).
    Raises: ClauseError for a name that is not allowed or has no value.
    """
    asked = placeholders(body)
    for problem, names in (
        ("not allowed", asked - set(allowed)),
        ("without a value", asked - set(values)),
    ):
        if names:
            raise ClauseError(f"placeholders {problem}: {', '.join(sorted(names))}")

    def fill(text: str) -> str:
        return _PLACEHOLDER.sub(lambda match: values[match[1]], text)

    return [
        Clause(
            number=clause_number(index, locale),
            heading=fill(clause["heading"]),
            paragraphs=[fill(paragraph) for paragraph in clause["paragraphs"]],
        )
        for index, clause in enumerate(body, start=1)
    ]


def clause_number(number: int, locale: str) -> str:
    """Return "3." or, in Chinese, "第三条"; for 1 to 99."""
    if not locale.lower().startswith("zh"):
        return f"{number}."
    digits = "〇一二三四五六七八九"
    tens, ones = divmod(number, 10)
    text = ("" if tens == 0 else "十" if tens == 1 else f"{digits[tens]}十") + (
        digits[ones] if ones else ""
    )
    return f"第{text}条"


def _clause_texts(body: Sequence[ClauseText]) -> Iterable[str]:
    for clause in body:
        if set(clause) != {"heading", "paragraphs"}:
            raise ClauseError("a clause has a heading and paragraphs, nothing else")
        yield clause["heading"]
        yield from clause["paragraphs"]


def _texts(value: object) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)


@cache
def _covered() -> frozenset[int]:
    with TTFont(FONTS / "NotoSansSC-Regular.ttf", lazy=True) as font:
        return frozenset(font.getBestCmap()) - {0xFEFF}  # PDF/A forbids the byte order mark


@cache
def _fonts() -> "typst.Fonts":
    import typst

    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(FONTS)]
    )


def _compile(
    source: str, data: Mapping[str, Any], *, timestamp: datetime, standard: Any, tags: bool = True
) -> bytes:
    # Imported where it works: 80 MB resident, which web processes that only read do without.
    import typst

    text = json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    try:
        # Its types want root to be bytes as the source is; at run time root must be str.
        return typst.compile(  # type: ignore[type-var]
            source.encode(),
            root=str(TYPST),
            font_paths=_fonts(),
            ignore_system_fonts=True,
            sys_inputs={"data": text},
            pdf_standards=[standard],
            # A whole second: the engine takes no fraction.
            timestamp=int(timestamp.timestamp()),
            pdf_tags=tags,
        )
    except typst.TypstError as error:
        missing = re.findall(r'the text `"(.+?)"` could not be displayed', error.diagnostic)
        if missing:
            raise MissingGlyph(missing) from error
        raise DocumentError(error.diagnostic or error.message) from error
