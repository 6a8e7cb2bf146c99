"""Tells whether a PDF is a contract of this lender, unchanged and whole.

A file whose hash is on record as a final copy is genuine without being parsed. Any other file is
read in a child process with little time and memory, by `inspect_pdf`; what the child reports is
then held against what the record expects, by `judge`, which is pure. Nothing here raises on a
hostile file: each ends in a verdict with a reason. The module refuses to know models: hash lookup
and expectations are passed in.
"""

import asyncio
import hashlib
import io
import json
import logging
import subprocess
import sys
from binascii import hexlify
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from asn1crypto import cms
from asn1crypto import crl as asn1_crl
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko.sign.validation.errors import NoDSSFoundError
from pyhanko.sign.validation.generic_cms import extract_tst_data_iter
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from . import documents

MAX_BYTES = 10 * 1024 * 1024
CHILD_CPU_SECONDS = 10
CHILD_MEMORY_BYTES = 256 * 1024 * 1024
CHILD_WALL_SECONDS = 30
# The longest report of an honest file is a few kilobytes.
_REPORT_MAX_BYTES = 1024 * 1024
_MAX_SIGNATURES = 20
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
class SignatureReport:
    """What one signature turned out to be; times are ISO 8601 in UTC."""

    field: str
    signer: str
    issuer: str
    cert_fingerprint: str
    cert_serial: str
    tsa_time: str
    tsa_name: str
    intact: bool
    trusted: bool
    revoked: bool
    time_stamp_valid: bool
    bottom_line: bool
    coverage: str
    modification: str


@dataclass(frozen=True)
class Report:
    """What was found in a file, before anything was expected of it; ``fault`` ends the story."""

    fault: str = ""
    reference: str = ""
    revisions: int = 0
    signatures: tuple[SignatureReport, ...] = ()


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


@dataclass(frozen=True)
class Trust:
    """Whom to believe: roots of signers, roots of time stamps, and the revocation lists at hand."""

    roots: Sequence[x509.Certificate]
    time_stamp_roots: Sequence[x509.Certificate]
    crls: Sequence[x509.CertificateRevocationList] = ()


def load_trust(directory: Path) -> Trust:
    """Read the trust of a sealing directory (see `certificates`)."""
    from .certificates import PreflightError, load_certificates, load_crl

    roots = load_certificates(directory / "ca.crt")
    try:
        crls = [load_crl(directory)]
    except PreflightError:
        crls = []
    return Trust(roots, [*roots, *load_certificates(directory / "tsa-ca.crt")], crls)


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
    report = _inspect_in_child(pdf, trust) if isolated else inspect_pdf(pdf, trust)
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


def inspect_pdf(pdf: bytes, trust: Trust) -> Report:
    """Read a file's signatures in this process. Never raises; a hostile file wants the child."""
    try:
        reader = PdfFileReader(io.BytesIO(pdf))
        if reader.encrypted:
            return Report("encrypted")
        embedded = list(reader.embedded_signatures)
        if len(embedded) > _MAX_SIGNATURES:
            return Report("limits_exceeded")
        crls = [*trust.crls, *_embedded_crls(reader)]
        reports = _run_all(reader, embedded, trust, crls)
        return Report("", _reference(pdf), reader.xrefs.total_revisions, tuple(reports))
    except (MemoryError, RecursionError):
        return Report("limits_exceeded")
    except PdfError:
        return Report("unreadable")
    except Exception:
        # The parsers raise whatever a broken file provokes; none of it may reach a visitor.
        logging.getLogger(__name__).info("a file could not be read", exc_info=True)
        return Report("unreadable")


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


def _run_all(
    reader: PdfFileReader,
    embedded: Sequence[EmbeddedPdfSignature],
    trust: Trust,
    crls: Sequence[x509.CertificateRevocationList],
) -> list[SignatureReport]:
    async def work() -> list[SignatureReport]:
        signatures = [item for item in embedded if item.sig_object_type == "/Sig"]
        entire = SignatureCoverageLevel.ENTIRE_FILE
        compare = bool(signatures) and signatures[-1].evaluate_signature_coverage() == entire
        found: list[SignatureReport] = []
        # The last one first: once it is broken or ends too early, that is the answer, and what was
        # changed between the others, the slow part of reading, no longer matters.
        for signature in reversed(signatures):
            found.insert(0, await _inspect_signature(signature, trust, crls, compare=compare))
            compare = compare and found[0].intact
        return found

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work())
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(asyncio.run, work()).result()


async def _inspect_signature(
    signature: EmbeddedPdfSignature,
    trust: Trust,
    crls: Sequence[x509.CertificateRevocationList],
    *,
    compare: bool,
) -> SignatureReport:
    certificate = signature.signer_cert
    stamped = _stamped_at(signature)
    # Signed and stamped before its certificate expired, a signature stands: all is judged at the
    # stamp's time, and the stamp itself must come from an authority that is trusted.
    moment = stamped or datetime.now(UTC)
    status = await async_validate_pdf_signature(
        signature,
        signer_validation_context=_context(trust.roots, crls, moment, hard=True),
        ts_validation_context=_context(trust.time_stamp_roots, crls, moment, hard=False),
        skip_diff=not compare,
    )
    stamp = status.timestamp_validity
    return SignatureReport(
        field=str(signature.field_name)[:200],
        signer=_common_name(certificate.subject),
        issuer=_common_name(certificate.issuer),
        cert_fingerprint=certificate.sha256.hex(),
        cert_serial=f"{certificate.serial_number:x}",
        tsa_time=stamped.isoformat() if stamped else "",
        tsa_name=_common_name(stamp.signing_cert.subject) if stamp else "",
        intact=bool(status.intact and status.valid) and _is_plainly_written(signature),
        trusted=bool(status.trusted),
        revoked=bool(status.revoked)
        or _revoked_before(trust, certificate.serial_number, certificate.issuer.dump(), moment),
        time_stamp_valid=bool(stamp and stamp.intact and stamp.valid and stamp.trusted),
        bottom_line=bool(status.bottom_line),
        coverage=status.coverage.name if status.coverage else "",
        modification=status.modification_level.name if status.modification_level else "",
    )


def _is_plainly_written(signature: EmbeddedPdfSignature) -> bool:
    """Tell whether the room of a signature, which no signature covers, holds it and zeros only.

    What is in the gap can then say one thing in one way: nothing hides in its unused end.
    """
    content = bytes(signature.pkcs7_content)
    tail = content[len(cms.ContentInfo.load(content).dump()) :]
    _start, before, after, _length = (int(number) for number in signature.byte_range)
    stream = signature.reader.stream
    stream.seek(before)
    return (
        not tail.strip(b"\0") and stream.read(after - before) == b"<%s>" % hexlify(content).upper()
    )


def _context(
    roots: Sequence[x509.Certificate],
    crls: Sequence[x509.CertificateRevocationList],
    moment: datetime,
    *,
    hard: bool,
) -> ValidationContext:
    der = serialization.Encoding.DER
    return ValidationContext(
        trust_roots=[asn1_x509.Certificate.load(root.public_bytes(der)) for root in roots],
        crls=[asn1_crl.CertificateList.load(crl.public_bytes(der)) for crl in crls],
        moment=moment,
        allow_fetching=False,
        revocation_mode="hard-fail" if hard else "soft-fail",
        # A list issued later still tells when a certificate was revoked.
        retroactive_revinfo=True,
    )


def _revoked_before(trust: Trust, serial: int, issuer: bytes, moment: datetime) -> bool:
    """Tell whether a list of ours names the certificate, with a date not after ``moment``."""
    for crl in trust.crls:
        if crl.issuer.public_bytes() != issuer:
            continue
        entry = crl.get_revoked_certificate_by_serial_number(serial)
        if entry is not None and entry.revocation_date_utc <= moment:
            return True
    return False


def _embedded_crls(reader: PdfFileReader) -> list[x509.CertificateRevocationList]:
    try:
        store = DocumentSecurityStore.read_dss(reader)
    except NoDSSFoundError:
        return []
    return [x509.load_der_x509_crl(item.get_object().data) for item in store.crls[:_MAX_SIGNATURES]]


def _stamped_at(signature: EmbeddedPdfSignature) -> datetime | None:
    for token in extract_tst_data_iter(signature.signer_info, signed=False):
        moment: datetime = token["encap_content_info"]["content"].parsed["gen_time"].native
        return moment.astimezone(UTC)
    return None


def _common_name(name: asn1_x509.Name) -> str:
    value = name.native.get("common_name", "")
    return str(value[0] if isinstance(value, list) else value)[:200]


def _reference(pdf: bytes) -> str:
    try:
        value = documents.read_attachment(pdf).get("reference", "")
    except documents.AttachmentMissing:
        return ""
    return value[:100] if isinstance(value, str) else ""


def _inspect_in_child(pdf: bytes, trust: Trust) -> Report:
    pem = serialization.Encoding.PEM
    head = json.dumps(
        {
            "roots": [item.public_bytes(pem).decode() for item in trust.roots],
            "time_stamp_roots": [
                item.public_bytes(pem).decode() for item in trust.time_stamp_roots
            ],
            "crls": [item.public_bytes(pem).decode() for item in trust.crls],
        }
    ).encode()
    try:
        child = subprocess.run(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "repayments.contracts.verification"],
            input=len(head).to_bytes(4, "big") + head + pdf,
            capture_output=True,
            # Nothing of our environment: the child has no use for secrets.
            env={"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONDONTWRITEBYTECODE": "1"},
            cwd="/",
            timeout=CHILD_WALL_SECONDS,
            check=False,
        )
        if child.returncode != 0 or len(child.stdout) > _REPORT_MAX_BYTES:
            return Report("limits_exceeded")
        data = json.loads(child.stdout)
        signatures = tuple(SignatureReport(**item) for item in data.pop("signatures"))
        return Report(**data, signatures=signatures)
    except (subprocess.TimeoutExpired, OSError):
        return Report("limits_exceeded")
    except (ValueError, TypeError, KeyError):
        return Report("unreadable")


def _child() -> None:
    """Read a request from standard input, a report goes to standard output."""
    import resource

    resource.setrlimit(resource.RLIMIT_CPU, (CHILD_CPU_SECONDS, CHILD_CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (CHILD_MEMORY_BYTES, CHILD_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    logging.disable(logging.CRITICAL)
    size = int.from_bytes(sys.stdin.buffer.read(4), "big")
    head = json.loads(sys.stdin.buffer.read(size))
    trust = Trust(
        roots=[x509.load_pem_x509_certificate(item.encode()) for item in head["roots"]],
        time_stamp_roots=[
            x509.load_pem_x509_certificate(item.encode()) for item in head["time_stamp_roots"]
        ],
        crls=[x509.load_pem_x509_crl(item.encode()) for item in head["crls"]],
    )
    report = inspect_pdf(sys.stdin.buffer.read(), trust)
    sys.stdout.write(json.dumps(asdict(report)))


if __name__ == "__main__":
    _child()
