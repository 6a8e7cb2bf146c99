"""Money promised and not come, money unlike the books, and who owns what fits nothing.

Each source is a read of what is true now and the case it makes; ``due`` writes them. Unmatched
money gets its owner here: whoever has its case, and before three days are over somebody.
"""

import logging
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import Permission
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from accounts.models import User
from repayments.cases.models import Case, CaseKind
from repayments.loans.models import Loan
from repayments.payments.models import ClearingCheck, PromiseToPay, Suspense
from repayments.payments.services import take_suspense

logger = logging.getLogger(__name__)

# None may rest three days without an owner: by this age it is given to somebody.
OWNED_WITHIN = timedelta(days=2)


def broken_promises(since: datetime) -> QuerySet[Any]:
    """Promises that were broken, where money is late and no case has dealt with that since."""
    handled = Case.objects.filter(loan=OuterRef("loan"), kind=CaseKind.COLLECTIONS).filter(
        ~Q(status=Case.Status.CLOSED) | Q(closed_at__gte=OuterRef("decided_at"))
    )
    return (
        PromiseToPay.objects.filter(
            status=PromiseToPay.Status.BROKEN,
            decided_at__gte=since,
            loan__status=Loan.Status.ACTIVE,
            loan__days_past_due__gt=0,
        )
        .exclude(Exists(handled))
        .order_by("pk")
    )


def broken_promise_case(promise: PromiseToPay) -> Case:
    return Case(
        kind=CaseKind.COLLECTIONS,
        loan=promise.loan,
        reason="promise_broken",
        reason_facts={
            "amount": promise.amount,
            "currency": promise.loan.currency,
            "promised_for": promise.promised_for.isoformat(),
        },
    )


def clearing_differences(since: datetime) -> QuerySet[Any]:
    """Days on which the gateway moved other money than the books hold."""
    checks = ClearingCheck.objects.filter(checked_at__gte=since).exclude(differences=[])
    names = {clearing_case_id(key): key for key in checks.values_list("pk", flat=True)}
    known = Case.objects.filter(public_id__in=names).values_list("public_id", flat=True)
    return checks.exclude(pk__in=[names[name] for name in known]).order_by("pk")


def clearing_case_id(check_id: int) -> uuid.UUID:
    """Name the case of a check by the check: two runs at once make it once."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"clearing:{check_id}")


def clearing_case(check: ClearingCheck) -> Case:
    return Case(
        public_id=clearing_case_id(check.pk),
        kind=CaseKind.PAYMENT_EXCEPTION,
        reason="clearing_differs",
        reason_facts={
            "day": check.date.isoformat(),
            "amount": check.gateway_total - check.books_total,
            "currency": check.currency,
            "objects": len(check.differences),
        },
    )


def money_placed() -> QuerySet[Any]:
    """Open cases about money that has found its place."""
    return Case.objects.open().filter(suspense__resolved_at__isnull=False)


def own_unmatched_money(*, now: datetime) -> int:
    """Give unmatched money an owner: who claimed its case, or in time whoever has the least of it.

    Returns: how many rows got one. Where nobody may place money, the case is put first and due.
    """
    homeless = Suspense.objects.filter(resolved_at__isnull=True, owner__isnull=True)
    given = 0
    claimed = Case.objects.open().filter(suspense__in=homeless, assignee__isnull=False)
    for case in claimed.select_related("assignee"):
        assert case.suspense_id is not None
        assert case.assignee is not None
        given += take_suspense(
            suspense_id=case.suspense_id, owner=case.assignee, actor=None, now=now
        )
    for suspense in homeless.filter(opened_at__lte=now - OWNED_WITHIN).order_by("opened_at"):
        owner = _least_burdened()
        if owner is not None:
            given += take_suspense(suspense_id=suspense.pk, owner=owner, actor=None, now=now)
            continue
        # Only the first of these runs says so: after it the case is due.
        if (
            Case.objects.open()
            .filter(suspense=suspense, due_at__gt=now)
            .update(priority=1, due_at=now)
        ):
            logger.error("nobody may place unmatched money %s", suspense.object_id)
    return given


def _least_burdened() -> User | None:
    """Who on staff may place money and has the least of it to place."""
    may = Permission.objects.filter(
        codename="change_suspense", content_type__app_label="payments"
    ).values("pk")
    theirs = Suspense.objects.filter(owner=OuterRef("pk"), resolved_at__isnull=True)
    count = theirs.order_by().values("owner").annotate(count=Count("pk")).values("count")
    return (
        User.objects.filter(is_staff=True, is_active=True)
        .filter(Q(groups__permissions__in=may) | Q(user_permissions__in=may))
        .annotate(burden=Coalesce(Subquery(count), 0))
        .order_by("burden", "pk")
        .first()
    )
