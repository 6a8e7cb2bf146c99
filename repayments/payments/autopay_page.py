"""What the pages of automatic payment and saved cards show; nothing is written here."""

from dataclasses import dataclass, field
from datetime import date, timedelta

from django.utils.translation import gettext as _

from accounts.models import User
from repayments.clock import lender_zone
from repayments.loans.calendar import workdays_before
from repayments.loans.models import Loan
from repayments.loans.snapshots import load_snapshot
from repayments.payments.autopay_consents import CONSENT_VERSION, text_of
from repayments.payments.autopay_plan import last_amount, plan_charges
from repayments.payments.autopay_rules import STOP_WORKDAYS
from repayments.payments.card_asks import asks_each_time
from repayments.payments.models import AutopayCharge, Mandate, Payment, SavedCard
from repayments.payments.services.autopay.notices import describe_end

Status = AutopayCharge.Status
# What is shown ahead: as many due dates, within these days.
SHOWN, AHEAD_DAYS, PAST_SHOWN = 4, 370, 5
CALENDARS = {"CN": "CN", "US": "US", "UK": "GB"}


@dataclass(frozen=True)
class ComingCharge:
    """One line of what will be taken when.

    ``is_announced``: the amount is binding, as its notice is out. ``is_missed``: the borrower has
    to pay it, as it comes too soon for the notice that the rules ask for, or (not
    ``is_chargeable``) as no card can be charged it. ``stop_by``: until when stopping is sure to
    take effect.
    """

    due_date: date
    charge_on: date
    amount: int
    stop_by: date
    is_announced: bool = False
    is_missed: bool = False
    is_chargeable: bool = True
    can_skip: bool = False
    attempt: int = 1


@dataclass(frozen=True)
class PastCharge:
    date: date
    amount: int
    text: str
    url: str = ""


@dataclass(frozen=True)
class Ended:
    """That automatic payment was stopped: when, and by whom or what."""

    on: date
    text: str


@dataclass(frozen=True)
class AutopayPage:
    """How automatic payment of a loan stands, what comes, and what came of it lately."""

    loan: Loan
    mandate: Mandate | None
    pending: Mandate | None
    cards: list[SavedCard]
    coming: list[ComingCharge]
    past: list[PastCharge]
    consent_text: str
    agreed_text: str = ""
    consent_version: str = CONSENT_VERSION
    missed: list[ComingCharge] = field(default_factory=list)
    ended: Ended | None = None
    # The bank of the card asks for its owner every time: it cannot be charged by itself.
    asks: bool = False

    @property
    def card_name(self) -> str:
        card = self.mandate.card if self.mandate else None
        return describe_card(card) if card else ""

    @property
    def can_start(self) -> bool:
        return self.loan.status == Loan.Status.ACTIVE


def get_autopay_page(*, loan: Loan, as_of: date, language: str) -> AutopayPage:
    """Gather the page of one loan.

    Args:
        loan: with borrower, product and book.
    """
    mandates = list(Mandate.objects.filter(loan=loan).select_related("card").order_by("pk"))
    open_ones = {one.status: one for one in mandates if one.status != Mandate.Status.ENDED}
    mandate = open_ones.get(Mandate.Status.ACTIVE)
    coming = _list_coming(loan, mandate, as_of) if loan.status == Loan.Status.ACTIVE else []
    return AutopayPage(
        loan=loan,
        mandate=mandate,
        pending=open_ones.get(Mandate.Status.PENDING),
        cards=list_cards(loan.borrower.user),
        coming=[one for one in coming if not one.is_missed],
        missed=[one for one in coming if one.is_missed],
        past=_list_past(loan),
        consent_text=text_of(language),
        agreed_text=text_of(language, mandate.consent_version) if mandate else "",
        asks=mandate is not None and asks_each_time(mandate),
        ended=None if mandate else _find_end(mandates),
    )


def _find_end(mandates: list[Mandate]) -> Ended | None:
    """Say what ended the last mandate that ran; a card that was never saved ended nothing."""
    ran = [one for one in mandates if one.started_at is not None and one.ended_at is not None]
    if not ran:
        return None
    last = max(ran, key=lambda one: (one.ended_at, one.pk))
    assert last.ended_at is not None
    return Ended(last.ended_at.astimezone(lender_zone()).date(), describe_end(last.end_reason))


def list_cards(user: User | None) -> list[SavedCard]:
    """List the cards that a signed-in borrower has saved, newest first."""
    if user is None:
        return []
    cards = SavedCard.objects.filter(customer__borrower__user=user, detached_at__isnull=True)
    return list(cards.order_by("-saved_at", "-pk"))


def describe_card(card: SavedCard) -> str:
    """Name a card so that its owner knows it: brand, end, expiry."""
    return _("{brand} ending in {last4}, good until {month}/{year}").format(
        brand=card.brand.title(), last4=card.last4, month=card.exp_month, year=card.exp_year
    )


def list_announced(loan: Loan) -> list[ComingCharge]:
    """List the charges of a loan that are announced and not made yet, as announced.

    Args:
        loan: with its borrower.
    """
    calendar = CALENDARS.get(loan.borrower.jurisdiction, "CN")
    announced = AutopayCharge.objects.filter(
        mandate__loan=loan, mandate__status=Mandate.Status.ACTIVE, status=Status.ANNOUNCED
    )
    return [
        ComingCharge(
            due_date=one.due_date,
            charge_on=one.charge_on,
            amount=one.announced_amount,
            stop_by=workdays_before(one.charge_on, STOP_WORKDAYS, calendar),
            is_announced=True,
            can_skip=True,
            attempt=one.attempt,
        )
        for one in announced.order_by("charge_on", "pk")
    ]


def _list_coming(loan: Loan, mandate: Mandate | None, as_of: date) -> list[ComingCharge]:
    """List announced charges as announced, then what the schedule leads to."""
    calendar = CALENDARS.get(loan.borrower.jurisdiction, "CN")
    skipped = set(
        AutopayCharge.objects.filter(
            mandate__loan=loan, due_date__gt=as_of, reason__in=["borrower", "staff"]
        ).values_list("due_date", flat=True)
    )
    lines = list_announced(loan) if mandate else []
    planned = plan_charges(
        loan=loan,
        state=load_snapshot(loan),
        as_of=as_of,
        through=as_of + timedelta(days=AHEAD_DAYS),
        before=last_amount(mandate, as_of + timedelta(days=1)),
        announced={one.due_date: one.amount for one in lines},
    )
    known = {one.due_date for one in lines} | skipped
    for one in planned:
        if len(lines) >= SHOWN:
            break
        if one.due_date in known:
            continue
        lines.append(
            ComingCharge(
                due_date=one.due_date,
                charge_on=one.charge_on,
                amount=one.amount,
                stop_by=workdays_before(one.charge_on, STOP_WORKDAYS, calendar),
                is_missed=not one.can_be_announced(as_of),
                is_chargeable=one.is_chargeable,
            )
        )
    return lines


def _list_past(loan: Loan) -> list[PastCharge]:
    rows = (
        AutopayCharge.objects.filter(mandate__loan=loan)
        .exclude(status=Status.ANNOUNCED)
        .exclude(reason="ended")
        .select_related("payment")
        .order_by("-charge_on", "-pk")
    )
    return [_past(row) for row in rows[:PAST_SHOWN]]


def _past(charge: AutopayCharge) -> PastCharge:
    payment = charge.payment
    if payment is None:
        return PastCharge(charge.charge_on, charge.announced_amount, _reason_words(charge.reason))
    url = payment.get_absolute_url()
    return PastCharge(charge.charge_on, payment.amount, _payment_words(payment), url)


def _payment_words(payment: Payment) -> str:
    if payment.status == Payment.Status.SUCCEEDED:
        return _("charged")
    if payment.status == Payment.Status.NEEDS_BORROWER:
        return _("your bank asks you to confirm it: please pay it yourself")
    if payment.status == Payment.Status.RETRY_SCHEDULED:
        return _("did not go through, tried again later")
    if payment.status in (Payment.Status.FAILED, Payment.Status.CANCELED):
        return _("did not go through")
    return _("on its way")


def _reason_words(reason: str) -> str:
    words = {
        "borrower": _("left out, as you asked"),
        "staff": _("left out by us, as you asked us to"),
        "nothing_due": _("nothing was left to take"),
        "loan": _("nothing was left to take"),
        "moved": _("left out, as the due date has moved"),
        "hold": _("not taken, as something on your account is being looked at"),
        "dispute": _("not taken, as a payment is in question with your bank"),
        "notice_too_late": _("not taken, as our notice did not reach you in time"),
        "too_late": _("not taken, as another payment was under way for too long"),
        "amount": _("not taken, as cards cannot be charged this amount"),
    }
    return words.get(reason) or _("not taken")
