import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.test import Client

from repayments.contracts import blobs, inspecting, isolation, services, verification
from repayments.contracts.models import Contract
from repayments.contracts.queries import get_code_answer
from repayments.contracts.views import public
from tests.factories.contracts import NOW, make_contract

URL = "/verify/"


@pytest.fixture(autouse=True)
def fresh_limits(db: None) -> None:
    cache.clear()


@pytest.fixture
def visitor(settings: Any) -> Client:
    """Somebody without an account who reads English."""
    client = Client()
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    return client


@pytest.fixture
def complete(signed: Contract) -> Contract:
    assert services.seal_contract(contract_id=signed.pk, now=NOW)
    signed.refresh_from_db()
    return signed


def final_pdf(contract: Contract) -> bytes:
    return blobs.read(contract.revisions.get(kind="final").blob_id)


def upload(client: Client, pdf: bytes) -> Any:
    file = io.BytesIO(pdf)
    file.name = "contract.pdf"
    return client.post(URL, {"document": file, "code": ""})


def test_the_page_is_open_to_everybody(visitor: Client) -> None:
    assert visitor.get(URL).status_code == 200
    assert visitor.put(URL).status_code == 405


def test_our_final_copy_is_genuine_and_not_even_parsed(
    visitor: Client, complete: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    def parsed(*args: object) -> None:
        raise AssertionError("a file on record was parsed")

    monkeypatch.setattr(isolation, "inspect_in_child", parsed)

    answer = upload(visitor, final_pdf(complete))

    assert answer.context["verdict"].verdict == "genuine"
    assert "Genuine: this is our original" in answer.content.decode()
    # No personal data: neither who signed nor for how much.
    for secret in ("王镕", "SB-0", "12,000", complete.reference):
        assert secret not in answer.content.decode()


def test_case_24_bytes_after_the_end_are_not_valid(visitor: Client, complete: Contract) -> None:
    answer = upload(visitor, final_pdf(complete) + b"\n% more")

    assert answer.context["verdict"].reason == "changed_after_signing"
    assert "Something was added to the file after it was signed." in answer.content.decode()


def test_case_26_the_borrowers_revision_lacks_the_countersignature(
    visitor: Client, complete: Contract
) -> None:
    pdf = blobs.read(complete.revisions.get(kind="borrower").blob_id)

    assert upload(visitor, pdf).context["verdict"].reason == "signature_missing"


def test_a_copy_that_fell_off_the_record_is_valid_and_not_final(
    visitor: Client, complete: Contract
) -> None:
    pdf = final_pdf(complete)
    complete.revisions.filter(kind="final").update(kind="evidence")
    complete.revisions.filter(kind="evidence").delete()

    assert upload(visitor, pdf).context["verdict"].verdict == "valid_not_final"


@pytest.mark.parametrize(
    ("pdf", "reason"),
    [
        (b"", "not_a_pdf"),
        (b"<html>", "not_a_pdf"),
        (b"%PDF-1.7\nnonsense", "unreadable"),
        (b"%PDF-" + b"0" * (verification.MAX_BYTES + 5), "too_large"),
    ],
    ids=["empty", "not a PDF", "broken", "too large"],
)
def test_case_30_each_refusal_has_its_reason(visitor: Client, pdf: bytes, reason: str) -> None:
    answer = upload(visitor, pdf)

    assert answer.status_code == 200
    assert answer.context["verdict"].reason == reason


def test_an_upload_never_touches_the_disk(visitor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def stored(*args: object, **kwargs: object) -> None:
        raise AssertionError("an upload was written to a file")

    monkeypatch.setattr("django.core.files.uploadedfile.TemporaryUploadedFile.__init__", stored)

    answer = upload(visitor, b"%PDF-" + b"0" * 4_000_000)

    assert answer.context["verdict"].verdict == "invalid"


def test_a_form_of_another_site_is_refused() -> None:
    client = Client(enforce_csrf_checks=True)

    assert client.post(URL, {"code": "7K4M-Q2XD-9FHP"}).status_code == 403


def test_neither_file_nor_code_is_said_on_the_form(visitor: Client) -> None:
    answer = visitor.post(URL, {"code": ""})

    assert answer.status_code == 422
    assert answer.context["form"].errors["document"]


def test_a_code_tells_state_and_hash_and_nothing_else(visitor: Client, complete: Contract) -> None:
    answer = visitor.post(URL, {"code": complete.verify_code.lower().replace("-", " ")})

    page = answer.content.decode()
    assert complete.revisions.get(kind="final").blob_id in page
    assert "This document is complete" in page
    for secret in ("王镕", complete.reference, "12,000"):
        assert secret not in page


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("sent", "to_be_signed"),
        ("seal_failed", "being_sealed"),
        ("declined", "ended"),
    ],
)
def test_a_code_of_what_is_not_complete_has_no_hash(
    sent: Contract, status: str, state: str
) -> None:
    Contract.objects.filter(pk=sent.pk).update(status=status)

    answer = get_code_answer(sent.verify_code)

    assert (answer.state, answer.sha256) == (state, "")


@pytest.mark.parametrize("code", ["", "AAAA-BBBB-CCCC", "x" * 500, "🙂" * 12, "'; DROP TABLE"])
def test_a_code_not_on_record_is_unknown(visitor: Client, room: None, code: str) -> None:
    assert get_code_answer(code) is None


def test_checks_are_limited_by_address(
    visitor: Client, room: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(public, "now", lambda: NOW)
    for _ in range(public.CHECKS_IN_WINDOW):
        assert visitor.post(URL, {"code": "AAAA-BBBB-CCCC"}).status_code == 200

    answer = visitor.post(URL, {"code": "AAAA-BBBB-CCCC"})

    assert answer.status_code == 429
    other = Client(REMOTE_ADDR="198.51.100.9")
    assert other.post(URL, {"code": "AAAA-BBBB-CCCC"}).status_code == 200


def run(*arguments: str) -> str:
    output = io.StringIO()
    call_command(*arguments, stdout=output)
    return output.getvalue()


def test_the_command_reads_the_file_and_says_genuine(complete: Contract, tmp_path: Path) -> None:
    (tmp_path / "c.pdf").write_bytes(final_pdf(complete))

    answer = json.loads(run("verify_contract", str(tmp_path / "c.pdf"), "--json"))

    assert (answer["verdict"], answer["reason"]) == ("genuine", "on_record")
    assert [signature["field"] for signature in answer["signatures"]] == ["Borrower", "Lender"]


def test_the_command_calls_a_known_file_that_fails_invalid(
    complete: Contract, tmp_path: Path
) -> None:
    """A stored copy that does not hold is an alarm, not an original."""
    (tmp_path / "c.pdf").write_bytes(final_pdf(complete))
    complete.signatures.filter(party="lender").update(cert_fingerprint="0" * 64)

    answer = json.loads(run("verify_contract", str(tmp_path / "c.pdf"), "--json"))

    assert (answer["verdict"], answer["reason"]) == ("invalid", "on_record_but_invalid")


@pytest.mark.parametrize("content", [b"nothing", None], ids=["not a PDF", "no such file"])
def test_the_command_exits_1_on_what_is_not_valid(
    room: None, tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "c.pdf").write_bytes(content)

    with pytest.raises(SystemExit) as end:
        run("verify_contract", str(tmp_path / "c.pdf"))

    assert end.value.code == 1
    assert json.loads(run("verify_contract", str(tmp_path / "c.pdf"), "--json"))["signatures"] == []


def test_case_29_a_file_of_one_contract_is_not_the_other_one(complete: Contract) -> None:
    pdf = final_pdf(complete)
    other = make_contract()
    Contract.objects.filter(pk=other.pk).update(reference="other")

    verdict = verification.verify_pdf(
        pdf,
        expected=verification.Expected((), reference="other"),
        trust=inspecting.Trust([], []),
        isolated=False,
    )

    assert verdict.reason == "not_this_contract"


def test_what_is_exported_is_the_final_file_and_the_root(
    complete: Contract, tmp_path: Path, keys_dir: Path
) -> None:
    run("export_contract", complete.reference, str(tmp_path / "out"))

    assert (tmp_path / "out" / "contract.pdf").read_bytes() == final_pdf(complete)
    assert (tmp_path / "out" / "ca.crt").read_bytes() == (keys_dir / "ca.crt").read_bytes()


def test_what_is_not_complete_is_not_exported(sent: Contract, tmp_path: Path) -> None:
    with pytest.raises(CommandError):
        run("export_contract", sent.reference, str(tmp_path / "out"))
