import hashlib
import io
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

from repayments.contracts import documents, inspecting, isolation, sealing, verification
from repayments.contracts.certificates import create_development_ca, load_identity, write_crl
from repayments.contracts.inspecting import Trust
from repayments.contracts.sealing import SealingKit
from repayments.contracts.verification import Expected, Verdict, verify_pdf
from tests.contracts.samples import NOW, SealedContract, contract_data, seal

Check = Callable[..., Verdict]


@pytest.fixture
def check(sealed: SealedContract, trust: Trust) -> Check:
    def run(pdf: bytes, **changes: object) -> Verdict:
        arguments: dict[str, object] = {
            "expected": sealed.expected,
            "trust": trust,
            "isolated": False,
        }
        return verify_pdf(pdf, **(arguments | changes))  # type: ignore[arg-type]

    return run


def answer(verdict: Verdict) -> tuple[str, str]:
    return verdict.verdict, verdict.reason


def flipped(pdf: bytes, at: int) -> bytes:
    return pdf[:at] + bytes([pdf[at] ^ 0x01]) + pdf[at + 1 :]


def test_a_sealed_file_holds_and_says_who_signed_when(sealed: SealedContract, check: Check) -> None:
    verdict = check(sealed.final.pdf, isolated=True)
    assert answer(verdict) == ("valid_not_final", "rule_holds")
    assert [signature.field for signature in verdict.signatures] == ["Borrower", "Lender"]
    assert {signature.tsa_time for signature in verdict.signatures} == {NOW.isoformat()}
    assert verdict.reference == "L-2026-000042"
    assert verdict.as_json()["verdict"] == "valid_not_final"


def test_a_final_copy_on_record_is_genuine_without_being_parsed(
    sealed: SealedContract, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "inspect_pdf", lambda *a: pytest.fail("parsed"))
    known = {hashlib.sha256(sealed.final.pdf).hexdigest(): "final"}
    assert answer(check(sealed.final.pdf, known_kind=known.get)) == ("genuine", "on_record")


@pytest.mark.parametrize("kind", ["unsigned", "borrower"])
def test_an_earlier_revision_on_record_is_not_genuine(
    kind: str, sealed: SealedContract, check: Check
) -> None:
    pdf = sealed.frozen if kind == "unsigned" else sealed.borrower.pdf
    assert check(pdf, known_kind=lambda sha256: kind).verdict == "invalid"


def test_the_command_parses_a_known_file_and_calls_a_failing_one_invalid(
    sealed: SealedContract, check: Check
) -> None:
    always = {"known_kind": lambda sha256: "final", "parse_known": True}
    assert answer(check(sealed.final.pdf, **always)) == ("genuine", "on_record")
    broken = flipped(sealed.final.pdf, 3000)
    assert answer(check(broken, **always)) == ("invalid", "on_record_but_invalid")


def test_the_record_may_be_found_by_the_reference_inside(
    sealed: SealedContract, check: Check
) -> None:
    records = {"L-2026-000042": sealed.expected}
    assert check(sealed.final.pdf, expected=records.get).reason == "rule_holds"
    assert answer(check(sealed.final.pdf, expected={}.get)) == ("invalid", "unknown_document")
    assert answer(check(sealed.final.pdf, expected=None)) == ("invalid", "unknown_document")


def test_case_23_a_flipped_bit_anywhere_is_found(sealed: SealedContract, check: Check) -> None:
    """Body, both seals, byte ranges, cross-reference tables: some bit of each, and a sweep."""
    pdf = sealed.final.pdf
    marks = [
        *(match.end() + 40 for match in re.finditer(rb"/Contents <", pdf)),
        *(match.end() + 3 for match in re.finditer(rb"/ByteRange \[", pdf)),
        *(match.end() + 30 for match in re.finditer(rb"\nxref", pdf)),
        *(match.end() + 1 for match in re.finditer(rb"startxref", pdf)),
        *range(200, len(pdf), len(pdf) // 25),
    ]
    assert len(marks) > 30
    # The unused tail of a signature's reserved room is the one place where a bit says nothing.
    padding = [match.span() for match in re.finditer(rb"0{64,}>", pdf)]
    passed = [
        at
        for at in marks
        if not any(start <= at < end for start, end in padding)
        and check(flipped(pdf, at)).verdict != "invalid"
    ]
    assert passed == []


def test_case_23_a_flipped_bit_in_the_padding_is_not_genuine(
    sealed: SealedContract, check: Check
) -> None:
    pdf = sealed.final.pdf
    match = re.search(rb"0{64,}>", pdf)
    assert match is not None
    known = {hashlib.sha256(pdf).hexdigest(): "final"}
    assert check(flipped(pdf, match.start() + 20), known_kind=known.get).verdict != "genuine"


@pytest.mark.parametrize("tail", [b"\n", b"\n% a remark\n", b"\n%%EOF\n", bytes(500)])
def test_case_24_bytes_after_the_end_are_found(
    tail: bytes, sealed: SealedContract, check: Check
) -> None:
    assert check(sealed.final.pdf + tail).verdict == "invalid"


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_invalid(part: float, sealed: SealedContract, check: Check) -> None:
    assert check(sealed.final.pdf[: int(len(sealed.final.pdf) * part)]).verdict == "invalid"


def test_case_26_a_file_cut_back_to_the_borrowers_seal_lacks_the_countersignature(
    sealed: SealedContract, check: Check
) -> None:
    assert answer(check(sealed.borrower.pdf)) == ("invalid", "signature_missing")


def test_the_unsigned_file_bears_no_signature(sealed: SealedContract, check: Check) -> None:
    assert answer(check(sealed.frozen)) == ("invalid", "no_signatures")


def test_case_25_a_turned_page_is_found(sealed: SealedContract, check: Check) -> None:
    writer = IncrementalPdfFileWriter(io.BytesIO(sealed.final.pdf))
    reference, _ = writer.find_page_for_modification(0)
    reference.get_object()["/Rotate"] = generic.NumberObject(90)
    writer.mark_update(reference)
    output = io.BytesIO()
    writer.write(output)
    assert answer(check(output.getvalue())) == ("invalid", "changed_after_signing")


def test_case_25_an_added_note_is_found(sealed: SealedContract, check: Check) -> None:
    writer = IncrementalPdfFileWriter(io.BytesIO(sealed.final.pdf))
    reference, _ = writer.find_page_for_modification(0)
    note = generic.DictionaryObject(
        {
            generic.NameObject("/Type"): generic.NameObject("/Annot"),
            generic.NameObject("/Subtype"): generic.NameObject("/FreeText"),
            generic.NameObject("/Rect"): generic.ArrayObject(
                [generic.NumberObject(n) for n in (10, 10, 200, 60)]
            ),
            generic.NameObject("/Contents"): generic.TextStringObject("0 %"),
        }
    )
    page = reference.get_object()
    page["/Annots"] = generic.ArrayObject([writer.add_object(note)])
    writer.mark_update(reference)
    output = io.BytesIO()
    writer.write(output)
    assert check(output.getvalue()).verdict == "invalid"


def test_case_28_a_removed_signature_is_found(sealed: SealedContract, check: Check) -> None:
    writer = IncrementalPdfFileWriter(io.BytesIO(sealed.final.pdf))
    fields = writer.root["/AcroForm"]["/Fields"]
    field = fields[0].get_object()
    del field["/V"]
    writer.mark_update(fields.raw_get(0).reference)
    output = io.BytesIO()
    writer.write(output)
    assert check(output.getvalue()).verdict == "invalid"


def test_case_27_a_foreign_ca_of_the_same_name_is_not_trusted(
    sealed: SealedContract, check: Check, tmp_path: Path
) -> None:
    create_development_ca(tmp_path, now=NOW)
    foreign = seal(sealed.frozen, sealing.load_kit(now=NOW, directory=tmp_path, time_stamp_url=""))
    assert answer(check(foreign.final.pdf)) == ("invalid", "untrusted")
    # Even if somebody had put the forger's fingerprints on record.
    assert check(foreign.final.pdf, expected=foreign.expected).verdict == "invalid"


def test_another_certificate_of_our_own_ca_is_not_the_expected_one(
    sealed: SealedContract, check: Check
) -> None:
    first, second = sealed.expected.signatures
    swapped = replace(
        sealed.expected,
        signatures=(replace(first, cert_fingerprint=second.cert_fingerprint), second),
    )
    assert answer(check(sealed.final.pdf, expected=swapped)) == (
        "invalid",
        "certificate_unexpected",
    )


def test_a_time_stamp_of_an_unknown_authority_is_refused(
    sealed: SealedContract, check: Check, keys_dir: Path, tmp_path: Path
) -> None:
    create_development_ca(tmp_path, now=NOW)
    foreign = sealing.load_kit(now=NOW, directory=tmp_path, time_stamp_url="")
    ours = sealing.load_kit(now=NOW, directory=keys_dir, time_stamp_url="")
    mixed = replace(
        ours, time_stamper=foreign.time_stamper, time_stamp_roots=foreign.time_stamp_roots
    )
    forged = seal(sealed.frozen, mixed)
    assert answer(check(forged.final.pdf)) == ("invalid", "time_stamp_invalid")


def test_case_29_one_contracts_file_does_not_pass_for_another(
    sealed: SealedContract, check: Check, kit: SealingKit
) -> None:
    data = contract_data("zh-hans", reference="L-2026-000043")
    other = seal(documents.render_contract(data, timestamp=NOW), kit)
    wanted = replace(other.expected, reference="L-2026-000043")
    assert answer(check(sealed.final.pdf, expected=wanted)) == ("invalid", "not_this_contract")
    # The same reference on other terms: the frozen part tells.
    same = replace(wanted, reference="L-2026-000042")
    assert answer(check(sealed.final.pdf, expected=same)) == ("invalid", "frozen_part_changed")


def test_case_31_a_certificate_that_expired_later_does_not_spoil_the_file(
    sealed: SealedContract, check: Check, time_machine_at: Callable[..., None]
) -> None:
    time_machine_at(NOW + timedelta(days=20 * 365))
    assert check(sealed.final.pdf).reason == "rule_holds"


@pytest.mark.parametrize(
    ("shift", "wanted"),
    [
        (timedelta(days=1), ("valid_not_final", "rule_holds")),
        (timedelta(days=-1), ("invalid", "revoked")),
    ],
)
def test_case_32_revocation_counts_from_its_date(
    shift: timedelta, wanted: tuple[str, str], tmp_path: Path, frozen: bytes
) -> None:
    create_development_ca(tmp_path, now=NOW)
    made = seal(frozen, sealing.load_kit(now=NOW, directory=tmp_path, time_stamp_url=""))
    lender = load_identity(tmp_path, "lender").certificate
    write_crl(
        tmp_path,
        load_identity(tmp_path, "ca"),
        now=NOW + timedelta(days=2),
        revoked=[(lender.serial_number, NOW + shift)],
    )
    verdict = verify_pdf(
        made.final.pdf,
        expected=made.expected,
        trust=inspecting.load_trust(tmp_path),
        isolated=False,
    )
    assert answer(verdict) == wanted


def test_a_file_above_the_limit_is_not_read_at_all(check: Check) -> None:
    assert check(b"%PDF-1.7\n" + bytes(verification.MAX_BYTES)).reason == "too_large"


@pytest.mark.parametrize(("limit", "value"), [("WALL_SECONDS", 0.05), ("REPORT_MAX_BYTES", 10)])
def test_a_child_that_exceeds_a_limit_ends_in_a_verdict(
    limit: str,
    value: float,
    sealed: SealedContract,
    check: Check,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(isolation, limit, value)
    assert answer(check(sealed.final.pdf, isolated=True)) == ("invalid", "limits_exceeded")


def test_a_rule_with_nothing_expected_never_passes(sealed: SealedContract, check: Check) -> None:
    assert check(sealed.final.pdf, expected=Expected(signatures=())).verdict == "invalid"
