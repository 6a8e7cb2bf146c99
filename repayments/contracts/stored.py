"""The frozen document of a contract, as it is stored: its bytes, its hash, and the data in it.

What is shown is what is signed: pages are made of this and never of live rows.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from repayments.contracts import blobs, documents
from repayments.contracts.documents import ContractData
from repayments.contracts.evidence_paper import EvidenceData
from repayments.contracts.models import Contract, ContractRevision


class NotFrozen(LookupError):
    """The contract has no document yet."""


@dataclass(frozen=True)
class FrozenDocument:
    sha256: str
    data: ContractData


def get_frozen(contract: Contract) -> FrozenDocument:
    """Read the document the borrower is shown. Raises: NotFrozen, blobs.BlobDamaged."""
    sha256 = get_frozen_sha256(contract)
    return FrozenDocument(sha256, cast("ContractData", _attached(sha256)))


def get_frozen_sha256(contract: Contract) -> str:
    """Return the SHA-256 (hex) of the document shown. Raises: NotFrozen."""
    sha256 = (
        contract.revisions.filter(kind=ContractRevision.Kind.UNSIGNED)
        .values_list("blob_id", flat=True)
        .first()
    )
    if sha256 is None:
        raise NotFrozen(contract.reference)
    return sha256


def get_evidence_data(sha256: str) -> EvidenceData:
    """Read what a sealed evidence file says, out of the file. Raises: blobs.BlobDamaged."""
    return cast("EvidenceData", _attached(sha256))


@lru_cache(maxsize=64)
def _attached(sha256: str) -> dict[str, Any]:
    # The name is the hash of the bytes, so what is remembered can never be stale.
    return documents.read_attachment(blobs.read(sha256))
