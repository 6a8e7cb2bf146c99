"""The evidence file is made once for each completed contract, whatever crashes or races."""

from datetime import timedelta
from typing import Any

import pytest

from repayments.audit.models import Event
from repayments.audit.services import verify_audit
from repayments.contracts import (
    blobs,
    failpoints,
    sealing,
    services,
    tasks,
)
from repayments.contracts.models import Contract, Evidence
from repayments.contracts.queries import get_verdict
from repayments.contracts.services import evidence as making
from tests.contracts.evidence import data_of, make, pdf_of
from tests.contracts.test_seal import Crash, crash
from tests.factories.contracts import (
    NOW,
    make_signed,
    sign,
)

LATER = NOW + timedelta(hours=2)


def test_a_completed_contract_gets_its_evidence(complete: Contract) -> None:
    assert services.list_without_evidence(now=NOW) == [complete.pk]

    assert make(complete)

    kinds = list(complete.revisions.order_by("n").values_list("n", "kind"))
    assert kinds == [(1, "unsigned"), (2, "borrower"), (3, "final"), (4, "evidence")]
    assert services.list_without_evidence(now=LATER) == []
    assert not make(complete, now=LATER)
    event = Event.objects.get(action="contracts.evidence_made")
    assert event.payload["document_sha256"] == complete.revisions.get(kind="evidence").blob_id
    assert event.payload["events"] == event.seq - 1
    assert verify_audit(streams=[complete.stream]) is None


def test_it_is_genuine_and_holds_when_read(evidenced: Contract) -> None:
    pdf = pdf_of(evidenced)

    for parse in (True, False):
        verdict = get_verdict(pdf, parse_known=parse)
        assert (verdict.verdict, verdict.reason) == ("genuine", "evidence_on_record")
    grown = get_verdict(pdf + b"\n", parse_known=False)
    assert (grown.verdict, grown.reference) == ("invalid", f"{evidenced.reference}-E")
    flipped = bytearray(pdf)
    flipped[len(pdf) // 3] ^= 1
    assert get_verdict(bytes(flipped), parse_known=False).verdict == "invalid"


def test_it_begins_with_the_file_before_the_seal(evidenced: Contract) -> None:
    frozen = evidenced.evidence.frozen
    assert frozen is not None
    assert pdf_of(evidenced).startswith(blobs.read(frozen.sha256))


@pytest.mark.parametrize("status", ["unsigned", "signed"])
def test_a_contract_that_is_not_complete_has_none(ready: Contract, status: str) -> None:
    if status == "signed":
        sign(ready)
    assert not make(ready)
    assert not Evidence.objects.exists()


POINTS = ["evidence_claimed", "evidence_sealed", "evidence_written", "evidence_storing"]


@pytest.mark.parametrize("point", POINTS)
def test_case_18_a_crash_at_any_point_leaves_one_evidence_file(
    complete: Contract, point: str
) -> None:
    failpoints.put(point, crash)
    with pytest.raises(Crash):
        make(complete)
    failpoints.clear()
    assert not complete.revisions.filter(kind="evidence").exists()
    assert services.list_without_evidence(now=NOW + timedelta(minutes=4)) == []

    assert services.list_without_evidence(now=LATER) == [complete.pk]
    assert make(complete, now=LATER)

    assert complete.revisions.filter(kind="evidence").count() == 1
    assert Event.objects.filter(action="contracts.evidence_made").count() == 1
    assert get_verdict(pdf_of(complete), parse_known=True).verdict == "genuine"


def test_two_workers_make_one(complete: Contract) -> None:
    """The second comes while the first is at it."""
    failpoints.put("evidence_sealed", lambda: second.append(make(complete)))
    second: list[bool] = []

    assert make(complete)

    assert second == [False]
    assert complete.revisions.filter(kind="evidence").count() == 1


def test_twin_without_the_claim_both_workers_make_it(
    complete: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guard off: both render and seal. Only the contract's one revision of a kind is left."""
    monkeypatch.setattr(making, "_due", lambda now: Evidence.objects.all())
    sealed: list[str] = []

    def second() -> None:
        failpoints.clear()
        sealed.append("second")
        assert make(complete, now=LATER)

    failpoints.put("evidence_sealed", second)

    assert not make(complete)
    assert sealed == ["second"]
    assert complete.revisions.filter(kind="evidence").count() == 1


def test_a_worker_thought_dead_comes_too_late(complete: Contract) -> None:
    def meanwhile() -> None:
        failpoints.clear()
        assert make(complete, now=LATER)

    failpoints.put("evidence_written", meanwhile)

    assert not make(complete)

    assert complete.revisions.filter(kind="evidence").count() == 1
    complete.evidence.refresh_from_db()
    assert (complete.evidence.made_at, complete.evidence.error) == (LATER, "")


def test_a_failure_waits_and_is_told_to_staff(
    complete: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(*args: Any, **kwargs: Any) -> None:
        raise sealing.SealingError("time_stamp_unavailable", "no answer")

    with monkeypatch.context() as broken:
        broken.setattr(sealing, "seal_document", down)
        assert not make(complete)

    evidence = Evidence.objects.get(contract=complete)
    assert (evidence.error, evidence.attempts) == ("time_stamp_unavailable", 1)
    assert evidence.try_again_at == NOW + timedelta(seconds=60)
    assert not make(complete, now=NOW + timedelta(seconds=59))
    assert make(complete, now=NOW + timedelta(seconds=60))
    texts = [row["text"] for row in data_of(complete)["events"]["rows"]]
    assert texts[-1] == "存证文件未生成，稍后重试"


def test_a_file_whose_seals_are_not_those_on_record_makes_no_evidence(complete: Contract) -> None:
    complete.signatures.filter(party="lender").update(cert_fingerprint="0" * 64)

    assert not make(complete)

    assert Evidence.objects.get(contract=complete).error == "SignaturesDiffer"


def test_the_sweep_finds_it_and_sealing_hastens_it(
    signed: Contract, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "now", lambda: NOW)
    with django_capture_on_commit_callbacks(execute=True):
        tasks.seal_contract(contract_id=signed.pk)
    assert signed.revisions.filter(kind="evidence").exists()

    other = make_signed()
    services.seal_contract(contract_id=other.pk, now=NOW)
    with django_capture_on_commit_callbacks(execute=True):
        tasks.sweep_contracts()
    assert other.revisions.filter(kind="evidence").exists()


def test_contracts_of_a_release_before_are_found_once_a_day(complete: Contract) -> None:
    Evidence.objects.all().delete()
    assert services.list_without_evidence(now=LATER) == []

    assert services.adopt_contracts() == 1
    assert services.adopt_contracts() == 0

    assert services.list_without_evidence(now=LATER) == [complete.pk]
