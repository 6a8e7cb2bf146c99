import asyncio
import shutil
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.timestamps.common_utils import TimestampRequestError

from repayments.contracts import documents, sealing
from repayments.contracts.certificates import PreflightError
from repayments.contracts.sealing import Appearance, SealingError, SealingKit
from tests.contracts.samples import NOW, SealedContract, contract_data, receipt_data, run_tool, seal

APPEARANCE = Appearance("Wang Rong", "Signed electronically", ["2026-12-01 09:30:00 (UTC+8)"])


def png(width: int = 300, height: int = 80) -> bytes:
    """A drawn stroke: black on white, 8 bit gray."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    rows = b"".join(
        b"\0" + bytes(0 if abs(x * height // width - y) < 3 else 255 for x in range(width))
        for y in range(height)
    )
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


class SilentStamper(TimeStamper):
    async def async_request_tsa_response(self, req: object) -> object:
        raise TimestampRequestError("no answer")


def test_each_step_only_appends(sealed: SealedContract) -> None:
    with_fields = sealing.add_signature_fields(sealed.frozen)
    assert with_fields.startswith(sealed.frozen)
    assert sealed.borrower.pdf.startswith(sealed.frozen)
    assert sealed.final.pdf.startswith(sealed.borrower.pdf)
    assert documents.read_attachment(sealed.final.pdf) == contract_data("zh-hans")


def test_the_facts_name_the_certificates_and_the_stamped_time(
    sealed: SealedContract, kit: SealingKit
) -> None:
    assert sealed.borrower.tsa_time == sealed.final.tsa_time == NOW
    assert sealed.borrower.cert_fingerprint != sealed.final.cert_fingerprint


@pytest.mark.skipif(
    not (shutil.which("pdfsig") and shutil.which("certutil")),
    reason="poppler's pdfsig or NSS's certutil is not installed",
)
def test_pdfsig_finds_two_valid_trusted_signatures(
    sealed: SealedContract, keys_dir: Path, tmp_path: Path
) -> None:
    (tmp_path / "c.pdf").write_bytes(sealed.final.pdf)
    (tmp_path / "nss").mkdir()
    run_tool("certutil", "-N", "-d", "sql:nss", "--empty-password", cwd=tmp_path)
    add = ("certutil", "-A", "-d", "sql:nss", "-n", "ca", "-t", "CT,C,C", "-i")
    run_tool(*add, str(keys_dir / "ca.crt"), cwd=tmp_path)
    said = run_tool("pdfsig", "-nssdir", "sql:nss", "c.pdf", cwd=tmp_path)
    first, second = said.split("Signature #2:")
    for part in (first, second):
        assert "Signature is Valid" in part
        assert "Certificate is Trusted" in part
        assert "ETSI.CAdES.detached" in part
    assert "Total document signed" in second
    assert "Not total document signed" in first


@pytest.mark.skipif(not shutil.which("pdftotext"), reason="pdftotext is not installed")
def test_a_chinese_name_is_seen_in_its_box(sealed: SealedContract, tmp_path: Path) -> None:
    (tmp_path / "c.pdf").write_bytes(sealed.final.pdf)
    printed = run_tool("pdftotext", "c.pdf", "-", cwd=tmp_path)
    page = printed.rstrip("\f").split("\f")[-1]
    # Once above the box, once as the signature.
    assert page.count("王镕") == 2
    assert "电子签章" in page


def test_a_drawn_signature_is_sealed_in(frozen: bytes, kit: SealingKit) -> None:
    drawn = replace(APPEARANCE, image=png())
    fields = sealing.add_signature_fields(frozen)
    result = sealing.seal_as_borrower(fields, kit=kit, appearance=drawn, now=NOW)
    assert b"/Subtype /Image" in result.pdf or b"/Subtype/Image" in result.pdf


@pytest.mark.parametrize(
    "image",
    [b"GIF89a...", png(2001, 1), b"\x89PNG\r\n\x1a\n" + bytes(200_000), b"\x89PNG\r\n\x1a\n"],
)
def test_a_drawing_that_is_no_small_png_is_refused(
    image: bytes, frozen: bytes, kit: SealingKit
) -> None:
    with pytest.raises(documents.DocumentError):
        sealing.seal_as_borrower(
            sealing.add_signature_fields(frozen),
            kit=kit,
            appearance=replace(APPEARANCE, image=image),
            now=NOW,
        )


def test_a_signed_field_is_never_signed_again(sealed: SealedContract, kit: SealingKit) -> None:
    with pytest.raises(SealingError) as again:
        sealing.seal_as_borrower(sealed.borrower.pdf, kit=kit, appearance=APPEARANCE, now=NOW)
    assert again.value.reason == "already_signed"
    with pytest.raises(SealingError) as third:
        sealing.seal_as_lender(sealed.final.pdf, kit=kit, appearance=APPEARANCE, now=NOW)
    assert third.value.reason == "already_signed"


def test_a_silent_time_stamp_service_leaves_nothing_half_done(
    frozen: bytes, kit: SealingKit
) -> None:
    with pytest.raises(SealingError) as refusal:
        sealing.seal_as_borrower(
            sealing.add_signature_fields(frozen),
            kit=replace(kit, time_stamper=SilentStamper()),
            appearance=APPEARANCE,
            now=NOW,
        )
    assert refusal.value.reason == "time_stamp_unavailable"


def test_a_document_without_a_signature_page_takes_no_fields() -> None:
    receipt = documents.render_receipt(receipt_data(), timestamp=NOW)
    with pytest.raises(SealingError) as refusal:
        sealing.add_signature_fields(receipt)
    assert refusal.value.reason == "fields_missing"


def test_the_lender_alone_can_seal_a_receipt(kit: SealingKit) -> None:
    receipt = documents.render_receipt(receipt_data("zh-hans"), timestamp=NOW)
    result = sealing.seal_document(receipt, kit=kit, now=NOW)
    assert result.pdf.startswith(receipt)
    assert result.tsa_time == NOW


def test_an_expired_certificate_stops_sealing_before_it_begins(keys_dir: Path) -> None:
    with pytest.raises(PreflightError):
        sealing.load_kit(now=NOW + timedelta(days=4000), directory=keys_dir, time_stamp_url="")


def test_sealing_works_from_within_an_event_loop(frozen: bytes, kit: SealingKit) -> None:
    async def from_a_loop() -> SealedContract:
        return seal(frozen, kit)

    # In a thread of its own: the tests that drive a browser leave a loop running in this one.
    with ThreadPoolExecutor(1) as thread:
        signed = thread.submit(lambda: asyncio.run(from_a_loop())).result()
    assert signed.final.pdf.startswith(frozen)
