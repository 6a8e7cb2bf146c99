"""Evidence files as tests make and read them."""

from pathlib import Path
from typing import Any

from repayments.contracts import (
    blobs,
    documents,
    services,
)
from repayments.contracts.models import Contract
from tests.contracts.samples import run_tool
from tests.factories.contracts import (
    NOW,
)


def make(contract: Contract, **changes: Any) -> bool:
    return services.make_evidence(contract_id=contract.pk, now=changes.get("now", NOW))


def pdf_of(contract: Contract) -> bytes:
    return blobs.read(contract.revisions.get(kind="evidence").blob_id)


def data_of(contract: Contract) -> dict[str, Any]:
    return documents.read_attachment(pdf_of(contract))


def text_of(contract: Contract, folder: Path) -> str:
    (folder / "evidence.pdf").write_bytes(pdf_of(contract))
    return run_tool("pdftotext", "-layout", "evidence.pdf", "-", cwd=folder)
