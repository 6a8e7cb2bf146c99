"""Sealing, in the worker: the borrower's seal, the lender's countersignature, one final revision.

The steps (contracts are never sealed in a request, and no transaction is open while a key or a time
stamp authority is at work):

1. claim by a conditional update;
2. preflight certificates, keys and revocation list, before any signing;
3. start from the last stored revision: a field that is signed is never signed again;
4. the borrower's seal, stored as a revision of its own;
5. the lender's countersignature;
6. self-validation by the rule of verification, the frozen file being an exact prefix;
7. the file, then everything that makes the contract complete in one transaction.

A crash after any step leaves what the sweep finishes, with one final revision in the end.
"""

import hashlib
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q

from repayments.clock import lender_zone
from repayments.contacts.services import queue_message
from repayments.contracts import alarms, blobs, failpoints, inspecting, sealing, verification
from repayments.contracts.certificates import PreflightError
from repayments.contracts.documents import DocumentError
from repayments.contracts.models import Contract, ContractRevision, Evidence, Signature
from repayments.contracts.services.states import lock, record
from repayments.contracts.wording import WORDS

# Longer than the longest honest try: two time stamps and their time-outs.
STALE_AFTER_MINUTES = 5
FIRST_RETRY_SECONDS = 60
LONGEST_RETRY_SECONDS = 3600

logger = logging.getLogger(__name__)


class NotSealed(Exception):
    """A try failed; the contract waits for the next one.

    Attributes:
        reason: a code for staff; borrowers are told that the seal is on its way.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class _Claim:
    """One try at a contract; only who holds the claim may store its result."""

    contract: Contract
    claimed_at: datetime | None


def seal_contract(*, contract_id: int, now: datetime) -> bool:
    """Seal one signed contract.

    Returns: True when this call completed it; False when there is nothing to do, somebody else is
        at it, or the try failed (it is then ``seal_failed`` with a time to try again).
    """
    claim = _claim(contract_id, now)
    if claim is None:
        return False
    try:
        return _seal(claim, now)
    except NotSealed as failure:
        _fail(claim, failure.reason, now)
    except PreflightError as failure:
        _fail(claim, failure.reason, now)
    except sealing.SealingError as failure:
        _fail(claim, failure.reason, now)
    except (DocumentError, blobs.BlobDamaged, OSError) as failure:
        logger.exception("sealing stopped")
        _fail(claim, type(failure).__name__, now)
    return False


def list_unsealed(*, now: datetime, limit: int = 200) -> list[int]:
    """List signed contracts whose seal is due, oldest signature first."""
    return list(
        Contract.objects.filter(
            Q(status=Contract.Status.BORROWER_SIGNED)
            | Q(status=Contract.Status.SEAL_FAILED, try_again_at__lte=now)
        )
        .order_by("signed_at", "pk")
        .values_list("pk", flat=True)[:limit]
    )


def release_stale(*, now: datetime) -> int:
    """Let go of claims whose worker is gone; return how many."""
    stale = Contract.objects.filter(
        status=Contract.Status.SEALING,
        claimed_at__lte=now - timedelta(minutes=STALE_AFTER_MINUTES),
    )
    # The wait is over already: it is due at once.
    return sum(
        _fail(_Claim(one, one.claimed_at), "worker_lost", now, wait_seconds=0)
        for one in list(stale)
    )


def _claim(contract_id: int, now: datetime) -> _Claim | None:
    with transaction.atomic():
        changed = (
            Contract.objects.filter(
                pk=contract_id, status__in=Contract.TRANSITIONS[Contract.Status.SEALING]
            )
            .filter(Q(try_again_at=None) | Q(try_again_at__lte=now))
            .update(
                status=Contract.Status.SEALING,
                claimed_at=now,
                seal_attempts=F("seal_attempts") + 1,
            )
        )
        if changed != 1:
            logger.info("contract %s is not to be sealed now", contract_id)
            return None
        contract = Contract.objects.select_related("loan__borrower__user", "template_version").get(
            pk=contract_id
        )
    return _Claim(contract, now)


def _seal(claim: _Claim, now: datetime) -> bool:
    contract = claim.contract
    failpoints.reached("claimed")
    kit = sealing.load_kit(now=now)
    revisions = {revision.kind: revision.blob_id for revision in contract.revisions.order_by("n")}
    frozen = blobs.read(revisions[ContractRevision.Kind.UNSIGNED])
    signature = contract.signatures.select_related("image", "challenge").get(
        party=Signature.Party.BORROWER
    )
    stored = revisions.get(ContractRevision.Kind.BORROWER)
    if stored is None:
        by_borrower = sealing.seal_as_borrower(
            sealing.add_signature_fields(frozen),
            kit=kit,
            appearance=_borrower_appearance(contract, signature),
            now=now,
        )
        failpoints.reached("borrower_sealed")
        _store_borrower_seal(claim, signature, by_borrower, now)
        borrower_pdf = by_borrower.pdf
        borrower_fingerprint = by_borrower.cert_fingerprint
    else:
        borrower_pdf = blobs.read(stored)
        borrower_fingerprint = signature.cert_fingerprint
    failpoints.reached("borrower_stored")
    final = sealing.seal_as_lender(
        borrower_pdf, kit=kit, appearance=_lender_appearance(contract, now), now=now
    )
    failpoints.reached("lender_sealed")
    _validate(contract, frozen, final, borrower_fingerprint)
    sha256 = blobs.write_file(final.pdf)
    failpoints.reached("final_written")
    raised = [
        *alarms.clock_alarms([final.tsa_time], now=now),
        *alarms.certificate_alarms(kit, now=now),
    ]
    done = _complete(claim, final, sha256, raised, now)
    for alarm in raised:
        logger.error("alarm %s: %s", alarm.code, alarm.detail)
    return done


def _store_borrower_seal(
    claim: _Claim, signature: Signature, sealed: sealing.Sealed, now: datetime
) -> None:
    sha256 = blobs.write_file(sealed.pdf)
    with transaction.atomic():
        _hold(claim)
        blob = blobs.record(sha256, size=len(sealed.pdf), media="application/pdf")
        ContractRevision.objects.create(
            contract=claim.contract,
            n=2,
            kind=ContractRevision.Kind.BORROWER,
            blob=blob,
            created_at=now,
        )
        Signature.objects.filter(pk=signature.pk).update(
            cert_fingerprint=sealed.cert_fingerprint, tsa_time=sealed.tsa_time
        )
        record(
            claim.contract,
            "borrower_sealed",
            actor=None,
            at=now,
            payload={
                "document_sha256": sha256,
                "certificate": sealed.cert_fingerprint,
                "tsa_time": sealed.tsa_time.isoformat(),
            },
        )


def _complete(
    claim: _Claim,
    final: sealing.Sealed,
    sha256: str,
    raised: list[alarms.Alarm],
    now: datetime,
) -> bool:
    """Make the contract complete in one transaction; False when the claim was lost meanwhile."""
    contract = claim.contract
    try:
        with transaction.atomic():
            _hold(claim)
            blob = blobs.record(sha256, size=len(final.pdf), media="application/pdf")
            ContractRevision.objects.create(
                contract=contract,
                n=3,
                kind=ContractRevision.Kind.FINAL,
                blob=blob,
                created_at=now,
            )
            Signature.objects.create(
                contract=contract,
                party=Signature.Party.LENDER,
                order=2,
                mode=Signature.Mode.SEAL,
                name=contract.terms["lender_name"],
                doc_sha256=sha256,
                cert_fingerprint=final.cert_fingerprint,
                tsa_time=final.tsa_time,
                signed_at=now,
            )
            for alarm in raised:
                record(
                    contract,
                    "alarm",
                    actor=None,
                    at=now,
                    payload={"code": alarm.code, "detail": alarm.detail},
                )
            record(
                contract,
                "completed",
                actor=None,
                at=now,
                payload={
                    "document_sha256": sha256,
                    "certificate": final.cert_fingerprint,
                    "tsa_time": final.tsa_time.isoformat(),
                },
            )
            _queue_completed(contract, now)
            Evidence.objects.create(contract=contract)
            changed = Contract.objects.filter(
                pk=contract.pk, status=Contract.Status.SEALING, claimed_at=claim.claimed_at
            ).update(
                status=Contract.Status.COMPLETED,
                completed_at=now,
                claimed_at=None,
                try_again_at=None,
                seal_error="",
            )
            failpoints.reached("completing")
            if changed != 1:
                raise NotSealed("claim_lost")
    except IntegrityError as error:
        # The final revision or the lender's signature is there already: somebody was faster.
        raise NotSealed("claim_lost") from error
    return True


def _hold(claim: _Claim) -> None:
    """Lock the contract and make sure that the claim is still this one."""
    contract = lock(claim.contract.pk)
    held = contract.status == Contract.Status.SEALING and contract.claimed_at == claim.claimed_at
    if not held:
        raise NotSealed("claim_lost")


def _fail(claim: _Claim, reason: str, now: datetime, *, wait_seconds: int | None = None) -> bool:
    """Give the claim back with the time of the next try; False where it was lost already."""
    contract = claim.contract
    wait = wait_seconds
    if wait is None:
        doublings = min(contract.seal_attempts - 1, 10)
        wait = min(FIRST_RETRY_SECONDS * 2**doublings, LONGEST_RETRY_SECONDS)
    with transaction.atomic():
        # Nothing, where the claim was lost: whoever holds it now decides.
        changed = Contract.objects.filter(
            pk=contract.pk, status=Contract.Status.SEALING, claimed_at=claim.claimed_at
        ).update(
            status=Contract.Status.SEAL_FAILED,
            claimed_at=None,
            seal_error=reason[:500],
            try_again_at=now + timedelta(seconds=wait),
        )
        if changed:
            record(
                contract,
                "seal_failed",
                actor=None,
                at=now,
                payload={"reason": reason, "attempt": contract.seal_attempts},
            )
    logger.warning("contract %s was not sealed: %s", contract.reference, reason)
    return bool(changed)


def _validate(
    contract: Contract, frozen: bytes, final: sealing.Sealed, borrower_fingerprint: str
) -> None:
    """Hold the sealed file against the rule visitors hold it against, before it is stored."""
    expected = verification.Expected(
        signatures=(
            verification.ExpectedSignature(sealing.BORROWER_FIELD, borrower_fingerprint),
            verification.ExpectedSignature(sealing.LENDER_FIELD, final.cert_fingerprint),
        ),
        frozen_sha256=hashlib.sha256(frozen).hexdigest(),
        frozen_size=len(frozen),
        reference=contract.reference,
    )
    verdict = verification.verify_pdf(
        final.pdf,
        expected=expected,
        trust=inspecting.load_trust(Path(settings.SEALING_KEYS_DIR)),
        # Made here a moment ago; nothing hostile to keep away from this process.
        isolated=False,
    )
    if verdict.verdict != verification.VALID_NOT_FINAL:
        logger.error("a sealed file failed its own check: %s", verdict.reason)
        raise NotSealed(f"self_check_{verdict.reason}")


def _borrower_appearance(contract: Contract, signature: Signature) -> sealing.Appearance:
    words = WORDS[contract.template_version.locale]
    sent_to = signature.challenge.sent_to if signature.challenge else ""
    lines = [write_moment(signature.signed_at)]
    if sent_to:
        lines.append(words["seal_code"].format(address=sent_to))
    lines.append(words["seal_contract"].format(reference=contract.reference))
    return sealing.Appearance(
        signature.name,
        words["seal_borrower"],
        lines,
        image=blobs.read(signature.image_id) if signature.image_id else b"",
    )


def _lender_appearance(contract: Contract, now: datetime) -> sealing.Appearance:
    words = WORDS[contract.template_version.locale]
    return sealing.Appearance(
        contract.terms["lender_name"],
        words["seal_lender"],
        [write_moment(now), words["seal_contract"].format(reference=contract.reference)],
    )


def write_moment(moment: datetime) -> str:
    """Write a moment on the lender's clock, with its distance from UTC."""
    local = moment.astimezone(lender_zone())
    offset: Any = local.utcoffset()
    minutes = int(offset.total_seconds()) // 60
    sign, minutes = ("-" if minutes < 0 else "+"), abs(minutes)
    zone = f"UTC{sign}{minutes // 60}" + (f":{minutes % 60:02d}" if minutes % 60 else "")
    return f"{local:%Y-%m-%d %H:%M:%S} ({zone})"


def _queue_completed(contract: Contract, now: datetime) -> None:
    queue_message(
        borrower=contract.loan.borrower,
        template_key="contract_completed",
        purpose="contract_completed",
        subject=contract.loan.stream,
        business_key=f"contract_completed:{contract.public_id}",
        context={
            "link": contract.get_absolute_url(),
            "document": contract.template_version.title,
            "reference": contract.reference,
        },
        now=now,
    )
