"""A contract's evidence as files to take away, for borrowers and staff; who may is asked before."""

from django.http import HttpResponse

from repayments.contracts import blobs
from repayments.contracts.kit import KitIncomplete, build_kit, write_zip
from repayments.contracts.models import Contract
from repayments.contracts.queries import get_evidence_sha256


def evidence_response(contract: Contract) -> HttpResponse | None:
    """Give the sealed evidence file; None while it is not made."""
    sha256 = get_evidence_sha256(contract)
    if not sha256:
        return None
    name = f"{contract.reference}-evidence.pdf"
    return _attachment(blobs.read(sha256), "application/pdf", name)


def kit_response(contract: Contract) -> HttpResponse | None:
    """Give the kit as a zip; None for a contract that is not complete."""
    try:
        files = build_kit(contract)
    except KitIncomplete:
        return None
    content = write_zip(files, folder=contract.reference)
    return _attachment(content, "application/zip", f"{contract.reference}.zip")


def _attachment(content: bytes, media: str, name: str) -> HttpResponse:
    # A reference is letters, digits and hyphens; a name of a person is never in a file's name.
    return HttpResponse(
        content,
        content_type=media,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
