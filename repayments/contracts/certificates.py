"""Certificates and keys that seal contracts: where they lie, and whether they may be used today.

A directory holds ``ca.crt``, ``ca.crl`` and a pair ``NAME.crt``/``NAME.key`` for each of
"borrower", "lender" and "tsa"; for a time stamp authority of another issuer also ``tsa-ca.crt``.
`create_development_ca` fills such a directory for development. The module refuses to know PDFs.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

MIN_DAYS_LEFT = 30
ALARM_DAYS_LEFT = 60
# Demonstration data is signed in the past, and demonstrations move the clock.
DEVELOPMENT_BACKDATED = timedelta(days=5 * 365)
DEVELOPMENT_LIFETIME = timedelta(days=10 * 365)

_COMMON_NAMES = {
    "ca": "Development Root CA",
    "borrower": "Borrower signing seal (development)",
    "lender": "Lender seal (development)",
    "tsa": "Time stamp authority (development)",
}


class PreflightError(Exception):
    """A certificate or key may not be used; nothing was signed.

    Attributes:
        reason: "keys_missing", "certificate_expired", "certificate_not_yet_valid",
            "certificate_expires_soon", "key_mismatch", "crl_missing" or "crl_expired".
    """

    def __init__(self, reason: str, message: str | Promise) -> None:
        self.reason = reason
        super().__init__(message)


@dataclass(frozen=True)
class Identity:
    """A certificate and the private key that goes with it."""

    name: str
    certificate: x509.Certificate
    key: PrivateKey

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.certificate)


def fingerprint(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of a certificate, 64 lower-case hex digits."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def days_left(certificate: x509.Certificate, now: datetime) -> int:
    """Return whole days until a certificate expires; negative once it has."""
    return (certificate.not_valid_after_utc - now).days


def load_identity(directory: Path, name: str) -> Identity:
    """Read ``NAME.crt`` and ``NAME.key``. Raises: PreflightError("keys_missing")."""
    try:
        # Read each time, so that a rotated key counts at once; the same bytes are parsed once, as
        # checking an RSA key takes longer than a signature.
        return _parse_identity(
            name, (directory / f"{name}.crt").read_bytes(), (directory / f"{name}.key").read_bytes()
        )
    except (OSError, ValueError) as error:
        raise PreflightError(
            "keys_missing", _("The sealing certificate or its key cannot be read.")
        ) from error


@lru_cache(maxsize=8)
def _parse_identity(name: str, certificate_pem: bytes, key_pem: bytes) -> Identity:
    certificate = x509.load_pem_x509_certificate(certificate_pem)
    key = serialization.load_pem_private_key(key_pem, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise PreflightError("key_mismatch", _("The sealing key is of an unknown kind."))
    return Identity(name, certificate, key)


def load_certificates(path: Path) -> list[x509.Certificate]:
    """Read a PEM bundle; an absent file is an empty list."""
    return x509.load_pem_x509_certificates(path.read_bytes()) if path.exists() else []


def load_crl(directory: Path) -> x509.CertificateRevocationList:
    """Read ``ca.crl``. Raises: PreflightError("crl_missing")."""
    try:
        return x509.load_pem_x509_crl((directory / "ca.crl").read_bytes())
    except (OSError, ValueError) as error:
        raise PreflightError("crl_missing", _("The revocation list cannot be read.")) from error


def preflight(
    *,
    identities: Iterable[Identity],
    now: datetime,
    crl: x509.CertificateRevocationList | None = None,
) -> None:
    """Check every certificate and key before anything is signed.

    Args:
        now: aware; the moment the signatures will bear.
        crl: if given, it must cover ``now``.
    Raises: PreflightError, for the first fault found.
    """
    for identity in identities:
        certificate = identity.certificate
        if now > certificate.not_valid_after_utc:
            raise PreflightError("certificate_expired", _("A sealing certificate has expired."))
        if now < certificate.not_valid_before_utc:
            raise PreflightError(
                "certificate_not_yet_valid", _("A sealing certificate is not valid yet.")
            )
        if not _belong_together(certificate, identity.key):
            raise PreflightError(
                "key_mismatch", _("A sealing key does not belong to its certificate.")
            )
        if days_left(certificate, now) < MIN_DAYS_LEFT:
            raise PreflightError(
                "certificate_expires_soon",
                _("A sealing certificate has less than 30 days left."),
            )
    if crl is not None and not _covers(crl, now):
        raise PreflightError("crl_expired", _("The revocation list is out of date."))


def create_development_ca(directory: Path, *, now: datetime) -> list[str]:
    """Make what is missing or about to expire of a development CA; keep what is valid.

    A new root makes everything below it new. Private files get mode 0600.

    Args:
        now: aware; lifetimes are counted from it, and begin years before it.
    Returns: the names of what was made, such as ``["ca", "borrower", "lender", "tsa", "crl"]``.
    """
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    made: list[str] = []
    root = _usable(directory, "ca", now, issuer=None)
    if root is None:
        root = _issue(directory, "ca", now, issuer=None)
        made.append("ca")
    for name in ("borrower", "lender", "tsa"):
        if _usable(directory, name, now, issuer=root.certificate) is None:
            _issue(directory, name, now, issuer=root)
            made.append(name)
    try:
        crl = load_crl(directory)
        fresh = crl.is_signature_valid(root.certificate.public_key()) and _covers(  # type: ignore[arg-type]
            crl, now + timedelta(days=ALARM_DAYS_LEFT)
        )
    except PreflightError:
        fresh = False
    if not fresh:
        write_crl(directory, root, now=now)
        made.append("crl")
    return made


def write_crl(
    directory: Path,
    root: Identity,
    *,
    now: datetime,
    revoked: Iterable[tuple[int, datetime]] = (),
) -> None:
    """Sign and store ``ca.crl`` of a development root; ``revoked`` holds serial and date."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(root.certificate.subject)
        .last_update(now - DEVELOPMENT_BACKDATED)
        .next_update(now + DEVELOPMENT_LIFETIME)
        .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(root.certificate.public_key()),  # type: ignore[arg-type]
            critical=False,
        )
    )
    for serial, when in revoked:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(when).build()
        )
    crl = builder.sign(root.key, hashes.SHA256())
    _write(directory / "ca.crl", crl.public_bytes(serialization.Encoding.PEM), mode=0o644)


def _belong_together(certificate: x509.Certificate, key: PrivateKey) -> bool:
    return certificate.public_key() == key.public_key()


def _covers(crl: x509.CertificateRevocationList, moment: datetime) -> bool:
    until = crl.next_update_utc
    return crl.last_update_utc <= moment and until is not None and moment <= until


def _usable(
    directory: Path, name: str, now: datetime, *, issuer: x509.Certificate | None
) -> Identity | None:
    try:
        identity = load_identity(directory, name)
        preflight(identities=[identity], now=now)
        identity.certificate.verify_directly_issued_by(issuer or identity.certificate)
    except (PreflightError, InvalidSignature, ValueError, TypeError):
        return None
    return identity if days_left(identity.certificate, now) >= ALARM_DAYS_LEFT else None


def _issue(directory: Path, name: str, now: datetime, *, issuer: Identity | None) -> Identity:
    # The stand-in time stamp authority knows RSA only; the others use P-256.
    key: PrivateKey
    if name == "tsa":
        key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    else:
        key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _COMMON_NAMES[name])])
    authority = issuer.certificate if issuer else None
    signing_key = issuer.key if issuer else key
    until = now + DEVELOPMENT_LIFETIME + (timedelta() if issuer else timedelta(days=365))
    if authority is not None:
        until = min(until, authority.not_valid_after_utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(authority.subject if authority else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DEVELOPMENT_BACKDATED)
        .not_valid_after(until)
        .add_extension(
            x509.BasicConstraints(ca=issuer is None, path_length=0 if issuer is None else None),
            critical=True,
        )
        .add_extension(
            x509.KeyUsage(
                digital_signature=issuer is not None,
                content_commitment=issuer is not None,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=issuer is None,
                crl_sign=issuer is None,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()),
            critical=False,
        )
    )
    if name == "tsa":
        builder = builder.add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.TIME_STAMPING]), critical=True
        )
    certificate = builder.sign(signing_key, hashes.SHA256())
    _write(
        directory / f"{name}.key",
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
        mode=0o600,
    )
    _write(
        directory / f"{name}.crt",
        certificate.public_bytes(serialization.Encoding.PEM),
        mode=0o644,
    )
    return Identity(name, certificate, key)


def _write(path: Path, content: bytes, *, mode: int) -> None:
    # The mode is set at creation: a key is never readable by others, not even for a moment.
    part = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        os.fchmod(descriptor, mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
