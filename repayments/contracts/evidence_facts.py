"""Gathers what an evidence file says: from the contract's rows, its record, and its final file.

Certificates are read out of the final file, since those that sealed may have been replaced since.
The module refuses to know words and layout.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from django.conf import settings

from repayments.audit.models import Event
from repayments.clock import lender_zone
from repayments.contracts import blobs
from repayments.contracts.certificates import fingerprint
from repayments.contracts.evidence_paper import (
    ConsentFacts,
    EventFacts,
    EvidenceFacts,
    PartyFacts,
    SignatureFacts,
    mask,
)
from repayments.contracts.kit import cut_signatures
from repayments.contracts.models import Contract, ContractRevision, Evidence, Signature
from repayments.contracts.stored import get_frozen


class SignaturesDiffer(Exception):
    """The final file does not bear the seals that the rows name."""


@dataclass(frozen=True)
class _Seal:
    """What one signature of the file holds: its signer's certificate and its time stamp's."""

    certificate: x509.Certificate
    authority: str


def gather_facts(contract: Contract, evidence: Evidence) -> EvidenceFacts:
    """Read everything an evidence file says about a completed contract, as it is now.

    Raises: SignaturesDiffer; blobs.BlobDamaged.
    """
    version = contract.template_version
    frozen = get_frozen(contract)
    revisions = {one.kind: one for one in contract.revisions.select_related("blob")}
    final = revisions[ContractRevision.Kind.FINAL]
    events = list(
        Event.objects.filter(stream=contract.stream).order_by("seq").select_related("actor")
    )
    made = next(event.payload for event in events if event.action == "contracts.frozen")
    signatures = list(contract.signatures.order_by("order").select_related("challenge"))
    assert contract.completed_at is not None
    return EvidenceFacts(
        reference=evidence.reference,
        contract_reference=contract.reference,
        contract_title=frozen.data["title"],
        locale=version.locale,
        zone=str(lender_zone()),
        verify_address=f"{settings.SITE_URL}/verify/",
        verify_code=contract.verify_code,
        lender_name=contract.terms["lender_name"],
        completed_at=contract.completed_at,
        template=made["template"],
        body_sha256=made["body_sha256"],
        fonts_sha256=made["font_set_sha256"],
        engine=made["engine"],
        terms_sha256=contract.terms_sha256,
        frozen_sha256=frozen.sha256,
        frozen_size=revisions[ContractRevision.Kind.UNSIGNED].blob.size,
        final_sha256=final.blob_id,
        level=contract.signature_level,
        parties=[_party(contract, signature) for signature in signatures],
        consents=[
            ConsentFacts(
                one["text"], one["version"], one["text_sha256"], datetime.fromisoformat(one["at"])
            )
            for one in contract.consents
            if "text" in one
        ],
        signatures=list(_signatures(signatures, blobs.read(final.blob_id))),
        events=[_event(event, contract) for event in events],
    )


def _party(contract: Contract, signature: Signature) -> PartyFacts:
    if signature.party != Signature.Party.BORROWER:
        return PartyFacts(signature.party, signature.name)
    # A business signs by a person; the party is the business.
    terms = contract.terms
    return PartyFacts(signature.party, terms["borrower_name"], mask(terms["borrower_reference"]))


def _signatures(rows: list[Signature], final: bytes) -> Iterator[SignatureFacts]:
    """Pair rows and seals: both in the order they were made."""
    cuts = iter(cut_signatures.cut(final))
    for row in rows:
        found: dict[str, Any] = {}
        if row.cert_fingerprint:
            p7, _signed, _value, token, _end = next(cuts, (b"", b"", b"", b"", 0))
            seal = _read_seal(p7, token, row.cert_fingerprint)
            certificate = seal.certificate
            found = {
                "subject": certificate.subject.rfc4514_string(),
                "issuer": certificate.issuer.rfc4514_string(),
                "serial": f"{certificate.serial_number:x}",
                "fingerprint": row.cert_fingerprint,
                "valid_from": certificate.not_valid_before_utc,
                "valid_until": certificate.not_valid_after_utc,
                "tsa_name": seal.authority,
                "tsa_time": row.tsa_time,
            }
        yield SignatureFacts(
            order=row.order,
            role=row.party,
            name=row.name,
            mode=row.mode,
            signed_at=row.signed_at,
            doc_sha256=row.doc_sha256,
            method=row.challenge.method if row.challenge else "",
            sent_to=row.challenge.sent_to if row.challenge else "",
            consent_version=row.consent_version,
            consent_text_sha256=row.consent_text_sha256,
            **found,
        )
    if next(cuts, None) is not None:
        raise SignaturesDiffer("the file bears a seal that no row names")


def _read_seal(p7: bytes, token: bytes, wanted: str) -> _Seal:
    signer = next((one for one in _certificates(p7) if fingerprint(one) == wanted), None)
    authority = next((one for one in _certificates(token) if _is_time_stamper(one)), None)
    if signer is None or authority is None:
        raise SignaturesDiffer(wanted)
    names = authority.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return _Seal(signer, str(names[0].value) if names else authority.subject.rfc4514_string())


def _certificates(der: bytes) -> list[x509.Certificate]:
    try:
        return pkcs7.load_der_pkcs7_certificates(der)
    except ValueError:
        return []


def _is_time_stamper(certificate: x509.Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return ExtendedKeyUsageOID.TIME_STAMPING in usage


def _event(event: Event, contract: Contract) -> EventFacts:
    who, name = "portal", ""
    if event.actor is not None:
        if event.actor_id == contract.loan.borrower.user_id:
            who = "borrower"
        elif event.actor.is_staff:
            who, name = "staff", str(event.actor_id)
        else:
            person = getattr(event.actor, "borrower", None)
            who, name = "other", person.legal_name if person else ""
    return EventFacts(event.seq, event.at, event.action, event.payload, event.hash, who, name)
