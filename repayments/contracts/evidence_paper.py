"""From facts to the evidence file: every value in words, in the contract's language.

The words are part of the paper. The module reads finished facts; it refuses to know rows, clocks
and certificates.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict
from zoneinfo import ZoneInfo

from repayments.contracts.documents import LabelValue, drop_unprintable, labels_for
from repayments.contracts.event_wording import describe, sentence_of, write_utc
from repayments.contracts.evidence_wording import WORDS
from repayments.contracts.qr import draw_matrix

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class PartyFacts:
    """``role`` is a party of the contract's signatures; ``reference`` is masked already."""

    role: str
    name: str
    reference: str = ""


@dataclass(frozen=True)
class SignatureFacts:
    """One signature; the certificate's part is empty where it left no seal of its own."""

    order: int
    role: str
    name: str
    mode: str
    signed_at: datetime
    doc_sha256: str
    method: str = ""
    sent_to: str = ""
    consent_version: str = ""
    consent_text_sha256: str = ""
    subject: str = ""
    issuer: str = ""
    serial: str = ""
    fingerprint: str = ""
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    tsa_name: str = ""
    tsa_time: datetime | None = None


@dataclass(frozen=True)
class ConsentFacts:
    text: str
    version: str
    sha256: str
    at: datetime


@dataclass(frozen=True)
class EventFacts:
    """``who`` is "portal", "borrower", "staff" or "other"; ``who_name`` a number or a name."""

    seq: int
    at: datetime
    action: str
    payload: dict[str, Any]
    hash: str
    who: str
    who_name: str = ""


@dataclass(frozen=True)
class EvidenceFacts:
    """All an evidence file says; hashes are hex, ``frozen_size`` counts bytes."""

    reference: str
    contract_reference: str
    contract_title: str
    locale: str
    zone: str
    verify_address: str
    verify_code: str
    lender_name: str
    completed_at: datetime
    template: str
    body_sha256: str
    fonts_sha256: str
    engine: str
    terms_sha256: str
    frozen_sha256: str
    frozen_size: int
    final_sha256: str
    level: str
    parties: Sequence[PartyFacts]
    consents: Sequence[ConsentFacts]
    signatures: Sequence[SignatureFacts]
    events: Sequence[EventFacts]


class Group(TypedDict):
    heading: str
    facts: list[LabelValue]


class Section(TypedDict):
    title: str
    intro: str
    groups: list[Group]
    note: str


class EventRow(TypedDict):
    number: str
    times: list[str]
    text: str
    who: str
    details: list[LabelValue]


class EvidenceData(TypedDict):
    """The file as finished text; the PDF and the page are both made of it. ``qr``: see `qr`."""

    reference: str
    kind: str
    locale: str
    title: str
    subtitle: str
    lender: dict[str, Any]
    about: list[str]
    check: dict[str, Any]
    sections: list[Section]
    origins: dict[str, Any]
    events: dict[str, Any]
    chain: Section
    statements: list[dict[str, Any]]
    offline: dict[str, Any]
    labels: dict[str, str]


def build_evidence(facts: EvidenceFacts) -> EvidenceData:
    """Put the facts into words. What cannot be printed is left out rather than the evidence."""
    paper = _Paper(facts)
    words = paper.words
    data: EvidenceData = {
        "reference": facts.reference,
        "kind": "evidence",
        "locale": facts.locale,
        "title": words["title"],
        "subtitle": words["subtitle"].format(
            title=facts.contract_title, reference=facts.contract_reference
        ),
        "lender": {"name": facts.lender_name, "lines": []},
        "about": [words["about"], words["sealed"].format(zone=facts.zone)],
        "check": paper.check(),
        "sections": [paper.contract(), paper.parties(), paper.consents(), paper.signatures()],
        "origins": paper.origins(),
        "events": paper.events(),
        "chain": paper.chain(),
        "statements": paper.statements(),
        "offline": {
            "title": words["offline"],
            "intro": words["offline_intro"],
            "steps": [words[f"offline_{step}"] for step in ("hash", "pdfsig", "openssl", "events")],
        },
        "labels": labels_for(facts.locale),
    }
    printable: EvidenceData = _printable(data)
    return printable


def mask(number: str) -> str:
    """Hide the middle of a number: "SB-00017" becomes "SB***17"."""
    return f"{number[:2]}***{number[-2:]}" if len(number) > 5 else "***"


class _Paper:
    """The facts of one file in the words of one language."""

    def __init__(self, facts: EvidenceFacts) -> None:
        self.facts, self.words = facts, WORDS[facts.locale]
        self.zone = ZoneInfo(facts.zone)
        # Printed in full above the events; there, their beginning is enough to know them by.
        self.hashes = {facts.frozen_sha256, facts.final_sha256, facts.terms_sha256}
        self.hashes |= {facts.body_sha256, facts.fonts_sha256}
        self.hashes |= {one.sha256 for one in facts.consents}
        for one in facts.signatures:
            self.hashes |= {one.doc_sha256, one.consent_text_sha256, one.fingerprint}
        self.hashes.discard("")
        self.letters: dict[tuple[str, str, str], str] = {}
        for event in facts.events:
            origin = _origin_of(event)
            if any(origin):
                self.letters.setdefault(origin, _letter(len(self.letters)))

    def times(self, moment: datetime) -> list[str]:
        """Write a moment in UTC and on the lender's clock, each with its zone."""
        local = moment.astimezone(self.zone)
        return [write_utc(moment), f"{local:%Y-%m-%d %H:%M:%S} {self.facts.zone}"]

    def moment(self, moment: datetime) -> str:
        return " · ".join(self.times(moment))

    def role(self, party: str) -> str:
        return self.words.get(f"role_{party}") or self.words["role_other"].format(party=party)

    def lines(self, *pairs: tuple[str, str]) -> list[LabelValue]:
        """Label the values that are there; keys are of the fixed words."""
        return [{"label": self.words[key], "value": value} for key, value in pairs if value]

    def check(self) -> dict[str, Any]:
        facts, words = self.facts, self.words
        address = f"{facts.verify_address}?code={facts.verify_code}"
        return {
            "title": words["check"],
            "text": words["check_text"],
            "qr": draw_matrix(address),
            "alt": words["qr_alt"].format(address=address),
            "lines": self.lines(("address", facts.verify_address), ("code", facts.verify_code)),
        }

    def contract(self) -> Section:
        facts = self.facts
        lines = self.lines(
            ("contract_title", facts.contract_title),
            ("reference", facts.contract_reference),
            ("completed", self.moment(facts.completed_at)),
            ("level", self.words.get(f"level_{facts.level}", facts.level)),
            ("final_sha256", facts.final_sha256),
            ("unsigned_sha256", facts.frozen_sha256),
            ("terms_sha256", facts.terms_sha256),
            ("template", facts.template),
            ("body_sha256", facts.body_sha256),
            ("fonts_sha256", facts.fonts_sha256),
            ("engine", facts.engine),
        )
        note = self.words["final_note"].format(size=f"{facts.frozen_size:,}")
        return _section(self.words["contract"], [{"heading": "", "facts": lines}], note=note)

    def parties(self) -> Section:
        lines: list[LabelValue] = []
        for party in self.facts.parties:
            lines.append({"label": self.role(party.role), "value": party.name})
            lines += self.lines(("masked_reference", party.reference))
        return _section(self.words["parties"], [{"heading": "", "facts": lines}])

    def consents(self) -> Section:
        groups: list[Group] = [
            {
                "heading": one.text,
                "facts": self.lines(
                    ("signed_at", self.moment(one.at)),
                    ("consent_version", one.version),
                    ("consent_sha256", one.sha256),
                ),
            }
            for one in self.facts.consents
        ]
        return _section(self.words["consents"], groups)

    def signatures(self) -> Section:
        return _section(
            self.words["signatures"], [self.signature(s) for s in self.facts.signatures]
        )

    def signature(self, one: SignatureFacts) -> Group:
        words = self.words
        confirmed = ""
        if one.method:
            key = f"by_{one.method}" if f"by_{one.method}" in words else "by_other"
            confirmed = words[key].format(method=one.method, address=one.sent_to)
        validity = ""
        if one.valid_from and one.valid_until:
            validity = words["from_to"].format(
                start=write_utc(one.valid_from), end=write_utc(one.valid_until)
            )
        return {
            "heading": words["signature_of"].format(
                order=one.order, role=self.role(one.role), name=one.name
            ),
            "facts": self.lines(
                ("how", words[f"by_{one.mode}"]),
                ("signed_at", self.moment(one.signed_at)),
                ("method", confirmed),
                ("consent_version", one.consent_version),
                ("consent_text_sha256", one.consent_text_sha256),
                ("doc_sha256", one.doc_sha256),
                ("certificate", one.subject),
                ("issuer", one.issuer),
                ("serial", one.serial),
                ("fingerprint", one.fingerprint),
                ("validity", validity),
                ("tsa", one.tsa_name),
                ("tsa_time", self.moment(one.tsa_time) if one.tsa_time else ""),
            ),
        }

    def origins(self) -> dict[str, Any]:
        words = self.words
        return {
            "title": words["origins"],
            "intro": words["origins_intro"],
            "columns": [words[key] for key in ("origin", "ip", "device", "session")],
            # The start of the hash tells sessions apart; the whole of it is in the kit.
            "rows": [
                [letter, ip, device, session[:16]]
                for (ip, device, session), letter in self.letters.items()
            ],
        }

    def events(self) -> dict[str, Any]:
        words = self.words
        return {
            "title": words["events"],
            "intro": words["events_intro"],
            "columns": [words["number"], words["when"], words["what"]],
            "rows": [self.event(event) for event in self.facts.events],
        }

    def event(self, event: EventFacts) -> EventRow:
        words = self.words
        who = words[f"who_{event.who}"].format(number=event.who_name, name=event.who_name)
        letter = self.letters.get(_origin_of(event))
        if letter:
            who = f"{who} · {words['from_origin'].format(letter=letter)}"
        return {
            "number": str(event.seq),
            "times": self.times(event.at),
            "text": sentence_of(event.action, self.facts.locale),
            "who": who,
            "details": [
                {"label": label, "value": f"{value[:16]}…" if value in self.hashes else value}
                for label, value in describe(event.payload, self.facts.locale)
            ],
        }

    def chain(self) -> Section:
        last = self.facts.events[-1]
        lines = self.lines(("chain_length", str(last.seq)), ("chain_head", last.hash))
        return _section(
            self.words["chain"],
            [{"heading": "", "facts": lines}],
            intro=self.words["chain_intro"],
        )

    def statements(self) -> list[dict[str, Any]]:
        """Say what the file shows, only where this contract bears it out, and what it does not."""
        words, facts = self.words, self.facts
        authorities = dict.fromkeys(one.tsa_name for one in facts.signatures if one.tsa_name)
        shows = [words["shows_unchanged"]]
        if authorities:
            shows.append(words["shows_time"].format(tsa=", ".join(authorities)))
        if any(one.method == "otp" for one in facts.signatures):
            shows.append(words["shows_code"])
        shows.append(words["shows_order"])
        not_later = words["not_later"].format(number=facts.events[-1].seq)
        return [
            {"title": words["shows"], "lines": shows},
            {
                "title": words["shows_not"],
                "lines": [words["not_reliable"], words["not_person"], words["not_read"], not_later],
            },
        ]


def _section(title: str, groups: list[Group], *, intro: str = "", note: str = "") -> Section:
    return {"title": title, "intro": intro, "groups": groups, "note": note}


def _origin_of(event: EventFacts) -> tuple[str, str, str]:
    payload = event.payload
    return (
        str(payload.get("ip", "")),
        str(payload.get("user_agent", "")),
        str(payload.get("session", "")),
    )


def _letter(place: int) -> str:
    """Name the places A … Z, AA, AB …"""
    first, last = divmod(place, len(_LETTERS))
    return (_LETTERS[first - 1] if first else "") + _LETTERS[last]


def _printable(value: Any) -> Any:
    if isinstance(value, str):
        return drop_unprintable(value)
    if isinstance(value, dict):
        return {key: _printable(item) for key, item in value.items()}
    return [_printable(item) for item in value] if isinstance(value, list) else value
