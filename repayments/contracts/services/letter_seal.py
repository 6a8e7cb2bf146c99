"""The lender's seal on a settlement letter, in the worker; the steps are those of a contract's.

Claim by a conditional update and commit; preflight; seal; hold the file against the visitors' rule;
the file, then everything that makes the letter issued in one transaction. There the loan is looked
at once more: a letter whose loan was opened again meanwhile is never issued.
"""

import hashlib
import logging
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from repayments.contacts.services import queue_message
from repayments.contracts import alarms, blobs, failpoints, inspecting, sealing, verification
from repayments.contracts.certificates import PreflightError
from repayments.contracts.documents import DocumentError
from repayments.contracts.letter_paper import WORDS
from repayments.contracts.models import SettlementLetter
from repayments.contracts.querysets import SETTLED
from repayments.contracts.services.letters import record_letter, void_letter
from repayments.contracts.services.seal import (
    FIRST_RETRY_SECONDS,
    LONGEST_RETRY_SECONDS,
    STALE_AFTER_MINUTES,
    NotSealed,
    write_moment,
)
from repayments.loans.models import Loan

Status = SettlementLetter.Status

logger = logging.getLogger(__name__)


def seal_letter(*, letter_id: int, now: datetime) -> bool:
    """Seal one letter.

    Returns: True when this call issued it; False when there is nothing to do, somebody else is at
        it, the loan is no longer settled, or the try failed (it then has a time to try again).
    """
    letter = _claim(letter_id, now)
    if letter is None:
        return False
    try:
        return _seal(letter, now)
    except (NotSealed, PreflightError, sealing.SealingError) as failure:
        _fail(letter, failure.reason, now)
    except (DocumentError, blobs.BlobDamaged, OSError) as failure:
        logger.exception("sealing stopped")
        _fail(letter, type(failure).__name__, now)
    return False


def list_unsealed_letters(*, now: datetime, limit: int = 200) -> list[int]:
    """List letters whose seal is due, oldest first."""
    letters = SettlementLetter.objects.in_force().filter(
        Q(status=Status.WAITING) | Q(status=Status.SEAL_FAILED, try_again_at__lte=now)
    )
    return list(letters.order_by("pk").values_list("pk", flat=True)[:limit])


def release_stale_letters(*, now: datetime) -> int:
    """Let go of claims whose worker is gone; return how many."""
    stale = SettlementLetter.objects.filter(
        status=Status.SEALING, claimed_at__lte=now - timedelta(minutes=STALE_AFTER_MINUTES)
    )
    return sum(_fail(letter, "worker_lost", now, wait_seconds=0) for letter in list(stale))


def _claim(letter_id: int, now: datetime) -> SettlementLetter | None:
    changed = (
        SettlementLetter.objects.filter(
            pk=letter_id, status__in=SettlementLetter.TRANSITIONS[Status.SEALING]
        )
        .filter(Q(try_again_at=None) | Q(try_again_at__lte=now))
        .update(status=Status.SEALING, claimed_at=now, seal_attempts=F("seal_attempts") + 1)
    )
    if changed != 1:
        logger.info("letter %s is not to be sealed now", letter_id)
        return None
    letter: SettlementLetter = SettlementLetter.objects.select_related("loan__borrower__user").get(
        pk=letter_id
    )
    return letter


def _seal(letter: SettlementLetter, now: datetime) -> bool:
    failpoints.reached("letter_claimed")
    kit = sealing.load_kit(now=now)
    frozen = blobs.read(letter.frozen_id)
    words = WORDS[letter.locale]
    sealed = sealing.seal_as_lender(
        sealing.add_signature_fields(frozen, fields=[sealing.LENDER_FIELD]),
        kit=kit,
        appearance=sealing.Appearance(
            letter.content["lender"]["name"],
            words["seal"],
            [write_moment(now), words["seal_reference"].format(reference=letter.reference)],
        ),
        now=now,
    )
    failpoints.reached("letter_sealed")
    _validate(letter, frozen, sealed)
    sha256 = blobs.write_file(sealed.pdf)
    failpoints.reached("letter_final_written")
    done = _issue(letter, sealed, sha256, now)
    for alarm in (
        *alarms.clock_alarms([sealed.tsa_time], now=now),
        *alarms.certificate_alarms(kit, now=now),
    ):
        logger.error("alarm %s: %s", alarm.code, alarm.detail)
    return done


def _validate(letter: SettlementLetter, frozen: bytes, sealed: sealing.Sealed) -> None:
    """Hold the sealed file against the rule visitors hold it against, before it is stored."""
    verdict = verification.verify_pdf(
        sealed.pdf,
        expected=verification.Expected(
            signatures=(
                verification.ExpectedSignature(sealing.LENDER_FIELD, sealed.cert_fingerprint),
            ),
            frozen_sha256=hashlib.sha256(frozen).hexdigest(),
            frozen_size=len(frozen),
            reference=letter.reference,
        ),
        trust=inspecting.load_trust(Path(settings.SEALING_KEYS_DIR)),
        # Made here a moment ago; nothing hostile to keep away from this process.
        isolated=False,
    )
    if verdict.verdict != verification.VALID_NOT_FINAL:
        logger.error("a sealed letter failed its own check: %s", verdict.reason)
        raise NotSealed(f"self_check_{verdict.reason}")


def _issue(letter: SettlementLetter, sealed: sealing.Sealed, sha256: str, now: datetime) -> bool:
    """Make the letter issued in one transaction; False where it became void meanwhile."""
    with transaction.atomic():
        loan = Loan.objects.select_for_update().get(pk=letter.loan_id)
        if loan.status not in SETTLED:
            void_letter(letter, now)
            return False
        blob = blobs.record(sha256, size=len(sealed.pdf), media="application/pdf")
        changed = SettlementLetter.objects.filter(
            pk=letter.pk, status=Status.SEALING, claimed_at=letter.claimed_at
        ).update(
            status=Status.ISSUED,
            final=blob,
            cert_fingerprint=sealed.cert_fingerprint,
            tsa_time=sealed.tsa_time,
            issued_at=now,
            claimed_at=None,
            try_again_at=None,
            seal_error="",
        )
        if changed != 1:
            raise NotSealed("claim_lost")
        record_letter(letter, "contracts.letter_issued", now)
        _queue_issued(letter, now)
        failpoints.reached("letter_issuing")
    return True


def _fail(
    letter: SettlementLetter, reason: str, now: datetime, *, wait_seconds: int | None = None
) -> bool:
    """Give the claim back with the time of the next try; False where it was lost already."""
    wait = wait_seconds
    if wait is None:
        doublings = min(letter.seal_attempts - 1, 10)
        wait = min(FIRST_RETRY_SECONDS * 2**doublings, LONGEST_RETRY_SECONDS)
    changed = SettlementLetter.objects.filter(
        pk=letter.pk, status=Status.SEALING, claimed_at=letter.claimed_at
    ).update(
        status=Status.SEAL_FAILED,
        claimed_at=None,
        seal_error=reason[:500],
        try_again_at=now + timedelta(seconds=wait),
    )
    logger.warning("letter %s was not sealed: %s", letter.reference, reason)
    return bool(changed)


def _queue_issued(letter: SettlementLetter, now: datetime) -> None:
    queue_message(
        borrower=letter.loan.borrower,
        template_key="settlement_letter",
        purpose="settlement_letter",
        subject=letter.loan.stream,
        business_key=f"settlement_letter:{letter.public_id}",
        context={"link": letter.get_absolute_url()},
        now=now,
    )
