"""A promise to pay: an amount by a day soon, at most one a loan, kept or broken by itself.

Kept as soon as so much money counts on the loan between the promise and its day; broken when the
day is over. Money that counts from then and is known later, such as a transfer on a statement taken
in the next morning, keeps the promise after all. All is decided by one query for the whole book.
"""

from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce, TruncDate
from django.utils.translation import gettext as _

from accounts.models import User
from repayments.audit.services import NewEvent, record_event, record_events
from repayments.clock import lender_zone
from repayments.ledger.models import Account, Posting
from repayments.loans.models import Loan
from repayments.loans.queries import get_position
from repayments.money import format_money
from repayments.payments.models import PromiseToPay
from repayments.payments.services.amounts import PaymentRefused, check_loan, smallest_part

# So long after its day money that counts from before may still turn up.
LATE_NEWS_DAYS = 7

Status = PromiseToPay.Status


class PromiseRefused(PaymentRefused):
    """This cannot be promised; ``field`` is "amount" or "promised_for"."""

    def __init__(self, words: str, field: str = "") -> None:
        super().__init__(words)
        self.field = field


class PromiseAlreadyOpen(PromiseRefused):
    """There is a promise for this loan already."""


def last_promise_day(as_of: date) -> date:
    """The latest day that may be promised on a day, inclusive."""
    return as_of + timedelta(days=settings.PROMISE_MOST_DAYS)


@transaction.atomic
def make_promise(
    *,
    loan_id: int,
    amount: int,
    promised_for: date,
    actor: User,
    as_of: date,
    now: datetime,
) -> PromiseToPay:
    """Keep what a borrower, or a colleague they told it, says they will pay.

    Args:
        amount: minor units of the loan's currency.
        promised_for: the last day on which it may come, inclusive.
        as_of: the lender's day.
    Locks: the loan.
    Raises: PromiseRefused, PromiseAlreadyOpen, LoanNotPayable.
    """
    loan = (
        Loan.objects.select_for_update(of=("self",))
        .select_related("product", "borrower", "book")
        .get(pk=loan_id)
    )
    check_loan(loan)
    if not as_of <= promised_for <= last_promise_day(as_of):
        raise PromiseRefused(
            _("Choose a day from today on, at most {days} days ahead.").format(
                days=settings.PROMISE_MOST_DAYS
            ),
            "promised_for",
        )
    position = get_position(loan=loan, as_of=as_of)
    least, most = smallest_part(loan, position), position.payoff_amount
    if not least <= amount <= most:
        raise PromiseRefused(
            _("Choose an amount between {least} and {most}.").format(
                least=format_money(least, loan.currency, loan.borrower.language),
                most=format_money(most, loan.currency, loan.borrower.language),
            ),
            "amount",
        )
    promise = PromiseToPay(
        loan=loan, amount=amount, promised_for=promised_for, made_by=actor, made_at=now
    )
    try:
        with transaction.atomic():
            promise.save(force_insert=True)
    except IntegrityError as error:
        raise PromiseAlreadyOpen(
            _("There is a promise for this loan already. Take it back to make another.")
        ) from error
    _record(promise, "payments.promised", actor, now)
    return promise


@transaction.atomic
def withdraw_promise(*, promise_id: int, actor: User, now: datetime) -> bool:
    """Take a promise back while it is open; False if it has ended."""
    changed = PromiseToPay.objects.filter(pk=promise_id, status=Status.OPEN).update(
        status=Status.WITHDRAWN, decided_at=now
    )
    if changed == 1:
        promise = PromiseToPay.objects.select_related("loan").get(pk=promise_id)
        _record(promise, "payments.promise_withdrawn", actor, now)
    return changed == 1


def decide_promises(*, as_of: date, now: datetime, loan_id: int | None = None) -> int:
    """Keep or break the promises whose time has come; the same day again changes nothing.

    Args:
        as_of: the lender's day; one promised for an earlier day is over.
        loan_id: look at this loan only.
    Returns: how many were decided.
    """
    recent = as_of - timedelta(days=LATE_NEWS_DAYS)
    waiting = Q(status=Status.OPEN) | Q(status=Status.BROKEN, promised_for__gte=recent)
    if loan_id is not None:
        waiting &= Q(loan=loan_id)
    if not PromiseToPay.objects.filter(waiting).exists():
        return 0
    promises = _with_money().filter(waiting)
    came, missing = promises.filter(came__gte=F("amount")), promises.filter(came__lt=F("amount"))
    over = missing.filter(status=Status.OPEN, promised_for__lt=as_of)
    late = came.filter(status=Status.BROKEN)
    return (
        _decide(came.filter(status=Status.OPEN), Status.KEPT, now, action="payments.promise_kept")
        + _decide(late, Status.KEPT, now, action="payments.promise_kept")
        + _decide(over, Status.BROKEN, now, action="payments.promise_broken")
    )


def _with_money() -> QuerySet[Any]:
    """Promises with ``came``: what counts on their loan from their day on to the last, net."""
    money = (
        Posting.objects.filter(
            account=Account.CLEARING,
            entry__book=OuterRef("loan__book"),
            entry__posted_at__gte=OuterRef("made_at"),
            entry__effective_date__gte=OuterRef("made_on"),
            entry__effective_date__lte=OuterRef("promised_for"),
        )
        .order_by()
        .values("entry__book")
        .annotate(total=Sum("amount"))
        .values("total")
    )
    made_on = TruncDate("made_at", tzinfo=lender_zone())
    return PromiseToPay.objects.annotate(made_on=made_on).annotate(
        came=Coalesce(Subquery(money), 0)
    )


@transaction.atomic
def _decide(promises: QuerySet[Any], status: Status, now: datetime, *, action: str) -> int:
    # By key and state: of two runs at once one moves each row, and it alone tells of it.
    rows = list(promises.select_for_update(of=("self",)).select_related("loan").order_by("pk"))
    if not rows:
        return 0
    PromiseToPay.objects.filter(pk__in=[row.pk for row in rows]).update(
        status=status, decided_at=now
    )
    record_events(
        [
            NewEvent(
                stream=row.loan.stream,
                action=action,
                payload=_payload(row),
            )
            for row in rows
        ],
        actor=None,
        at=now,
    )
    return len(rows)


def _record(promise: PromiseToPay, action: str, actor: User, now: datetime) -> None:
    record_event(
        stream=promise.loan.stream, action=action, actor=actor, at=now, payload=_payload(promise)
    )


def _payload(promise: PromiseToPay) -> dict[str, object]:
    return {
        "promise": str(promise.public_id),
        "amount": promise.amount,
        "currency": promise.loan.currency,
        "promised_for": promise.promised_for.isoformat(),
    }
