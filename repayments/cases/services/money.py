"""What of money needs a person: which rows, and the case that each opens.

Each source is what is true now without a case for it; opening them is ``due``'s.
"""

import uuid
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from repayments.cases.models import Case, CaseKind
from repayments.payments.models import Dispute, FraudWarning, Payment, Refund, Suspense

Source = tuple[Callable[[], QuerySet[Any]], Callable[[Any], Case]]


def money_sources(since: datetime) -> Iterable[Source]:
    """Give each source with what makes a case of its rows.

    Args:
        since: what changed last before this has been worked, or will not be found by a sweep.
    """
    return [
        (_open_disputes, _dispute_case),
        (_disputes_of_unmatched_money, _unmatched_dispute_case),
        (lambda: _fraud_warnings(since), _warning_case),
        (_refunds_asked_for, _asked_case),
        (lambda: _failed_refunds(since), _failed_case),
        # Before the payments: a payment whose money rests is looked at with its money.
        (_unmatched_money, _suspense_case),
        (lambda: _payments_to_review(since), _payment_case),
    ]


def decided_refunds() -> QuerySet[Any]:
    """Cases about a borrower's wish for money back that nobody has to decide any more."""
    waiting = Refund.objects.filter(
        payment=OuterRef("payment"),
        origin=Refund.Origin.BORROWER,
        status=Refund.Status.PROPOSED,
    )
    asked = Case.objects.open().filter(kind=CaseKind.PAYMENT_EXCEPTION, reason="refund_asked")
    return asked.exclude(Exists(waiting))


def _since(column: str) -> Exists:
    """Whether a case about the row's payment was opened since a moment of the row."""
    return Exists(
        Case.objects.filter(
            payment=OuterRef("payment"),
            kind=CaseKind.PAYMENT_EXCEPTION,
            opened_at__gte=OuterRef(column),
        )
    )


def _open_disputes() -> QuerySet[Any]:
    """Payments that their payer's bank questions."""
    rows = Dispute.objects.filter(payment__isnull=False, closed_at__isnull=True)
    return rows.exclude(_since("opened_at")).order_by("pk")


def _dispute_case(dispute: Dispute) -> Case:
    return _case_of(dispute, "payment_disputed", until=dispute.respond_by)


def _disputes_of_unmatched_money() -> QuerySet[Any]:
    """Disputes of money that fits nothing, where nobody looks at that money any more."""
    looked_at = Case.objects.filter(suspense=OuterRef("suspense")).filter(
        ~Q(status=Case.Status.CLOSED) | Q(opened_at__gte=OuterRef("opened_at"))
    )
    rows = Dispute.objects.filter(suspense__isnull=False, closed_at__isnull=True)
    return rows.exclude(Exists(looked_at)).order_by("pk")


def _unmatched_dispute_case(dispute: Dispute) -> Case:
    facts: dict[str, Any] = {"amount": dispute.amount, "currency": dispute.currency}
    if dispute.respond_by is not None:
        facts["until"] = dispute.respond_by.isoformat()
    return Case(
        kind=CaseKind.PAYMENT_EXCEPTION,
        suspense=dispute.suspense,
        reason="payment_disputed",
        reason_facts=facts,
    )


def _fraud_warnings(since: datetime) -> QuerySet[Any]:
    """What a bank reported as fraud before anybody disputed it."""
    rows = FraudWarning.objects.filter(seen_at__gte=since)
    names = {warning_case_id(key): key for key in rows.values_list("pk", flat=True)}
    known = Case.objects.filter(public_id__in=names).values_list("public_id", flat=True)
    return rows.exclude(pk__in=[names[name] for name in known]).order_by("pk")


def warning_case_id(warning_pk: int) -> uuid.UUID:
    """Name the case of a warning by the warning: two runs at once make it once."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"fraud-warning:{warning_pk}")


def _warning_case(warning: FraudWarning) -> Case:
    payment = warning.payment
    facts: dict[str, Any] = {"warning": warning.warning_id}
    if payment is not None:
        facts |= {"amount": payment.amount_received or payment.amount, "currency": payment.currency}
    return Case(
        public_id=warning_case_id(warning.pk),
        kind=CaseKind.PAYMENT_EXCEPTION,
        loan=payment.loan if payment else None,
        payment=payment,
        reason="fraud_warning",
        reason_facts=facts,
    )


def _refunds_asked_for() -> QuerySet[Any]:
    """Borrowers' wishes for money back."""
    rows = Refund.objects.filter(
        payment__isnull=False, origin=Refund.Origin.BORROWER, status=Refund.Status.PROPOSED
    )
    return rows.exclude(_since("created_at")).order_by("pk")


def _asked_case(refund: Refund) -> Case:
    return _case_of(refund, "refund_asked")


def _failed_refunds(since: datetime) -> QuerySet[Any]:
    """Refunds that were allowed and did not arrive."""
    ended = [Refund.Status.FAILED, Refund.Status.CANCELED]
    rows = Refund.objects.filter(payment__isnull=False, status__in=ended, updated_at__gte=since)
    return rows.exclude(_since("updated_at")).order_by("pk")


def _failed_case(refund: Refund) -> Case:
    return _case_of(refund, "refund_failed")


def _case_of(row: Dispute | Refund, reason: str, *, until: datetime | None = None) -> Case:
    payment = row.payment
    assert payment is not None
    facts: dict[str, Any] = {"amount": row.amount, "currency": row.currency}
    if isinstance(row, Refund) and row.failure:
        facts["failure"] = row.failure
    if until is not None:
        facts["until"] = until.isoformat()
    return Case(
        kind=CaseKind.PAYMENT_EXCEPTION,
        loan=payment.loan,
        payment=payment,
        reason=reason,
        reason_facts=facts,
    )


def _payments_to_review(since: datetime) -> QuerySet[Any]:
    cases = Case.objects.filter(payment=OuterRef("pk"), kind=CaseKind.PAYMENT_EXCEPTION)
    return (
        Payment.objects.filter(needs_review=True, updated_at__gte=since)
        .exclude(Exists(cases))
        .order_by("pk")
    )


def _payment_case(payment: Payment) -> Case:
    return Case(
        kind=CaseKind.PAYMENT_EXCEPTION,
        loan=payment.loan,
        payment=payment,
        reason="payment_review",
        reason_facts={
            "amount": payment.amount,
            "currency": payment.currency,
            "error": payment.error_code,
        },
    )


def _unmatched_money() -> QuerySet[Any]:
    """What has no place, or has lost it again, and nobody looks at."""
    cases = Case.objects.open().filter(suspense=OuterRef("pk"))
    return Suspense.objects.filter(resolved_at__isnull=True).exclude(Exists(cases)).order_by("pk")


def _suspense_case(suspense: Suspense) -> Case:
    return Case(
        kind=CaseKind.PAYMENT_EXCEPTION,
        loan=suspense.payment.loan if suspense.payment else None,
        payment=suspense.payment,
        suspense=suspense,
        reason="suspense",
        reason_facts={
            "amount": suspense.amount,
            "currency": suspense.currency,
            "cause": suspense.cause,
        },
    )
