import errno
import os
import socket
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import tsp
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.timestamps.common_utils import TimestampRequestError
from pyhanko.sign.timestamps.dummy_client import DummyTimeStamper

from repayments.audit.models import Event
from repayments.audit.services import verify_audit
from repayments.contacts.models import Message
from repayments.contracts import alarms, blobs, certificates, failpoints, sealing, services
from repayments.contracts import tasks as contract_tasks
from repayments.contracts.models import Contract, ContractRevision, Signature
from repayments.contracts.queries import get_verdict
from repayments.contracts.services import seal as sealing_service
from tests.factories.contracts import NOW, draw_png, make_signed

LATER = NOW + timedelta(hours=2)


def seal(contract: Contract, *, now: datetime = NOW) -> bool:
    done = services.seal_contract(contract_id=contract.pk, now=now)
    contract.refresh_from_db()
    return done


def final_of(contract: Contract) -> ContractRevision:
    return contract.revisions.get(kind="final")


def test_a_signed_contract_is_sealed_and_complete(signed: Contract) -> None:
    assert seal(signed)

    assert (signed.status, signed.completed_at) == ("completed", NOW)
    assert [revision.kind for revision in signed.revisions.order_by("n")] == [
        "unsigned",
        "borrower",
        "final",
    ]
    borrower, lender = signed.signatures.order_by("order")
    assert borrower.cert_fingerprint != lender.cert_fingerprint
    assert borrower.tsa_time == lender.tsa_time == NOW
    assert Message.objects.filter(purpose="contract_completed").count() == 1
    assert verify_audit(streams=[signed.stream]) is None


def test_the_frozen_file_is_an_exact_prefix_of_the_final_one(signed: Contract) -> None:
    seal(signed)

    frozen = blobs.read(signed.revisions.get(kind="unsigned").blob_id)
    assert blobs.read(final_of(signed).blob_id).startswith(frozen)


def test_the_final_file_is_genuine_and_holds_when_read(signed: Contract) -> None:
    seal(signed)

    pdf = blobs.read(final_of(signed).blob_id)
    assert get_verdict(pdf, parse_known=True).verdict == "genuine"
    earlier = blobs.read(signed.revisions.get(kind="borrower").blob_id)
    verdict = get_verdict(earlier, parse_known=False)
    assert (verdict.verdict, verdict.reason) == ("invalid", "signature_missing")


def test_a_drawn_name_is_sealed_in(room: None) -> None:
    contract = make_signed(draft=services.Draft("drawn", "王镕", draw_png()))

    assert seal(contract)


@pytest.mark.parametrize("path", ["completed twice", "not signed"])
def test_there_is_nothing_to_seal(ready: Contract, path: str) -> None:
    if path == "completed twice":
        Contract.objects.filter(pk=ready.pk).update(status="completed")

    assert not seal(ready)
    assert not ready.revisions.exclude(kind="unsigned").exists()


class Silent(TimeStamper):
    async def async_request_tsa_response(self, req: object) -> object:
        raise TimestampRequestError("no answer")


def use_stamper(monkeypatch: pytest.MonkeyPatch, stamper: TimeStamper) -> None:
    load = sealing.load_kit

    def with_stamper(**kwargs: Any) -> sealing.SealingKit:
        kit = load(**kwargs)
        return sealing.SealingKit(
            kit.borrower, kit.lender, stamper, kit.roots, kit.time_stamp_roots, kit.crl
        )

    monkeypatch.setattr(sealing, "load_kit", with_stamper)


def test_case_17_a_silent_time_stamp_service_is_asked_again_later(
    signed: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as down:
        use_stamper(down, Silent())
        assert not seal(signed)

    assert (signed.status, signed.seal_error) == ("seal_failed", "time_stamp_unavailable")
    assert signed.try_again_at == NOW + timedelta(seconds=60)
    assert not seal(signed, now=NOW + timedelta(seconds=59))
    assert services.list_unsealed(now=NOW + timedelta(seconds=60)) == [signed.pk]
    assert seal(signed, now=NOW + timedelta(seconds=60))


class Wrong(DummyTimeStamper):
    """Answers another question than it was asked: of other bytes, or with another number."""

    def __init__(self, what: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._what = what

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        asked = req.copy()
        if self._what == "nonce":
            asked["nonce"] = 1
        else:
            asked["message_imprint"]["hashed_message"] = bytes(32)
        return await super().async_request_tsa_response(asked)


@pytest.mark.parametrize("what", ["nonce", "imprint"])
def test_case_17_a_stamp_of_something_else_is_no_stamp(
    what: str, signed: Contract, kit: sealing.SealingKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = kit.time_stamper
    assert isinstance(good, DummyTimeStamper)
    wrong = Wrong(
        what,
        tsa_cert=good.tsa_cert,
        tsa_key=good.tsa_key,
        certs_to_embed=good.certs_to_embed,
        fixed_dt=NOW,
    )
    with monkeypatch.context() as patch:
        use_stamper(patch, wrong)
        assert not seal(signed)

    assert signed.status == "seal_failed"
    assert signed.signatures.count() == 1
    assert not signed.revisions.filter(kind="final").exists()
    assert seal(signed, now=LATER)


@pytest.fixture
def slow_service() -> Iterator[str]:
    """Takes a request and never answers; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def test_case_17_a_slow_service_is_not_waited_for(
    signed: Contract, slow_service: str, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "TIME_STAMP_TIMEOUT_SECONDS", 0.2)
    settings.TIME_STAMP_URL = slow_service
    begun = time.monotonic()

    assert not seal(signed)

    assert time.monotonic() - begun < 10
    assert (signed.status, signed.seal_error) == ("seal_failed", "time_stamp_unavailable")
    settings.TIME_STAMP_URL = ""
    assert seal(signed, now=LATER)


def test_case_17_each_failure_waits_longer_up_to_an_hour(
    signed: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_stamper(monkeypatch, Silent())
    waits = []
    moment = NOW
    for _ in range(8):
        seal(signed, now=moment)
        waits.append((signed.try_again_at - moment).total_seconds())
        assert signed.try_again_at is not None
        moment = signed.try_again_at

    assert waits == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert signed.signatures.count() == 1


class Crash(BaseException):
    """What kills a worker: nothing catches it."""


def crash() -> None:
    raise Crash


CRASH_POINTS = [
    "claimed",
    "borrower_sealed",
    "borrower_stored",
    "lender_sealed",
    "final_written",
    "completing",
]


@pytest.mark.parametrize("point", CRASH_POINTS)
def test_case_18_after_a_crash_at_any_point_the_sweep_completes_once(
    signed: Contract, point: str
) -> None:
    failpoints.put(point, crash)
    with pytest.raises(Crash):
        seal(signed)
    failpoints.clear()
    signed.refresh_from_db()
    assert signed.status == "sealing"
    assert services.release_stale(now=NOW + timedelta(minutes=4)) == 0

    assert services.release_stale(now=LATER) == 1
    assert services.list_unsealed(now=LATER) == [signed.pk]
    assert seal(signed, now=LATER)

    kinds = [revision.kind for revision in signed.revisions.order_by("n")]
    assert kinds == ["unsigned", "borrower", "final"]
    assert signed.signatures.count() == 2
    assert Message.objects.filter(purpose="contract_completed").count() == 1
    assert get_verdict(blobs.read(final_of(signed).blob_id), parse_known=True).verdict == "genuine"


def test_case_18_a_worker_thought_dead_comes_too_late(signed: Contract) -> None:
    """Its claim was given to another; what it made is dropped."""

    def meanwhile() -> None:
        failpoints.clear()
        services.release_stale(now=LATER)
        assert services.seal_contract(contract_id=signed.pk, now=LATER)

    failpoints.put("lender_sealed", meanwhile)

    assert not seal(signed)

    assert signed.status == "completed"
    assert signed.completed_at == LATER
    assert signed.revisions.filter(kind="final").count() == 1
    assert signed.signatures.count() == 2


def spoil(keys: Path, case: str) -> datetime:
    """Break one thing of a sealing directory; give the moment to seal at."""
    if case == "expired":
        return NOW + timedelta(days=365 * 20)
    if case == "not yet valid":
        return NOW - timedelta(days=365 * 20)
    if case == "key mismatch":
        (keys / "lender.key").write_bytes((keys / "borrower.key").read_bytes())
    if case == "keys missing":
        (keys / "lender.key").unlink()
    if case == "no revocation list":
        (keys / "ca.crl").unlink()
    return NOW


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ("expired", "certificate_expired"),
        ("not yet valid", "certificate_not_yet_valid"),
        ("key mismatch", "key_mismatch"),
        ("keys missing", "keys_missing"),
        ("no revocation list", "crl_missing"),
    ],
)
def test_case_19_what_may_not_sign_is_refused_before_any_signing(
    signed: Contract, tmp_path: Path, settings: Any, case: str, reason: str
) -> None:
    settings.SEALING_KEYS_DIR = tmp_path / "own keys"
    certificates.create_development_ca(settings.SEALING_KEYS_DIR, now=NOW)
    moment = spoil(settings.SEALING_KEYS_DIR, case)

    assert not seal(signed, now=moment)

    assert (signed.status, signed.seal_error) == ("seal_failed", reason)
    assert signed.revisions.count() == 1


@pytest.mark.parametrize(("seconds", "count"), [(60, 0), (61, 1), (-61, 1), (0, 0)])
def test_case_20_a_stamp_over_a_minute_off_our_clock_is_an_alarm(seconds: int, count: int) -> None:
    found = alarms.clock_alarms([NOW + timedelta(seconds=seconds)], now=NOW)

    assert len(found) == count


def test_case_20_an_alarm_is_on_record_and_the_contract_complete(
    signed: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alarms, "clock_alarms", lambda times, now: [alarms.Alarm("clock", "+61 s")])

    assert seal(signed)

    event = Event.objects.get(stream=signed.stream, action="contracts.alarm")
    assert event.payload["code"] == "clock"


@pytest.mark.parametrize(("days", "count"), [(61, 0), (59, 2), (31, 2)])
def test_certificates_with_under_sixty_days_left_are_an_alarm(
    kit: sealing.SealingKit, days: int, count: int
) -> None:
    end = min(kit.borrower.certificate.not_valid_after_utc, NOW + timedelta(days=365 * 30))

    found = alarms.certificate_alarms(kit, now=end - timedelta(days=days, hours=-1))

    assert len(found) == count


def test_case_21_a_full_disk_leaves_no_half_file(
    signed: Contract, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    before = sorted(path for path in settings.BLOB_ROOT.rglob("*") if path.is_file())

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(os, "fsync", full)
        assert not seal(signed)

    assert (signed.status, signed.seal_error) == ("seal_failed", "OSError")
    assert sorted(path for path in settings.BLOB_ROOT.rglob("*") if path.is_file()) == before
    assert seal(signed, now=LATER)


def test_case_22_retries_never_make_a_third_signature(
    signed: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure after the borrower's seal starts again from the stored revision."""
    original = sealing.seal_as_lender
    failures: list[Callable[..., Any]] = [fail_once, fail_once, original]
    monkeypatch.setattr(sealing, "seal_as_lender", lambda *a, **k: failures.pop(0)(*a, **k))
    moment = NOW
    for _ in range(3):
        seal(signed, now=moment)
        moment += timedelta(hours=2)

    assert signed.status == "completed"
    report = get_verdict(blobs.read(final_of(signed).blob_id), parse_known=True)
    assert [signature.field for signature in report.signatures] == ["Borrower", "Lender"]
    assert Signature.objects.filter(contract=signed).count() == 2


def fail_once(*args: object, **kwargs: object) -> sealing.Sealed:
    raise sealing.SealingError("seal_failed", "not now")


def test_a_file_that_fails_its_own_check_is_not_stored(
    signed: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = sealing.seal_as_lender

    def tampered(*args: Any, **kwargs: Any) -> sealing.Sealed:
        good = original(*args, **kwargs)
        return sealing.Sealed(good.pdf + b"\n%", good.cert_fingerprint, good.tsa_time)

    monkeypatch.setattr(sealing, "seal_as_lender", tampered)

    assert not seal(signed)

    assert signed.seal_error.startswith("self_check_")
    assert not signed.revisions.filter(kind="final").exists()


def test_the_task_runs_twice_to_the_same_end(
    signed: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contract_tasks, "now", lambda: NOW)
    for _ in range(2):
        contract_tasks.seal_contract(contract_id=signed.pk, later_argument=1)

    signed.refresh_from_db()
    assert signed.status == "completed"
    assert signed.revisions.count() == 3


def test_the_sweep_hands_on_all_that_is_due(
    signed: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(contract_tasks, "now", lambda: NOW)
    monkeypatch.setattr(
        contract_tasks.seal_contract,
        "delay_on_commit",
        lambda contract_id: asked.append(contract_id),
    )

    contract_tasks.sweep_contracts()

    assert asked == [signed.pk]


def test_the_seals_say_when_by_which_clock(signed: Contract) -> None:
    """Case 39: every time on the PDF carries its zone."""
    appearance = sealing_service._borrower_appearance(signed, signed.signatures.get())

    assert appearance.lines[0] == "2026-12-01 09:30:00 (UTC+8)"
