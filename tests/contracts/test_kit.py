"""The kit in a stranger's hands: the README's own commands, in a folder, without the portal."""

import io
import json
import shutil
import subprocess
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from repayments.contracts import heads, services
from repayments.contracts.heads import Leaf
from repayments.contracts.kit import build_kit, check_events, write_zip
from repayments.contracts.models import Contract, DailyHead
from tests.factories.contracts import NOW, TODAY, make_signed

NIGHT = NOW + timedelta(hours=20)
pytestmark = pytest.mark.skipif(
    not (shutil.which("pdfsig") and shutil.which("openssl")),
    reason="poppler's pdfsig or openssl is not installed",
)


@pytest.fixture
def complete(signed: Contract) -> Contract:
    """A contract with its evidence, and a time-stamped head over it and over another."""
    other = make_signed()
    for contract in (signed, other):
        assert services.seal_contract(contract_id=contract.pk, now=NOW)
    assert services.make_evidence(contract_id=signed.pk, now=NOW)
    head = services.make_head(day=TODAY, now=NIGHT)
    assert head is not None
    assert services.stamp_head(head_id=head.pk, now=NIGHT)
    return signed


@pytest.fixture
def folder(complete: Contract, tmp_path: Path) -> Path:
    call_command("export_contract", complete.reference, str(tmp_path / "kit"))
    return tmp_path / "kit"


def follow_readme(folder: Path) -> tuple[bool, str]:
    """Run what the README says, line by line, in a fresh copy; tell whether all of it passes."""
    fresh = folder.parent / "stranger"
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.copytree(folder, fresh)
    commands = (fresh / "README.md").read_text().split("```sh\n")[1].split("```")[0]
    # The stranger has no portal: nothing of ours is on the path, and no settings are set.
    ran = subprocess.run(  # noqa: S603 - the commands of our own README
        ["sh", "-e", "-c", commands],  # noqa: S607
        cwd=fresh,
        env={"PATH": "/usr/bin:/bin:/usr/local/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    said = ran.stdout + ran.stderr
    seals = len(list(fresh.glob("*-*/sig.p7")))
    good = (
        ran.returncode == 0
        and seals == 3
        and said.count("CMS Verification successful") == seals
        and said.count("Verification: OK") == seals + 1
        and said.count("Signature is Valid.") == seals
        and said.count("- Total document signed") == 2
        and "verify OK" in said
        and "No Revoked Certificates" in said
    )
    return good, said


def test_a_stranger_finds_everything_in_order(folder: Path) -> None:
    good, said = follow_readme(folder)

    assert good, said
    assert "contract.pdf: the very file that the events name" in said
    assert "evidence.pdf: the very file that the events name" in said
    assert f"head.txt: holds events 1 to {len(read_events(folder))}, as they stood" in said


@pytest.mark.parametrize("name", ["contract.pdf", "evidence.pdf"])
@pytest.mark.parametrize("place", [0.3, 0.999])
def test_one_flipped_byte_is_found(folder: Path, name: str, place: float) -> None:
    data = bytearray((folder / name).read_bytes())
    data[int(len(data) * place)] ^= 1
    (folder / name).write_bytes(bytes(data))

    assert not follow_readme(folder)[0]


def test_bytes_added_or_cut_off_are_found(folder: Path) -> None:
    whole = (folder / "contract.pdf").read_bytes()
    (folder / "contract.pdf").write_bytes(whole + b"\n")
    assert "NOT covered to its end" in follow_readme(folder)[1]

    # Back to the borrower's seal alone: whole in itself, so only the events can tell.
    end = whole.rindex(b"%%EOF", 0, whole.rindex(b"%%EOF"))
    (folder / "contract.pdf").write_bytes(whole[: end + len(b"%%EOF\n")])
    assert not follow_readme(folder)[0]


def read_events(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def write_events(folder: Path, events: list[dict[str, Any]], *, rebuild: bool = False) -> None:
    previous = events[0]["prev"]
    for number, event in enumerate(events, start=1):
        if rebuild:
            event |= {"seq": number, "prev": previous}
            event["hash"] = previous = check_events.hash_event(event)
    lines = [json.dumps(event, ensure_ascii=False) for event in events]
    (folder / "events.jsonl").write_text("\n".join(lines) + "\n")


def spoil(events: list[dict[str, Any]], how: str) -> None:
    if how == "edited":
        events[9]["payload"]["ip"] = "198.51.100.1"
    if how == "removed":
        del events[9]
    if how == "reordered":
        events[9], events[10] = events[10], events[9]
    if how == "inserted":
        events.insert(9, {**events[9], "payload": {}})
    if how == "cut off":
        del events[-1:]


MEDDLING = ["edited", "removed", "reordered", "inserted", "cut off"]


@pytest.mark.parametrize("how", MEDDLING)
def test_case_35_a_stranger_finds_a_meddled_event(folder: Path, how: str) -> None:
    events = read_events(folder)
    spoil(events, how)
    write_events(folder, events)

    good, said = follow_readme(folder)

    assert not good
    if how != "cut off":
        assert "event 10 " in said


@pytest.mark.parametrize("how", MEDDLING)
def test_case_36_a_stranger_finds_a_chain_built_anew(folder: Path, how: str) -> None:
    events = read_events(folder)
    spoil(events, how)
    write_events(folder, events, rebuild=True)

    assert not follow_readme(folder)[0]


def test_case_36_a_head_made_to_fit_the_new_chain_fails_its_time_stamp(folder: Path) -> None:
    events = read_events(folder)
    spoil(events, "edited")
    write_events(folder, events, rebuild=True)
    last = events[-1]
    leaf = Leaf(last["stream"], last["seq"], last["hash"])
    (folder / "proof.txt").write_text(heads.write_proof(leaf, []))
    lines = (folder / "head.txt").read_text().splitlines()
    lines[4] = f"root: {heads.compute_root([leaf])}"
    (folder / "head.txt").write_text("\n".join(lines) + "\n")

    good, said = follow_readme(folder)

    assert not good
    assert "message imprint mismatch" in said


def test_a_kit_tells_nothing_of_other_contracts(complete: Contract) -> None:
    files = build_kit(complete)

    other = Contract.objects.exclude(pk=complete.pk).get()
    assert DailyHead.objects.get().leaves.count() == 2
    for name, content in files.items():
        for told in (str(other.public_id), other.reference, other.loan.borrower.reference):
            assert told.encode() not in content, name


def test_a_kit_before_the_head_says_what_it_cannot_show(signed: Contract, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="no completed contract"):
        call_command("export_contract", signed.reference, str(tmp_path))
    services.seal_contract(contract_id=signed.pk, now=NOW)

    call_command("export_contract", signed.reference, str(tmp_path / "kit"))

    readme = (tmp_path / "kit" / "README.md").read_text()
    assert "is in no daily head yet" in readme
    assert "[" not in readme
    assert "evidence" not in readme
    assert "none yet" in follow_readme(tmp_path / "kit")[1]


def test_the_zip_holds_the_same_files_in_one_folder(complete: Contract, folder: Path) -> None:
    files = build_kit(complete)
    packed = (folder / f"{complete.reference}.zip").read_bytes()

    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    assert found == {f"{complete.reference}/{name}": data for name, data in files.items()}
    assert packed == write_zip(files, folder=complete.reference)
