"""Three opinions on each file: ours, pdfsig's and openssl's.

They agree but where a naive check would accept in silence; there ours is the stricter one.

Poppler is asked for signatures and coverage, openssl for signatures and trust; neither knows what a
contract ought to bear. The cutting out of what was signed is our own here, and no library's.
"""

import io
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from repayments.contracts import certificates, sealing
from repayments.contracts.inspecting import Trust, load_trust
from repayments.contracts.verification import Expected, Verdict, verify_pdf
from tests.contracts.hostile import acting, half, with_byte_range, with_contents
from tests.contracts.samples import NOW, SealedContract, seal

pytestmark = pytest.mark.skipif(
    not (shutil.which("pdfsig") and shutil.which("openssl")),
    reason="poppler's pdfsig or openssl is not installed",
)


@dataclass(frozen=True)
class Case:
    """A file, and what is known about whom to expect and to trust."""

    pdf: bytes
    expected: Expected
    trust: Trust
    keys: Path


@dataclass(frozen=True)
class Opinions:
    """Of each whether it accepts; ``whole`` is what pdfsig says of the last signature's reach."""

    ours: Verdict
    pdfsig: bool
    whole: bool
    openssl: bool


def ask_all(case: Case, folder: Path) -> Opinions:
    ours = verify_pdf(case.pdf, expected=case.expected, trust=case.trust, isolated=False)
    (folder / "c.pdf").write_bytes(case.pdf)
    said = _run("pdfsig", "-nocert", "c.pdf", cwd=folder).stdout.decode(errors="replace")
    # A field that nobody has signed is named too.
    parts = [part for part in said.split("Signature #") if "- Signature Validation:" in part]
    valid = bool(parts) and all("- Signature Validation: Signature is Valid." in p for p in parts)
    whole = valid and "- Total document signed" in parts[-1]
    return Opinions(ours, valid, whole, _ask_openssl(case, folder))


def _ask_openssl(case: Case, folder: Path) -> bool:
    ranges = list(re.finditer(rb"/ByteRange \[([\d ]+)\]", case.pdf))
    return bool(ranges) and all(_is_signed(case, found[1], folder) for found in ranges)


def _is_signed(case: Case, numbers: bytes, folder: Path) -> bool:
    try:
        start, size, after, rest = map(int, numbers.split())
        value = bytes.fromhex(case.pdf[start + size : after].strip(b"<>").decode())
    except ValueError:
        return False
    (folder / "sig.p7").write_bytes(value)
    signed = case.pdf[start : start + size] + case.pdf[after : after + rest]
    (folder / "range.bin").write_bytes(signed)
    trusted = folder / "trusted.pem"
    roots, crl = (case.keys / "ca.crt").read_bytes(), (case.keys / "ca.crl").read_bytes()
    trusted.write_bytes(roots + crl)
    # At the moment of the stamps, as we do.
    options = ["-CAfile", str(trusted), "-crl_check", "-attime", str(int(NOW.timestamp()))]
    files = ["-in", "sig.p7", "-content", "range.bin", "-out", "/dev/null"]
    command = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-purpose", "any"]
    return _run(*command, *files, *options, cwd=folder).returncode == 0


def _run(*command: str, cwd: Path) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(  # noqa: S603 - fixed commands
        command, cwd=cwd, capture_output=True, check=False, timeout=60
    )


@pytest.fixture
def whole(sealed: SealedContract, trust: Trust, keys_dir: Path) -> Case:
    return Case(sealed.final.pdf, sealed.expected, trust, keys_dir)


def _flip(pdf: bytes, at: int) -> bytes:
    return pdf[:at] + bytes([pdf[at] ^ 1]) + pdf[at + 1 :]


def _after(pdf: bytes, mark: bytes) -> int:
    """A place within what the last of these marks begins."""
    return pdf.rindex(mark) + len(mark) + 2


def turned(pdf: bytes) -> bytes:
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    page, _resources = writer.find_page_for_modification(0)
    page.get_object()["/Rotate"] = generic.NumberObject(90)
    writer.mark_update(page)
    return _written(writer)


def noted(pdf: bytes) -> bytes:
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    page, _resources = writer.find_page_for_modification(0)
    note = generic.DictionaryObject(
        {
            generic.pdf_name("/Type"): generic.pdf_name("/Annot"),
            generic.pdf_name("/Subtype"): generic.pdf_name("/FreeText"),
            generic.pdf_name("/Rect"): generic.ArrayObject(
                [generic.NumberObject(n) for n in (10, 10, 200, 60)]
            ),
            generic.pdf_name("/Contents"): generic.pdf_string("0 %"),
        }
    )
    page.get_object()["/Annots"] = generic.ArrayObject([writer.add_object(note)])
    writer.mark_update(page)
    return _written(writer)


def without_first_signature(pdf: bytes) -> bytes:
    writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
    fields = writer.root["/AcroForm"]["/Fields"]
    del fields[0].get_object()["/V"]
    writer.mark_update(fields.raw_get(0).reference)
    return _written(writer)


def _written(writer: IncrementalPdfFileWriter) -> bytes:
    output = io.BytesIO()
    writer.write(output)
    return output.getvalue()


def of_foreign_ca(case: Case, sealed: SealedContract, folder: Path) -> Case:
    """The same names, other keys; and somebody has put the forger's fingerprints on record."""
    (folder / "foreign").mkdir()
    certificates.create_development_ca(folder / "foreign", now=NOW)
    kit = sealing.load_kit(now=NOW, directory=folder / "foreign", time_stamp_url="")
    forged = seal(sealed.frozen, kit)
    return replace(case, pdf=forged.final.pdf, expected=forged.expected)


def with_revoked_lender(case: Case, sealed: SealedContract, folder: Path) -> Case:
    """A list of today that says: revoked, the day before the stamp."""
    keys = shutil.copytree(case.keys, folder / "keys")
    lender = certificates.load_identity(keys, "lender").certificate
    certificates.write_crl(
        keys,
        certificates.load_identity(keys, "ca"),
        now=NOW + timedelta(days=2),
        revoked=[(lender.serial_number, NOW - timedelta(days=1))],
    )
    return replace(case, trust=load_trust(keys), keys=keys)


def test_case_33_all_three_accept_a_finished_contract(whole: Case, tmp_path: Path) -> None:
    opinions = ask_all(whole, tmp_path)

    assert opinions.ours.reason == "rule_holds"
    assert (opinions.pdfsig, opinions.whole, opinions.openssl) == (True, True, True)


# The attribute message-digest, by its number.
DIGEST = bytes.fromhex("2a864886f70d010904")
REFUSED: dict[str, tuple[set[str], Callable[[bytes], bytes]]] = {
    "case 23, a bit of the body": ({"frozen_part_changed"}, lambda pdf: _flip(pdf, 3000)),
    "case 23, a bit of a signature": (
        {"signature_broken"},
        lambda pdf: with_contents(pdf, lambda value: _flip(value, value.index(DIGEST) + 20)),
    ),
    "case 23, another byte range": (
        {"signature_broken"},
        lambda pdf: with_byte_range(pdf, b"0 9 9999999999 9"),
    ),
    "case 23, a bit of the last table": (
        {"unreadable"},
        lambda pdf: _flip(pdf, _after(pdf, b"trailer")),
    ),
    "case 30, a signature cut short": (
        {"signature_broken", "unreadable"},
        lambda pdf: with_contents(pdf, lambda value: value[:500]),
    ),
    "case 30, no PDF": ({"not_a_pdf"}, lambda pdf: b"hello"),
}


@pytest.mark.parametrize("title", REFUSED)
def test_case_33_all_three_refuse(title: str, whole: Case, tmp_path: Path) -> None:
    reasons, change = REFUSED[title]

    opinions = ask_all(replace(whole, pdf=change(whole.pdf)), tmp_path)

    assert opinions.ours.verdict == "invalid"
    assert opinions.ours.reason in reasons
    assert (opinions.pdfsig and opinions.whole, opinions.openssl) == (False, False)


def test_case_33_a_ruined_time_stamp_is_seen_by_us_alone(whole: Case, tmp_path: Path) -> None:
    """It ends the seal's room, which no seal covers; the others look at no time stamp here."""
    opinions = ask_all(replace(whole, pdf=with_contents(whole.pdf, half)), tmp_path)

    assert (opinions.pdfsig, opinions.whole, opinions.openssl) == (True, True, True)
    assert opinions.ours.verdict == "invalid"


def test_case_33_openssl_refuses_what_was_revoked_too(
    whole: Case, sealed: SealedContract, tmp_path: Path
) -> None:
    """Poppler looks at no list of ours, so it is not asked."""
    opinions = ask_all(with_revoked_lender(whole, sealed, tmp_path), tmp_path)

    assert (opinions.ours.reason, opinions.openssl) == ("revoked", False)


@pytest.mark.parametrize("tail", [b"\n", b"% paid in full\n", bytes(500)])
def test_silent_accept_1_bytes_after_the_end(tail: bytes, whole: Case, tmp_path: Path) -> None:
    opinions = ask_all(replace(whole, pdf=whole.pdf + tail), tmp_path)

    assert (opinions.pdfsig, opinions.openssl) == (True, True)
    assert opinions.ours.reason == "changed_after_signing"
    # The signatures say nothing of it; coverage alone does.
    last = opinions.ours.signatures[-1]
    assert (last.intact, last.trusted, last.coverage) == (True, True, "ENTIRE_REVISION")


@pytest.mark.parametrize(
    "change",
    [turned, noted, lambda pdf: acting(pdf, "/JavaScript", "/JS", "app.alert(1)")],
    ids=["a page turned", "a note added (case 25)", "an action added"],
)
def test_silent_accept_2_an_incremental_edit(
    change: Callable[[bytes], bytes], whole: Case, tmp_path: Path
) -> None:
    opinions = ask_all(replace(whole, pdf=change(whole.pdf)), tmp_path)

    assert (opinions.pdfsig, opinions.openssl) == (True, True)
    assert not opinions.whole
    assert opinions.ours.reason == "changed_after_signing"


def test_silent_accept_3_cut_to_the_first_revision(
    whole: Case, sealed: SealedContract, tmp_path: Path
) -> None:
    opinions = ask_all(replace(whole, pdf=sealed.borrower.pdf), tmp_path)

    assert (opinions.pdfsig, opinions.whole, opinions.openssl) == (True, True, True)
    assert opinions.ours.reason == "signature_missing"
    (only,) = opinions.ours.signatures
    assert (only.bottom_line, only.coverage) == (True, "ENTIRE_FILE")


def test_silent_accept_4_a_foreign_ca_of_the_same_name(
    whole: Case, sealed: SealedContract, tmp_path: Path
) -> None:
    forged = of_foreign_ca(whole, sealed, tmp_path)

    opinions = ask_all(forged, tmp_path)

    assert (opinions.pdfsig, opinions.whole) == (True, True)
    assert opinions.ours.reason == "untrusted"
    first = opinions.ours.signatures[0]
    assert (first.intact, first.trusted) == (True, False)
    assert first.issuer == "Development Root CA"
    # By its name alone openssl finds the root, and then the key does not fit.
    assert not opinions.openssl
    assert ask_all(replace(forged, keys=tmp_path / "foreign"), tmp_path).openssl


def test_case_28_a_removed_signature_is_one_too_few_for_us_and_one_less_for_them(
    whole: Case, tmp_path: Path
) -> None:
    opinions = ask_all(replace(whole, pdf=without_first_signature(whole.pdf)), tmp_path)

    assert opinions.ours.reason == "signature_missing"
    assert not opinions.whole
