"""Seals frozen contracts: bytes in, bytes and facts out.

Two fields are added, the borrower's seal certifies the file, the lender countersigns; each step
appends, so the frozen file stays an exact prefix of the final one. Signatures are PAdES with a
time stamp; the lender's carries the revocation list too, in the same revision, so that nothing
follows the last signature. The module refuses to know models and states: the caller stores what
it returns. A seal the lender holds proves that the lender sealed and that nothing changed since.
"""

import asyncio
import io
import logging
import tempfile
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

from asn1crypto import crl as asn1_crl
from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from pyhanko.pdf_utils import layout
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import signers
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter, append_signature_field
from pyhanko.sign.general import SigningError as PyHankoSigningError
from pyhanko.sign.signers.pdf_signer import DSSContentSettings, SigDSSPlacementPreference
from pyhanko.sign.timestamps import DummyTimeStamper, TimeStamper
from pyhanko.sign.timestamps.common_utils import TimestampRequestError
from pyhanko.sign.timestamps.requests_client import RequestsHTTPTimeStamper
from pyhanko.sign.validation.generic_cms import extract_tst_data_iter
from pyhanko.stamp import StaticStampStyle
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.errors import PathError, ValidationError
from pyhanko_certvalidator.registry import SimpleCertificateStore

from . import documents
from .certificates import (
    Identity,
    fingerprint,
    load_certificates,
    load_crl,
    load_identity,
    preflight,
)
from .checked_stamper import CheckedStamper

BORROWER_FIELD = "Borrower"
LENDER_FIELD = "Lender"
FIELDS = (BORROWER_FIELD, LENDER_FIELD)
TIME_STAMP_TIMEOUT_SECONDS = 10

_Result = TypeVar("_Result")

# Said at each countersignature, and meant: the list is embedded from our own disk, never fetched.
logging.getLogger("pyhanko.sign.signers.pdf_signer").addFilter(
    lambda record: "fetching is not allowed" not in record.getMessage()
)


class SealingError(Exception):
    """A step failed and returned nothing; the bytes passed in still stand.

    Attributes:
        reason: "time_stamp_unavailable", "already_signed", "fields_missing" or "seal_failed".
    """

    def __init__(self, reason: str, message: str | Promise) -> None:
        self.reason = reason
        super().__init__(message)


class Signer(Protocol):
    """Who can sign bytes: a key in a file, later one in a token or at a licensed authority."""

    @property
    def certificate(self) -> x509.Certificate: ...

    @property
    def chain(self) -> Sequence[x509.Certificate]:
        """The issuers' certificates, root included."""
        ...

    def sign(self, data: bytes) -> bytes:
        """Return an ECDSA P-256 signature with SHA-256 over ``data``, DER encoded."""
        ...


@dataclass(frozen=True)
class FileKeySigner:
    """A signer whose private key lies in a file of this server."""

    identity: Identity
    chain: Sequence[x509.Certificate]

    @property
    def certificate(self) -> x509.Certificate:
        return self.identity.certificate

    def sign(self, data: bytes) -> bytes:
        key = self.identity.key
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise SealingError("seal_failed", _("A seal needs an elliptic curve key."))
        return key.sign(data, ec.ECDSA(hashes.SHA256()))


@dataclass(frozen=True)
class SealingKit:
    """What sealing needs, checked by `preflight` when loaded by `load_kit`."""

    borrower: Signer
    lender: Signer
    time_stamper: TimeStamper
    roots: Sequence[x509.Certificate]
    time_stamp_roots: Sequence[x509.Certificate]
    crl: x509.CertificateRevocationList


@dataclass(frozen=True)
class Appearance:
    """What is seen in a signature's box; every value is finished text."""

    name: str
    heading: str
    lines: Sequence[str] = ()
    image: bytes = b""


@dataclass(frozen=True)
class Sealed:
    """The file after a step, who signed (SHA-256 of the certificate) and when by the time stamp."""

    pdf: bytes
    cert_fingerprint: str
    tsa_time: datetime


def load_kit(
    *, now: datetime, directory: Path | None = None, time_stamp_url: str | None = None
) -> SealingKit:
    """Load keys and certificates and refuse those that may not be used at ``now``.

    Args:
        directory: by default the setting SEALING_KEYS_DIR.
        time_stamp_url: by default the setting TIME_STAMP_URL; empty for the stand-in authority.
    Raises: certificates.PreflightError.
    """
    from django.conf import settings

    directory = directory or settings.SEALING_KEYS_DIR
    url = settings.TIME_STAMP_URL if time_stamp_url is None else time_stamp_url
    roots = load_certificates(directory / "ca.crt")
    borrower, lender = load_identity(directory, "borrower"), load_identity(directory, "lender")
    identities = [borrower, lender]
    stamper: TimeStamper
    if url:
        stamper = _remote_stamper(url)
    else:
        tsa = load_identity(directory, "tsa")
        identities.append(tsa)
        stamper = _stand_in_stamper(tsa, now)
    crl = load_crl(directory)
    preflight(identities=identities, now=now, crl=crl)
    return SealingKit(
        borrower=FileKeySigner(borrower, roots),
        lender=FileKeySigner(lender, roots),
        time_stamper=stamper,
        roots=roots,
        time_stamp_roots=[*roots, *load_certificates(directory / "tsa-ca.crt")],
        crl=crl,
    )


def add_signature_fields(pdf: bytes, *, fields: Sequence[str] = FIELDS) -> bytes:
    """Append empty signature fields where the document says they belong.

    Args:
        fields: both, or the lender's alone for a letter.
    Raises: SealingError("fields_missing") for a document without a signature page.
    """
    try:
        boxes = documents.read_attachment(pdf, documents.FIELDS_ATTACHMENT)
        writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
        for field in fields:
            box = boxes[field.lower()]
            append_signature_field(
                writer,
                SigFieldSpec(
                    sig_field_name=field,
                    on_page=int(box["page"]) - 1,
                    box=_corners(writer, box),
                    readable_field_name=field,
                ),
            )
        return _written(writer)
    except (documents.AttachmentMissing, KeyError, TypeError) as error:
        raise SealingError(
            "fields_missing", _("The document has no place for signatures.")
        ) from error
    except PdfError as error:
        raise SealingError("seal_failed", _("The document cannot be sealed.")) from error


def seal_as_borrower(
    pdf: bytes, *, kit: SealingKit, appearance: Appearance, now: datetime
) -> Sealed:
    """Certify the file with the borrower's seal; afterwards only signatures may be added.

    Args:
        pdf: the file with both fields empty.
        now: aware; the date of the visible signature. The time stamp is the authority's.
    Raises: SealingError; documents.MissingGlyph when the name cannot be printed.
    """
    return _seal(
        pdf, field=BORROWER_FIELD, signer=kit.borrower, kit=kit, appearance=appearance, now=now
    )


def seal_as_lender(pdf: bytes, *, kit: SealingKit, appearance: Appearance, now: datetime) -> Sealed:
    """Countersign the borrower's sealed file, or seal a letter, as the file's last signature.

    What proves that the certificates were good is embedded.

    Raises: SealingError; documents.MissingGlyph.
    """
    return _seal(
        pdf, field=LENDER_FIELD, signer=kit.lender, kit=kit, appearance=appearance, now=now
    )


def seal_document(pdf: bytes, *, kit: SealingKit, now: datetime) -> Sealed:
    """Seal a paper of the lender alone (evidence, receipt): one invisible signature.

    Raises: SealingError.
    """
    return _seal(pdf, field=LENDER_FIELD, signer=kit.lender, kit=kit, appearance=None, now=now)


class _Bridge(signers.Signer):
    """pyHanko's view of a `Signer`."""

    def __init__(self, signer: Signer) -> None:
        self._ours = signer
        store = SimpleCertificateStore()
        store.register_multiple([_asn1(certificate) for certificate in signer.chain])
        super().__init__(signing_cert=_asn1(signer.certificate), cert_registry=store)

    async def async_sign_raw(
        self, data: bytes, digest_algorithm: str, dry_run: bool = False
    ) -> bytes:
        # The longest DER form of a P-256 signature, to reserve room.
        return bytes(72) if dry_run else self._ours.sign(data)


def _seal(
    pdf: bytes,
    *,
    field: str,
    signer: Signer,
    kit: SealingKit,
    appearance: Appearance | None,
    now: datetime,
) -> Sealed:
    certify = field == BORROWER_FIELD
    context = ValidationContext(
        trust_roots=[_asn1(root) for root in (*kit.roots, *kit.time_stamp_roots)],
        crls=[asn1_crl.CertificateList.load(kit.crl.public_bytes(serialization.Encoding.DER))],
        allow_fetching=False,
        moment=now,
        # A foreign time stamp authority's own list is not ours to hold.
        revocation_mode="hard-fail"
        if list(kit.roots) == list(kit.time_stamp_roots)
        else "soft-fail",
    )
    metadata = signers.PdfSignatureMetadata(
        field_name=field,
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
        certify=certify,
        docmdp_permissions=MDPPerm.FILL_FORMS,
        name=appearance.name if appearance else None,
        validation_context=context,
        embed_validation_info=not certify,
        dss_settings=DSSContentSettings(
            placement=SigDSSPlacementPreference.TOGETHER_WITH_SIGNATURE, include_vri=False
        ),
    )
    try:
        writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
        style = None
        with tempfile.TemporaryDirectory() as scratch:
            if appearance is not None:
                style = _stamp_style(writer, field, appearance, now, Path(scratch))
            pdf_signer = signers.PdfSigner(
                metadata,
                _Bridge(signer),
                timestamper=CheckedStamper(kit.time_stamper),
                stamp_style=style,
                new_field_spec=SigFieldSpec(field) if appearance is None else None,
            )
            output = io.BytesIO()
            _run(
                pdf_signer.async_sign_pdf(
                    writer, existing_fields_only=appearance is not None, output=output
                )
            )
        sealed = output.getvalue()
        return Sealed(sealed, fingerprint(signer.certificate), _stamped_at(sealed, field))
    except TimestampRequestError as error:
        raise SealingError(
            "time_stamp_unavailable", _("The time stamp service did not answer.")
        ) from error
    except (PyHankoSigningError, PdfError, ValidationError, PathError, ValueError) as error:
        if _is_signed(pdf, field):
            raise SealingError("already_signed", _("This signature is already there.")) from error
        raise SealingError("seal_failed", _("The document cannot be sealed.")) from error


def last_certificate_end(pdf: bytes) -> datetime | None:
    """Give the day on which the last certificate that signed a file expires; None if unsigned.

    Raises: SealingError where the file cannot be read.
    """
    try:
        reader = PdfFileReader(io.BytesIO(pdf))
        ends = [
            signature.signer_cert["tbs_certificate"]["validity"]["not_after"].native
            for signature in reader.embedded_regular_signatures
        ]
    except (PdfError, ValueError) as error:
        raise SealingError("not_readable", _("The document cannot be read.")) from error
    return max(ends, default=None)


def _stamp_style(
    writer: IncrementalPdfFileWriter,
    field: str,
    appearance: Appearance,
    now: datetime,
    scratch: Path,
) -> StaticStampStyle:
    box = (
        next(
            (
                item.get_object()["/Rect"]
                for item in writer.root["/AcroForm"]["/Fields"]
                if item.get_object()["/T"] == field
            ),
            None,
        )
        if "/AcroForm" in writer.root
        else None
    )
    if box is None:
        raise SealingError("fields_missing", _("The document has no place for signatures."))
    # The stamp is drawn by the document engine: a signing library's own font garbles Chinese.
    stamp = scratch / "stamp.pdf"
    stamp.write_bytes(
        documents.render_stamp(
            name=appearance.name,
            heading=appearance.heading,
            lines=appearance.lines,
            width=float(box[2]) - float(box[0]),
            height=float(box[3]) - float(box[1]),
            timestamp=now,
            image=appearance.image,
            tone="signature" if field == BORROWER_FIELD else "seal",
        )
    )
    return StaticStampStyle.from_pdf_file(
        str(stamp),
        border_width=0,
        background_opacity=1.0,
        background_layout=layout.SimpleBoxLayoutRule(
            x_align=layout.AxisAlignment.ALIGN_MID, y_align=layout.AxisAlignment.ALIGN_MID
        ),
    )


def _corners(writer: IncrementalPdfFileWriter, box: dict[str, Any]) -> tuple[int, int, int, int]:
    # The document engine counts down from the top, PDF counts up from the bottom.
    page = writer.root["/Pages"]
    height = float(page["/Kids"][0].get_object().get("/MediaBox", [0, 0, 0, 841.89])[3])
    left, bottom = float(box["x"]), height - float(box["y"]) - float(box["height"])
    return (
        round(left),
        round(bottom),
        round(left + float(box["width"])),
        round(bottom + float(box["height"])),
    )


def _written(writer: IncrementalPdfFileWriter) -> bytes:
    output = io.BytesIO()
    writer.write(output)
    return output.getvalue()


def _is_signed(pdf: bytes, field: str) -> bool:
    try:
        reader = PdfFileReader(io.BytesIO(pdf))
        return any(item.field_name == field for item in reader.embedded_signatures)
    except (PdfError, ValueError):
        return False


def _stamped_at(pdf: bytes, field: str) -> datetime:
    reader = PdfFileReader(io.BytesIO(pdf))
    signature = next(item for item in reader.embedded_signatures if item.field_name == field)
    token = next(iter(extract_tst_data_iter(signature.signer_info, signed=False)), None)
    if token is None:
        raise PyHankoSigningError("the signature bears no time stamp")
    moment: datetime = token["encap_content_info"]["content"].parsed["gen_time"].native
    return moment.astimezone(UTC)


def _stand_in_stamper(tsa: Identity, now: datetime) -> DummyTimeStamper:
    key = tsa.key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    stamper = DummyTimeStamper(
        _asn1(tsa.certificate), asn1_keys.PrivateKeyInfo.load(key), fixed_dt=now.astimezone(UTC)
    )
    # Room for a stamp is measured on a trial one; the same authority's are all of one size.
    trial = _trials.setdefault(tsa.fingerprint, stamper)
    stamper._dummy_response_cache, stamper._certs = trial._dummy_response_cache, trial._certs
    return stamper


_trials: dict[str, DummyTimeStamper] = {}


@lru_cache(maxsize=4)
def _remote_stamper(url: str) -> TimeStamper:
    # Kept, as it asks for one stamp more, a trial, before its first.
    return RequestsHTTPTimeStamper(url, timeout=TIME_STAMP_TIMEOUT_SECONDS)


def _asn1(certificate: x509.Certificate) -> asn1_x509.Certificate:
    return asn1_x509.Certificate.load(certificate.public_bytes(serialization.Encoding.DER))


def _run(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Run a coroutine to its end, whether or not this thread has an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(asyncio.run, work).result()
