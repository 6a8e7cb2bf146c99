"""A mandate's life: active once a card is saved, ended at the borrower's word or by what happened.

Locks: the loan. What was announced and not claimed ends with its mandate; a charge that is being
made this moment does not, and is said to.
"""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from repayments.audit.services import record_event
from repayments.clock import lender_zone
from repayments.loans.models import Loan
from repayments.payments.models import AutopayCharge, Mandate, SavedCard
from repayments.payments.services.autopay.notices import tell_ended, tell_started
from repayments.payments.services.autopay.planning import announce_mandate

Status = Mandate.Status
Reason = Mandate.EndReason
# Ends that the borrower sees happen on the page, or that mean nothing to them.
_SILENT = (Reason.SETUP, Reason.REPLACED)


class MandateEnded(Exception):
    """Automatic payment had ended before; nothing was changed."""


@transaction.atomic
def activate_mandate(*, mandate_id: int, card: SavedCard, setup_id: str, now: datetime) -> bool:
    """Let a mandate begin; the one before it ends as replaced, what it announced goes on.

    Returns: False if it had begun or ended before, or its loan does not run any more.
    """
    loan_id = Mandate.objects.values_list("loan_id", flat=True).get(pk=mandate_id)
    loan = Loan.objects.select_for_update().get(pk=loan_id)
    mandate = Mandate.objects.select_for_update().get(pk=mandate_id)
    mandate.loan = loan
    if mandate.status != Status.PENDING:
        return False
    if loan.status != Loan.Status.ACTIVE or card.detached_at is not None:
        reason = Reason.DETACHED if card.detached_at else Reason.LOAN
        end_mandate(mandate_id=mandate_id, reason=reason, actor=None, now=now)
        return False
    old = Mandate.objects.filter(loan=loan, status=Status.ACTIVE).first()
    if old is not None:
        AutopayCharge.objects.filter(mandate=old, status=AutopayCharge.Status.ANNOUNCED).update(
            mandate=mandate, updated_at=now
        )
        end_mandate(mandate_id=old.pk, reason=Reason.REPLACED, actor=None, now=now)
    changed = Mandate.objects.filter(
        pk=mandate_id, status__in=Mandate.TRANSITIONS[Status.ACTIVE]
    ).update(status=Status.ACTIVE, card=card, setup_id=setup_id, started_at=now, updated_at=now)
    if changed != 1:
        return False
    record_event(
        stream=loan.stream,
        action="payments.autopay_started",
        actor=None,
        at=now,
        payload={
            "mandate": str(mandate.public_id),
            "consent": mandate.consent_version,
            "sha256": mandate.consent_sha256,
        },
    )
    tell_started(mandate, now)
    announce_mandate(mandate_id=mandate_id, as_of=now.astimezone(lender_zone()).date(), now=now)
    return True


@transaction.atomic
def end_mandate(
    *,
    mandate_id: int,
    reason: Mandate.EndReason,
    actor: User | None,
    now: datetime,
    note: str = "",
) -> bool:
    """End a mandate and all that it announced; False if it had ended before.

    Args:
        note: why, in the words of a colleague; kept on record, the borrower does not read it.
    """
    mandate = Mandate.objects.get(pk=mandate_id)
    loan = Loan.objects.select_for_update().get(pk=mandate.loan_id)
    before = Mandate.objects.select_for_update().get(pk=mandate_id).status
    changed = Mandate.objects.filter(
        pk=mandate_id, status__in=Mandate.TRANSITIONS[Status.ENDED]
    ).update(status=Status.ENDED, end_reason=reason, ended_at=now, updated_at=now)
    if changed != 1:
        return False
    AutopayCharge.objects.filter(
        mandate_id=mandate_id, status=AutopayCharge.Status.ANNOUNCED
    ).update(status=AutopayCharge.Status.SKIPPED, reason="ended", updated_at=now)
    record_event(
        stream=loan.stream,
        action="payments.autopay_ended",
        actor=actor,
        at=now,
        payload={"mandate": str(mandate.public_id), "before": before, "reason": reason.value}
        | ({"note": note} if note else {}),
    )
    if before == Status.ACTIVE and reason not in _SILENT:
        mandate.loan, mandate.end_reason = loan, reason
        tell_ended(mandate, now)
    return True


def stop_mandate(*, mandate_id: int, actor: User, now: datetime) -> None:
    """End a mandate at the borrower's word. Raises: MandateEnded."""
    if not end_mandate(mandate_id=mandate_id, reason=Reason.BORROWER, actor=actor, now=now):
        raise MandateEnded(_("Automatic payment had already been stopped."))


def stop_mandate_for_borrower(*, mandate_id: int, note: str, actor: User, now: datetime) -> None:
    """End a mandate for a borrower who told a colleague to. Raises: MandateEnded."""
    if not end_mandate(mandate_id=mandate_id, reason=Reason.STAFF, actor=actor, now=now, note=note):
        raise MandateEnded(_("Automatic payment had already been stopped."))


def end_mandates_of_card(*, card_id: int, now: datetime, actor: User | None = None) -> int:
    """End what is charged to a card that cannot be charged any more; returns how many ended."""
    ids = Mandate.objects.filter(card_id=card_id, status=Status.ACTIVE).values_list("pk", flat=True)
    return sum(
        end_mandate(mandate_id=pk, reason=Reason.DETACHED, actor=actor, now=now) for pk in list(ids)
    )
