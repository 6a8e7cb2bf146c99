"""For how long contracts are kept, and what goes when the time is over (PV-10, ES-5).

What holds: a completed contract keeps everything until ``CONTRACT_KEEP_MONTHS`` after its loan was
settled and until five years after the last certificate in it expired, whichever is later. What was
never signed loses its content ``UNSIGNED_KEEP_DAYS`` after it ended, a draft after it was made. A
legal hold wins over both. Rows and events stay: plans, cases and later contracts name them, the
chain of events is never cut, and the hash of a file goes on telling whose it was. What goes is the
content: terms, schedule, consents, reasons, names, and the bytes of every file nothing else needs.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.models import Borrower, User
from repayments.audit.models import Event
from repayments.audit.services import NewEvent, record_events
from repayments.clock import lender_zone
from repayments.contracts import blobs, sealing
from repayments.contracts.deadlines import end_of
from repayments.contracts.models import (
    Blob,
    Contract,
    ContractRevision,
    Evidence,
    SettlementLetter,
    Signature,
    SigningChallenge,
)
from repayments.contracts.querysets import SETTLED
from repayments.contracts.services.close import REASON_LENGTH, ReasonMissing
from repayments.contracts.services.letters import PAID_OFF
from repayments.contracts.services.states import ContractMovedOn, lock, record
from repayments.dates import add_months

YEARS_PAST_CERTIFICATE = 5
ENDED_UNSIGNED = (
    Contract.Status.DECLINED,
    Contract.Status.EXPIRED,
    Contract.Status.VOIDED,
    Contract.Status.SUPERSEDED,
)
NEVER_SENT = (Contract.Status.DRAFT, Contract.Status.FROZEN)
# Asked again after this time where a file could not be read: nothing goes on a guess.
LOOK_AGAIN_DAYS = 30
BATCH = 200

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Due:
    """A contract whose time is over. ``why``: "ended_unsigned", "never_sent" or "kept_long_enough".

    ``since`` is the day that started the time, ``is_held`` that a legal hold keeps it all the same.
    """

    reference: str
    status: str
    why: str
    since: date
    is_held: bool


def apply_retention(*, now: datetime, limit: int = BATCH) -> int:
    """Remove the content of one batch whose time is over; again, or twice at once, nothing more.

    Returns: how many contracts lost their content.
    """
    _settle_dates(now=now, limit=limit)
    purged = _purge(_due_unsigned(now), now=now, limit=limit)
    purged += _purge(_due_completed(now), now=now, limit=limit)
    _remove_bytes(_left_behind(limit), now=now)
    return purged


def list_due(*, now: datetime) -> list[Due]:
    """List what would go tonight and why, held ones too; writes nothing."""
    found = [
        Due(
            one.reference,
            one.status,
            "never_sent" if one.status in NEVER_SENT else "ended_unsigned",
            _day(one.ended_at or one.created_at),
            one.legal_hold,
        )
        for one in _due_unsigned(now, held=True).order_by("pk")
    ]
    for contract in _settled_and_old(now).order_by("pk").select_related("loan"):
        since, until = _kept_until(contract, now)
        if until <= _day(now):
            found.append(
                Due(
                    contract.reference,
                    contract.status,
                    "kept_long_enough",
                    since,
                    contract.legal_hold,
                )
            )
    return found


@transaction.atomic
def set_legal_hold(
    *, contract_id: int, is_held: bool, reason: str, actor: User | None, now: datetime
) -> Contract:
    """Keep a contract whatever its time, or let its time count again.

    Raises: ReasonMissing; states.ContractMovedOn where it is so already, or its content is gone.
    """
    words = reason.strip()[:REASON_LENGTH]
    if not words:
        raise ReasonMissing
    contract = lock(contract_id)
    changed = Contract.objects.filter(
        pk=contract.pk, legal_hold=not is_held, purged_at__isnull=True
    ).update(legal_hold=is_held)
    if changed != 1:
        raise ContractMovedOn()
    contract.legal_hold = is_held
    if is_held:
        record(contract, "held", actor=actor, at=now, payload={"reason": words})
    else:
        record(contract, "hold_lifted", actor=actor, at=now, payload={"reason": words})
    return contract


def erase_drawings(*, borrower: Borrower, actor: User | None, now: datetime) -> int:
    """Drop the drawn names of a borrower's contracts that ended unsigned, at the person's wish.

    A completed contract is not touched, nor one under a legal hold.

    Returns: how many drawings were dropped.
    """
    with transaction.atomic():
        drawn = Signature.objects.select_for_update(of=("self",)).filter(
            contract__loan__borrower=borrower,
            contract__status__in=ENDED_UNSIGNED,
            contract__legal_hold=False,
            image__isnull=False,
        )
        found = list(drawn.select_related("contract"))
        images = [str(signature.image_id) for signature in found]
        Signature.objects.filter(pk__in=[signature.pk for signature in found]).update(image=None)
        for signature in found:
            record(signature.contract, "drawing_erased", actor=actor, at=now)
        _remove_bytes(images, now=now)
    return len(found)


# --- Whose time is over -------------------------------------------------------------------------
def _due_unsigned(now: datetime, *, held: bool = False) -> QuerySet[Contract]:
    over = now - timedelta(days=settings.UNSIGNED_KEEP_DAYS)
    due = Contract.objects.filter(purged_at__isnull=True).filter(
        Q(status__in=ENDED_UNSIGNED, ended_at__lte=over)
        | Q(status__in=NEVER_SENT, created_at__lte=over)
    )
    return due if held else due.filter(legal_hold=False)


def _settled_and_old(now: datetime) -> QuerySet[Contract]:
    """Completed contracts that could be over at all: a loan is settled after its contract."""
    oldest = add_months(_day(now), -settings.CONTRACT_KEEP_MONTHS)
    return Contract.objects.filter(
        status=Contract.Status.COMPLETED,
        purged_at__isnull=True,
        loan__status__in=SETTLED,
        completed_at__lt=end_of(oldest),
    )


def _due_completed(now: datetime) -> QuerySet[Contract]:
    return _settled_and_old(now).filter(legal_hold=False, keep_until__lte=_day(now))


def _settle_dates(*, now: datetime, limit: int) -> None:
    """Work out until when contracts are kept whose day is unknown or has come.

    It is worked out anew when the day comes: a loan may have been opened and settled again.
    """
    asked = _settled_and_old(now).filter(Q(keep_until=None) | Q(keep_until__lte=_day(now)))
    for contract in asked.order_by("pk").select_related("loan")[:limit]:
        _since, until = _kept_until(contract, now)
        if until != contract.keep_until:
            Contract.objects.filter(pk=contract.pk).update(keep_until=until)


def _kept_until(contract: Contract, now: datetime) -> tuple[date, date]:
    """Give the day the loan was settled, and the first day the contract need not be kept.

    A loan of which no event tells when it was settled counts as settled today.
    """
    settled = Event.objects.filter(stream=contract.loan.stream, action=PAID_OFF).order_by("-seq")
    moment = settled.values_list("at", flat=True).first() or now
    since = _day(moment)
    until = add_months(since, settings.CONTRACT_KEEP_MONTHS)
    final = contract.revisions.filter(kind=ContractRevision.Kind.FINAL).first()
    try:
        end = sealing.last_certificate_end(blobs.read(final.blob_id)) if final else None
    except (blobs.BlobDamaged, sealing.SealingError):
        logger.exception("the file of %s cannot be read", contract.reference)
        return since, _day(now) + timedelta(days=LOOK_AGAIN_DAYS)
    if end is not None:
        until = max(until, add_months(_day(end), 12 * YEARS_PAST_CERTIFICATE))
    return since, until


# --- What goes ----------------------------------------------------------------------------------
def _purge(due: QuerySet[Contract], *, now: datetime, limit: int) -> int:
    with transaction.atomic():
        # Locked rows are looked at anew: one that was put on hold meanwhile is not among them. Who
        # else is at it takes the next ones.
        rows = due.select_for_update(of=("self",), skip_locked=True).order_by("pk")[:limit]
        found = list(rows)
        ids = [contract.pk for contract in found]
        changed = Contract.objects.filter(
            pk__in=ids, purged_at__isnull=True, legal_hold=False
        ).update(purged_at=now, terms={}, schedule=[], consents=[], decline_reason="")
        if changed != len(ids):
            raise ContractMovedOn()
        files = _files_of(ids)
        Signature.objects.filter(contract__in=ids).update(name="")
        SigningChallenge.objects.filter(contract__in=ids, signature=None).delete()
        events = [
            NewEvent(one.stream, "contracts.purged", {"reference": one.reference}) for one in found
        ]
        record_events(events, actor=None, at=now)
    _remove_bytes(files, now=now)
    return len(ids)


def _files_of(ids: Iterable[int]) -> list[str]:
    chosen = list(ids)
    named: list[Any] = [
        *ContractRevision.objects.filter(contract__in=chosen).values_list("blob_id", flat=True),
        *Evidence.objects.filter(contract__in=chosen).values_list("frozen_id", flat=True),
        *Signature.objects.filter(contract__in=chosen).values_list("image_id", flat=True),
    ]
    return sorted({sha256 for sha256 in named if sha256})


def _left_behind(limit: int) -> list[str]:
    """List files of purged contracts whose bytes are still there: a run was cut off."""
    purged = {"contract__purged_at__isnull": False}
    there = Blob.objects.filter(purged_at__isnull=True).filter(
        Q(pk__in=ContractRevision.objects.filter(**purged).values("blob"))
        | Q(pk__in=Evidence.objects.filter(**purged).values("frozen"))
        | Q(pk__in=Signature.objects.filter(**purged).values("image"))
    )
    return list(there.order_by("pk").values_list("pk", flat=True)[:limit])


def _needs(sha256s: list[str]) -> set[str]:
    """Say which files something not purged names; a test holds it against every key to a file."""
    alive = {"contract__purged_at__isnull": True}
    return {
        *ContractRevision.objects.filter(**alive, blob__in=sha256s).values_list(
            "blob_id", flat=True
        ),
        *Evidence.objects.filter(**alive, frozen__in=sha256s).values_list("frozen_id", flat=True),
        *Signature.objects.filter(**alive, image__in=sha256s).values_list("image_id", flat=True),
        *SettlementLetter.objects.filter(frozen__in=sha256s).values_list("frozen_id", flat=True),
        *SettlementLetter.objects.filter(final__in=sha256s).values_list("final_id", flat=True),
    }


def _remove_bytes(sha256s: list[str], *, now: datetime) -> int:
    """Take away the bytes of files that nothing needs any more; their rows keep name and size.

    The rows are locked meanwhile, so whoever stores the same bytes again waits, and finds them gone
    (``blobs.record``). A run that is cut off in here is made up for by the next.
    """
    with transaction.atomic():
        held = Blob.objects.select_for_update().filter(pk__in=sha256s, purged_at__isnull=True)
        there = sorted(held.values_list("pk", flat=True))
        needed = _needs(there)
        gone = [sha256 for sha256 in there if sha256 not in needed]
        Blob.objects.filter(pk__in=gone).update(purged_at=now, fault="", fault_since=None)
        for sha256 in gone:
            blobs.remove_file(sha256)
    return len(gone)


def _day(moment: datetime) -> date:
    return moment.astimezone(lender_zone()).date()
