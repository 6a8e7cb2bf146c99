"""How long contracts are kept, what goes after, what keeps them longer, what is damaged."""

import json
import os
from datetime import datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from repayments.audit.models import Event
from repayments.audit.services import record_event, verify_audit
from repayments.cases.models import Case
from repayments.cases.services import open_signaled_cases
from repayments.clock import lender_zone
from repayments.contracts import blobs, sealing, services
from repayments.contracts.management.commands import apply_retention
from repayments.contracts.models import (
    Blob,
    Contract,
    ContractRevision,
    Evidence,
    SettlementLetter,
    Signature,
    SigningChallenge,
)
from repayments.contracts.queries import get_verdict
from repayments.contracts.services import retention
from repayments.contracts.views import common
from repayments.loans.models import Loan
from repayments.management.invariants import _contracts_keep_their_bytes
from tests.contracts.test_pages import sign_in, url
from tests.factories.cases import make_colleague, sign_in_staff
from tests.factories.contracts import (
    NOW,
    ORIGIN,
    draw_png,
    make_contract,
    make_signed,
    pass_code,
    signer_of,
)

pytestmark = pytest.mark.usefixtures("room")
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def frozen_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(common, "now", lambda: NOW)


def end(contract: Contract, how: str) -> Contract:
    """Let a contract end unsigned at NOW."""
    if how == "declined":
        services.decline_contract(
            contract_id=contract.pk,
            reason="too dear",
            actor=signer_of(contract),
            origin=ORIGIN,
            now=NOW,
        )
    elif how == "voided":
        services.void_contract(contract_id=contract.pk, reason="wrong", actor=None, now=NOW)
    elif how == "superseded":
        services.reissue_contract(
            contract_id=contract.pk, reason="x", actor=None, now=NOW, as_of=NOW.date()
        )
    else:
        services.change_expiry(contract_id=contract.pk, expires_at=NOW, actor=None, now=NOW)
        services.expire_contracts(now=NOW)
    contract.refresh_from_db()
    return contract


def hold(contract: Contract, *, is_held: bool = True) -> Contract:
    return services.set_legal_hold(
        contract_id=contract.pk, is_held=is_held, reason="court order 7", actor=None, now=NOW
    )


def has_file(sha256: str) -> bool:
    return blobs.path_of(sha256).exists()


# --- Never signed -------------------------------------------------------------------------------
@pytest.mark.parametrize("how", ["declined", "expired", "voided", "superseded"])
def test_pv_10_unsigned_day_89_kept_day_90_gone(how: str, sent: Contract) -> None:
    end(sent, how)
    sha256 = sent.revisions.get().blob_id

    assert services.apply_retention(now=NOW + 90 * DAY - timedelta(seconds=1)) == 0
    assert has_file(sha256)
    assert services.apply_retention(now=NOW + 90 * DAY) == 1
    assert services.apply_retention(now=NOW + 90 * DAY) == 0

    sent.refresh_from_db()
    assert not has_file(sha256)
    assert (sent.status, sent.terms, sent.schedule, sent.consents) == (how, {}, [], [])
    assert sent.decline_reason == ""
    assert sent.ended_at == NOW


def test_what_stays_tells_whose_it_was_and_the_chain_is_whole(ready: Contract) -> None:
    end(ready, "voided")
    frozen = ready.revisions.get().blob_id

    services.apply_retention(now=NOW + 90 * DAY)

    assert not SigningChallenge.objects.filter(contract=ready).exists()
    assert Blob.objects.get(pk=frozen).purged_at == NOW + 90 * DAY
    assert verify_audit(streams=[ready.stream]) is None
    last = Event.objects.filter(stream=ready.stream).latest("seq")
    assert (last.action, last.payload) == ("contracts.purged", {"reference": ready.reference})
    assert list(_contracts_keep_their_bytes(NOW)) == []


def test_a_draft_nobody_was_sent_goes_after_the_same_time(sent: Contract) -> None:
    Contract.objects.filter(pk=sent.pk).update(status="frozen")

    assert services.apply_retention(now=NOW + 89 * DAY) == 0
    assert services.apply_retention(now=NOW + 90 * DAY) == 1


def test_what_may_still_be_signed_stays(sent: Contract) -> None:
    services.change_expiry(contract_id=sent.pk, expires_at=None, actor=None, now=NOW)

    assert services.apply_retention(now=NOW + 4000 * DAY) == 0


def test_its_own_page_says_so_and_no_file_is_given(sent: Contract) -> None:
    end(sent, "declined")
    services.apply_retention(now=NOW + 90 * DAY)
    reader = sign_in(signer_of(sent))

    assert "This document is no longer kept" in reader.get(url(sent)).content.decode()
    assert reader.get(url(sent, "download")).status_code == 404
    assert reader.get(url(sent, "read")).url == url(sent)
    assert reader.get("/documents/").status_code == 200


def test_a_batch_is_bounded_and_asks_the_same_queries_however_many(room: None) -> None:
    for _number in range(7):
        end(make_contract(), "voided")

    def run_one(limit: int) -> int:
        with CaptureQueriesContext(connection) as asked:
            assert services.apply_retention(now=NOW + 90 * DAY, limit=limit) == limit
        return len(asked)

    # Whose time is over, twice; of each batch the lock, updates, its files and its events; the
    # files that go.
    few, many = run_one(1), run_one(5)
    assert few == many
    assert services.apply_retention(now=NOW + 90 * DAY, limit=5) == 1


# --- Files two rows name ------------------------------------------------------------------------
def test_a_file_of_two_contracts_stays_until_both_are_over(sent: Contract) -> None:
    other = make_contract()
    shared = sent.revisions.get().blob
    other.revisions.update(blob=shared)
    end(sent, "voided")

    services.apply_retention(now=NOW + 90 * DAY)
    assert has_file(shared.pk)
    assert Blob.objects.get(pk=shared.pk).purged_at is None

    end(other, "voided")
    services.apply_retention(now=NOW + 91 * DAY)
    assert not has_file(shared.pk)


def test_every_key_to_a_file_is_asked_before_one_goes() -> None:
    """A new foreign key to Blob must be told to retention, or it would take the file away."""
    keys = {
        (model, field.name)
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if getattr(field, "related_model", None) is Blob and field.concrete
    }

    assert keys == {
        (ContractRevision, "blob"),
        (Evidence, "frozen"),
        (Signature, "image"),
        (SettlementLetter, "frozen"),
        (SettlementLetter, "final"),
    }


def test_the_same_bytes_stored_anew_are_there_again(sent: Contract) -> None:
    end(sent, "voided")
    sha256 = sent.revisions.get().blob_id
    pdf = blobs.read(sha256)
    services.apply_retention(now=NOW + 90 * DAY)
    with pytest.raises(blobs.BlobDamaged):
        blobs.record(sha256, size=len(pdf), media="application/pdf")

    blobs.write_file(pdf)
    blobs.record(sha256, size=len(pdf), media="application/pdf")

    assert Blob.objects.get(pk=sha256).purged_at is None
    assert blobs.read(sha256) == pdf


def test_a_run_that_was_cut_off_is_made_up_for(
    sent: Contract, monkeypatch: pytest.MonkeyPatch
) -> None:
    end(sent, "voided")
    sha256 = sent.revisions.get().blob_id
    with monkeypatch.context() as patch:
        patch.setattr(retention, "_remove_bytes", lambda files, now: 0)
        services.apply_retention(now=NOW + 90 * DAY)
    assert has_file(sha256)

    services.apply_retention(now=NOW + 91 * DAY)

    assert not has_file(sha256)


# --- Signed -------------------------------------------------------------------------------------
@pytest.fixture
def completed(room: None) -> Contract:
    contract = make_signed()
    services.seal_contract(contract_id=contract.pk, now=NOW)
    services.make_evidence(contract_id=contract.pk, now=NOW)
    contract.refresh_from_db()
    return contract


def settle(contract: Contract, at: datetime) -> None:
    Loan.objects.filter(pk=contract.loan_id).update(status="paid_off")
    record_event(stream=contract.loan.stream, action="loans.paid_off", actor=None, at=at)


def certificate_end(contract: Contract) -> datetime:
    end_of = sealing.last_certificate_end(blobs.read(contract.revisions.get(kind="final").blob_id))
    assert end_of is not None
    return end_of


def first_day_over(contract: Contract) -> datetime:
    contract.refresh_from_db()
    assert contract.keep_until is not None
    return datetime.combine(contract.keep_until, datetime.min.time(), tzinfo=lender_zone())


def test_pv_10_signed_is_kept_five_years_after_the_loan_was_settled(completed: Contract) -> None:
    settled = certificate_end(completed) + 200 * DAY
    settle(completed, settled)
    day = settled.astimezone(lender_zone()).date()

    assert services.apply_retention(now=settled.replace(year=settled.year + 5) - DAY) == 0
    assert services.apply_retention(now=settled.replace(year=settled.year + 5)) == 1

    completed.refresh_from_db()
    assert completed.keep_until == day.replace(year=day.year + 5)
    for revision in completed.revisions.all():
        assert not has_file(revision.blob_id)
    assert not has_file(completed.evidence.frozen_id)
    assert set(completed.signatures.values_list("name", flat=True)) == {""}
    assert completed.status == "completed"


def test_es_5_never_under_five_years_past_the_certificate(completed: Contract) -> None:
    """An early purge is refused: settled at once, yet kept for the certificate's sake."""
    settle(completed, NOW)
    expires = certificate_end(completed)

    assert services.apply_retention(now=NOW.replace(year=NOW.year + 5, day=2)) == 0
    over = first_day_over(completed)

    assert over.date() >= expires.date().replace(year=expires.year + 5)
    assert services.apply_retention(now=over - timedelta(seconds=1)) == 0
    assert services.apply_retention(now=over) == 1


def test_a_loan_that_is_not_settled_keeps_its_contract(completed: Contract) -> None:
    assert services.apply_retention(now=NOW + 20_000 * DAY) == 0


def test_a_loan_of_which_nobody_knows_when_it_was_settled_keeps_it(completed: Contract) -> None:
    Loan.objects.filter(pk=completed.loan_id).update(status="paid_off")
    late = NOW + 4000 * DAY

    assert services.apply_retention(now=late) == 0
    completed.refresh_from_db()
    assert completed.keep_until == (late + 1826 * DAY).date()


def test_a_loan_opened_again_and_settled_later_counts_from_then(completed: Contract) -> None:
    settle(completed, NOW)
    services.apply_retention(now=NOW.replace(year=NOW.year + 5, day=2))
    over = first_day_over(completed)
    settle(completed, over - DAY)

    assert services.apply_retention(now=over) == 0
    assert first_day_over(completed) > over


def test_a_file_that_cannot_be_read_is_not_purged_on_a_guess(completed: Contract) -> None:
    settle(completed, NOW)
    path = blobs.path_of(completed.revisions.get(kind="final").blob_id)
    os.chmod(path, 0o600)
    path.write_bytes(b"gone")

    assert services.apply_retention(now=NOW + 9000 * DAY) == 0


def test_a_purged_contract_is_still_known_by_its_hash(completed: Contract) -> None:
    pdf = blobs.read(completed.revisions.get(kind="final").blob_id)
    settle(completed, NOW)
    services.apply_retention(now=NOW.replace(year=NOW.year + 5, day=2))
    services.apply_retention(now=first_day_over(completed))
    reader = sign_in(signer_of(completed))

    assert get_verdict(pdf, parse_known=False).verdict == "genuine"
    assert reader.get(url(completed)).status_code == 200
    for name in ("evidence_pdf", "kit", "download"):
        assert reader.get(url(completed, name)).status_code == 404


# --- Legal hold ---------------------------------------------------------------------------------
def test_a_legal_hold_wins_and_its_end_lets_time_count_again(sent: Contract) -> None:
    end(sent, "voided")
    hold(sent)
    assert services.apply_retention(now=NOW + 4000 * DAY) == 0

    hold(sent, is_held=False)
    assert services.apply_retention(now=NOW + 4000 * DAY) == 1
    recorded = Event.objects.filter(stream=sent.stream, action__contains="hold")
    assert [event.action for event in recorded.order_by("seq")] == ["contracts.hold_lifted"]
    held = Event.objects.get(stream=sent.stream, action="contracts.held")
    assert held.payload["reason"] == "court order 7"


def test_a_hold_is_placed_once_and_not_on_what_is_gone(sent: Contract) -> None:
    end(sent, "voided")
    hold(sent)
    with pytest.raises(services.ContractMovedOn):
        hold(sent)
    hold(sent, is_held=False)
    services.apply_retention(now=NOW + 90 * DAY)
    with pytest.raises(services.ContractMovedOn):
        hold(sent)


@pytest.mark.parametrize("role", ["contract_officer", "supervisor", "auditor", "collector"])
def test_a_hold_needs_its_permission_and_a_reason(role: str, sent: Contract) -> None:
    client = sign_in_staff(make_colleague(role))
    page = reverse("admin:contracts_contract_hold", args=[sent.pk])

    empty, given = client.post(page, {"reason": " "}), client.post(page, {"reason": "order 7"})

    sent.refresh_from_db()
    allowed = role == "contract_officer"
    assert (empty.status_code, given.status_code) == ((422, 302) if allowed else (403, 403))
    assert sent.legal_hold == allowed


# --- Erasure ------------------------------------------------------------------------------------
def test_erasure_drops_the_drawing_of_what_ended_unsigned(ready: Contract) -> None:
    sha256 = add_drawing(ready)
    end(ready, "declined")

    assert services.erase_drawings(borrower=ready.loan.borrower, actor=None, now=NOW) == 1
    assert services.erase_drawings(borrower=ready.loan.borrower, actor=None, now=NOW) == 0

    assert not has_file(sha256)
    assert Signature.objects.get(contract=ready).image is None
    assert has_file(ready.revisions.get().blob_id)


def test_erasure_cannot_touch_a_completed_file_or_a_held_one(
    completed: Contract, ready: Contract
) -> None:
    drawn = add_drawing(ready)
    end(ready, "declined")
    hold(ready)
    Signature.objects.filter(contract=completed, party="borrower").update(image_id=drawn)

    for contract in (completed, ready):
        assert services.erase_drawings(borrower=contract.loan.borrower, actor=None, now=NOW) == 0
    hold(ready, is_held=False)
    assert services.erase_drawings(borrower=ready.loan.borrower, actor=None, now=NOW) == 1

    # The same drawing stands in a completed contract.
    assert has_file(drawn)
    assert Signature.objects.get(contract=completed, party="borrower").image_id == drawn


def add_drawing(contract: Contract) -> str:
    """Let a first signer have drawn a name under a contract that is not all signed."""
    png = draw_png()
    blob = blobs.record(blobs.write_file(png), size=len(png), media="image/png")
    Signature.objects.create(
        contract=contract,
        party="borrower",
        order=1,
        mode="drawn",
        name="王镕",
        image=blob,
        doc_sha256=contract.revisions.get().blob_id,
        signed_at=NOW,
    )
    return blob.pk


# --- The command --------------------------------------------------------------------------------
def run(capsys: pytest.CaptureFixture[str], *options: str) -> Any:
    call_command("apply_retention", *options)
    printed = capsys.readouterr().out
    return json.loads(printed) if "--json" in options else printed


@pytest.fixture
def much_later(monkeypatch: pytest.MonkeyPatch) -> datetime:
    moment = NOW + 9000 * DAY
    monkeypatch.setattr(apply_retention, "now", lambda: moment)
    return moment


def test_a_dry_run_says_what_would_go_and_why_and_changes_nothing(
    completed: Contract,
    sent: Contract,
    much_later: datetime,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settle(completed, NOW)
    end(sent, "declined")
    kept = hold(end(make_contract(), "voided"))

    report = run(capsys, "--dry-run", "--json")

    assert report["would_go"] == [
        {
            "reference": sent.reference,
            "status": "declined",
            "why": "ended_unsigned",
            "since": "2026-12-01",
            "is_held": False,
        },
        {
            "reference": completed.reference,
            "status": "completed",
            "why": "kept_long_enough",
            "since": "2026-12-01",
            "is_held": False,
        },
    ]
    assert [one["reference"] for one in report["held"]] == [kept.reference]
    assert not Contract.objects.filter(purged_at__isnull=False).exists()
    assert sent.reference in run(capsys, "--dry-run")
    assert run(capsys, "--json") == {"purged": 2}
    assert run(capsys, "--dry-run", "--json")["would_go"] == []


def test_drawings_are_erased_by_the_borrowers_reference(
    ready: Contract, capsys: pytest.CaptureFixture[str]
) -> None:
    add_drawing(ready)
    end(ready, "declined")

    assert run(capsys, "--erase-drawings", ready.loan.borrower.reference, "--json") == {
        "drawings": 1
    }
    with pytest.raises(CommandError):
        call_command("apply_retention", "--erase-drawings", "nobody")


# --- Stored files -------------------------------------------------------------------------------
def damage(sha256: str, how: str) -> None:
    path = blobs.path_of(sha256)
    os.chmod(path, 0o600)
    if how == "missing":
        path.unlink()
    else:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)


@pytest.mark.parametrize("how", ["missing", "changed"])
def test_es_3_a_planted_damage_becomes_a_case_that_names_the_contract(
    how: str, completed: Contract
) -> None:
    assert services.check_files(now=NOW) == 0
    assert open_signaled_cases(now=NOW) == 0
    sha256 = completed.revisions.get(kind="final").blob_id
    damage(sha256, how)

    later = NOW + 31 * DAY
    assert services.check_files(now=later) == 1
    assert Blob.objects.get(pk=sha256).fault == how
    assert open_signaled_cases(now=later) == 1
    assert open_signaled_cases(now=later) == 0

    case = Case.objects.get(kind="contract_exception")
    assert (case.contract, case.loan, case.reason) == (completed, completed.loan, "file_damaged")
    assert case.reason_facts == {"reference": completed.reference, "sha256": sha256}


def test_es_3_a_restored_file_is_sound_again_a_day_later(completed: Contract) -> None:
    sha256 = completed.revisions.get(kind="final").blob_id
    whole = blobs.read(sha256)
    damage(sha256, "missing")
    services.check_files(now=NOW)
    blobs.write_file(whole)

    assert services.check_files(now=NOW + DAY) == 0
    assert Blob.objects.get(pk=sha256).fault == ""


def test_es_3_a_night_is_bounded_and_goes_round(completed: Contract) -> None:
    count = Blob.objects.count()
    assert count > 3

    services.check_files(now=NOW, limit=3)
    assert Blob.objects.filter(checked_at=NOW).count() == 3
    for _night in range(count):
        services.check_files(now=NOW + DAY, limit=3)
    assert not Blob.objects.filter(checked_at=None).exists()
    # Nothing is looked at again before its time.
    services.check_files(now=NOW + 2 * DAY)
    assert not Blob.objects.filter(checked_at=NOW + 2 * DAY).exists()


def test_what_was_purged_is_not_missed(sent: Contract) -> None:
    end(sent, "voided")
    services.apply_retention(now=NOW + 90 * DAY)

    assert services.check_files(now=NOW + 200 * DAY) == 0
    assert open_signaled_cases(now=NOW + 200 * DAY) == 0


def test_contracts_that_ended_before_there_was_a_field_get_their_day(sent: Contract) -> None:
    end(sent, "declined")
    end(make_contract(), "voided")
    Contract.objects.update(ended_at=None)
    fill = import_module("repayments.contracts.migrations.0015_fill_when_contracts_ended")

    fill.fill(apps, None)

    sent.refresh_from_db()
    assert sent.ended_at == NOW
    assert not Contract.objects.filter(ended_at=None, status__in=["declined", "voided"]).exists()


def test_pv_10_the_times_by_default() -> None:
    assert (settings.CONTRACT_KEEP_MONTHS, settings.UNSIGNED_KEEP_DAYS) == (60, 90)


def test_a_code_sent_for_what_ended_is_gone_with_it(ready: Contract) -> None:
    pass_code(ready)
    assert SigningChallenge.objects.filter(contract=ready).count() == 2
    end(ready, "voided")

    services.apply_retention(now=NOW + 90 * DAY)

    assert not SigningChallenge.objects.exists()
