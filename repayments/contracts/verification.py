"""Tells whether a PDF is a contract of this lender, unchanged and whole.

A file whose hash is on record as a final copy is genuine without being parsed. Any other file is
read in a child process (`isolation`); what it reports is then held against what the record expects,
by `judge`, which is pure. A hostile file ends in a verdict with a reason. The module refuses to
know how a PDF is read, and models: hash lookup and expectations are passed in.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation.status import SignatureCoverageLevel

from . import isolation
from .inspecting import Report, SignatureReport, Trust, inspect_pdf

MAX_BYTES = 10 * 1024 * 1024
# On record as these, a final copy, whole in itself; and what is said of it.
FINAL_KINDS = {
    "final": "on_record",
    "evidence": "evidence_on_record",
    "letter": "letter_on_record",
}
# On record too, and unchanged, but withdrawn: what it says no longer holds.
VOID_LETTER = "letter_void"
VerdictCode = Literal["genuine", "valid_not_final", "invalid"]
GENUINE: Literal["genuine"] = "genuine"
VALID_NOT_FINAL: Literal["valid_not_final"] = "valid_not_final"
INVALID: Literal["invalid"] = "invalid"

REASONS: dict[str, Promise] = {
    "on_record": _("This is our final copy, unchanged."),
    "evidence_on_record": _("This is our record of how a contract was signed, unchanged."),
    "letter_on_record": _(
        "This is our settlement letter, unchanged. It is in force: nothing is owed on the loan it "
        "names."
    ),
    "letter_void": _(
        "This is our settlement letter, unchanged, but it is void: we withdrew it after it was "
        "issued. What it says about the loan no longer holds."
    ),
    "rule_holds": _(
        "Every signature is in place and valid, but this is not our final copy of the file."
    ),
    "too_large": _("The file is larger than 10 MB."),
    "not_a_pdf": _("The file is not a PDF."),
    "encrypted": _("The file is protected by a password."),
    "unreadable": _("The file is damaged or built in a way that cannot be checked."),
    "limits_exceeded": _("Checking the file took too much time or memory."),
    "no_signatures": _("The file bears no signature."),
    "unknown_document": _("The file does not belong to any contract on record."),
    "not_this_contract": _("The file belongs to another contract."),
    "frozen_part_changed": _("The contract inside differs from the one that was signed."),
    "signature_missing": _("A signature that belongs to this contract is missing."),
    "signature_unexpected": _("The file bears a signature that does not belong to this contract."),
    "certificate_unexpected": _("A signature was made with a certificate that is not ours."),
    "signature_broken": _("The file was changed after it was signed."),
    "untrusted": _("A signature was made with a certificate nobody trusted vouches for."),
    "revoked": _("A signature was made with a certificate that had been revoked."),
    "time_stamp_invalid": _("The time stamp of a signature is missing or not valid."),
    "changed_after_signing": _("Something was added to the file after it was signed."),
    "on_record_but_invalid": _("The file is our stored copy, but it fails the check."),
}


@dataclass(frozen=True)
class ExpectedSignature:
    """A signature a contract must bear: its field and the SHA-256 of its certificate."""

    field: str
    cert_fingerprint: str


@dataclass(frozen=True)
class Expected:
    """What the record says of a contract; ``signatures`` in the order they were made.

    ``frozen_sha256`` and ``frozen_size`` (bytes) describe the unsigned file, which must be an
    exact prefix; ``reference`` is the contract's, if it must be this one and no other.
    """

    signatures: tuple[ExpectedSignature, ...]
    frozen_sha256: str = ""
    frozen_size: int = 0
    reference: str = ""


@dataclass(frozen=True)
class Verdict:
    """The answer. ``reason`` is a code of `REASONS`, ``text`` its sentence for the reader."""

    verdict: VerdictCode
    reason: str
    sha256: str = ""
    reference: str = ""
    revisions: int = 0
    signatures: tuple[SignatureReport, ...] = ()

    @property
    def text(self) -> str:
        return str(REASONS[self.reason])

    def as_json(self) -> dict[str, Any]:
        """Return ``verdict``, ``reason``, ``text``, ``sha256`` and ``signatures`` as plain data."""
        return {
            "verdict": self.verdict,
            "reason": self.reason,
            "text": self.text,
            "sha256": self.sha256,
            "revisions": self.revisions,
            "signatures": [asdict(signature) for signature in self.signatures],
        }


def verify_pdf(
    pdf: bytes,
    *,
    expected: Expected | Callable[[str], Expected | None] | None,
    trust: Trust,
    known_kind: Callable[[str], str | None] = lambda sha256: None,
    parse_known: bool = False,
    isolated: bool = True,
) -> Verdict:
    """Give the verdict on a file.

    Args:
        expected: what the record expects, or a lookup by the reference found in the file (which
            only selects the record; the frozen part proves it), or None when nothing is known.
        known_kind: tells as what kind of file a SHA-256 (hex) is on record, if at all: a kind of
            revision, "letter" or "letter_void".
        parse_known: check even a file on record, and answer "invalid" if it fails: a stored copy
            that does not hold is an alarm. The page leaves this off and parses nothing.
        isolated: read the file in a child process. Off for files made here a moment ago.
    Raises: isolation.Busy, when too many files are being read; only if isolated.
    """
    if len(pdf) > MAX_BYTES:
        return Verdict(INVALID, "too_large")
    sha256 = hashlib.sha256(pdf).hexdigest()
    kind = known_kind(sha256)
    if kind == VOID_LETTER:
        return Verdict(INVALID, VOID_LETTER, sha256)
    on_record = FINAL_KINDS.get(kind or "")
    if on_record and not parse_known:
        return Verdict(GENUINE, on_record, sha256)
    if not pdf[:1024].lstrip(b"\xef\xbb\xbf\r\n\t ").startswith(b"%PDF-"):
        return Verdict(INVALID, "not_a_pdf", sha256)
    report = isolation.inspect_in_child(pdf, trust) if isolated else inspect_pdf(pdf, trust)
    if callable(expected):
        expected = expected(report.reference) if report.reference else None
    reason = judge(pdf, report, expected)
    answer: VerdictCode
    if reason == "rule_holds":
        answer, reason = (GENUINE, on_record) if on_record else (VALID_NOT_FINAL, reason)
    else:
        answer, reason = INVALID, "on_record_but_invalid" if on_record else reason
    return Verdict(answer, reason, sha256, report.reference, report.revisions, report.signatures)


def judge(pdf: bytes, report: Report, expected: Expected | None) -> str:
    """Hold a report against what the record expects; return a code of `REASONS`.

    Never concludes from a signature being intact alone: the certificate must be the expected one,
    every expected signature there and in order, and nothing may follow the last.
    """
    if report.fault:
        return report.fault
    if not report.signatures:
        return "no_signatures"
    if expected is None:
        return _fault_of(report.signatures) or "unknown_document"
    if expected.reference and report.reference != expected.reference:
        return "not_this_contract"
    if expected.frozen_sha256:
        frozen = pdf[: expected.frozen_size]
        if hashlib.sha256(frozen).hexdigest() != expected.frozen_sha256:
            return "frozen_part_changed"
    found = [signature.field for signature in report.signatures]
    wanted = [signature.field for signature in expected.signatures]
    if found != wanted:
        return "signature_missing" if set(wanted) - set(found) else "signature_unexpected"
    # What is wrong with the file itself is said first; it explains the rest.
    fault = _fault_of(report.signatures)
    if fault:
        return fault
    for signature, wish in zip(report.signatures, expected.signatures, strict=True):
        if signature.cert_fingerprint != wish.cert_fingerprint:
            return "certificate_unexpected"
    return "rule_holds"


def _fault_of(signatures: Sequence[SignatureReport]) -> str:
    for signature in signatures:
        if not signature.intact:
            return "signature_broken"
        if signature.revoked:
            return "revoked"
        if not signature.trusted:
            return "untrusted"
        if not signature.time_stamp_valid:
            return "time_stamp_invalid"
    allowed_between = {ModificationLevel.FORM_FILLING.name, ModificationLevel.LTA_UPDATES.name}
    *middle, last = signatures
    for signature in middle:
        if (
            signature.coverage != SignatureCoverageLevel.ENTIRE_REVISION.name
            or signature.modification not in allowed_between
        ):
            return "changed_after_signing"
    # The last one must reach the end. Long-term data lies within its own revision; of what comes
    # later a reader of signatures calls too much harmless: another title, objects nobody sees.
    whole = last.coverage == SignatureCoverageLevel.ENTIRE_FILE.name
    if not whole or not all(signature.bottom_line for signature in signatures):
        return "changed_after_signing"
    return ""
