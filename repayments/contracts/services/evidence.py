"""The evidence file, in the worker: made once for every completed contract.

1. Claim by a conditional update; commit. From here no transaction is open.
2. Gather rows, record and certificates; render; seal; hold the file against the visitors' rule.
3. Write both files; then one transaction: blob rows, the revision, the event, "made".

A crash after any step leaves a claim that grows stale, and files nobody misses. Who comes too late
with a lost claim stores nothing: the claim is looked at once more under the lock, and a contract
has one revision of a kind.
"""

import hashlib
import logging
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Max, Q, QuerySet

from accounts.models import User
from repayments.contracts import blobs, documents, failpoints, inspecting, sealing, verification
from repayments.contracts.certificates import PreflightError
from repayments.contracts.evidence_facts import SignaturesDiffer, gather_facts
from repayments.contracts.evidence_paper import build_evidence
from repayments.contracts.models import Contract, ContractRevision, Evidence
from repayments.contracts.origin import Origin
from repayments.contracts.services.seal import (
    FIRST_RETRY_SECONDS,
    LONGEST_RETRY_SECONDS,
    STALE_AFTER_MINUTES,
    NotSealed,
)
from repayments.contracts.services.states import lock, record

logger = logging.getLogger(__name__)


def make_evidence(*, contract_id: int, now: datetime) -> bool:
    """Make the evidence file of a completed contract.

    Returns: True when this call made it; False when there is nothing to do, somebody else is at it,
        or the try failed (it then has a time to try again).
    """
    evidence = _claim(contract_id, now)
    if evidence is None:
        return False
    try:
        return _make(evidence, now)
    except (NotSealed, PreflightError, sealing.SealingError) as failure:
        _fail(evidence, failure.reason, now)
    except (documents.DocumentError, blobs.BlobDamaged, SignaturesDiffer, OSError) as failure:
        logger.exception("making evidence stopped")
        _fail(evidence, type(failure).__name__, now)
    return False


def list_without_evidence(*, now: datetime, limit: int = 100) -> list[int]:
    """List completed contracts whose evidence is due, oldest first."""
    due = _due(now).order_by("pk")
    return list(due.values_list("contract_id", flat=True)[:limit])


@transaction.atomic
def adopt_contracts() -> int:
    """Let completed contracts that have no evidence row wait for one; return how many.

    Contracts get theirs with their completion; this finds those of a release before, once a day.
    """
    missing = Contract.objects.filter(status=Contract.Status.COMPLETED, evidence=None)
    rows = [Evidence(contract_id=pk) for pk in missing.values_list("pk", flat=True)[:10_000]]
    return len(Evidence.objects.bulk_create(rows, ignore_conflicts=True))


@transaction.atomic
def record_evidence_download(
    *, contract: Contract, actor: User, origin: Origin, now: datetime
) -> None:
    """Keep that somebody took the evidence file away."""
    record(contract, "evidence_downloaded", actor=actor, at=now, origin=origin)


@transaction.atomic
def record_kit_export(*, contract: Contract, actor: User, origin: Origin, now: datetime) -> None:
    """Keep that somebody took the files for an independent check away."""
    record(contract, "kit_exported", actor=actor, at=now, origin=origin)


def _due(now: datetime) -> QuerySet[Evidence]:
    stale = now - timedelta(minutes=STALE_AFTER_MINUTES)
    return Evidence.objects.filter(
        Q(claimed_at=None) | Q(claimed_at__lte=stale),
        Q(try_again_at=None) | Q(try_again_at__lte=now),
        made_at=None,
    )


def _claim(contract_id: int, now: datetime) -> Evidence | None:
    claimed = _due(now).filter(contract_id=contract_id)
    if claimed.update(claimed_at=now, attempts=F("attempts") + 1) != 1:
        logger.info("contract %s needs no evidence now", contract_id)
        return None
    return Evidence.objects.select_related(
        "contract__loan__borrower", "contract__template_version__template"
    ).get(contract_id=contract_id)


def _make(evidence: Evidence, now: datetime) -> bool:
    failpoints.reached("evidence_claimed")
    kit = sealing.load_kit(now=now)
    facts = gather_facts(evidence.contract, evidence)
    frozen = documents.render(
        template=documents.template_source("evidence"), data=build_evidence(facts), timestamp=now
    )
    sealed = sealing.seal_document(frozen, kit=kit, now=now)
    failpoints.reached("evidence_sealed")
    _validate(evidence, frozen, sealed)
    evidence.frozen_id = blobs.write_file(frozen)
    sha256 = blobs.write_file(sealed.pdf)
    failpoints.reached("evidence_written")
    last = facts.events[-1]
    payload = {
        "document_sha256": sha256,
        "locale": facts.locale,
        "certificate": sealed.cert_fingerprint,
        "tsa_time": sealed.tsa_time.isoformat(),
        "events": last.seq,
    }
    try:
        with transaction.atomic():
            _store(evidence, frozen, sealed, sha256, payload, now)
    except IntegrityError as error:
        # The revision is there already: somebody was faster.
        raise NotSealed("claim_lost") from error
    return True


def _store(
    evidence: Evidence,
    frozen: bytes,
    sealed: sealing.Sealed,
    sha256: str,
    payload: dict[str, Any],
    now: datetime,
) -> None:
    contract = lock(evidence.contract_id)
    held = Evidence.objects.filter(pk=evidence.pk, claimed_at=evidence.claimed_at, made_at=None)
    blobs.record(evidence.frozen_id or "", size=len(frozen), media="application/pdf")
    blob = blobs.record(sha256, size=len(sealed.pdf), media="application/pdf")
    changed = held.update(
        made_at=now,
        frozen_id=evidence.frozen_id,
        cert_fingerprint=sealed.cert_fingerprint,
        tsa_time=sealed.tsa_time,
        claimed_at=None,
        try_again_at=None,
        error="",
    )
    if changed != 1:
        raise NotSealed("claim_lost")
    number = contract.revisions.aggregate(last=Max("n"))["last"] + 1
    ContractRevision.objects.create(
        contract=contract,
        n=number,
        kind=ContractRevision.Kind.EVIDENCE,
        blob=blob,
        created_at=now,
    )
    record(contract, "evidence_made", actor=None, at=now, payload=payload)
    failpoints.reached("evidence_storing")


def _validate(evidence: Evidence, frozen: bytes, sealed: sealing.Sealed) -> None:
    """Hold the sealed file against the rule visitors hold it against, before it is stored."""
    expected = verification.Expected(
        signatures=(verification.ExpectedSignature(sealing.LENDER_FIELD, sealed.cert_fingerprint),),
        frozen_sha256=hashlib.sha256(frozen).hexdigest(),
        frozen_size=len(frozen),
        reference=evidence.reference,
    )
    verdict = verification.verify_pdf(
        sealed.pdf,
        expected=expected,
        trust=inspecting.load_trust(Path(settings.SEALING_KEYS_DIR)),
        # Made here a moment ago; nothing hostile to keep away from this process.
        isolated=False,
    )
    if verdict.verdict != verification.VALID_NOT_FINAL:
        logger.error("an evidence file failed its own check: %s", verdict.reason)
        raise NotSealed(f"self_check_{verdict.reason}")


def _fail(evidence: Evidence, reason: str, now: datetime) -> None:
    doublings = min(evidence.attempts - 1, 10)
    wait = min(FIRST_RETRY_SECONDS * 2**doublings, LONGEST_RETRY_SECONDS)
    contract = evidence.contract
    with transaction.atomic():
        # Nothing, where the claim was lost: whoever holds it now decides.
        changed = Evidence.objects.filter(
            pk=evidence.pk, claimed_at=evidence.claimed_at, made_at=None
        ).update(claimed_at=None, error=reason[:500], try_again_at=now + timedelta(seconds=wait))
        if changed:
            payload = {"reason": reason, "attempt": evidence.attempts}
            record(contract, "evidence_failed", actor=None, at=now, payload=payload)
    logger.warning("no evidence file for contract %s: %s", contract.reference, reason)
