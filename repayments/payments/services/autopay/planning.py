"""Announce charges: each night what comes due within the days of notice gets its row and message.

Which mandates are looked at is one query over all; each is then worked in a transaction of its own,
so one loan in disorder keeps no other from its notice. The same day again writes nothing.
"""

import logging
from datetime import date, datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q

from repayments.audit.services import record_event
from repayments.loans.models import Installment, Loan
from repayments.loans.snapshots import load_snapshot
from repayments.payments.autopay_plan import (
    PlannedCharge,
    is_moved,
    last_amount,
    plan_charges,
)
from repayments.payments.autopay_rules import LONGEST_NOTICE_DAYS
from repayments.payments.models import AutopayCharge, Mandate
from repayments.payments.services.autopay.notices import announce

logger = logging.getLogger(__name__)

Status = AutopayCharge.Status
# A due date on a day without charges is charged before it, so it is looked at a little earlier.
AHEAD_DAYS = LONGEST_NOTICE_DAYS + 5


def announce_charges(*, as_of: date, now: datetime) -> int:
    """Announce what falls due in the coming days; returns how many charges were announced."""
    count = 0
    for mandate_id in _list_mandates(as_of):
        try:
            count += announce_mandate(mandate_id=mandate_id, as_of=as_of, now=now)
        except Exception:
            logger.exception("charges of mandate %s could not be announced", mandate_id)
    return count


@transaction.atomic
def announce_mandate(*, mandate_id: int, as_of: date, now: datetime) -> int:
    """Announce what one mandate leads to; a date that has moved is given up first."""
    loan_id = Mandate.objects.values_list("loan_id", flat=True).get(pk=mandate_id)
    loan = (
        Loan.objects.select_for_update(of=("self",))
        .select_related("borrower__user", "product", "book")
        .get(pk=loan_id)
    )
    mandate = Mandate.objects.get(pk=mandate_id)
    if mandate.status != Mandate.Status.ACTIVE or loan.status != Loan.Status.ACTIVE:
        return 0
    state = load_snapshot(loan)
    waiting = AutopayCharge.objects.filter(mandate=mandate, status=Status.ANNOUNCED)
    moved = [one.pk for one in waiting if is_moved(state, one.due_date)]
    waiting.filter(pk__in=moved).update(status=Status.SKIPPED, reason="moved", updated_at=now)
    planned = plan_charges(
        loan=loan,
        state=state,
        as_of=as_of,
        through=as_of + timedelta(days=AHEAD_DAYS),
        before=last_amount(mandate, as_of + timedelta(days=1)),
        announced=dict(waiting.values_list("due_date", "announced_amount")),
    )
    if not any(row.unpaid and row.due_date > as_of for row in state.rows) and _has_remainder(
        mandate, max((row.due_date for row in state.rows), default=as_of)
    ):
        return 0
    known = set(
        AutopayCharge.objects.filter(mandate__loan=loan, due_date__gt=as_of)
        .values_list("due_date", flat=True)
        .exclude(reason="ended")
    )
    return sum(
        _announce(mandate, loan, one, now)
        for one in planned
        if one.due_date not in known and one.is_to_be_announced(as_of)
    )


def _has_remainder(mandate: Mandate, last_due: date) -> bool:
    """Whether what was left after the last due date has had its one charge."""
    return AutopayCharge.objects.filter(mandate=mandate, due_date__gt=last_due).exists()


def _announce(mandate: Mandate, loan: Loan, planned: PlannedCharge, now: datetime) -> bool:
    charge = AutopayCharge(
        mandate=mandate,
        due_date=planned.due_date,
        charge_on=planned.charge_on,
        announced_amount=planned.amount,
        announced_at=now,
        updated_at=now,
    )
    try:
        with transaction.atomic():
            charge.save(force_insert=True)
    except IntegrityError:
        return False
    record_event(
        stream=loan.stream,
        action="payments.charge_announced",
        actor=None,
        at=now,
        payload={
            "mandate": str(mandate.public_id),
            "due_date": planned.due_date.isoformat(),
            "charge_on": planned.charge_on.isoformat(),
            "amount": planned.amount,
            "rule": planned.notice.rule,
        },
    )
    announce(charge, loan, now)
    return True


def _list_mandates(as_of: date) -> list[int]:
    """Name the mandates with something to announce or to give up, by one look at all of them."""
    charges = AutopayCharge.objects.filter(mandate=OuterRef("pk"))
    coming = Installment.objects.current().filter(
        loan=OuterRef("loan"),
        unpaid__gt=0,
        due_date__gt=as_of,
        due_date__lte=as_of + timedelta(days=AHEAD_DAYS),
    )
    of_date = AutopayCharge.objects.filter(
        mandate=OuterRef(OuterRef("pk")), due_date=OuterRef("due_date")
    )
    rows = Mandate.objects.filter(
        Exists(coming.filter(~Exists(of_date)))
        | Exists(charges.filter(status=Status.ANNOUNCED))
        | Q(loan__next_due_date__isnull=True, loan__past_due_amount__gt=0),
        status=Mandate.Status.ACTIVE,
        loan__status=Loan.Status.ACTIVE,
    )
    return list(rows.order_by("pk").values_list("pk", flat=True))
