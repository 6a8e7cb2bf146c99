"""Reads the signatures of a PDF, and says what was found; what that means is not for it to say.

Nothing here raises on a hostile file, but one may take much time and memory: a file from outside
wants `isolation`. The module refuses to know what a file ought to bear.
"""

import asyncio
import io
import logging
from binascii import hexlify
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from asn1crypto import cms
from asn1crypto import crl as asn1_crl
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko.sign.validation.errors import NoDSSFoundError
from pyhanko.sign.validation.generic_cms import extract_tst_data_iter
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from . import documents

_MAX_SIGNATURES = 20


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
