"""``python -m benchmarks.contracts [--json]``: a contract from its data to the stored final file.

On one core: render, the borrower's seal, the countersignature, the file, and the verdict on it;
beside each the floor measured in the same run, the bare calls of typst and pyHanko on the same
bytes. Milliseconds are of the processor, so that a busy machine changes them little.
"""

import argparse
import asyncio
import io
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.scratch import scratch_database


def middle(work: Callable[[], Any], rounds: int) -> float:
    """The middle of the milliseconds on this process's own clock, after one round unmeasured."""
    work()
    times = []
    for _round in range(rounds):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return statistics.median(times) * 1000


def issue(now: datetime) -> Any:
    """The data of a Chinese contract of 36 installments, as the product freezes it."""
    from accounts.models import Borrower, User
    from repayments.contracts import services
    from repayments.contracts.stored import get_frozen
    from repayments.loans.amortization import Terms
    from repayments.loans.models import Loan, Product
    from repayments.loans.services import create_loan

    user = User.objects.create_user("signer@example.cn", name="王镕", language="zh-hans")
    borrower = Borrower.objects.create(
        reference="signer", legal_name="王镕", email=user.email, language="zh-hans", user=user
    )
    loan = create_loan(
        borrower=borrower,
        product=Product.objects.earliest("pk"),
        number="L-1",
        terms=Terms(
            principal=3_600_000,
            disbursed_on=now.date(),
            currency="CNY",
            annual_rate=Decimal(12),
            installments=36,
        ),
        status=Loan.Status.PENDING_SIGNATURE,
        actor=None,
        now=now,
    )
    contract = services.issue_loan_contract(loan_id=loan.pk, now=now)
    if contract is None:
        raise SystemExit("No contract was issued.")
    return get_frozen(contract).data


def measure_steps(folder: Path, rounds: int) -> dict[str, Any]:
    from django.conf import settings

    from repayments.contracts import (
        blobs,
        certificates,
        documents,
        inspecting,
        sealing,
        verification,
    )

    now = datetime.now(UTC).replace(microsecond=0)
    settings.SEALING_KEYS_DIR, settings.BLOB_ROOT = folder / "keys", folder / "blobs"
    certificates.create_development_ca(settings.SEALING_KEYS_DIR, now=now)
    data = issue(now)
    kit = sealing.load_kit(now=now)
    appearance = sealing.Appearance("王镕", "电子签名", ["2026-12-01 09:30:00 (UTC+8)"])
    frozen = documents.render_contract(data, timestamp=now)
    by_borrower = sealing.seal_as_borrower(
        sealing.add_signature_fields(frozen), kit=kit, appearance=appearance, now=now
    )
    final = sealing.seal_as_lender(by_borrower.pdf, kit=kit, appearance=appearance, now=now)
    expected = verification.Expected(
        (
            verification.ExpectedSignature(sealing.BORROWER_FIELD, by_borrower.cert_fingerprint),
            verification.ExpectedSignature(sealing.LENDER_FIELD, final.cert_fingerprint),
        )
    )
    trust = inspecting.load_trust(settings.SEALING_KEYS_DIR)

    def seal_borrower() -> None:
        fresh = sealing.load_kit(now=now)
        sealing.seal_as_borrower(
            sealing.add_signature_fields(frozen), kit=fresh, appearance=appearance, now=now
        )

    def store() -> None:
        blobs.path_of(blobs.write_file(final.pdf)).unlink()

    floor = Floor(documents, kit, appearance, now)
    steps: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        "render": (
            lambda: documents.render_contract(data, timestamp=now),
            lambda: floor.render(data),
        ),
        "borrower_seal": (seal_borrower, lambda: floor.sign(floor.add_fields(frozen), "Borrower")),
        "countersign": (
            lambda: sealing.seal_as_lender(
                by_borrower.pdf, kit=kit, appearance=appearance, now=now
            ),
            lambda: floor.sign(by_borrower.pdf, "Lender"),
        ),
        "store": (store, lambda: floor.store(final.pdf, folder)),
        "verify": (
            lambda: verification.verify_pdf(
                final.pdf, expected=expected, trust=trust, isolated=False
            ),
            lambda: floor.verify(final.pdf),
        ),
    }
    result: dict[str, Any] = {}
    whole = bare = 0.0
    for name, (ours, theirs) in steps.items():
        taken, least = middle(ours, rounds), middle(theirs, rounds)
        result[f"{name}_ms"], result[f"{name}_floor_ms"] = round(taken, 1), round(least, 1)
        if name != "verify":
            whole, bare = whole + taken, bare + least
    result["contract_ms"] = round(whole, 1)
    result["contract_floor_ms"] = round(bare, 1)
    result["ratio"] = round(whole / bare, 2)
    result["verify_ratio"] = round(result["verify_ms"] / max(result["verify_floor_ms"], 0.1), 2)
    return result


class Floor:
    """The libraries alone: no checks, no rows, certificates and keys read once."""

    def __init__(self, documents: Any, kit: Any, appearance: Any, now: datetime) -> None:
        from asn1crypto import crl, x509
        from cryptography.hazmat.primitives import serialization
        from pyhanko_certvalidator import ValidationContext

        from repayments.contracts import sealing

        self._documents, self._kit, self._now = documents, kit, now
        self._appearance = appearance
        self._sealing = sealing
        self._source = (documents.TYPST / "contract.typ").read_bytes()
        der = serialization.Encoding.DER
        roots = [x509.Certificate.load(root.public_bytes(der)) for root in kit.roots]
        lists = [crl.CertificateList.load(kit.crl.public_bytes(der))]

        def context() -> Any:
            return ValidationContext(
                trust_roots=roots,
                crls=lists,
                allow_fetching=False,
                moment=now,
                revocation_mode="hard-fail",
                retroactive_revinfo=True,
            )

        self._context = context
        self._signers = {
            "Borrower": sealing._Bridge(kit.borrower),
            "Lender": sealing._Bridge(kit.lender),
        }

    def render(self, data: Any) -> bytes:
        import typst

        return typst.compile(
            self._source,
            root=str(self._documents.TYPST),
            font_paths=self._documents._fonts(),
            ignore_system_fonts=True,
            sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
            pdf_standards=["a-3a"],
            timestamp=int(self._now.timestamp()),
        )

    def add_fields(self, pdf: bytes) -> bytes:
        from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
        from pyhanko.sign.fields import SigFieldSpec, append_signature_field

        writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
        for at, field in enumerate(self._signers):
            box = (60 + 240 * at, 100, 280 + 240 * at, 180)
            append_signature_field(writer, SigFieldSpec(field, on_page=-1, box=box))
        output = io.BytesIO()
        writer.write(output)
        return output.getvalue()

    def sign(self, pdf: bytes, field: str) -> bytes:
        from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
        from pyhanko.sign import signers
        from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
        from pyhanko.sign.signers.pdf_signer import (
            DSSContentSettings,
            SigDSSPlacementPreference,
        )

        certify = field == "Borrower"
        writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
        metadata = signers.PdfSignatureMetadata(
            field_name=field,
            md_algorithm="sha256",
            subfilter=SigSeedSubFilter.PADES,
            certify=certify,
            docmdp_permissions=MDPPerm.FILL_FORMS,
            validation_context=self._context(),
            embed_validation_info=not certify,
            dss_settings=DSSContentSettings(
                placement=SigDSSPlacementPreference.TOGETHER_WITH_SIGNATURE, include_vri=False
            ),
        )
        output = io.BytesIO()
        with tempfile.TemporaryDirectory() as scratch:
            # The stamp is drawn by typst and read from its file while signing.
            style = self._sealing._stamp_style(
                writer, field, self._appearance, self._now, Path(scratch)
            )
            signer = signers.PdfSigner(
                metadata,
                self._signers[field],
                timestamper=self._kit.time_stamper,
                stamp_style=style,
            )
            asyncio.run(signer.async_sign_pdf(writer, existing_fields_only=True, output=output))
        return output.getvalue()

    def store(self, pdf: bytes, folder: Path) -> None:
        path = folder / "floor"
        with path.open("wb") as file:
            file.write(pdf)
            file.flush()
            os.fsync(file.fileno())
        path.unlink()

    def verify(self, pdf: bytes) -> None:
        from pyhanko.pdf_utils.reader import PdfFileReader
        from pyhanko.sign.validation import async_validate_pdf_signature

        async def both() -> None:
            for signature in PdfFileReader(io.BytesIO(pdf)).embedded_signatures:
                await async_validate_pdf_signature(
                    signature,
                    signer_validation_context=self._context(),
                    ts_validation_context=self._context(),
                )

        asyncio.run(both())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.contracts", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="of each step; the middle counts")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    options = parser.parse_args()
    with scratch_database(), tempfile.TemporaryDirectory() as folder:
        result = {"cores": os.cpu_count(), **measure_steps(Path(folder), options.rounds)}
    if options.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:>24}  {value}")


if __name__ == "__main__":
    main()
