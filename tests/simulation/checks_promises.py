"""What must hold of promises and of quotes that were paid, reckoned from the books alone."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from repayments.clock import lender_zone
from repayments.ledger.models import Account, JournalEntry, Posting
from repayments.loans.models import Loan
from repayments.payments.models import PromiseToPay
from repayments.payments.services import decide_promises
from tests.simulation.world import Broken

if TYPE_CHECKING:
    from tests.simulation.world import World

LATE_NEWS_DAYS = 7
Status = PromiseToPay.Status


def promises_are_kept_or_broken(world: "World") -> None:
    """Kept with the money, broken only when their day is over, open no longer than that."""
    promises = PromiseToPay.objects.exclude(status=Status.WITHDRAWN).select_related("loan")
    if not promises:
        return
    decide_promises(as_of=world.today, now=world.now)
    money = _money_by_book()
    for promise in promises.all():
        made_on = promise.made_at.astimezone(lender_zone()).date()
        lines = money[promise.loan.book_id]
        in_time = [
            (amount, kind)
            for posted_at, day, kind, amount in lines
            if posted_at >= promise.made_at and made_on <= day <= promise.promised_for
        ]
        came = sum(amount for amount, _kind in in_time)
        is_enough = came >= promise.amount
        told = f"{promise.amount} by {promise.promised_for} on loan {promise.loan.number}"
        is_over = promise.promised_for < world.today
        is_recent = promise.promised_for >= world.today - timedelta(days=LATE_NEWS_DAYS)
        if promise.status == Status.OPEN and (is_over or is_enough):
            raise Broken(f"the promise of {told} is open, {came} came")
        if promise.status == Status.BROKEN and (not is_over or (is_enough and is_recent)):
            raise Broken(f"the promise of {told} is broken, {came} came")
        went = any(amount < 0 for amount, _kind in in_time)
        if promise.status == Status.KEPT and not is_enough and not went:
            raise Broken(f"the promise of {told} is kept, {came} came")


def _money_by_book() -> dict[int, list[tuple[datetime, Any, str, int]]]:
    money = defaultdict(list)
    rows = Posting.objects.filter(account=Account.CLEARING).values_list(
        "entry__book", "entry__posted_at", "entry__effective_date", "entry__kind", "amount"
    )
    for book, posted_at, day, kind, amount in rows:
        money[book].append((posted_at, day, kind, amount))
    return money


def quotes_are_honored(world: "World") -> None:
    """Who pays in time what a quote says owes nothing more, where nothing came between."""
    for loan in Loan.objects.filter(payoff_quotes__isnull=False).distinct():
        entries = JournalEntry.objects.filter(book=loan.book_id).order_by("seq")
        moved = list(
            entries.filter(postings__account=Account.CLEARING)
            .exclude(kind=JournalEntry.Kind.DISBURSEMENT)
            .values_list("kind", "posted_at", "effective_date", "postings__amount")
        )
        for quote in loan.payoff_quotes.filter(total__gt=0):
            later = [row for row in moved if row[1] >= quote.created_at]
            if len(later) != 1 or world.moved[loan.pk]:
                continue
            _kind, _posted_at, day, amount = later[0]
            quoted_on = quote.created_at.astimezone(lender_zone()).date()
            if amount == quote.total and quoted_on <= day <= quote.good_through:
                if loan.status != Loan.Status.PAID_OFF:
                    raise Broken(f"loan {loan.number} was quoted {amount}, and is {loan.status}")
                world.seen["quote_honored"] += 1
            elif amount == quote.total:
                world.seen["quote_missed"] += 1


def nothing_is_waived_unasked(world: "World") -> None:
    """Only a quote, paid to the cent, lets go of what was added since; staff waive nothing here."""
    waived = Posting.objects.filter(account=Account.WAIVER_EXPENSE)
    for loan in Loan.objects.filter(book__in=waived.values("entry__book")):
        came = Posting.objects.filter(
            entry__book=loan.book_id,
            entry__kind=JournalEntry.Kind.PAYMENT,
            account=Account.CLEARING,
        )
        quoted = loan.payoff_quotes.filter(total__in=came.values("amount"))
        if not world.moved[loan.pk] and not quoted.exists():
            raise Broken(f"something is waived on loan {loan.number}, and no quote was paid")
