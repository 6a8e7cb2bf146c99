"""What the pages of this room show, gathered once as frozen values. Nothing is written here."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from repayments.loans.models import Loan, PayoffQuote
from repayments.loans.queries import Position, find_quote, get_position
from repayments.payments import gateway
from repayments.payments.card_limits import why_not_charged
from repayments.payments.declines import describe_decline
from repayments.payments.gateway import methods_for
from repayments.payments.models import Payment
from repayments.payments.money_back import MoneyBack
from repayments.templatetags.amounts import day, money_text

Purpose = Payment.Purpose
Status = Payment.Status


@dataclass(frozen=True)
class Choice:
    """One amount that may be paid and what it brings about; no amount where it is chosen."""

    value: str
    label: str
    amount: int | None
    effect: str


@dataclass(frozen=True)
class PayPage:
    """The choices of a loan today, and the attempt that is still under way, if any.

    ``elsewhere``: amounts no card can be charged exactly, each with the reason as its effect.
    """

    loan: Loan
    as_of: date
    position: Position
    choices: list[Choice]
    under_way: Payment | None
    quote: PayoffQuote | None = None
    elsewhere: list[Choice] = field(default_factory=list)

    @property
    def waits(self) -> bool:
        """Whether money is on its way, or it is not known: nobody is asked to pay again yet."""
        return self.under_way is not None and self.under_way.status in (
            Status.UNKNOWN,
            Status.PROCESSING,
        )

    @property
    def ways(self) -> str:
        """With what the gateway's page takes money, in words."""
        labels = [str(Payment.Method(one).label) for one in methods_for(self.loan.currency)]
        *some, last = labels
        if not some:
            return last
        between = pgettext("between things to choose from", ", ")
        return _("{some} or {last}").format(some=between.join(some), last=last)

    def amount_of(self, purpose: str) -> int | None:
        return next((one.amount for one in self.choices if one.value == purpose), None)


def with_attempt(loans: QuerySet[Loan]) -> QuerySet[Loan]:
    """Add ``attempt_id`` to loans: their newest attempt that is under way, found on the way."""
    attempts = Payment.objects.filter(loan=OuterRef("pk")).under_way().order_by("-created_at")
    return loans.annotate(attempt_id=Subquery(attempts.values("pk")[:1]))


def get_pay_page(*, loan: Loan, as_of: date, quote_id: str = "") -> PayPage:
    """Gather what may be paid on a running loan.

    Args:
        loan: from `with_attempt`, with product and book.
        quote_id: public id of a payoff quote; one that is not good any more changes nothing.
    """
    position = get_position(loan=loan, as_of=as_of)
    attempt_id: int | None = loan.attempt_id  # type: ignore[attr-defined]
    under_way = Payment.objects.get(pk=attempt_id) if attempt_id else None
    quote = find_quote(loan=loan, quote_id=quote_id, as_of=as_of, position=position)
    choices = _list_choices(loan, position, quote) if loan.status == Loan.Status.ACTIVE else []
    offered, elsewhere = _part_choices(choices, loan, position)
    return PayPage(loan, as_of, position, offered, under_way, quote, elsewhere)


def _part_choices(
    choices: list[Choice], loan: Loan, position: Position
) -> tuple[list[Choice], list[Choice]]:
    """Part what a card can be charged from what it cannot: a button that fails is not offered."""
    smallest, _largest = gateway.amount_limits(loan.currency)
    offered: list[Choice] = []
    elsewhere: dict[int, Choice] = {}
    for choice in choices:
        if choice.amount is None:
            if position.payoff_amount >= smallest:
                offered.append(choice)
            continue
        reason = why_not_charged(choice.amount, loan.currency)
        if reason:
            elsewhere[choice.amount] = replace(choice, effect=reason)
        else:
            offered.append(choice)
    return offered, list(elsewhere.values())


def _list_choices(loan: Loan, position: Position, quote: PayoffQuote | None) -> list[Choice]:
    currency = loan.currency
    due, following, payoff = (
        position.past_due_amount,
        position.next_due_amount if position.next_due_date else 0,
        position.payoff_amount,
    )
    following_day = day(position.next_due_date)
    choices = []
    if due:
        effect = _("Nothing is due any more.")
        if following:
            effect = _("Brings you up to date. Next: {amount} on {day}.").format(
                amount=money_text(following, currency), day=following_day
            )
        choices.append(Choice(Purpose.PAST_DUE, _("What is due now"), due, effect))
    if following and due + following < payoff:
        label = _("What is due and the next installment") if due else _("The next installment")
        effect = _("Nothing more is due on {day}.").format(day=following_day)
        choices.append(Choice(Purpose.NEXT, label, due + following, effect))
    if payoff:
        effect = _("You choose how much. What is due longest is paid first.")
        choices.append(Choice(Purpose.OTHER, _("Another amount"), None, effect))
        label, total = _("Pay it all off today"), payoff
        if quote is not None:
            label = _("Pay it all off by {day}").format(day=day(quote.good_through))
            total = quote.total
        effect = _payoff_effect(loan, position.remaining_total - total)
        choices.append(Choice(Purpose.PAYOFF, label, total, effect))
    return choices


def _payoff_effect(loan: Loan, saved: int) -> str:
    if saved <= 0:
        return _("The loan ends. Nothing is left to pay.")
    return _("The loan ends. You save {amount} of interest that is not due yet.").format(
        amount=money_text(saved, loan.currency)
    )


@dataclass(frozen=True)
class Outcome:
    """How an attempt stands, in the words of its page. ``tone``: ok, info, warn or error."""

    state: str
    tone: str
    title: str
    text: str


def describe_outcome(
    payment: Payment, *, returned: bool = False, back: Sequence[MoneyBack] = ()
) -> Outcome:
    """Say how a payment stands.

    Args:
        returned: the borrower has just come back from the gateway having paid; the news of it may
            be a moment behind.
        back: what went back of it, or may.
    """
    status = Status(payment.status)
    gone = [line for line in back if line.is_gone]
    if status == Status.SUCCEEDED and sum(line.amount for line in gone) >= (
        payment.amount_received or 0
    ):
        return Outcome("received", gone[0].tone, gone[0].title, gone[0].text)
    if gone and status != Status.SUCCEEDED:
        text = _("We could not match it to your loan, so we sent it back the way it came.")
        return Outcome("sent_back", "info", _("We sent this payment back"), text)
    if status == Status.SUCCEEDED:
        return Outcome("received", "ok", _("Received"), _("Thank you. Your payment has arrived."))
    if payment.needs_review:
        return Outcome(
            "review",
            "info",
            _("We are checking this payment"),
            _("A person looks at it. You need not pay again. We write to you."),
        )
    if status == Status.UNKNOWN or status == Status.CREATED:
        return Outcome(
            "asking",
            "info",
            _("We are asking about this payment"),
            _("The payment page did not answer. Please wait a moment and do not pay again yet."),
        )
    if status == Status.PROCESSING or returned:
        return Outcome(
            "on_its_way",
            "info",
            _("Your payment is on its way"),
            _("You need not do anything. You need not pay again."),
        )
    reason = describe_decline(payment.error_code, payment.decline_code)
    if status in (Status.REDIRECTED, Status.ACTION_REQUIRED):
        text = _("The payment page is still open. No money has been taken.")
        return Outcome(
            "open",
            "info",
            _("This payment is not finished"),
            " ".join(filter(None, [reason, text])),
        )
    if status == Status.EXPIRED:
        reason = _("The payment page was open for too long and has closed.")
    text = " ".join(filter(None, [reason, _("No money was taken.")]))
    return Outcome("failed", "error", _("It did not go through"), text)


def is_page_open(payment: Payment) -> bool:
    """Whether the gateway's page of an attempt can still be used, as far as we know."""
    return (
        payment.status in (Status.REDIRECTED, Status.ACTION_REQUIRED)
        and bool(payment.checkout_url)
        and payment.expires_at is not None
        and payment.expires_at > gateway.clock()
    )
