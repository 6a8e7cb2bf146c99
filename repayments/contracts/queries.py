"""What the pages of this room show, and what is on record about a file."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings

from repayments.contracts import inspecting, sealing, verification
from repayments.contracts.documents import ContractData, LabelValue
from repayments.contracts.models import (
    Blob,
    Contract,
    ContractRevision,
    Evidence,
    SettlementLetter,
    Signature,
)

VERIFY_CODE = re.compile(r"[0-9A-Z]{12}")


@dataclass(frozen=True)
class SignatureLine:
    """One signature of a complete contract. ``stamped_at`` is the time stamp authority's time."""

    party: str
    name: str
    signed_at: datetime
    stamped_at: datetime | None
    cert_fingerprint: str


@dataclass(frozen=True)
class SignedFacts:
    """How far a signed contract is. ``sha256`` (hex) and ``size`` (bytes) are the final file's."""

    is_complete: bool
    sha256: str
    size: int
    lines: Sequence[SignatureLine]


@dataclass(frozen=True)
class CodeAnswer:
    """All a code tells: whether the document is complete, and its final file's SHA-256 (hex).

    ``state`` is complete, being_sealed, to_be_signed, ended, or of a settlement letter: letter,
    letter_being_sealed, letter_void.
    """

    state: str
    sha256: str


@dataclass(frozen=True)
class ScheduleRow:
    """One payment as printed; ``parts`` are labeled texts."""

    due: str
    number: str
    total: str
    parts: Sequence[LabelValue]


@dataclass(frozen=True)
class ScheduleTable:
    """The schedule of a document, in the order a phone shows it: day and payment first."""

    due: str
    number: str
    total: str
    parts: Sequence[str]
    rows: Sequence[ScheduleRow]
    sum: ScheduleRow


def read_schedule(data: ContractData) -> ScheduleTable | None:
    """Take the schedule out of a document's data; None where it has none."""
    table = data["schedule"]
    if table is None:
        return None
    number, due, *parts, total = table["columns"]

    def row(cells: Sequence[str]) -> ScheduleRow:
        labeled = zip(parts, cells[2:-1], strict=True)
        return ScheduleRow(
            due=cells[1],
            number=cells[0],
            total=cells[-1],
            parts=[{"label": label, "value": value} for label, value in labeled],
        )

    rows = [row(cells) for cells in table["rows"]]
    return ScheduleTable(due, number, total, parts, rows, row(table["total"]))


def get_signed_facts(contract: Contract) -> SignedFacts:
    """Gather what a borrower sees after signing."""
    final = (
        contract.revisions.filter(kind=ContractRevision.Kind.FINAL).select_related("blob").first()
    )
    lines = [
        SignatureLine(
            party=signature.party,
            name=signature.name,
            signed_at=signature.signed_at,
            stamped_at=signature.tsa_time,
            cert_fingerprint=signature.cert_fingerprint,
        )
        for signature in contract.signatures.order_by("order")
    ]
    return SignedFacts(
        is_complete=contract.status == Contract.Status.COMPLETED,
        sha256=final.blob_id if final else "",
        size=final.blob.size if final else 0,
        lines=lines,
    )


def get_download(contract: Contract) -> ContractRevision | None:
    """Return the file a borrower may take away: the final one when it is there, else as shown.

    None once its time to be kept is over.
    """
    if contract.purged_at is not None:
        return None
    kinds = [ContractRevision.Kind.FINAL, ContractRevision.Kind.UNSIGNED]
    found = {
        revision.kind: revision
        for revision in contract.revisions.filter(kind__in=kinds).select_related("blob")
    }
    return found.get(kinds[0]) or found.get(kinds[1])


def get_evidence_sha256(contract: Contract) -> str:
    """Return the SHA-256 (hex) of the sealed evidence file; empty while there is none."""
    made = contract.revisions.filter(
        kind=ContractRevision.Kind.EVIDENCE, contract__purged_at__isnull=True
    )
    return made.values_list("blob_id", flat=True).first() or ""


def get_code_answer(code: str) -> CodeAnswer | None:
    """Answer for the code printed in a contract; None for one not on record.

    Spaces, hyphens and lower case do no harm.
    """
    plain = re.sub(r"[\s‐-―-]", "", code[:60]).upper()
    if not VERIFY_CODE.fullmatch(plain):
        return None
    grouped = "-".join(plain[start : start + 4] for start in range(0, 12, 4))
    contract = (
        Contract.objects.exclude(status__in=["draft", "frozen"]).filter(verify_code=grouped).first()
    )
    if contract is None:
        return _letter_answer(grouped)
    final = contract.revisions.filter(kind=ContractRevision.Kind.FINAL).first()
    return CodeAnswer(state=_public_state(contract.status), sha256=final.blob_id if final else "")


def get_verdict(pdf: bytes, *, parse_known: bool) -> verification.Verdict:
    """Give the verdict on a file by what is on record.

    Args:
        parse_known: check even a file on record, as the command does; the page answers a known
            hash without reading the file.
    """
    return verification.verify_pdf(
        pdf,
        expected=get_expected,
        trust=inspecting.load_trust(Path(settings.SEALING_KEYS_DIR)),
        known_kind=get_kind_on_record,
        parse_known=parse_known,
    )


def get_expected(reference: str) -> verification.Expected | None:
    """Say what the file of a contract, its evidence or a letter must bear.

    None for a reference not on record.

    A contract that is not complete has no lender's signature yet, so no file of it can hold.
    """
    contract = Contract.objects.filter(reference=reference).first()
    if contract is None:
        return _expected_of_evidence(reference) or _expected_of_letter(reference)
    frozen = Blob.objects.filter(
        revisions__contract=contract, revisions__kind=ContractRevision.Kind.UNSIGNED
    ).first()
    if frozen is None:
        return None
    made = dict(contract.signatures.values_list("party", "cert_fingerprint"))
    fields = {
        Signature.Party.BORROWER: sealing.BORROWER_FIELD,
        Signature.Party.LENDER: sealing.LENDER_FIELD,
    }
    return verification.Expected(
        signatures=tuple(
            verification.ExpectedSignature(field, made.get(party, ""))
            for party, field in fields.items()
        ),
        frozen_sha256=frozen.sha256,
        frozen_size=frozen.size,
        reference=reference,
    )


def get_kind_on_record(sha256: str) -> str | None:
    """Tell as what a file is stored, if at all: a kind of revision, "letter" or "letter_void"."""
    letter = SettlementLetter.objects.filter(final_id=sha256).first()
    if letter is not None:
        return "letter" if _is_in_force(letter) else verification.VOID_LETTER
    kinds = set(ContractRevision.objects.filter(blob_id=sha256).values_list("kind", flat=True))
    return next(iter(sorted(kinds & verification.FINAL_KINDS.keys()) or sorted(kinds)), None)


def _public_state(status: str) -> str:
    if status == Contract.Status.COMPLETED:
        return "complete"
    if status in {
        Contract.Status.BORROWER_SIGNED,
        Contract.Status.SEALING,
        Contract.Status.SEAL_FAILED,
    }:
        return "being_sealed"
    if status in Contract.TRANSITIONS[Contract.Status.DECLINED]:
        return "to_be_signed"
    return "ended"


def _letter_answer(code: str) -> CodeAnswer | None:
    letter = SettlementLetter.objects.filter(verify_code=code).first()
    if letter is None:
        return None
    if not _is_in_force(letter):
        return CodeAnswer("letter_void", letter.final_id or "")
    return CodeAnswer("letter" if letter.final_id else "letter_being_sealed", letter.final_id or "")


def _expected_of_evidence(reference: str) -> verification.Expected | None:
    evidence = (
        Evidence.objects.filter(
            contract__reference=reference.removesuffix(Evidence.SUFFIX), made_at__isnull=False
        )
        .select_related("frozen", "contract")
        .first()
    )
    if evidence is None or evidence.frozen is None or evidence.reference != reference:
        return None
    return verification.Expected(
        signatures=(
            verification.ExpectedSignature(sealing.LENDER_FIELD, evidence.cert_fingerprint),
        ),
        frozen_sha256=evidence.frozen.sha256,
        frozen_size=evidence.frozen.size,
        reference=reference,
    )


def _expected_of_letter(reference: str) -> verification.Expected | None:
    """A void letter expects nothing: no copy of it is to pass for valid."""
    letter = (
        SettlementLetter.objects.in_force()
        .filter(reference=reference, final__isnull=False)
        .select_related("frozen")
        .first()
    )
    if letter is None:
        return None
    return verification.Expected(
        signatures=(verification.ExpectedSignature(sealing.LENDER_FIELD, letter.cert_fingerprint),),
        frozen_sha256=letter.frozen.sha256,
        frozen_size=letter.frozen.size,
        reference=reference,
    )


def _is_in_force(letter: SettlementLetter) -> bool:
    return SettlementLetter.objects.in_force().filter(pk=letter.pk).exists()
