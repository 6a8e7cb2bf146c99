import stat
from datetime import timedelta
from pathlib import Path

import pytest

from repayments.contracts import certificates
from repayments.contracts.certificates import (
    Identity,
    PreflightError,
    create_development_ca,
    load_crl,
    load_identity,
    preflight,
)
from tests.contracts.samples import NOW


def refusal(**arguments: object) -> str:
    with pytest.raises(PreflightError) as caught:
        preflight(**arguments)  # type: ignore[arg-type]
    return caught.value.reason


def test_private_files_are_for_their_owner_alone(keys_dir: Path) -> None:
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in keys_dir.glob("*.key")}
    assert modes == {f"{name}.key": 0o600 for name in ("ca", "borrower", "lender", "tsa")}


def test_making_it_again_keeps_what_is_valid(tmp_path: Path) -> None:
    assert create_development_ca(tmp_path, now=NOW) == ["ca", "borrower", "lender", "tsa", "crl"]
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert create_development_ca(tmp_path, now=NOW + timedelta(days=100)) == []
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_only_what_is_missing_or_broken_is_made_anew(tmp_path: Path) -> None:
    create_development_ca(tmp_path, now=NOW)
    (tmp_path / "lender.key").unlink()
    (tmp_path / "tsa.key").write_bytes((tmp_path / "borrower.key").read_bytes())
    assert create_development_ca(tmp_path, now=NOW) == ["lender", "tsa"]
    preflight(identities=[load_identity(tmp_path, "tsa")], now=NOW, crl=load_crl(tmp_path))


def test_a_new_root_makes_everything_below_it_new(tmp_path: Path) -> None:
    create_development_ca(tmp_path, now=NOW)
    (tmp_path / "ca.key").unlink()
    assert create_development_ca(tmp_path, now=NOW) == ["ca", "borrower", "lender", "tsa", "crl"]


def test_valid_certificates_pass(keys_dir: Path) -> None:
    names = ("borrower", "lender", "tsa")
    preflight(
        identities=[load_identity(keys_dir, name) for name in names],
        now=NOW,
        crl=load_crl(keys_dir),
    )


def test_each_fault_has_its_own_reason(keys_dir: Path) -> None:
    good = load_identity(keys_dir, "lender")
    other = load_identity(keys_dir, "borrower")
    end = good.certificate.not_valid_after_utc
    begin = good.certificate.not_valid_before_utc
    mixed = Identity("lender", good.certificate, other.key)
    day, second = timedelta(days=1), timedelta(seconds=1)

    assert refusal(identities=[good], now=end + second) == "certificate_expired"
    assert refusal(identities=[good], now=begin - second) == "certificate_not_yet_valid"
    assert refusal(identities=[mixed], now=NOW) == "key_mismatch"
    assert refusal(identities=[good], now=end - 30 * day + second) == "certificate_expires_soon"
    preflight(identities=[good], now=end - 30 * day)
    crl = load_crl(keys_dir)
    assert crl.next_update_utc is not None
    assert refusal(identities=[], now=crl.next_update_utc + second, crl=crl) == "crl_expired"


def test_missing_files_are_a_refusal(tmp_path: Path) -> None:
    with pytest.raises(PreflightError) as keys:
        load_identity(tmp_path, "lender")
    with pytest.raises(PreflightError) as crl:
        load_crl(tmp_path)
    assert (keys.value.reason, crl.value.reason) == ("keys_missing", "crl_missing")


def test_days_left_turns_negative_after_the_end(keys_dir: Path) -> None:
    certificate = load_identity(keys_dir, "lender").certificate
    assert certificates.days_left(certificate, certificate.not_valid_after_utc) == 0
    late = certificate.not_valid_after_utc + timedelta(hours=1)
    assert certificates.days_left(certificate, late) < 0
